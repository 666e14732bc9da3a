// Wrapped calls keep to the budgets of a CostTracker: the real clients, against a server on this machine.

import Anthropic from "@anthropic-ai/sdk";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { auditEmbeddingMiddleware, auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { CostTracker } from "@audit-log/llm/cost";
import { auditFetch, type CapturedCallInfo, type CaptureOptions } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { auditOpenAI } from "@audit-log/llm/openai";
import { createOpenAI } from "@ai-sdk/openai";
import { tool } from "@langchain/core/tools";
import { InMemoryCache } from "@langchain/core/caches";
import { ChatOpenAI, OpenAI as CompletingOpenAI } from "@langchain/openai";
import { embed, generateText, streamText, wrapEmbeddingModel, wrapLanguageModel } from "ai";
import OpenAI from "openai";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { all, API_KEY, capturing } from "../support/captured.ts";
import type { Provider } from "../support/providers/server.ts";
import { assertRefused } from "../support/refused.ts";

type Log = Awaited<ReturnType<typeof capturing>>["log"];
/** Has an SDK make a call. Its retries are as they are by default. */
type Ask = (provider: Provider, log: Log, options: CaptureOptions) => Promise<unknown>;

const messages = [{ role: "user" as const, content: "Hi" }];
const prompt = "Hi";

const openAI = ({ url }: Provider, log: Log, options: CaptureOptions) =>
  auditOpenAI(new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1` }), log, options);
const anthropic = ({ url }: Provider, log: Log, options: CaptureOptions) =>
  auditAnthropic(new Anthropic({ apiKey: API_KEY, baseURL: url }), log, options);
const ai = ({ url }: Provider) => createOpenAI({ apiKey: API_KEY, baseURL: `${url}/v1` });
const aiModel = (provider: Provider, log: Log, options: CaptureOptions) =>
  wrapLanguageModel({
    model: ai(provider).chat("gpt-4o"),
    middleware: auditMiddleware(log, options),
  });
const langChain = ({ url }: Provider, log: Log, options: CaptureOptions) => ({
  apiKey: API_KEY,
  configuration: { baseURL: `${url}/v1` },
  callbacks: [auditCallbacks(log, options)],
});

const ASKS: Record<string, Ask> = {
  "openai, a chat completion": (...set) =>
    openAI(...set).chat.completions.create({ model: "gpt-4o", messages }),
  "openai, a stream": async (...set) => {
    const asked = { model: "gpt-4o", messages, stream: true } as const;
    await all(await openAI(...set).chat.completions.create(asked));
  },
  "openai, a response": (...set) =>
    openAI(...set).responses.create({ model: "gpt-4o", input: prompt }),
  "anthropic, a message": (...set) =>
    anthropic(...set).messages.create({ model: "claude-x", max_tokens: 9, messages }),
  "anthropic, a stream": (...set) =>
    anthropic(...set).messages.stream({ model: "claude-x", max_tokens: 9, messages })
      .finalMessage().catch(({ cause }) => Promise.reject(cause)), // the helper's own error is around it
  "ai-sdk, a text": (...set) => generateText({ model: aiModel(...set), prompt }),
  "ai-sdk, a stream": async (...set) => {
    let failure: unknown;
    const onError = ({ error }: { error: unknown }) => void (failure = error);
    await all(streamText({ model: aiModel(...set), prompt, onError }).stream);
    if (failure !== undefined) throw failure;
  },
  "ai-sdk, an embedding": (provider, log, options) => {
    const middleware = auditEmbeddingMiddleware(log, options);
    const model = ai(provider).embedding("text-embedding-3-small");
    return embed({ model: wrapEmbeddingModel({ model, middleware }), value: prompt });
  },
  "langchain, a chat model": (...set) =>
    new ChatOpenAI({ model: "gpt-4o", ...langChain(...set) }).invoke(prompt),
  "langchain, a stream": async (...set) => {
    await all(await new ChatOpenAI({ model: "gpt-4o", ...langChain(...set) }).stream(prompt));
  },
  "langchain, a model that completes texts": (provider, ...set) => {
    provider.reply({ json: { choices: [{ text: "Hello!", index: 0, finish_reason: "stop" }] } });
    const fields = { model: "gpt-3.5-turbo-instruct", ...langChain(provider, ...set) };
    return new CompletingOpenAI(fields).invoke(prompt);
  },
  "fetch": async ({ url }, log, options) => {
    const response = await auditFetch(log, options)(`${url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "gpt-4o", messages }),
    });
    await response.text();
  },
};

/** A tracker by which each call costs ten cents, and that pays for so much in the scope `qa`. */
function tenCents(limitUsd: number) {
  const tracker = new CostTracker({
    cost: () => 0.1,
    budgets: [{ scope: "qa", limitUsd, action: "refuse" }],
  });
  const asked: CapturedCallInfo[] = [];
  const check = (call: CapturedCallInfo): void => {
    asked.push(call);
    tracker.check();
  };
  return { tracker, asked, check, cost: tracker.cost };
}

async function setUp(t: TestContext) {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  return await capturing(t);
}

for (const [name, ask] of Object.entries(ASKS)) {
  for (const onAuditFailure of ["refuse", "continue"] as const) {
    const where = onAuditFailure === "continue" ? ", where calls go on without a log" : "";
    test(`${name}: no call is made once the budget is used up${where}`, async (t) => {
      const { provider, log } = await setUp(t);
      const { tracker, asked, check, cost } = tenCents(0.2);
      const told: unknown[] = [];
      const onError = (error: unknown) => void told.push(error);
      const call = () => ask(provider, log, { check, cost, onAuditFailure, onError });
      await tracker.scope("qa", call);
      await tracker.scope("qa/retrieval", call);
      const [{ size }, requests] = [log, provider.requests.length];
      assertEquals([size, requests], [4, 2]);
      // Asked once: no SDK tries again what was refused.
      await assertRefused(() => tracker.scope("qa", call), "BUDGET_EXCEEDED", "budgets[0]");
      assertEquals([log.size, provider.requests.length, asked.length], [size, requests, 3]);
      assertEquals(asked[2], asked[0]!);
      await call();
      assertEquals(provider.requests.length, requests + 1);
      assertEquals([tracker.total("qa").costUsd, tracker.total().costUsd], [0.2, 0.3]);
      assertEquals([await log.unfinished(), told], [[], []]);
    });
  }
}

test("calls that are under way when a budget is used up are not undone, nor reserved for", async (t) => {
  const { provider, log } = await setUp(t);
  const { tracker, check, cost } = tenCents(0.1);
  const client = openAI(provider, log, { check, cost });
  const call = () => client.chat.completions.create({ model: "gpt-4o", messages });
  await tracker.scope("qa", () => Promise.all([call(), call(), call()]));
  assertEquals([provider.requests.length, tracker.total("qa").costUsd], [3, 0.3]);
  await assertRefused(() => tracker.scope("qa", call), "BUDGET_EXCEEDED");
});

test("a check may take its time, and throw whatever it likes", async (t) => {
  const { provider, log } = await setUp(t);
  const error = new RangeError("not on Sundays");
  const seen: CapturedCallInfo[] = [];
  const check = async (call: CapturedCallInfo) => {
    seen.push(call);
    await new Promise((resolve) => setImmediate(resolve));
    if (call.model === "gpt-5") throw error;
  };
  const client = openAI(provider, log, { check });
  const call = (model: string) => client.chat.completions.create({ model, messages });
  await call("gpt-4o");
  assertStrictEquals(await assertRejects(() => call("gpt-5")), error);
  assertEquals(provider.requests.length, 1);
  assertEquals(seen.map(({ provider, operation }) => [provider, operation]), [
    ["openai", "chat"],
    ["openai", "chat"],
  ]);
});

test("each attempt of a client is checked: a retry is refused when the budget was used up meanwhile", async (t) => {
  const { provider, log } = await setUp(t);
  const { tracker, check, cost } = tenCents(0.1);
  provider.reply({ status: 429, headers: { "retry-after-ms": "1" } });
  // By this tracker, what the provider refused costs as much.
  const client = openAI(provider, log, { check, cost });
  await assertRefused(
    () => tracker.scope("qa", () => client.responses.create({ model: "gpt-4o", input: prompt })),
    "BUDGET_EXCEEDED",
  );
  assertEquals([provider.requests.length, await log.count()], [1, 1]);
});

test("tools are neither checked nor priced, nor is an answer out of a cache priced", async (t) => {
  const { provider, log } = await setUp(t);
  const { tracker, asked, check, cost } = tenCents(1);
  const options = { check, cost };
  const callbacks = [auditCallbacks(log, options)];
  const double = tool(({ n }) => String(2 * n), {
    name: "double",
    description: "Doubles.",
    schema: z.object({ n: z.number() }),
  });
  await double.invoke({ n: 4 }, { callbacks });
  assertEquals([asked.length, tracker.total().calls], [0, 0]);
  const cache = new InMemoryCache();
  const model = new ChatOpenAI({
    model: "gpt-4o",
    cache,
    ...langChain(provider, log, options),
  });
  for (let n = 0; n < 2; n++) await model.invoke(prompt);
  assertEquals([provider.requests.length, tracker.total().calls], [1, 1]);
  assertEquals((await log.query()).map(({ costUsd }) => costUsd), [null, 0.1, null]);
});

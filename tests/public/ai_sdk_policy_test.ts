// What wrapping a model of the AI SDK leaves as it was, and what happens when the log does not work.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError, withAuditContext } from "@audit-log/llm";
import { auditEmbeddingMiddleware, auditMiddleware } from "@audit-log/llm/ai-sdk";
import {
  embed,
  type EmbeddingModelMiddleware,
  embedMany,
  generateText,
  type LanguageModelMiddleware,
  streamText,
  wrapEmbeddingModel,
  wrapLanguageModel,
} from "ai";
import { test } from "node:test";
import { sayingModel, setUpModels } from "../support/ai_sdk_models.ts";
import { all, API_KEY, assertSameRequest, only, outcomes } from "../support/captured.ts";

const prompt = "Hi";

test("the middlewares are what the AI SDK's types ask for, alone and among others", async (t) => {
  const { log, openai } = await setUpModels(t);
  const language: LanguageModelMiddleware = auditMiddleware(log);
  const embedding: EmbeddingModelMiddleware = auditEmbeddingMiddleware(log);
  const before: LanguageModelMiddleware = {
    specificationVersion: "v4",
    transformParams: ({ params }) => Promise.resolve({ ...params, temperature: 0.25 }),
  };
  const model = wrapLanguageModel({ model: openai.chat("gpt-4o"), middleware: [before, language] });
  await generateText({ model, prompt });
  assertEquals((await only(log)).metadata["gen_ai.request.temperature"], 0.25);
  const embeds = wrapEmbeddingModel({
    model: openai.embedding("text-embedding-3-small"),
    middleware: [embedding],
  });
  assertEquals((await embed({ model: embeds, value: "one" })).embedding.length, 3);
  assertEquals((await log.query())[1]!.inputText, "one");
});

test("requests, results and parts are those of the model alone", async (t) => {
  const { provider, openai, anthropic, audited } = await setUpModels(t);
  const reply = { reasoning: "Easy.", text: ["One", " two"] };
  const asked = {
    prompt: [{ role: "user" as const, content: [{ type: "text" as const, text: prompt }] }],
    temperature: 0.5,
    headers: { "x-own": "1" },
  };
  for (const model of [openai.chat("gpt-4o"), openai.responses("gpt-5"), anthropic("claude-x")]) {
    const wrapped = audited(model);
    assertEquals([wrapped.provider, wrapped.modelId], [model.provider, model.modelId]);
    provider.reply(reply, reply, reply, reply);
    const before = provider.requests.length;
    // As JSON: some bodies carry functions beside.
    const timeless = ({ response, ...others }: Awaited<ReturnType<typeof model.doGenerate>>) => {
      const { headers: _, timestamp: __, ...known } = response ?? {};
      return JSON.parse(JSON.stringify({ ...others, response: known }));
    };
    const one = await model.doGenerate(asked);
    const other = await wrapped.doGenerate(asked);
    assertEquals(timeless(other), timeless(one));
    const plain = await model.doStream(asked);
    const passed = await wrapped.doStream(asked);
    assertEquals(JSON.stringify(passed.request), JSON.stringify(plain.request));
    assertEquals(await all(passed.stream), await all(plain.stream));
    const requests = provider.requests.slice(before);
    assertSameRequest(requests.slice(0, 2));
    assertSameRequest(requests.slice(2));
  }
});

test("errors are the very objects that the model rejects with", async (t) => {
  const { audited } = await setUpModels(t);
  const error = new Error("It broke.");
  const model = {
    ...sayingModel({}),
    doGenerate: () => Promise.reject(error),
    doStream: () => Promise.reject(error),
  };
  const wrapped = audited(model);
  assert(await assertRejects(() => wrapped.doGenerate({ prompt: [] })) === error);
  assert(await assertRejects(() => wrapped.doStream({ prompt: [] })) === error);
});

test("where a request went, and its id there, are recorded as far as they are told", async (t) => {
  const { provider, log, chat, claude } = await setUpModels(t);
  provider.reply({ text: "Yes." }, { text: "Yes." }, { status: 400 });
  await generateText({ model: chat, prompt });
  await all(streamText({ model: claude, prompt }).textStream);
  await assertRejects(() => generateText({ model: claude, prompt }));
  const [first, second, third] = (await log.query()).map(({ metadata }) => metadata);
  assertEquals(first!["http.response.header.x-request-id"], ["req_local_1"]);
  assertEquals(second!["http.response.header.request-id"], ["req_local_1"]);
  assertEquals(third!["http.response.header.request-id"], ["req_local_1"]);
  assertEquals([first!["server.address"], third!["server.address"]], ["127.0.0.1", "127.0.0.1"]);
});

test("without a beginning, a call is one entry", async (t) => {
  const { log, chat } = await setUpModels(t, { begin: false });
  await generateText({ model: chat, prompt });
  await all(streamText({ model: chat, prompt }).textStream);
  assertEquals([log.size, await log.count()], [2, 2]);
});

test("when the log does not work, no request is made unless the caller wants it", async (t) => {
  const told: string[] = [];
  const { provider, log, store, chat, audited, openai } = await setUpModels(t, {
    onAuditFailure: "continue",
    onError: (error, { phase, willRetry }) =>
      told.push(`${(error as AuditLogError).code} ${phase} ${willRetry}`),
  });
  store.full = true;
  assertEquals((await generateText({ model: chat, prompt })).text, "Hello!");
  assertEquals((await all(streamText({ model: chat, prompt }).textStream)).join(""), "Hello!");
  assertEquals(told, [
    "WRITE_FAILED begin false",
    "WRITE_FAILED end true",
    "WRITE_FAILED begin false",
    "WRITE_FAILED end true",
  ]);
  const requests = provider.requests.length;

  const strict = wrapLanguageModel({
    model: openai.chat("gpt-4o"),
    middleware: auditMiddleware(log),
  });
  // The AI SDK does not try again what was refused.
  const error = await assertRejects(() => generateText({ model: strict, prompt }));
  assertInstanceOf(error, AuditLogError);
  let streamed: unknown;
  await all(
    streamText({ model: strict, prompt, onError: ({ error }) => void (streamed = error) }).stream,
  );
  assertInstanceOf(streamed, AuditLogError);
  const embedding = wrapEmbeddingModel({
    model: openai.embedding("text-embedding-3-small"),
    middleware: auditEmbeddingMiddleware(log),
  });
  await assertRejects(() => embed({ model: embedding, value: "one" }), AuditLogError);
  assertEquals(provider.requests.length, requests);

  store.full = false;
  await generateText({ model: audited(openai.chat("gpt-4o")), prompt });
  while (await log.count() < 3) await new Promise((resolve) => setImmediate(resolve));
  assertEquals((await outcomes(log)).map(([outcome]) => outcome), [
    "completed",
    "completed",
    "completed",
  ]);
});

test("calls at a time do not mix, each in its own context", async (t) => {
  const { provider, log, claude, audited } = await setUpModels(t);
  provider.reply({ text: ["One", " one"] }, { text: ["One", " one"] });
  const ask = (user: string, model: ReturnType<typeof audited>) =>
    withAuditContext({ user }, () => all(streamText({ model, prompt: user }).textStream));
  await Promise.all([ask("alice", claude), ask("bob", claude)]);
  const entries = await log.query();
  assertEquals(entries.map(({ user, inputText }) => user === inputText), [true, true]);
  assertEquals(entries.map(({ outputText }) => outputText), ["One one", "One one"]);
});

test("attempts at embeddings are numbered, errors recorded", async (t) => {
  const { provider, log, openai } = await setUpModels(t);
  const model = wrapEmbeddingModel({
    model: openai.embedding("text-embedding-3-small"),
    middleware: auditEmbeddingMiddleware(log),
  });
  const again = { status: 429, headers: { "retry-after-ms": "1" } };
  provider.reply(again, {}, { status: 400, error: `No ${API_KEY}.` });
  await embedMany({ model, values: ["one", "two"] });
  await assertRejects(() => embed({ model, value: "three" }));
  assertEquals(
    (await log.query()).map(({ metadata }) => [metadata["audit.outcome"], metadata["attempt"]]),
    [["failed", 1], ["completed", 2], ["failed", 1]],
  );
});

// Recording the calls of the AI SDK's models: the real SDK and providers, against a server on this machine.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError, withAuditContext } from "@audit-log/llm";
import { auditEmbeddingMiddleware } from "@audit-log/llm/ai-sdk";
import type { CaptureOptions } from "@audit-log/llm/fetch";
import {
  embedMany,
  generateText,
  Output,
  stepCountIs,
  streamText,
  tool,
  wrapEmbeddingModel,
} from "ai";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { setUpModels } from "../support/ai_sdk_models.ts";
import { about, all, API_KEY, only, outcomes } from "../support/captured.ts";
import { Gate } from "../support/providers/server.ts";

async function setUp(t: TestContext, options: CaptureOptions = {}) {
  const models = await setUpModels(t, options);
  return { ...models, plain: models.openai.chat("gpt-4o") };
}

test("generateText is recorded whole, and gives what the model alone does", async (t) => {
  const { provider, log, chat, plain } = await setUp(t, { user: "alice" });
  const reply = { text: "Hello!", usage: { input: 20, output: 9, cached: 8, reasoning: 4 } };
  provider.reply(reply, reply);
  const wanted = await generateText({ model: plain, prompt: "Hi", temperature: 0.5 });
  const { text, usage, finishReason, response } = await generateText({
    model: chat,
    prompt: "Hi",
    temperature: 0.5,
  });
  assertEquals([text, usage, finishReason], [wanted.text, wanted.usage, wanted.finishReason]);
  assertEquals(response.id, wanted.response.id);
  assertEquals(provider.requests[1]!.body, provider.requests[0]!.body);
  const entry = await only(log);
  assertEquals([entry.user, entry.model, entry.inputText, entry.outputText], [
    "alice",
    "gpt-4o",
    "Hi",
    "Hello!",
  ]);
  assert(entry.latencyMs! > 0);
  assertEquals(entry.metadata["audit.input.format"], "text");
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.model": "gpt-4o",
    "request.temperature": 0.5,
    "response.finish_reasons": ["stop"],
    "response.id": "chatcmpl-local-1",
    "response.model": "gpt-4o-2026-01-01",
    "usage.cache_read.input_tokens": 8,
    "usage.input_tokens": 20,
    "usage.output_tokens": 9,
    "usage.reasoning.output_tokens": 4,
  });
});

test("streamText is recorded before its reader knows its end", async (t) => {
  const { provider, log, chat } = await setUp(t);
  provider.reply({ text: ["Grüß", " Gott"] });
  const { textStream } = streamText({ model: chat, prompt: "Hi" });
  assertEquals((await all(textStream)).join(""), "Grüß Gott");
  const entry = await only(log);
  assertEquals([entry.inputText, entry.outputText], ["Hi", "Grüß Gott"]);
  assertEquals(entry.metadata["gen_ai.usage.output_tokens"], 7);
  assert(typeof entry.metadata["gen_ai.response.time_to_first_chunk"] === "number");
});

test("each step of a call with tools is an entry, with calls and results", async (t) => {
  const { provider, log, chat, claude } = await setUp(t);
  for (const [n, model] of [chat, claude].entries()) {
    provider.reply(
      {
        text: "Let me see.",
        toolCalls: [{ id: "c1", name: "double", arguments: ['{"n"', ":4}"] }],
      },
      { text: "It is 8." },
    );
    const options = {
      model,
      instructions: "Be brief.",
      prompt: "Twice four?",
      tools: {
        double: tool({
          description: "Doubles.",
          inputSchema: z.object({ n: z.number() }),
          execute: ({ n }) => 2 * n,
        }),
      },
      stopWhen: stepCountIs(3),
    };
    if (n === 0) assertEquals((await generateText(options)).text, "It is 8.");
    else await all(streamText(options).textStream);
  }
  const entries = await log.query();
  assertEquals(entries.length, 4);
  for (const [first, second] of [entries.slice(0, 2), entries.slice(2)]) {
    assertEquals(first!.metadata["audit.input.format"], "json");
    const { messages, tool_definitions } = JSON.parse(first!.inputText);
    assertEquals(messages, [
      { role: "system", parts: [{ type: "text", content: "Be brief." }] },
      { role: "user", parts: [{ type: "text", content: "Twice four?" }] },
    ]);
    assertEquals(tool_definitions[0].name, "double");
    const call = { type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } };
    assertEquals(JSON.parse(first!.outputText)[0].parts, [
      { type: "text", content: "Let me see." },
      call,
    ]);
    assertEquals(JSON.parse(second!.inputText).messages.slice(2), [
      { role: "assistant", parts: [{ type: "text", content: "Let me see." }, call] },
      {
        role: "tool",
        parts: [{ type: "tool_call_response", id: "c1", name: "double", response: 8 }],
      },
    ]);
    assertEquals(second!.outputText, "It is 8.");
  }
  assertEquals(
    entries.map(({ metadata }) => metadata["gen_ai.provider.name"]),
    ["openai", "openai", "anthropic", "anthropic"],
  );
});

test("structured output is recorded as it came, with what was asked for", async (t) => {
  const { provider, log, responses } = await setUp(t);
  provider.reply({ reasoning: "Easy.", text: '{"city":"Oslo"}' });
  const { output } = await generateText({
    model: responses,
    prompt: "Where?",
    output: Output.object({ schema: z.object({ city: z.string() }) }),
  });
  assertEquals(output, { city: "Oslo" });
  const entry = await only(log);
  const parts = JSON.parse(entry.outputText)[0].parts as { type: string; content: string }[];
  assertEquals(parts.map(({ type, content }) => [type, content]), [
    ["reasoning", "Easy."],
    ["text", '{"city":"Oslo"}'],
  ]);
  const { responseFormat } = entry.metadata["request.parameters"] as Record<
    string,
    { type: string }
  >;
  assertEquals(responseFormat!.type, "json");
});

test("files in prompts are recorded by their hash", async (t) => {
  const { log, claude } = await setUp(t);
  await generateText({
    model: claude,
    messages: [{
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "file", data: new TextEncoder().encode("hello"), mediaType: "image/png" },
      ],
    }],
  });
  const [{ parts }] = JSON.parse((await only(log)).inputText).messages;
  assertEquals(parts[1], {
    type: "blob",
    modality: "image",
    mime_type: "image/png",
    sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    size: 5,
  });
});

test("errors and retries: each attempt is an entry with its number", async (t) => {
  const { provider, log, chat } = await setUp(t);
  provider.reply({ status: 429, headers: { "retry-after-ms": "1" } }, { text: "At last." });
  assertEquals((await generateText({ model: chat, prompt: "Hi" })).text, "At last.");
  provider.reply({ status: 400, error: `Bad key ${API_KEY} here.` });
  await assertRejects(() => generateText({ model: chat, prompt: "Hi" }));
  const entries = await log.query();
  assertEquals(
    entries.map(({ metadata }) => [
      metadata["audit.outcome"],
      metadata["attempt"],
      metadata["http.response.status_code"] ?? null,
      metadata["error.type"] ?? null,
    ]),
    [
      ["failed", 1, 429, "AI_APICallError"],
      ["completed", 2, null, null],
      ["failed", 1, 400, "AI_APICallError"],
    ],
  );
  assertEquals(entries[2]!.metadata["error.message"], "Bad key [secret] here.");
});

test("a stream that is aborted, left, broken or told an error is recorded with what came", async (t) => {
  const { provider, log, chat, claude } = await setUp(t);
  const onError = () => {};
  const controller = new AbortController();
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], gate });
  for (let n = 0; n < 2; n++) gate.release();
  const { textStream } = streamText({
    model: chat,
    prompt: "Hi",
    abortSignal: controller.signal,
    onError,
  });
  for await (const _ of textStream) controller.abort();
  while (await log.count() < 1) await new Promise((resolve) => setImmediate(resolve));

  provider.reply({ text: ["One", " two"], streamErrorAfter: 4, error: "Overloaded." });
  await all(streamText({ model: claude, prompt: "Hi", onError }).stream);
  assertEquals(await outcomes(log), [["aborted", "One"], ["failed", "One"]]);
});

test("embeddings are recorded by what they are of, how many and how long", async (t) => {
  const { log, openai } = await setUp(t);
  const model = wrapEmbeddingModel({
    model: openai.embedding("text-embedding-3-small"),
    middleware: auditEmbeddingMiddleware(log),
  });
  const { embeddings } = await embedMany({ model, values: ["one", "two"] });
  assertEquals(embeddings.length, 2);
  const entry = await only(log);
  assertEquals(JSON.parse(entry.inputText).messages.length, 2);
  assertEquals(about(entry, "gen_ai."), {
    "embeddings.dimension.count": 3,
    "operation.name": "embeddings",
    "provider.name": "openai",
    "request.model": "text-embedding-3-small",
    "usage.input_tokens": 11,
  });
});

test("a call that cannot be recorded is not made", async (t) => {
  const { provider, log, store, chat } = await setUp(t);
  store.full = true;
  const error = await assertRejects(() =>
    generateText({ model: chat, prompt: "Hi", maxRetries: 0 })
  );
  assertInstanceOf(error, AuditLogError);
  assertEquals([provider.requests.length, log.size], [0, 0]);
  store.full = false;
});

test("calls are recorded in the context that they are made in", async (t) => {
  const { log, chat } = await setUp(t);
  await withAuditContext({ user: "bob", metadata: { request: "r-1" } }, async () => {
    await all(streamText({ model: chat, prompt: "Hi" }).textStream);
  });
  const entry = await only(log);
  assertEquals([entry.user, entry.metadata["request"]], ["bob", "r-1"]);
});

// Spans that Anthropic's client makes by itself, as entries.

import Anthropic, { type ClientOptions } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { trace } from "@opentelemetry/api";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, only, outcomes } from "../support/captured.ts";
import { tracing } from "../support/otel_tracing.ts";
import { Gate } from "../support/providers/server.ts";
import { atEnd } from "../support/temp.ts";

const HI = {
  model: "claude-x",
  max_tokens: 64,
  system: "Be brief.",
  messages: [{ role: "user" as const, content: "Hi" }],
};

async function setUp(
  t: TestContext,
  traces: NonNullable<Exclude<ClientOptions["openTelemetry"], false>>["traces"] = {
    contentMode: "content",
  },
) {
  const traced = await tracing(t);
  const client = new Anthropic({
    apiKey: API_KEY,
    baseURL: traced.provider.url,
    maxRetries: 0,
    openTelemetry: { tracerProvider: traced.tracers, traces },
  });
  return { ...traced, client };
}

test("a message is recorded, with why it stopped, and what it took to summarize counted in", async (t) => {
  const { provider, processor, log, client } = await setUp(t);
  const iterations = [
    { type: "compaction", input_tokens: 1000, output_tokens: 100, cache_read_input_tokens: 500 },
    { type: "message", input_tokens: 8, output_tokens: 9 },
  ];
  const counted = { input: 20, output: 9, cached: 8, cacheCreated: 4, reasoning: 4 };
  provider.reply({ text: "Hello!", usage: { ...counted, others: { iterations } } });
  await client.messages.create(HI);
  await processor.forceFlush();
  const entry = await only(log);
  assertEquals(JSON.parse(entry.inputText), {
    system_instructions: [{ type: "text", content: "Be brief." }],
    messages: [{ role: "user", parts: [{ type: "text", content: "Hi" }] }],
  });
  assertEquals(entry.outputText, "Hello!");
  assertEquals(about(entry, "gen_ai.response."), {
    finish_reasons: ["end_turn"],
    id: "msg_local_1",
    model: "claude-x-20260101",
  });
  assertEquals(about(entry, "gen_ai.usage."), {
    "input_tokens": 1520,
    "output_tokens": 109,
    "cache_read.input_tokens": 8,
    "cache_creation.input_tokens": 4,
    "reasoning.output_tokens": 4,
  });
  assertEquals(about(entry, "anthropic."), {
    "request.id": "req_local_1",
    "response.service_tier": "standard",
    "usage.compaction.input_tokens": 1500,
    "usage.compaction.output_tokens": 100,
  });
});

test("without content, what came of a message is recorded, by stream, too", async (t) => {
  const { processor, log, client } = await setUp(t, {});
  await client.messages.create(HI);
  await all(await client.messages.create({ ...HI, stream: true }));
  await processor.forceFlush();
  for (const entry of await log.query()) {
    assertEquals([entry.inputText, entry.outputText], ['{"messages":[]}', ""]);
    assertEquals(entry.metadata["audit.outcome"], "completed");
    assertEquals(entry.metadata["gen_ai.response.finish_reasons"], ["end_turn"]);
    assertEquals(entry.metadata["gen_ai.usage.output_tokens"], 7);
  }
  assertEquals(await log.count(), 2);
});

test("a stream that is left is aborted, one that breaks has failed, and so has what is refused", async (t) => {
  const { provider, processor, log, client } = await setUp(t, {});
  const gate = new Gate();
  const text = ["Hel", "lo!"];
  provider.reply({ text, gate }, { text, streamErrorAfter: 4 }, { status: 429 });
  for (let n = 0; n < 5; n++) gate.release();
  for await (const { type } of await client.messages.create({ ...HI, stream: true })) {
    if (type === "content_block_delta") break;
  }
  const broken = client.messages.create({ ...HI, stream: true });
  assertInstanceOf(await broken.then(all).catch((error) => error), Error);
  assertInstanceOf(await client.messages.create(HI).catch((error) => error), Error);
  await processor.forceFlush();
  assertEquals((await outcomes(log)).map(([outcome]) => outcome), ["aborted", "failed", "failed"]);
});

test("a tool that the client runs is an entry, with what it answered", async (t) => {
  const { provider, processor, log, client } = await setUp(t);
  provider.reply({ toolCalls: [{ id: "t1", name: "double", arguments: '{"n":4}' }] }, {});
  const double = betaTool({
    name: "double",
    description: "Doubles.",
    inputSchema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
    run: ({ n }) => String(n * 2),
  });
  await client.beta.messages.toolRunner({ ...HI, tools: [double] });
  await processor.forceFlush();
  const query = { metadata: { "gen_ai.operation.name": "execute_tool" } };
  const entries = await log.query(query);
  assertEquals(
    entries.map(({ model, inputText, outputText }) => [model, inputText, JSON.parse(outputText)]),
    [["double", '{"n":4}', [{ type: "text", text: "8" }]]],
  );
});

test("a wrapped client that is told to make no spans is recorded once", async (t) => {
  const { provider, processor, tracers, log } = await tracing(t);
  trace.setGlobalTracerProvider(tracers);
  atEnd(t, () => trace.disable());
  const options = { apiKey: API_KEY, baseURL: provider.url };
  const counts = [];
  for (const more of [{}, { openTelemetry: false as const }]) {
    const client = auditAnthropic(new Anthropic({ ...options, ...more }), log);
    await client.messages.create(HI);
    await processor.forceFlush();
    counts.push(await log.count());
  }
  assertEquals(counts, [2, 3]);
});

// What Anthropic's answers are made of beside text, thinking and tools, and how its streams end. The blocks are after
// Anthropic's API reference, "Messages" and "Beta messages" (https://docs.anthropic.com/en/api/messages).

import Anthropic, { APIUserAbortError } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type Usage, withAuditContext } from "@audit-log/llm";
import { auditAnthropic, type AuditAnthropicOptions } from "@audit-log/llm/anthropic";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, capturing, only, outcomes } from "../support/captured.ts";
import { Gate } from "../support/providers/server.ts";

const HI = {
  model: "claude-x",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "Hi" }],
};

async function setUp(t: TestContext, options: AuditAnthropicOptions = {}) {
  const captured = await capturing(t);
  const plain = new Anthropic({ apiKey: API_KEY, baseURL: captured.provider.url, maxRetries: 0 });
  return { ...captured, plain, client: auditAnthropic(plain, captured.log, options) };
}

const CITATION = {
  type: "char_location",
  cited_text: "It rains.",
  document_index: 0,
  document_title: null,
  start_char_index: 0,
  end_char_index: 9,
};
const BLOCKS = [
  { type: "redacted_thinking", data: "b3BhcXVl" },
  { type: "server_tool_use", id: "s1", name: "web_search", input: { query: "rain" } },
  {
    type: "web_search_tool_result",
    tool_use_id: "s1",
    content: [{ type: "web_search_result", title: "Rain", url: "https://rain.example/" }],
  },
  { type: "mcp_tool_use", id: "m1", name: "look", server_name: "sky", input: { at: "noon" } },
  { type: "compaction", content: "They greeted.", encrypted_content: "c2VjcmV0" },
  { type: "text", text: "It rains.", citations: [CITATION] },
];

test("every kind of block is recorded, by stream as in a whole message", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ blocks: BLOCKS }, { blocks: BLOCKS });
  const answered = await client.beta.messages.create(HI);
  const streamed = await client.beta.messages.stream(HI).finalMessage();
  // The client reads the input of tools only when it is asked for.
  assertEquals(JSON.parse(JSON.stringify(streamed.content)), [...answered.content]);
  const [whole, inPieces] = await log.query();
  const { type: _, text: content, ...cited } = BLOCKS[5]!;
  assertEquals(JSON.parse(whole!.outputText), [{
    role: "assistant",
    parts: [...BLOCKS.slice(0, 5), { type: "text", content, ...cited }],
    finish_reason: "end_turn",
  }]);
  assertEquals(inPieces!.outputText, whole!.outputText);
});

test("the model that answers in the end is the one that is named", async (t) => {
  const { provider, log, client } = await setUp(t);
  const fallback = { type: "fallback", from: { model: "claude-x" }, to: { model: "claude-z" } };
  provider.reply({ model: "claude-x", blocks: [fallback] });
  const { model } = await client.beta.messages.stream(HI).finalMessage();
  assertEquals(model, "claude-z");
  assertEquals((await only(log)).metadata["gen_ai.response.model"], model);
});

test("a tool's input that breaks off is kept as the text that came", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gate = new Gate();
  const toolCalls = [{ id: "t1", name: "weather", arguments: ['{"ci', 'ty":"Oslo"}'] }];
  provider.reply({ toolCalls, gate });
  for (let n = 0; n < 4; n++) gate.release(); // start, ping, the block's start, a piece of it
  for await (const event of await client.messages.create({ ...HI, stream: true })) {
    if (event.type === "content_block_delta") break;
  }
  const entry = await only(log);
  assertEquals(entry.metadata["audit.outcome"], "aborted");
  assertEquals(JSON.parse(entry.outputText)[0].parts, [
    { type: "tool_call", id: "t1", name: "weather", arguments: '{"ci' },
  ]);
});

test("a refusal is recorded by its reason", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ text: "", finishReason: "refusal" });
  await client.messages.stream(HI).finalMessage();
  const { metadata } = await only(log);
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["refusal"]);
  assertEquals(metadata["audit.outcome"], "completed");
});

test("usage that is not told is not recorded", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ text: "Hello!", usage: null }, { text: "Hello!", usage: null });
  await client.messages.create(HI);
  await all(await client.messages.create({ ...HI, stream: true }));
  for (const { metadata } of await log.query()) {
    assertEquals(Object.keys(metadata).filter((key) => key.startsWith("gen_ai.usage.")), []);
  }
});

test("what it took to summarize a long context counts, and what an advisor said is told apart", async (t) => {
  const priced: Usage[] = [];
  const { provider, log, client } = await setUp(t, {
    cost(usage) {
      priced.push(usage);
      return 1;
    },
  });
  const iteration = { cache_creation_input_tokens: 1, cache_read_input_tokens: 2 };
  const iterations = [
    { ...iteration, type: "compaction", input_tokens: 180_000, output_tokens: 3500 },
    { ...iteration, type: "message", input_tokens: 22_990, output_tokens: 900 },
    { ...iteration, type: "advisor_message", model: "claude-a", input_tokens: 7, output_tokens: 8 },
  ];
  const server_tool_use = { web_search_requests: 2, web_fetch_requests: 0 };
  const others = { iterations, server_tool_use };
  const usage = { input: 23_000, output: 1000, cached: 6, cacheCreated: 4, others };
  provider.reply({ text: "Hello!", usage }, { text: "Hello!", usage });
  await client.beta.messages.create(HI);
  await client.beta.messages.stream(HI).finalMessage();
  const counted = {
    inputTokens: 203_003,
    outputTokens: 4500,
    cacheReadTokens: 8,
    cacheCreationTokens: 5,
  };
  assertEquals(priced, [counted, counted]);
  for (const entry of await log.query()) {
    assertEquals(about(entry, "anthropic.response."), others);
    assertEquals(about(entry, "gen_ai.usage.").input_tokens, 203_003);
  }
});

test("what is counted for an answer's only request is told once", async (t) => {
  const { provider, log, client } = await setUp(t);
  const iterations = [{ type: "message", input_tokens: 9, output_tokens: 12 }];
  provider.reply({ text: "Hello!", usage: { input: 9, output: 12, others: { iterations } } });
  await client.beta.messages.create(HI);
  const entry = await only(log);
  assertEquals(about(entry, "anthropic.response."), {});
  assertEquals(about(entry, "gen_ai.usage."), {
    input_tokens: 9,
    output_tokens: 12,
    "cache_read.input_tokens": 0,
    "cache_creation.input_tokens": 0,
  });
});

test("an abort by signal, by the stream's controller or by its helper leaves what came", async (t) => {
  const { provider, log, client } = await setUp(t);
  const upTo = (events: number) => {
    const gate = new Gate();
    for (let n = 0; n < events; n++) gate.release();
    provider.reply({ text: ["One", " two"], gate });
  };
  const aborting = new AbortController();
  upTo(4);
  const bySignal = await client.messages.create({ ...HI, stream: true }, {
    signal: aborting.signal,
  });
  for await (const { type } of bySignal) {
    if (type === "content_block_delta") aborting.abort();
  }
  upTo(4);
  const byController = await client.messages.create({ ...HI, stream: true });
  for await (const { type } of byController) {
    if (type === "content_block_delta") byController.controller.abort();
  }
  upTo(4);
  const helper = client.messages.stream(HI);
  helper.on("text", () => helper.abort());
  assertInstanceOf(await assertRejects(() => helper.done()), APIUserAbortError);
  assertEquals(await outcomes(log), Array(3).fill(["aborted", "One"]));
});

test("an event that is no JSON is the client's to tell, and what came before is recorded", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  const ask = async (asked: Anthropic) => {
    const gate = new Gate();
    provider.reply({ text: ["One", " two"], malformedAfter: 4, gate });
    for (let n = 0; n < 5; n++) gate.release();
    return await all(await asked.messages.create({ ...HI, stream: true })).catch(String);
  };
  const error = await ask(client);
  assert(typeof error === "string" && error.startsWith("SyntaxError"), String(error));
  assertEquals(await ask(plain), error);
  const entry = await only(log);
  assertEquals(entry.metadata["audit.outcome"], "aborted");
  assertEquals(entry.metadata["stream.malformed_events"], 1);
  assert(entry.outputText.startsWith("One"), entry.outputText);
});

test("without an entry before the call there is one for each", async (t) => {
  const { log, client } = await setUp(t, { begin: false });
  await client.messages.create(HI);
  await client.messages.stream(HI).finalMessage();
  assertEquals([log.size, await log.count()], [2, 2]);
});

test("concurrent streams do not mix, each in the context that it was asked in", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gates = [new Gate(), new Gate()];
  const ask = (user: string, gate: Gate) =>
    withAuditContext({ user }, async () => {
      provider.reply({ text: [`for `, user], gate });
      return await client.messages.create({ ...HI, stream: true });
    });
  const alice = await ask("alice", gates[0]!);
  const bob = await ask("bob", gates[1]!);
  for (let n = 0; n < 8; n++) for (const gate of gates) gate.release();
  await Promise.all([all(bob), all(alice)]);
  const entries = await log.query();
  assertEquals(
    entries.map(({ user, outputText }) => `${user}: ${outputText}`).sort(),
    ["alice: for alice", "bob: for bob"],
  );
});

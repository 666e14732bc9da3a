// Recording the calls of Anthropic's client: the real one, against a server on this machine.

import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError, withAuditContext } from "@audit-log/llm";
import { auditAnthropic, type AuditAnthropicOptions } from "@audit-log/llm/anthropic";
import { test, type TestContext } from "node:test";
import {
  about,
  all,
  API_KEY,
  assertSameRequest,
  capturing,
  inStep,
  only,
  outcomes,
} from "../support/captured.ts";
import { Gate } from "../support/providers/server.ts";

const HI = {
  model: "claude-x",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "Hi" }],
};

async function setUp(t: TestContext, options: AuditAnthropicOptions = {}) {
  const captured = await capturing(t);
  const plain = new Anthropic({ apiKey: API_KEY, baseURL: captured.provider.url, maxRetries: 1 });
  return { ...captured, plain, client: auditAnthropic(plain, captured.log, options) };
}

test("a message is recorded whole, and is what the client alone gives", async (t) => {
  const { provider, log, plain, client } = await setUp(t, { user: "alice" });
  const reply = { text: "Hello!", usage: { input: 30, output: 9, cached: 8, cacheCreated: 2 } };
  provider.reply(reply, reply);
  const request = {
    ...HI,
    temperature: 0.5,
    top_k: 3,
    stop_sequences: ["x"],
    service_tier: "auto" as const,
  };
  const wanted = await plain.messages.create(request);
  const answer = await client.messages.create(request);
  assertEquals(answer, wanted);
  assertSameRequest(provider.requests);
  const entry = await only(log);
  assertEquals([entry.user, entry.inputText, entry.outputText], ["alice", "Hi", "Hello!"]);
  assert(entry.latencyMs! > 0);
  assertEquals(entry.metadata["audit.input.format"], "text");
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "anthropic",
    "request.max_tokens": 64,
    "request.model": "claude-x",
    "request.stop_sequences": ["x"],
    "request.temperature": 0.5,
    "request.top_k": 3,
    "response.finish_reasons": ["end_turn"],
    "response.id": "msg_local_1",
    "response.model": "claude-x-20260101",
    "usage.cache_creation.input_tokens": 2,
    "usage.cache_read.input_tokens": 8,
    "usage.input_tokens": 30,
    "usage.output_tokens": 9,
  });
  assertEquals(entry.metadata["request.parameters"], { service_tier: "auto" });
});

test("system prompts, media, thinking, tools and their results are recorded as JSON", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({
    reasoning: "Let me think.",
    text: "I shall look.",
    toolCalls: [{ id: "t2", name: "weather", arguments: '{"city":"Oslo"}' }],
  });
  await client.messages.create({
    ...HI,
    system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
    messages: [
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "aGVsbG8=" } },
          { type: "document", source: { type: "url", url: "https://papers.example/1.pdf" } },
          { type: "text", text: "What are these?" },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "c2ln" },
          { type: "tool_use", id: "t1", name: "weather", input: { city: "Bergen" } },
        ],
      },
      {
        role: "user",
        content: [{
          type: "tool_result",
          tool_use_id: "t1",
          is_error: true,
          content: [{ type: "text", text: "rain" }],
        }],
      },
    ],
    tools: [{ name: "weather", input_schema: { type: "object" } }],
  });
  const entry = await only(log);
  assertEquals(entry.metadata["audit.input.format"], "json");
  assertEquals(JSON.parse(entry.inputText), {
    system_instructions: [{
      type: "text",
      content: "Be brief.",
      cache_control: { type: "ephemeral" },
    }],
    messages: [
      {
        role: "user",
        parts: [
          {
            type: "blob",
            modality: "image",
            mime_type: "image/png",
            sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            size: 5,
          },
          { type: "uri", modality: "document", uri: "https://papers.example/1.pdf" },
          { type: "text", content: "What are these?" },
        ],
      },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "Hm.", signature: "c2ln" },
          { type: "tool_call", id: "t1", name: "weather", arguments: { city: "Bergen" } },
        ],
      },
      {
        role: "user",
        parts: [{
          type: "tool_call_response",
          id: "t1",
          is_error: true,
          response: [{ type: "text", content: "rain" }],
        }],
      },
    ],
    tool_definitions: [{ name: "weather", input_schema: { type: "object" } }],
  });
  assertEquals(JSON.parse(entry.outputText), [{
    role: "assistant",
    parts: [
      { type: "reasoning", content: "Let me think.", signature: "c2lnbmF0dXJl" },
      { type: "text", content: "I shall look." },
      { type: "tool_call", id: "t2", name: "weather", arguments: { city: "Oslo" } },
    ],
    finish_reason: "tool_use",
  }]);
});

test("a stream is handed on event for event, and recorded as the whole message would be", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  const reply = {
    reasoning: "Hm.",
    text: ["Grüß", " Gott 😀"],
    toolCalls: [{ id: "t1", name: "weather", arguments: ['{"ci', 'ty":"Oslo"}'] }],
    usage: { input: 30, output: 9, cached: 8, cacheCreated: 2 },
    splitBytes: 5,
  };
  provider.reply(reply, reply, reply);
  const request = { ...HI, stream: true } as const;
  const wanted = await all(await plain.messages.create(request));
  assertEquals(await all(await client.messages.create(request)), wanted);
  await client.messages.create(HI);
  const [streamed, whole] = await log.query();
  assertEquals(streamed!.outputText, whole!.outputText);
  const { "gen_ai.usage.output_tokens": output } = streamed!.metadata;
  assertEquals([output, streamed!.metadata["gen_ai.usage.input_tokens"]], [9, 30]);
  assertEquals(streamed!.metadata["gen_ai.response.finish_reasons"], ["tool_use"]);
  assert(typeof streamed!.metadata["gen_ai.response.time_to_first_chunk"] === "number");
});

test("messages.stream() and its helpers are recorded once", async (t) => {
  const { log, client } = await setUp(t);
  const texts: string[] = [];
  const stream = client.messages.stream(HI).on("text", (text) => texts.push(text));
  const message = await stream.finalMessage();
  assertEquals([texts.join(""), message.stop_reason], ["Hello!", "end_turn"]);
  const { data, response } = await client.messages.create(HI).withResponse();
  assertEquals([data.type, response.headers.get("request-id")], ["message", "req_local_1"]);
  const [one, other] = (await client.messages.create({ ...HI, stream: true })).tee();
  assertEquals(await all(one), await all(other));
  await client.beta.messages.create(HI);
  assertEquals(await outcomes(log), Array(4).fill(["completed", "Hello!"]));
});

test("who stops reading leaves an aborted call with what came", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two", " three"], gate });
  for (let n = 0; n < 5; n++) gate.release();
  const gone = provider.aborted();
  for await (const event of await client.messages.create({ ...HI, stream: true })) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
      if (event.delta.text === " two") break;
    }
  }
  await gone;
  assertEquals(await outcomes(log), [["aborted", "One two"]]);
});

test("errors before and within a stream are the client's own, and recorded", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ status: 529, error: "Overloaded." }, { status: 529, error: "Overloaded." });
  const error = await assertRejects(() => client.messages.create(HI));
  assertInstanceOf(error, APIError);
  assertEquals(error.status, 529);
  provider.reply({ text: ["One", " two"], streamErrorAfter: 4, error: "Overloaded." });
  await assertRejects(
    async () => await all(await client.messages.create({ ...HI, stream: true })),
    APIError,
  );
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], cutAfter: 5, gate });
  const ask = () => client.messages.create({ ...HI, stream: true });
  await assertRejects(() => inStep(ask, gate, 2)); // a ping is not handed on
  const entries = await log.query();
  assertEquals(
    entries.map(({ metadata, outputText }) => [
      metadata["audit.outcome"],
      metadata["error.type"] === undefined ? "" : metadata["error.type"],
      metadata["attempt"],
      outputText,
    ]).slice(0, 3),
    [
      ["failed", "overloaded_error", 1, ""],
      ["failed", "overloaded_error", 2, ""],
      ["failed", "overloaded_error", 1, "One"],
    ],
  );
  assertEquals(entries[3]!.metadata["audit.outcome"], "failed");
  assertEquals(entries[3]!.outputText, "One two");
});

test("a call that cannot be recorded is not made, unless that is asked for", async (t) => {
  const { provider, log, store, plain, client } = await setUp(t);
  store.full = true;
  const error = await assertRejects(() => client.messages.create(HI));
  assertInstanceOf(error, AuditLogError);
  const stream = client.messages.stream(HI);
  const cause = await assertRejects(() => stream.finalMessage());
  const causes = [cause, (cause as Error).cause];
  assert(causes.some((error) => error instanceof AuditLogError), String(cause));
  assertEquals([provider.requests.length, log.size], [0, 0]);
  const told: string[] = [];
  const going = auditAnthropic(plain, log, {
    onAuditFailure: "continue",
    onError: (_, { phase }) => told.push(phase),
  });
  assertEquals((await going.messages.create(HI)).type, "message");
  assertEquals(told, ["begin", "end"]);
  store.full = false;
});

test("the client is of the same class, and derived ones record in their context", async (t) => {
  const { log, plain, client } = await setUp(t);
  assertInstanceOf(client, Anthropic);
  await plain.messages.create(HI);
  assertEquals(log.size, 0);
  await withAuditContext(
    { user: "bob" },
    () => client.withOptions({ maxRetries: 0 }).messages.create(HI),
  );
  assertEquals((await only(log)).user, "bob");
});

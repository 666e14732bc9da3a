// Recording the calls of OpenAI's client: the real one, against a server on this machine.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError, withAuditContext } from "@audit-log/llm";
import { auditOpenAI, type AuditOpenAIOptions } from "@audit-log/llm/openai";
import OpenAI, { APIError, AzureOpenAI, RateLimitError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { test, type TestContext } from "node:test";
import { z } from "zod";
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

const HI = { model: "gpt-4o", messages: [{ role: "user" as const, content: "Hi" }] };

async function setUp(t: TestContext, options: AuditOpenAIOptions = {}) {
  const captured = await capturing(t);
  const plain = new OpenAI({
    apiKey: API_KEY,
    baseURL: `${captured.provider.url}/v1`,
    maxRetries: 1,
  });
  return { ...captured, plain, client: auditOpenAI(plain, captured.log, options) };
}

test("a chat completion is recorded whole, and is what the client alone gives", async (t) => {
  const { provider, log, plain, client } = await setUp(t, { user: "alice" });
  const usage = { input: 20, output: 9, cached: 8, reasoning: 4 };
  const reply = { text: "Hello!", usage };
  provider.reply(reply, reply);
  const request = {
    ...HI,
    temperature: 0.5,
    max_completion_tokens: 50,
    stop: "x",
    seed: 1,
    n: 1,
    logprobs: true,
  };
  const wanted = await plain.chat.completions.create(request);
  const answer = await client.chat.completions.create(request);
  assertEquals(answer, wanted);
  assertEquals(answer._request_id, "req_local_1");
  assertSameRequest(provider.requests);

  const entry = await only(log);
  const { user, model, inputText, outputText, latencyMs } = entry;
  assertEquals([user, model, inputText, outputText], ["alice", "gpt-4o", "Hi", "Hello!"]);
  assert(latencyMs! > 0);
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.choice.count": 1,
    "request.max_tokens": 50,
    "request.model": "gpt-4o",
    "request.seed": 1,
    "request.stop_sequences": ["x"],
    "request.temperature": 0.5,
    "response.finish_reasons": ["stop"],
    "response.id": "chatcmpl-local-1",
    "response.model": "gpt-4o-2026-01-01",
    "usage.cache_read.input_tokens": 8,
    "usage.input_tokens": 20,
    "usage.output_tokens": 9,
    "usage.reasoning.output_tokens": 4,
  });
  assertEquals(entry.metadata["request.parameters"], { logprobs: true });
  assertEquals(entry.metadata["attempt"], 1);
  assertEquals(entry.metadata["server.address"], "127.0.0.1");
  assertEquals(entry.metadata["http.response.header.x-request-id"], ["req_local_1"]);
  assertEquals(about(entry, "audit."), {
    call: entry.metadata["audit.call"],
    event: "call.end",
    "input.format": "text",
    outcome: "completed",
    "output.format": "text",
  });
  const [begun] = await log.query({ events: "all" });
  assertEquals([begun!.inputText, begun!.metadata["audit.event"]], ["Hi", "call.begin"]);
});

test("the client is of the same class, the original records nothing, and derived clients record", async (t) => {
  const { log, plain, client } = await setUp(t);
  assertInstanceOf(client, OpenAI);
  assertEquals(Object.getPrototypeOf(client), Object.getPrototypeOf(plain));
  assertEquals([client.apiKey, client.baseURL, client.maxRetries], [
    plain.apiKey,
    plain.baseURL,
    1,
  ]);
  await plain.chat.completions.create(HI);
  assertEquals(log.size, 0);
  const derived = client.withOptions({ maxRetries: 0 });
  assertInstanceOf(derived, OpenAI);
  await derived.chat.completions.create(HI);
  await derived.withOptions({ timeout: 1000 }).chat.completions.create(HI);
  assertEquals(await log.count(), 2);
});

/** A constructor of its own, and what it takes besides. */
class Tenants extends OpenAI {
  readonly tenant: string;

  constructor(tenant: string, url: string) {
    super({ apiKey: API_KEY, baseURL: url, maxRetries: 0 });
    this.tenant = String(tenant);
  }
}

test("a client whose class makes its own options is recorded, and so are those derived of it", async (t) => {
  const { provider, log } = await capturing(t);
  const client = auditOpenAI(new Tenants("acme", `${provider.url}/v1`), log);
  assertInstanceOf(client, Tenants);
  await client.chat.completions.create(HI);
  assertEquals([client.tenant, await log.count()], ["acme", 1]);
  const derived = client.withOptions({ timeout: 1000 });
  derived.baseURL = `${provider.url}/v1`;
  await derived.chat.completions.create(HI);
  assertEquals(await log.count(), 2);
});

test("what was set on a client before it was wrapped holds for the wrapped one", async (t) => {
  const { provider, log } = await capturing(t);
  const plain = new OpenAI({ apiKey: "other", baseURL: "http://127.0.0.1:9", maxRetries: 0 });
  Object.assign(plain, {
    apiKey: API_KEY,
    baseURL: `${provider.url}/v1`,
    timeout: 5000,
    note: [1],
  });
  const client = auditOpenAI(plain, log) as OpenAI & { note?: unknown };
  await client.chat.completions.create(HI);
  assertEquals(provider.requests[0]!.headers["authorization"], `Bearer ${API_KEY}`);
  assertEquals([client.timeout, client.note], [5000, [1]]);
  assertEquals(client.chat === plain.chat, false);
  assertEquals(await log.count(), 1);
});

test("conversations, instructions, tools and media are recorded as JSON, media by their hash", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({
    toolCalls: [{ id: "c2", name: "weather", arguments: '{"city":"Oslo"}' }],
  });
  await client.chat.completions.create({
    model: "gpt-4o",
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          {
            type: "image_url",
            image_url: { url: "data:image/png;base64,aGVsbG8=", detail: "low" },
          },
          { type: "image_url", image_url: { url: "https://pictures.example/1.png" } },
          { type: "input_audio", input_audio: { data: "aGVsbG8=", format: "wav" } },
          { type: "file", file: { file_id: "file-1" } },
        ],
      },
      {
        role: "assistant",
        content: null,
        tool_calls: [{
          id: "c1",
          type: "function",
          function: { name: "weather", arguments: "{}" },
        }],
      },
      { role: "tool", tool_call_id: "c1", content: "sunny" },
    ],
    tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
  });
  const entry = await only(log);
  const sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  assertEquals(JSON.parse(entry.inputText), {
    messages: [
      { role: "system", parts: [{ type: "text", content: "Be brief." }] },
      {
        role: "user",
        parts: [
          { type: "text", content: "What is this?" },
          {
            type: "blob",
            modality: "image",
            mime_type: "image/png",
            sha256,
            size: 5,
            detail: "low",
          },
          { type: "uri", modality: "image", uri: "https://pictures.example/1.png" },
          { type: "blob", modality: "audio", mime_type: "audio/wav", sha256, size: 5 },
          { type: "file", modality: "document", file_id: "file-1" },
        ],
      },
      {
        role: "assistant",
        parts: [{ type: "tool_call", id: "c1", name: "weather", arguments: {} }],
      },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "sunny" }] },
    ],
    tool_definitions: [{
      type: "function",
      function: { name: "weather", parameters: { type: "object" } },
    }],
  });
  assertEquals(JSON.parse(entry.outputText), [{
    role: "assistant",
    parts: [{ type: "tool_call", id: "c2", name: "weather", arguments: { city: "Oslo" } }],
    finish_reason: "tool_calls",
  }]);
  assertEquals(entry.metadata["audit.input.format"], "json");
  assert(!entry.inputText.includes("aGVsbG8="));
});

test("the bytes of media are kept when they are asked for", async (t) => {
  const { log, client } = await setUp(t, { inlineMedia: true });
  await client.chat.completions.create({
    model: "gpt-4o",
    messages: [{
      role: "user",
      content: [{ type: "image_url", image_url: { url: "data:image/png;base64,aGVsbG8=" } }],
    }],
  });
  const [message] = JSON.parse((await only(log)).inputText).messages;
  assertEquals(message.parts[0].content, "aGVsbG8=");
});

test("several choices, refusals and empty answers are recorded", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ choices: [{ text: "A" }, { text: "B", finishReason: "length" }] });
  await client.chat.completions.create({ ...HI, n: 2 });
  provider.reply({ refusal: "I will not." });
  await client.chat.completions.create(HI);
  const [several, refused] = await log.query();
  assertEquals(JSON.parse(several!.outputText), [
    { role: "assistant", parts: [{ type: "text", content: "A" }], finish_reason: "stop" },
    { role: "assistant", parts: [{ type: "text", content: "B" }], finish_reason: "length" },
  ]);
  assertEquals(several!.metadata["gen_ai.response.finish_reasons"], ["stop", "length"]);
  assertEquals(JSON.parse(refused!.outputText)[0].parts, [{
    type: "refusal",
    content: "I will not.",
  }]);
});

test("a stream is handed on chunk for chunk and recorded before its reader knows its end", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  const reply = { text: ["Grüß", " Gott", " 😀"], splitBytes: 7 };
  provider.reply(reply);
  const request = { ...HI, stream: true, stream_options: { include_usage: true } } as const;
  const wanted = await all(await plain.chat.completions.create(request));
  const gate = new Gate();
  provider.reply({ ...reply, gate });
  const chunks: unknown[] = [];
  gate.release();
  for await (const chunk of await client.chat.completions.create(request)) {
    chunks.push(chunk);
    if (chunks.length < wanted.length) assertEquals(await log.count(), 0);
    gate.release();
  }
  assertEquals(await log.count(), 1);
  assertEquals(chunks, wanted as unknown[]);
  assertSameRequest(provider.requests);
  const entry = await only(log);
  assertEquals(entry.outputText, "Grüß Gott 😀");
  assertEquals(about(entry, "gen_ai.usage."), {
    "cache_read.input_tokens": 0,
    input_tokens: 11,
    output_tokens: 7,
    "reasoning.output_tokens": 0,
  });
  const first = entry.metadata["gen_ai.response.time_to_first_chunk"] as number;
  assert(first > 0 && first * 1000 <= entry.latencyMs!);
});

test("without usage in the last chunk, no usage is recorded", async (t) => {
  const { log, client } = await setUp(t);
  await all(await client.chat.completions.create({ ...HI, stream: true }));
  assertEquals(about(await only(log), "gen_ai.usage."), {});
});

test("tool calls that a stream brings in pieces are put together", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({
    text: "Let me look.",
    toolCalls: [
      { id: "c1", name: "weather", arguments: ['{"ci', 'ty":"Os', 'lo"}'] },
      { id: "c2", name: "time", arguments: ["{}"] },
    ],
  });
  await all(await client.chat.completions.create({ ...HI, stream: true }));
  assertEquals(JSON.parse((await only(log)).outputText)[0].parts, [
    { type: "text", content: "Let me look." },
    { type: "tool_call", id: "c1", name: "weather", arguments: { city: "Oslo" } },
    { type: "tool_call", id: "c2", name: "time", arguments: {} },
  ]);
});

test("who stops reading a stream leaves an aborted call with what came, and the provider is told", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two", " three"], gate });
  for (let n = 0; n < 3; n++) gate.release();
  const gone = provider.aborted();
  const stream = await client.chat.completions.create({ ...HI, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content === " two") break;
  await gone;
  assertEquals(await outcomes(log), [["aborted", "One two"]]);
});

test("a signal that aborts a call, before its answer and in mid-stream, leaves it aborted", async (t) => {
  const { provider, log, client } = await setUp(t);
  const [gate, controller] = [new Gate(), new AbortController()];
  provider.reply({ gate });
  const asking = client.chat.completions.create(HI, { signal: controller.signal });
  const rejected = assertRejects(() => asking);
  while (provider.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await rejected;
  gate.release(); // to nobody
  const [again, second] = [new AbortController(), new Gate()];
  provider.reply({ text: ["One", " two"], gate: second });
  for (let n = 0; n < 2; n++) second.release();
  const stream = await client.chat.completions.create({ ...HI, stream: true }, {
    signal: again.signal,
  });
  let read = "";
  for await (const chunk of stream) {
    read += chunk.choices[0]?.delta.content ?? "";
    if (read !== "") again.abort();
  }
  assertEquals(await outcomes(log), [["aborted", ""], ["aborted", "One"]]);
});

test("tee() gives the stream twice and one entry", async (t) => {
  const { log, client } = await setUp(t);
  const [one, other] = (await client.chat.completions.create({ ...HI, stream: true })).tee();
  assertEquals(await all(one), await all(other));
  assertEquals(await outcomes(log), [["completed", "Hello!"]]);
});

test("errors are the client's own, and recorded with status and type", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  for (const status of [400, 401, 404]) {
    const reply = { status, error: `Not with key ${API_KEY} here.` };
    provider.reply(reply, reply);
    const wanted = await assertRejects(() => plain.chat.completions.create(HI));
    const error = await assertRejects(() => client.chat.completions.create(HI));
    assertInstanceOf(error, APIError);
    assertEquals(error.constructor, (wanted as Error).constructor);
    assertEquals([error.message, error.status, error.code], [
      (wanted as APIError).message,
      status,
      (wanted as APIError).code,
    ]);
  }
  const entries = await log.query();
  assertEquals(
    entries.map(({ metadata }) => [
      metadata["audit.outcome"],
      metadata["http.response.status_code"],
      metadata["error.type"],
      metadata["error.message"],
    ]),
    [400, 401, 404].map((status) => [
      "failed",
      status,
      "invalid_request_error",
      "Not with key [secret] here.",
    ]),
  );
});

test("each attempt is an entry with its number", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ status: 429, headers: { "retry-after-ms": "1" } }, { text: "At last." });
  const answer = await client.chat.completions.create(HI);
  assertEquals(answer.choices[0]!.message.content, "At last.");
  const entries = await log.query();
  assertEquals(
    entries.map(({ metadata }) => [
      metadata["audit.outcome"],
      metadata["attempt"],
      metadata["http.response.status_code"] ?? null,
    ]),
    [["failed", 1, 429], ["completed", 2, null]],
  );
  provider.reply({ status: 429 });
  await assertRejects(() => client.chat.completions.create(HI, { maxRetries: 0 }), RateLimitError);
});

test("a connection that breaks in mid-stream fails the call with what came before", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], cutAfter: 2, gate });
  const ask = () => client.chat.completions.create({ ...HI, stream: true });
  await assertRejects(() => inStep(ask, gate));
  assertEquals(await outcomes(log), [["failed", "One"]]);
});

test("an answer that breaks off is the client's to tell, as without the wrapper", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  provider.reply({ cutBytes: 40 }, { text: "Never asked for." });
  const wanted = await assertRejects(() => plain.chat.completions.create(HI));
  provider.reply();
  provider.requests.length = 0;
  await client.chat.completions.create(HI); // takes what is left
  provider.reply({ cutBytes: 40 }, { text: "Never asked for." });
  const error = await assertRejects(() => client.chat.completions.create(HI));
  assertEquals((error as Error).constructor, (wanted as Error).constructor);
  assertEquals(provider.requests.length, 2);
  const [, failed] = await log.query();
  assertEquals(failed!.metadata["audit.outcome"], "failed");
});

test("an error event and a malformed one are the client's to tell, and recorded", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ text: ["One", " two"], streamErrorAfter: 2, error: "Overloaded." });
  const broken = await client.chat.completions.create({ ...HI, stream: true });
  await assertRejects(() => all(broken), APIError);
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], malformedAfter: 2, gate });
  const ask = () => client.chat.completions.create({ ...HI, stream: true });
  await assertRejects(() => inStep(ask, gate));
  const [first, second] = await log.query();
  assertEquals([first!.metadata["audit.outcome"], first!.outputText], ["failed", "One"]);
  assertEquals(first!.metadata["error.message"], "Overloaded.");
  assertEquals(second!.metadata["audit.outcome"], "aborted"); // the client stopped reading
});

test("the header helpers give response and answer", async (t) => {
  const { log, client } = await setUp(t);
  const { data, response, request_id } = await client.chat.completions.create(HI).withResponse();
  assertEquals([data.choices[0]!.message.content, request_id], ["Hello!", "req_local_1"]);
  assertInstanceOf(response, Response);
  assert(response.url.endsWith("/v1/chat/completions"));
  const raw = await client.chat.completions.create(HI).asResponse();
  assertEquals(raw.headers.get("content-type"), "application/json");
  assertEquals((await raw.json()).choices[0].message.content, "Hello!");
  const streamed = await client.chat.completions.create({ ...HI, stream: true }).asResponse();
  assert((await streamed.text()).endsWith("data: [DONE]\n\n"));
  assertEquals(await outcomes(log), Array(3).fill(["completed", "Hello!"]));
});

test("the helpers stream(), parse() and runTools() are recorded once for each request", async (t) => {
  const { provider, log, client } = await setUp(t);
  const events: string[] = [];
  const stream = client.chat.completions.stream(HI).on("content", (delta) => events.push(delta));
  assertEquals((await stream.finalChatCompletion()).choices[0]!.message.content, "Hello!");
  assertEquals(events.join(""), "Hello!");

  provider.reply({ text: '{"city":"Oslo"}' });
  const format = zodResponseFormat(z.object({ city: z.string() }), "place");
  const parsed = await client.chat.completions.parse({ ...HI, response_format: format });
  assertEquals(parsed.choices[0]!.message.parsed, { city: "Oslo" });

  provider.reply(
    { toolCalls: [{ id: "c1", name: "double", arguments: '{"n":4}' }] },
    { text: "It is 8." },
  );
  const runner = client.chat.completions.runTools({
    ...HI,
    tools: [{
      type: "function",
      function: {
        name: "double",
        description: "Doubles a number.",
        parameters: { type: "object", properties: { n: { type: "number" } } },
        parse: JSON.parse,
        function: ({ n }: { n: number }) => String(2 * n),
      },
    }],
  });
  assertEquals(await runner.finalContent(), "It is 8.");
  const entries = await log.query();
  assertEquals(entries.length, 4);
  assertEquals(entries[1]!.outputText, '{"city":"Oslo"}');
  assertEquals(Object.keys(entries[1]!.metadata["request.parameters"]!), ["response_format"]);
  const { messages } = JSON.parse(entries[3]!.inputText);
  assertEquals(messages.at(-1), {
    role: "tool",
    parts: [{ type: "tool_call_response", id: "c1", response: "8" }],
  });
});

test("responses are recorded, plain and by stream, with reasoning and tools", async (t) => {
  const { provider, log, plain, client } = await setUp(t);
  const reply = {
    reasoning: "It is polite.",
    text: ["Hel", "lo!"],
    toolCalls: [{ id: "c1", name: "wave", arguments: ['{"hand":', '"left"}'] }],
    usage: { input: 9, output: 5, cached: 3, reasoning: 2 },
  };
  provider.reply(reply, reply, reply, reply);
  const request = {
    model: "gpt-5",
    instructions: "Be kind.",
    input: [
      { role: "user" as const, content: "Hi" },
      { type: "function_call_output" as const, call_id: "c0", output: "waved" },
    ],
    max_output_tokens: 99,
  };
  assertEquals(await client.responses.create(request), await plain.responses.create(request));
  const chunks = await all(await client.responses.create({ ...request, stream: true }));
  assertEquals(chunks, await all(await plain.responses.create({ ...request, stream: true })));
  const entries = await log.query();
  assertEquals(entries.length, 2);
  for (const entry of entries) {
    assertEquals(JSON.parse(entry.inputText), {
      system_instructions: [{ type: "text", content: "Be kind." }],
      messages: [
        { role: "user", parts: [{ type: "text", content: "Hi" }] },
        { role: "tool", parts: [{ type: "tool_call_response", id: "c0", response: "waved" }] },
      ],
    });
    assertEquals(JSON.parse(entry.outputText), [{
      role: "assistant",
      parts: [
        { type: "reasoning", content: "It is polite.", id: "rs_local_1" },
        { type: "text", content: "Hello!" },
        { type: "tool_call", id: "c1", name: "wave", arguments: { hand: "left" } },
      ],
    }]);
    assertEquals(about(entry, "gen_ai.usage."), {
      "cache_creation.input_tokens": 0,
      "cache_read.input_tokens": 3,
      input_tokens: 9,
      output_tokens: 5,
      "reasoning.output_tokens": 2,
    });
    assertEquals(entry.metadata["gen_ai.request.max_tokens"], 99);
    assertEquals(entry.metadata["gen_ai.response.id"], "resp_local_1");
  }
});

test("a stream of a response that is cut keeps what came before", async (t) => {
  const { provider, log, client } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], cutAfter: 6, gate });
  const ask = () => client.responses.create({ model: "m", input: "Hi", stream: true });
  await assertRejects(() => inStep(ask, gate));
  provider.reply({ text: ["One"], streamErrorAfter: 5, error: "It broke." });
  await assertRejects(async () =>
    await all(await client.responses.create({ model: "m", input: "Hi", stream: true }))
  );
  const [cut, failed] = await log.query();
  assertEquals([cut!.inputText, cut!.outputText, cut!.metadata["audit.outcome"]], [
    "Hi",
    "One two",
    "failed",
  ]);
  assertEquals([failed!.outputText, failed!.metadata["error.message"]], ["One", "It broke."]);
  const stream = client.responses.stream({ model: "m", input: "Hi" });
  assertEquals((await stream.finalResponse()).output_text, "Hello!");
  assertEquals((await outcomes(log)).at(-1), ["completed", "Hello!"]);
});

test("embeddings are recorded by what they are of, how many and how long", async (t) => {
  const { log, plain, client } = await setUp(t);
  const request = { model: "text-embedding-3-small", input: ["one", "two"] };
  assertEquals(await client.embeddings.create(request), await plain.embeddings.create(request));
  await client.embeddings.create({ ...request, input: "one", encoding_format: "float" });
  const [two, one] = await log.query();
  assertEquals(JSON.parse(two!.inputText).messages.length, 2);
  assertEquals([one!.inputText, one!.outputText], ["one", ""]);
  for (const [entry, count] of [[two!, 2], [one!, 1]] as const) {
    assertEquals(entry.metadata["gen_ai.operation.name"], "embeddings");
    assertEquals(entry.metadata["gen_ai.embeddings.dimension.count"], 3);
    assertEquals(entry.metadata["embeddings.count"], count);
    assertEquals(entry.metadata["gen_ai.usage.input_tokens"], 11);
  }
});

test("Azure's client stays one, and its provider is named", async (t) => {
  const { provider, log } = await capturing(t);
  const azure = new AzureOpenAI({
    apiKey: API_KEY,
    apiVersion: "2025-01-01",
    baseURL: `${provider.url}/openai`,
  });
  const client = auditOpenAI(azure, log, { provider: "azure.ai.openai" });
  assertInstanceOf(client, AzureOpenAI);
  await client.chat.completions.create(HI);
  const entry = await only(log);
  assertEquals(entry.metadata["gen_ai.provider.name"], "azure.ai.openai");
});

test("a call that cannot be recorded is not made, and the client says why at once", async (t) => {
  const { provider, log, store, client } = await setUp(t);
  store.full = true;
  const error = await assertRejects(() => client.chat.completions.create(HI));
  assertInstanceOf(error, AuditLogError);
  assertEquals(error.code, "WRITE_FAILED");
  const streaming = await assertRejects(() =>
    client.chat.completions.create({ ...HI, stream: true })
  );
  assertInstanceOf(streaming, AuditLogError);
  assertEquals([provider.requests.length, log.size], [0, 0]);
  store.full = false;
});

test("a log that fails after the call does not withhold the answer", async (t) => {
  const told: string[] = [];
  const { provider, log, store, client } = await setUp(t, {
    onError: (_, { phase, willRetry }) => told.push(`${phase} ${willRetry}`),
  });
  const gate = new Gate();
  provider.reply({ text: ["Hello", "!"], gate });
  const stream = await client.chat.completions.create({ ...HI, stream: true });
  store.full = true;
  for (let n = 0; n < 5; n++) gate.release();
  const chunks = await all(stream);
  assertEquals(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), "Hello!");
  assertEquals([told, await log.count()], [["end true"], 0]);
  store.full = false;
  await client.chat.completions.create(HI); // the log works again
  while (await log.count() < 2) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(await log.unfinished(), []);
});

test("user and metadata come from options, functions and the context, across a stream", async (t) => {
  const { log, client } = await setUp(t, {
    metadata: ({ model, operation }) => ({ asked: `${operation} ${model}` }),
    begin: false,
  });
  const stream = await withAuditContext(
    { user: "alice", metadata: { request: "r-1" } },
    () => client.chat.completions.create({ ...HI, stream: true }),
  );
  await all(stream);
  const entry = await only(log);
  assertEquals([entry.user, entry.metadata["request"], entry.metadata["asked"]], [
    "alice",
    "r-1",
    "chat gpt-4o",
  ]);
  assertEquals(log.size, 1); // begin: false
});

test("concurrent calls do not mix", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply(...Array.from({ length: 20 }, (_, n) => ({ text: [`${n}`, "!"] })));
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, n) => {
    const user = `u${n}`;
    const stream = await withAuditContext(
      { user },
      () => client.chat.completions.create({ ...HI, stream: true }),
    );
    const text = (await all(stream)).map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    return [user, text] as const;
  }));
  const entries = await log.query();
  assertEquals(
    entries.map(({ user, outputText }) => `${user} ${outputText}`).sort(),
    answers.map(([user, text]) => `${user} ${text}`).sort(),
  );
});

test("what is no client of this SDK is refused", async (t) => {
  const { log } = await capturing(t);
  for (const client of [{}, new (class {})()]) {
    const error = await assertRejects(async () => {
      await Promise.resolve();
      auditOpenAI(client, log);
    });
    assertEquals((error as AuditLogError).code, "INVALID_OPTION");
  }
});

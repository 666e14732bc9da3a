// Recording the calls of LangChain's models and tools: the real ones, against a server on this machine.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError, withAuditContext } from "@audit-log/llm";
import type { CaptureOptions } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { tool } from "@langchain/core/tools";
import { FakeListChatModel, FakeStreamingLLM } from "@langchain/core/utils/testing";
import { ChatOpenAI, OpenAI } from "@langchain/openai";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { about, all, API_KEY, capturing, only, outcomes } from "../support/captured.ts";

async function setUp(t: TestContext, options: CaptureOptions = {}) {
  const captured = await capturing(t);
  const handler = auditCallbacks(captured.log, options);
  const model = new ChatOpenAI({
    model: "gpt-4o",
    apiKey: API_KEY,
    temperature: 0.5,
    maxRetries: 0,
    configuration: { baseURL: `${captured.provider.url}/v1` },
    callbacks: [handler],
  });
  return { ...captured, handler, model };
}

test("a chat model's call is recorded whole", async (t) => {
  const { provider, log, model } = await setUp(t, { user: "alice" });
  provider.reply({ text: "Hello!", usage: { input: 20, output: 9, cached: 8, reasoning: 4 } });
  const answer = await model.invoke("Hi", { tags: ["greeting"], metadata: { tenant: 7 } });
  assertEquals(answer.content, "Hello!");
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
  const { run_id, tags, metadata } = about(entry, "langchain.");
  assertEquals([tags, metadata], [["greeting"], { tenant: 7 }]);
  assert(/^[0-9a-f-]{36}$/.test(run_id as string));
});

test("conversations, tools and their results are recorded; a tool's run is an entry", async (t) => {
  const { provider, log, handler, model } = await setUp(t);
  const double = tool(({ n }: { n: number }) => String(2 * n), {
    name: "double",
    description: "Doubles.",
    schema: z.object({ n: z.number() }),
  });
  provider.reply({ toolCalls: [{ id: "c1", name: "double", arguments: '{"n":4}' }] });
  const messages = [new SystemMessage("Be brief."), new HumanMessage("Twice four?")];
  const asked = await model.bindTools([double]).invoke(messages);
  const result = await double.invoke(asked.tool_calls![0]!, { callbacks: [handler] });
  assertInstanceOf(result, ToolMessage);
  await model.invoke([...messages, asked, result]);
  const [first, run, second] = await log.query();
  const call = { type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } };
  assertEquals(JSON.parse(first!.outputText)[0].parts, [call]);
  assertEquals(first!.metadata["audit.input.format"], "json");
  const { messages: input, tool_definitions } = JSON.parse(first!.inputText);
  assertEquals(input, [
    { role: "system", parts: [{ type: "text", content: "Be brief." }] },
    { role: "user", parts: [{ type: "text", content: "Twice four?" }] },
  ]);
  assertEquals(tool_definitions[0].function.name, "double");
  assertEquals([run!.model, JSON.parse(run!.inputText), run!.outputText], [
    "double",
    { n: 4 },
    "8",
  ]);
  assertEquals(about(run!, "gen_ai."), {
    "operation.name": "execute_tool",
    "tool.call.id": "c1",
    "tool.name": "double",
  });
  assertEquals(JSON.parse(second!.inputText).messages.slice(2), [
    { role: "assistant", parts: [call] },
    {
      role: "tool",
      parts: [{ name: "double", type: "tool_call_response", id: "c1", response: "8" }],
    },
  ]);
});

test("a stream is recorded as a whole, with the time of its first token", async (t) => {
  const { provider, log, model } = await setUp(t);
  provider.reply({ text: ["Grüß", " Gott"] });
  const chunks = await all(await model.stream("Hi"));
  assertEquals(chunks.map(({ content }) => content).join(""), "Grüß Gott");
  const entry = await only(log);
  assertEquals(entry.outputText, "Grüß Gott");
  assertEquals(entry.metadata["gen_ai.usage.output_tokens"], 7);
  assert(typeof entry.metadata["gen_ai.response.time_to_first_chunk"] === "number");
});

test("a response of OpenAI's is recorded with why it ended, plain and by stream", async (t) => {
  const { log, model } = await setUp(t);
  const responding = new ChatOpenAI({ ...model.lc_kwargs, useResponsesApi: true });
  await responding.invoke("Hi");
  await all(await responding.stream("Hi"));
  const cut = new AIMessage({
    content: "Hel",
    response_metadata: {
      object: "response",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    },
  });
  const incomplete = new FakeListChatModel({ responses: [], callbacks: model.callbacks });
  incomplete._generate = () => Promise.resolve({ generations: [{ text: "Hel", message: cut }] });
  await incomplete.invoke("Hi");
  assertEquals(
    (await log.query()).map(({ outputText, metadata }) => [
      outputText,
      metadata["gen_ai.response.finish_reasons"],
    ]),
    [["Hello!", ["completed"]], ["Hello!", ["completed"]], ["Hel", ["max_output_tokens"]]],
  );
});

test("calls within a chain carry the ids of their run and its parent", async (t) => {
  const { log, handler } = await setUp(t);
  const model = new FakeListChatModel({ responses: ["one", "two"] });
  const chain = ChatPromptTemplate.fromTemplate("Say {what}").pipe(model)
    .pipe(new StringOutputParser());
  const runId = crypto.randomUUID();
  assertEquals(await chain.invoke({ what: "one" }, { callbacks: [handler], runId }), "one");
  const entry = await only(log);
  assertEquals([entry.inputText, entry.outputText], ["Say one", "one"]);
  assertEquals(entry.metadata["langchain.parent_run_id"], runId);
});

test("models that complete texts are recorded", async (t) => {
  const { log, handler } = await setUp(t);
  const model = new FakeStreamingLLM({ responses: ["done"] });
  assertEquals(await model.invoke("Go on", { callbacks: [handler] }), "done");
  const entry = await only(log);
  assertEquals([entry.inputText, entry.outputText], ["Go on", "done"]);
  assertEquals(entry.metadata["gen_ai.operation.name"], "text_completion");
});

// After OpenAI's API reference, "Completions" (https://platform.openai.com/docs/api-reference/completions).
test("OpenAI's models that complete texts are recorded", async (t) => {
  const { provider, log, handler } = await setUp(t);
  provider.reply({
    json: {
      id: "cmpl-1",
      object: "text_completion",
      created: 1_790_000_000,
      model: "gpt-3.5-turbo-instruct:20230824-v2",
      choices: [{ text: " Paris.", index: 0, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
    },
  });
  const model = new OpenAI({
    model: "gpt-3.5-turbo-instruct",
    apiKey: API_KEY,
    maxTokens: 9,
    configuration: { baseURL: `${provider.url}/v1` },
    callbacks: [handler],
  });
  assertEquals(await model.invoke("The capital of France is"), " Paris.");
  const entry = await only(log);
  assertEquals([entry.inputText, entry.outputText], ["The capital of France is", " Paris."]);
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "text_completion",
    "provider.name": "openai",
    "request.choice.count": 1,
    "request.max_tokens": 9,
    "request.model": "gpt-3.5-turbo-instruct",
    "response.finish_reasons": ["stop"],
    "usage.input_tokens": 5,
    "usage.output_tokens": 7,
  });
});

test("errors are LangChain's own, and recorded; so are those of tools", async (t) => {
  const { provider, log, handler, model } = await setUp(t);
  provider.reply({ status: 400, error: `Bad key ${API_KEY} here.` });
  await assertRejects(() => model.invoke("Hi"));
  const broken = tool(() => Promise.reject(new RangeError("too far")), {
    name: "broken",
    schema: z.object({}),
  });
  await assertRejects(() => broken.invoke({}, { callbacks: [handler] }), RangeError);
  const [failed, run] = await log.query();
  assertEquals(await outcomes(log), [["failed", ""], ["failed", ""]]);
  assertEquals(failed!.metadata["http.response.status_code"], 400);
  assertEquals(run!.metadata["error.type"], "RangeError");
});

test("in strict mode what cannot be recorded is not asked; otherwise the model is asked", async (t) => {
  const { provider, log, store, model, handler } = await setUp(t);
  assertEquals([handler.awaitHandlers, handler.raiseError], [true, true]);
  store.full = true;
  const error = await assertRejects(() => model.invoke("Hi"));
  assertInstanceOf(error, AuditLogError);
  assertEquals([provider.requests.length, log.size], [0, 0]);
  const told: string[] = [];
  const lenient = auditCallbacks(log, {
    onAuditFailure: "continue",
    onError: (_, { phase }) => told.push(phase),
  });
  const going = new FakeListChatModel({ responses: ["one"], callbacks: [lenient] });
  assertEquals((await going.invoke("Hi")).content, "one");
  assertEquals(told, ["begin", "end"]);
  store.full = false;
});

test("a batch is an entry for each input, in its context", async (t) => {
  const { log, handler } = await setUp(t);
  const model = new FakeListChatModel({ responses: ["one"], callbacks: [handler] });
  await withAuditContext({ user: "bob" }, () => model.batch(["a", "b", "c"]));
  const entries = await log.query();
  assertEquals(entries.map(({ inputText }) => inputText).sort(), ["a", "b", "c"]);
  assertEquals(new Set(entries.map(({ user }) => user)), new Set(["bob"]));
});

test("what blocks have beside their text is recorded with them, as its citations and signatures", async (t) => {
  const { log, handler } = await setUp(t);
  const asked = { type: "text", text: "Hi", cache_control: { type: "ephemeral" } };
  const citations = [{ type: "url", url: "https://h.example/" }];
  const answer = new AIMessage({
    content: [
      { type: "thinking", thinking: "Hm.", signature: "s", index: 0 },
      { type: "text", text: "Hello!", citations, annotations: [], id: "m-1" },
    ],
  });
  await handler.handleChatModelStart({}, [[new HumanMessage({ content: [asked] })]], "r1");
  await handler.handleLLMEnd({ generations: [[{ text: "Hello!", message: answer }]] }, "r1");
  const { inputText, outputText } = await only(log);
  assertEquals(JSON.parse(inputText).messages[0].parts, [
    { cache_control: { type: "ephemeral" }, type: "text", content: "Hi" },
  ]);
  assertEquals(JSON.parse(outputText)[0].parts, [
    { signature: "s", type: "reasoning", content: "Hm." },
    { citations, type: "text", content: "Hello!" },
  ]);
});

// How the runs of LangChain end, where they belong, and what is never recorded of them.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { type AuditLog, withAuditContext } from "@audit-log/llm";
import { auditFetch, type CaptureOptions } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { InMemoryCache } from "@langchain/core/caches";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { CallbackManager, type Callbacks } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { ChatOpenAI, type ChatOpenAIFields } from "@langchain/openai";
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
import { allLines } from "../support/interaction.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { Gate } from "../support/providers/server.ts";
import { testUnless } from "../support/skip.ts";

async function setUp(t: TestContext, options: CaptureOptions = {}, fields: ChatOpenAIFields = {}) {
  const captured = await capturing(t);
  const handler = auditCallbacks(captured.log, options);
  const settings: ChatOpenAIFields = {
    model: "gpt-4o",
    apiKey: API_KEY,
    maxRetries: 0,
    configuration: { baseURL: `${captured.provider.url}/v1` },
    callbacks: [handler],
    ...fields,
  };
  return { ...captured, handler, settings, model: new ChatOpenAI(settings) };
}

test("a stream that is cut off is recorded as failed, with what came before", async (t) => {
  const { provider, log, model } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["Hel", "lo"], gate, cutAfter: 3 });
  const texts: unknown[] = [];
  for (let n = 0; n < 3; n++) gate.release();
  await assertRejects(async () => {
    for await (const { content } of await model.stream("Hi")) {
      texts.push(content);
      gate.release();
    }
  });
  assertEquals(await outcomes(log), [["failed", texts.join("")]]);
  assert(texts.join("").startsWith("Hel"));
});

test("an event of a stream that is no JSON fails the call, with what came before", async (t) => {
  const { provider, log, model } = await setUp(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], malformedAfter: 2, gate });
  await assertRejects(() => inStep(() => model.stream("Hi"), gate));
  const { outputText, metadata } = await only(log);
  assertEquals([metadata["audit.outcome"], metadata["error.type"], outputText], [
    "failed",
    "SyntaxError",
    "One",
  ]);
});

test("a stream that its signal stops is recorded as aborted, with what came before", async (t) => {
  const { provider, log, model } = await setUp(t);
  const gate = new Gate();
  const stop = new AbortController();
  provider.reply({ text: ["Hel", "lo", "!"], gate });
  gate.release();
  gate.release();
  await assertRejects(async () => {
    for await (const { content } of await model.stream("Hi", { signal: stop.signal })) {
      if (content === "Hel") stop.abort();
      gate.release();
    }
  });
  // LangChain lets its caller go before the run beneath has ended.
  while ((await log.query()).length === 0) await new Promise((resolve) => setTimeout(resolve));
  const [[outcome, text]] = await outcomes(log) as [[unknown, string]];
  assertEquals([outcome, "Hello!".startsWith(text)], ["aborted", true]);
});

test("of a stream that is told of by events, all that came is kept", async (t) => {
  const { provider, log, model } = await setUp(t);
  const toolCalls = [{ id: "c1", name: "double", arguments: ['{"n":', "4}"] }];
  provider.reply({ text: ["Hel", "lo"], toolCalls });
  const controller = new AbortController();
  const { signal } = controller;
  const leaving = BaseCallbackHandler.fromMethods({
    handleChatModelStreamEvent(event) {
      if (event.event !== "content-block-delta") return;
      if (event.delta.type === "tool-call-delta") controller.abort();
    },
  });
  Object.assign(leaving, { lc_prefer_chat_model_stream_events: true });
  await assertRejects(() => model.invoke("Hi", { callbacks: [leaving], signal }));
  const call = { type: "tool_call", id: "c1", name: "double", arguments: '{"n":' };
  const parts = [{ type: "text", content: "Hello" }, call];
  const entry = await only(log);
  assertEquals(JSON.parse(entry.outputText), [{ role: "assistant", parts }]);
  assertEquals(entry.metadata["audit.outcome"], "aborted");
});

test("of a stream that is told of by events, each kind of block grows in its way", async (t) => {
  const { log, handler } = await setUp(t);
  await handler.handleChatModelStart({}, [[new HumanMessage("Hi")]], "r1");
  const usage = { input_tokens: 11, output_tokens: 1 };
  const start = (index: number, content: object) => ({
    event: "content-block-start",
    index,
    content,
  });
  const delta = (index: number, delta: object) => ({ event: "content-block-delta", index, delta });
  const call = { type: "tool_call_chunk", id: "c1", name: "double", args: "" };
  for (
    const event of [
      { event: "message-start", id: "a-1", usage },
      start(0, { type: "reasoning", reasoning: "" }),
      delta(0, { type: "reasoning-delta", reasoning: "Twice" }),
      delta(0, { type: "reasoning-delta", reasoning: " four." }),
      delta(0, { type: "block-delta", fields: { type: "reasoning", signature: "s" } }),
      start(1, { type: "text", text: "" }),
      delta(1, { type: "text-delta", text: "It is" }),
      delta(1, { type: "of another version" }),
      { event: "content-block-finish", index: 1, content: { type: "text", text: "It is:" } },
      start(2, call),
      delta(2, { type: "block-delta", fields: { type: "tool_call_chunk", args: '{"n"' } }),
      delta(2, { type: "block-delta", fields: { type: "tool_call_chunk", args: '{"n":4}' } }),
      start(3, { type: "image", mimeType: "image/png", data: "" }),
      delta(3, { type: "data-delta", data: "aGVs" }),
      delta(3, { type: "data-delta", data: "bG8=" }),
      { event: "usage", usage: { ...usage, output_tokens: 5 } },
      { event: "provider", name: "ping" },
    ]
  ) handler.handleChatModelStreamEvent(event, "r1");
  await handler.handleLLMError(new TypeError("terminated"), "r1");
  const entry = await only(log);
  const [{ parts }] = JSON.parse(entry.outputText);
  assertEquals(parts.slice(0, 2), [
    { type: "reasoning", signature: "s", content: "Twice four." },
    { type: "text", content: "It is:" },
  ]);
  assertEquals([parts[2].type, parts[2].mime_type, parts[2].size], ["blob", "image/png", 5]);
  assertEquals(parts.slice(3), [
    { type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } },
  ]);
  assertEquals(entry.metadata["gen_ai.usage.output_tokens"], 5);
  assertEquals(entry.metadata["gen_ai.response.id"], "a-1");
});

test("of events that have some more of a block in place of a delta, all is kept", async (t) => {
  const { log, handler } = await setUp(t);
  await handler.handleChatModelStart({}, [[new HumanMessage("Hi")]], "r1");
  const more = (index: number, content: unknown) => ({
    event: "content-block-delta",
    index,
    content,
  });
  for (
    const event of [
      more(0, { type: "thinking", thinking: "Twice" }),
      more(0, { type: "reasoning", reasoning: " four." }),
      more(1, { type: "text", text: "It" }),
      more(1, { type: "text", text: " is" }),
      {
        event: "content-block-start",
        index: 2,
        content: { type: "image", mimeType: "image/png", data: "" },
      },
      more(2, { type: "image", mimeType: "image/png", data: "aGVs" }),
      more(2, { type: "image", mimeType: "image/png", data: "bG8=" }),
      more(3, { type: "tool_call_chunk", id: "c1", name: "double", args: '{"n"' }),
      more(3, { type: "tool_call_chunk", id: "c1", name: "double", args: '{"n":4}' }),
      more(4, null),
    ]
  ) handler.handleChatModelStreamEvent(event, "r1");
  await handler.handleLLMError(new TypeError("terminated"), "r1");
  const [{ parts }] = JSON.parse((await only(log)).outputText);
  assertEquals(parts.slice(0, 2), [
    { type: "reasoning", content: "Twice four." },
    { type: "text", content: "It is" },
  ]);
  assertEquals([parts[2].type, parts[2].mime_type, parts[2].size], ["blob", "image/png", 5]);
  assertEquals(parts.at(-1), {
    type: "tool_call",
    id: "c1",
    name: "double",
    arguments: { n: 4 },
  });
});

test("a call that is stopped with a reason of one's own is aborted all the same", async (t) => {
  const { log, handler } = await setUp(t);
  const stop = new AbortController();
  const model = new FakeListChatModel({
    responses: ["long answer"],
    callbacks: [handler],
    maxRetries: 0, // a reason that is no AbortError would be tried again
  });
  await assertRejects(async () => {
    for await (const _ of await model.stream("Hi", { signal: stop.signal })) {
      stop.abort(new RangeError("enough"));
    }
  });
  while ((await log.query()).length === 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals((await only(log)).metadata["audit.outcome"], "aborted");
});

testUnless(
  noCollector,
  "a stream that is left is recorded as aborted when it has become garbage",
  async (t) => {
    const { log, handler } = await setUp(t);
    await (async () => {
      const model = new FakeListChatModel({ responses: ["abcdef"], callbacks: [handler] });
      let count = 0;
      for await (const _ of await model.stream("Hi")) if (++count === 3) break;
    })();
    assertEquals([(await log.unfinished()).length, (await log.query()).length], [1, 0]);
    await collectUntil(async () => (await log.query()).length > 0);
    const entry = await only(log);
    assertEquals(entry.metadata["audit.outcome"], "aborted");
    assert("abcdef".startsWith(entry.outputText) && entry.outputText !== "", entry.outputText);
    assertEquals(await log.unfinished(), []);
  },
);

testUnless(
  noCollector,
  "a stream that is left is recorded as aborted also when its handler was made for the call",
  async (t) => {
    const { log } = await setUp(t);
    const leave = async (question: string): Promise<void> => {
      const model = new FakeListChatModel({ responses: ["abcdef"] });
      const stream = await model.stream(question, { callbacks: [auditCallbacks(log)] });
      let count = 0;
      for await (const _ of stream) if (++count === 2) break;
    };
    for (let n = 0; n < 10; n++) await leave(`Question ${n}`);
    await collectUntil(async () => (await log.query()).length === 10);
    for (const { outputText, metadata } of await log.query()) {
      assertEquals(metadata["audit.outcome"], "aborted");
      assert("abcdef".startsWith(outputText) && outputText !== "", outputText);
    }
    assertEquals(await log.unfinished(), []);
  },
);

test("an abandoned run does not end those that go on", async (t) => {
  const { log, handler } = await setUp(t);
  const model = new FakeListChatModel({ responses: ["abc"], callbacks: [handler] });
  const stream = await model.stream("Hi");
  const reader = stream.getReader();
  await reader.read();
  if (noCollector === undefined) await collectUntil(() => Promise.resolve(true));
  while (!(await reader.read()).done);
  assertEquals(await outcomes(log), [["completed", "abc"]]);
});

test("all that belongs to one call of a chain is found by its outermost run", async (t) => {
  const { log, handler } = await setUp(t);
  const model = new FakeListChatModel({ responses: ["one", "two"] });
  const shout = tool(({ text }: { text: string }) => text.toUpperCase(), {
    name: "shout",
    schema: z.object({ text: z.string() }),
  });
  const chain = RunnableLambda.from(async (question: string, within) => {
    const { content } = await model.invoke(question, within);
    return await shout.invoke({ text: String(content) }, within);
  }).pipe(
    RunnableLambda.from(async (text: string, within) => (await model.invoke(text, within)).content),
  );
  const runId = crypto.randomUUID();
  const config = { callbacks: [handler], runId, tags: ["t"], runName: "whole" };
  assertEquals(await chain.invoke("Hi", config), "two");
  await model.invoke("Another", { callbacks: [handler] });
  const entries = await log.query({ metadata: { "langchain.root_run_id": runId } });
  assertEquals(entries.map(({ inputText, outputText }) => [inputText, outputText]), [
    ["Hi", "one"],
    ['{"text":"one"}', "ONE"],
    ["ONE", "two"],
  ]);
  for (const { metadata } of entries) {
    assert(metadata["langchain.parent_run_id"] !== runId);
    assertEquals(metadata["langchain.tags"], ["t"]);
  }
  const [last] = await log.query({ order: "desc", limit: 1 });
  const { run_id, root_run_id } = about(last!, "langchain.");
  assertEquals(root_run_id, run_id);
});

test("attempts of withRetry() are entries of their own, and counted", async (t) => {
  const { provider, log, handler, model } = await setUp(t, {}, { callbacks: [] });
  provider.reply({ status: 500 }, { text: "At last." });
  const retrying = model.withRetry({ stopAfterAttempt: 2, onFailedAttempt: () => {} });
  assertEquals((await retrying.invoke("Hi", { callbacks: [handler] })).content, "At last.");
  const entries = await log.query();
  const told = entries.map(({ metadata }): unknown[] => [
    metadata["audit.outcome"],
    metadata["attempt"],
  ]);
  assertEquals(told, [
    ["failed", 1],
    ["completed", 2],
  ]);
});

// Of retries around it, a model's own handler hears nothing; and a node of LangGraph's is tried again without a word.
test("an attempt that is not told to be one is not numbered", async (t) => {
  const { provider, log, model, handler } = await setUp(t);
  provider.reply({ status: 500 });
  const retrying = model.withRetry({ stopAfterAttempt: 2, onFailedAttempt: () => {} });
  await retrying.invoke("Hi");
  model.callbacks = [];
  const chain = RunnableLambda.from((text: string) => text).pipe(model);
  await chain.invoke("Hi", { callbacks: [handler] });
  const attempts = (await log.query()).map(({ metadata }): unknown => metadata["attempt"]);
  assertEquals(attempts, [undefined, undefined, undefined]);
});

test("attempts of a chain are those of the models and tools in it", async (t) => {
  const { provider, log, handler, model } = await setUp(t, {}, { callbacks: [] });
  const shout = tool(({ text }) => text.toUpperCase(), {
    name: "shout",
    schema: z.object({ text: z.string() }),
  });
  const chain = RunnableLambda.from((text: string) => ({ text })).pipe(shout).pipe(String).pipe(
    model,
  );
  provider.reply({ status: 500 }, { text: "At last." });
  const retrying = chain.withRetry({ stopAfterAttempt: 2, onFailedAttempt: () => {} });
  await RunnableLambda.from((text: string) => text).pipe(retrying).invoke("Hi", {
    callbacks: [handler],
  });
  const entries = await log.query();
  assertEquals(
    entries.map(({ model, metadata }) => [model, metadata["attempt"]]),
    [["shout", 1], ["gpt-4o", 1], ["shout", 2], ["gpt-4o", 2]],
  );
});

test("a model's own retries are one call to a handler, and an entry each by its fetch, with what LangChain drops", async (t) => {
  const { provider, log, settings } = await setUp(t);
  provider.reply({ status: 500 }, { refusal: "I will not." });
  const { configuration } = settings;
  const model = new ChatOpenAI({
    ...settings,
    maxRetries: 1,
    configuration: { ...configuration, fetch: auditFetch(log) },
  });
  assertEquals((await model.invoke("Hi")).content, "");
  const [failed, refused, told, ...none] = await log.query();
  assertEquals(none, []);
  assertEquals(told!.metadata["audit.outcome"], "completed");
  assert(typeof told!.metadata["langchain.run_id"] === "string");
  assertEquals([failed, refused].map((entry) => entry!.metadata["langchain.run_id"]), [
    undefined,
    undefined,
  ] as never);
  assertEquals(failed!.metadata["audit.outcome"], "failed");
  assertEquals(JSON.parse(refused!.outputText)[0].parts, [
    { type: "refusal", content: "I will not." },
  ]);
});

test("an answer out of a cache says so, and counts no tokens", async (t) => {
  const { provider, log, model } = await setUp(t, {}, { cache: new InMemoryCache() });
  provider.reply({ text: "Once." });
  await model.invoke("Hi");
  assertEquals((await model.invoke("Hi")).content, "Once.");
  const [asked, cached] = await log.query();
  assertEquals(provider.requests.length, 1);
  const marks: unknown[] = [asked, cached].map((entry) => entry!.metadata["langchain.cached"]);
  assertEquals(marks, [undefined, true]);
  assertEquals(cached!.outputText, "Once.");
  assertEquals(about(cached!, "gen_ai.usage."), {});
});

test("refusals, several choices and tool calls in pieces are recorded", async (t) => {
  const { provider, log, model, settings } = await setUp(t);
  provider.reply({ refusal: "I will not." });
  // Of chat completions, LangChain drops the refusal.
  await new ChatOpenAI({ ...settings, useResponsesApi: true }).invoke("Hi");
  provider.reply({ choices: [{ text: "One" }, { text: "Two" }] });
  const several = new ChatOpenAI({ ...settings, n: 2 });
  await several.generate([[new HumanMessage("Hi")]]);
  provider.reply({
    text: "Well: ",
    toolCalls: [
      { id: "c1", name: "double", arguments: ['{"n"', ":4}"] },
      { id: "c2", name: "double", arguments: ['{"n":', "5}"] },
    ],
  });
  await all(await model.stream("Twice four, twice five?"));
  const [refused, both, called] = (await log.query()).map(({ outputText }) => outputText);
  assertEquals(JSON.parse(refused!)[0].parts, [{ type: "refusal", content: "I will not." }]);
  assertEquals(
    JSON.parse(both!).map(({ parts }: { parts: { content: string }[] }) => parts[0]!.content),
    ["One", "Two"],
  );
  assertEquals(JSON.parse(called!)[0].parts, [
    { type: "text", content: "Well: " },
    { type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } },
    { type: "tool_call", id: "c2", name: "double", arguments: { n: 5 } },
  ]);
});

test("the bytes of images, audio and files are not recorded unless asked for", async (t) => {
  const data = btoa("the bytes of something");
  const message = new HumanMessage({
    content: [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      { type: "image", source_type: "base64", mime_type: "image/png", data },
      { type: "input_audio", input_audio: { data, format: "mp3" } },
      {
        type: "file",
        file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${data}` },
      },
      { type: "other", deep: [{ url: `data:image/png;base64,${data}` }] },
    ],
  });
  for (const inlineMedia of [false, true]) {
    const { log, handler } = await setUp(t, { inlineMedia });
    const model = new FakeListChatModel({ responses: ["It is."], callbacks: [handler] });
    await model.invoke([message]);
    const { inputText } = await only(log);
    assertEquals(inputText.includes(data), inlineMedia);
    const { parts } = JSON.parse(inputText).messages[0];
    assertEquals(
      parts.slice(1, 5).map(({ type, mime_type }: Record<string, string>) => [
        type,
        mime_type,
      ]),
      [
        ["blob", "image/png"],
        ["blob", "image/png"],
        ["blob", "audio/mp3"],
        ["blob", "application/pdf"],
      ],
    );
  }
});

test("what has the name of a credential is not recorded, wherever an application puts it", async (t) => {
  const { provider, log, model } = await setUp(t, {}, {
    modelKwargs: { extra: { "x-api-key": "hush-1", kept: 1 }, session_token: "hush-2" },
  });
  provider.reply({ text: "Hello!" });
  await model.invoke("Hi", { metadata: { apiKey: "hush-3", tenant: 7 } });
  const entry = await only(log);
  for (const line of await allLines(log)) assert(!line.includes("hush"), line);
  assertEquals(entry.metadata["langchain.metadata"], { tenant: 7 });
  assertEquals((entry.metadata["request.parameters"] as Record<string, unknown>)["extra"], {
    kept: 1,
  });
});

test("what is told of an answer beside its message is recorded, as LangGraph's streams have it", async (t) => {
  const { log, handler } = await setUp(t);
  await handler.handleChatModelStart({}, [[new HumanMessage("Hi")]], "r1");
  const generationInfo = { model_name: "gpt-4o-1", finish_reason: "stop", service_tier: "flex" };
  const message = new AIMessage({ id: "a-1", content: "Hello!" });
  await handler.handleLLMEnd(
    { generations: [[{ text: "Hello!", message, generationInfo }]] },
    "r1",
  );
  const entry = await only(log);
  const { finish_reasons, id, model } = about(entry, "gen_ai.response.");
  assertEquals([finish_reasons, id, model], [["stop"], "a-1", "gpt-4o-1"]);
  assertEquals(entry.metadata["openai.response.service_tier"], "flex");
});

test("what is told of an answer among what its message has besides is recorded, as of Anthropic's streams", async (t) => {
  const { log, handler } = await setUp(t);
  await handler.handleChatModelStart({}, [[new HumanMessage("Hi")]], "r1");
  const message = new AIMessage({
    content: "Hello!",
    additional_kwargs: { model: "claude-1", stop_reason: "end_turn", stop_sequence: null },
    response_metadata: { model_provider: "anthropic" },
  });
  await handler.handleLLMEnd({ generations: [[{ text: "Hello!", message }]] }, "r1");
  const { finish_reasons, model } = about(await only(log), "gen_ai.response.");
  assertEquals([finish_reasons, model], [["end_turn"], "claude-1"]);
});

/** A chat model whose answers cannot be read by whoever looks at all of them. */
class Unreadable extends BaseChatModel {
  _llmType(): string {
    return "unreadable";
  }
  _generate(): Promise<ChatResult> {
    const message = new AIMessage("Hello!");
    Object.defineProperty(message, "invalid_tool_calls", {
      get() {
        throw new RangeError("unreadable");
      },
    });
    return Promise.resolve({ generations: [{ text: "Hello!", message }] });
  }
}

test("a question that cannot be read is checked, and recorded as that, where calls go on", async (t) => {
  const { log } = await capturing(t);
  const unreadable = {
    get content(): string {
      throw new RangeError("unreadable");
    },
  };
  const [checked, told]: string[][] = [[], []];
  const lenient = auditCallbacks(log, {
    onAuditFailure: "continue",
    check: ({ operation }) => void checked!.push(operation),
    onError: (error, { phase }) => void told!.push(`${phase}: ${(error as Error).message}`),
  });
  const strict = auditCallbacks(log);
  await assertRejects(() => strict.handleChatModelStart({}, [[unreadable]], "r0"), RangeError);
  await lenient.handleChatModelStart({}, [[unreadable]], "r1");
  await lenient.handleLLMEnd({ generations: [[{ text: "Hello!" }]] }, "r1");
  const { inputText, outputText, model, metadata } = await only(log);
  assertEquals([inputText, outputText, model], ["", "Hello!", "unknown"]);
  assertEquals(metadata["request.unreadable"], true);
  assertEquals([checked, told], [["chat"], ["begin: unreadable"]]);
});

test("an answer that cannot be read is the caller's all the same", async (t) => {
  const told: unknown[] = [];
  const { log, handler } = await setUp(t, {
    onError: (error, { phase }) => told.push(error, phase),
  });
  const model = new Unreadable({ callbacks: [handler] });
  assertEquals((await model.invoke("Hi")).content, "Hello!");
  assertInstanceOf(told[0], RangeError);
  assertEquals(told[1], "end");
  assertEquals((await only(log)).metadata["audit.outcome"], "completed");
});

test("an answer is given when its end cannot be recorded, which is made good later", async (t) => {
  const told: unknown[] = [];
  const { log, store, handler } = await setUp(t, { onError: (_, { phase }) => told.push(phase) });
  const model = new FakeListChatModel({ responses: ["one", "two"], callbacks: [handler] });
  let text = "";
  for await (const { content } of await model.stream("Hi")) {
    text += content;
    store.full = true;
  }
  assertEquals([text, told], ["one", ["end"]]);
  store.full = false;
  await model.invoke("Hi");
  while ((await log.query()).length < 2) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(await log.unfinished(), []);
});

test("LangChain takes the handler in all the ways that it takes handlers", async (t) => {
  const { log, handler } = await setUp(t);
  const manager = new CallbackManager();
  manager.addHandler(BaseCallbackHandler.fromMethods(handler));
  const ways: Callbacks[] = [
    [handler],
    [BaseCallbackHandler.fromMethods(handler)],
    CallbackManager.fromHandlers(handler),
    manager,
  ];
  for (const callbacks of ways) {
    const model = new FakeListChatModel({ responses: ["one"] });
    await model.invoke("Hi", { callbacks });
    await all(await model.stream("Hi", { callbacks }));
  }
  // Given twice, it records once.
  await new FakeListChatModel({ responses: ["one"], callbacks: [handler] })
    .invoke("Hi", { callbacks: [handler] });
  assertEquals((await log.query()).length, 2 * ways.length + 1);
});

test("requests and answers are the same with a handler and without", async (t) => {
  const { provider, log, model, settings } = await setUp(t);
  const plain = new ChatOpenAI({ ...settings, callbacks: [] });
  const schema = z.object({ answer: z.string() });
  const answers: unknown[] = [];
  for (const each of [plain, model]) {
    provider.reply({ text: '{"answer":"42"}' });
    answers.push(
      await each.withStructuredOutput(schema, { method: "jsonSchema", name: "a" }).invoke("Hi"),
    );
  }
  assertEquals(answers, [{ answer: "42" }, { answer: "42" }]);
  assertSameRequest(provider.requests as never);
  assertEquals((await log.query()).length, 1);
});

test("context reaches streams and calls at the same time; begin: false writes one entry a call", async (t) => {
  const { log, handler } = await setUp(t, { begin: false });
  const ask = (user: string) =>
    withAuditContext({ user, metadata: { of: user } }, async () => {
      const model = new FakeListChatModel({ responses: [user], callbacks: [handler] });
      return (await all(await model.stream(user))).length;
    });
  await Promise.all(["alice", "bob", "carol"].map(ask));
  assertEquals(await seen(log), [["alice", "alice"], ["bob", "bob"], ["carol", "carol"]]);
  assertEquals(log.size, 3);
});

async function seen(log: AuditLog): Promise<unknown[]> {
  const entries = await log.query();
  for (const { user, metadata } of entries) assertEquals(metadata["of"], user);
  return entries.map(({ user, outputText }) => [user, outputText]).sort();
}

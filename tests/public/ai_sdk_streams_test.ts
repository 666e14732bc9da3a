// How calls of the AI SDK's models end otherwise than by an answer, and what is recorded of them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { auditEmbeddingMiddleware } from "@audit-log/llm/ai-sdk";
import type { CaptureOptions } from "@audit-log/llm/fetch";
import { embedMany, generateText, streamText, wrapEmbeddingModel } from "ai";
import { test } from "node:test";
import {
  FINISH,
  type Models,
  type ModelToWrap,
  sayingModel,
  setUpModels,
  type StreamPart,
} from "../support/ai_sdk_models.ts";
import { about, all, only, outcomes } from "../support/captured.ts";
import { Gate } from "../support/providers/server.ts";

const onError = () => {};
const prompt = "Hi";
const asked = [{ role: "user" as const, content: [{ type: "text" as const, text: prompt }] }];
const AGAIN = { status: 429, headers: { "retry-after-ms": "1" } };

/** Events before the first text of a chat completion: the role's. */
const FIRST_TEXT = 2;

test("attempts of a stream are numbered as those of a plain answer", async (t) => {
  const { provider, log, chat, claude } = await setUpModels(t);
  for (const model of [chat, claude]) {
    provider.reply(AGAIN, AGAIN, { text: "At last." }, { text: "Again." });
    assertEquals((await all(streamText({ model, prompt }).textStream)).join(""), "At last.");
    // Asked anew, not once more.
    assertEquals((await all(streamText({ model, prompt }).textStream)).join(""), "Again.");
  }
  const attempts = (await log.query()).map(({ metadata }) => metadata["attempt"]);
  assertEquals(attempts, [1, 2, 3, 1, 1, 2, 3, 1]);
});

test("of the same request twice at a time, the attempts of each are counted", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  provider.reply(AGAIN, AGAIN, { text: "Yes." }, { text: "Yes." });
  await Promise.all([generateText({ model: chat, prompt }), generateText({ model: chat, prompt })]);
  const attempts = (await log.query()).map(({ metadata }) => metadata["attempt"] as number);
  assertEquals(attempts.sort(), [1, 1, 2, 2]);
});

test("what no further attempt is made at does not count", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  provider.reply({ status: 400 }, { text: "Yes." });
  await assertRejects(() => generateText({ model: chat, prompt }));
  await generateText({ model: chat, prompt });
  assertEquals((await log.query()).map(({ metadata }) => metadata["attempt"]), [1, 1]);
});

test("a stream that is asked for again after an error in its middle is two calls", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  provider.reply({ text: ["One", " two"], streamErrorAfter: FIRST_TEXT }, { text: "Whole." });
  let errors = 0;
  const { textStream } = streamText({
    model: chat,
    prompt,
    streamRetries: 1,
    onError: () => void errors++,
  });
  assertEquals((await all(textStream)).join(""), "OneWhole.");
  assertEquals(errors, 1);
  assertEquals(await outcomes(log), [["failed", "One"], ["completed", "Whole."]]);
  assertEquals((await log.query()).map(({ metadata }) => metadata["attempt"]), [1, 2]);
});

test("a chunk that is no JSON makes a failure, with what came before it and behind", async (t) => {
  const { provider, log, chat, responses, claude } = await setUpModels(t);
  const streams = [[chat, FIRST_TEXT], [responses, 5], [claude, 4]] as const;
  for (const [model, malformedAfter] of streams) {
    provider.reply({ text: ["One", " two"], malformedAfter });
    const texts = await all(streamText({ model, prompt, onError }).textStream);
    assertEquals(texts.join(""), "One two");
  }
  assertEquals(await outcomes(log), [
    ["failed", "One two"],
    ["failed", "One two"],
    ["failed", "One two"],
  ]);
  for (const { metadata } of await log.query()) {
    assertEquals(metadata["error.type"], "AI_JSONParseError");
    assertEquals(metadata["gen_ai.usage.output_tokens"], 7);
  }
});

test("an error that a stream tells of is of the type that its provider says", async (t) => {
  const { provider, log, chat, responses, claude } = await setUpModels(t);
  const streams = [[chat, FIRST_TEXT], [responses, 5], [claude, 4]] as const;
  for (const [model, streamErrorAfter] of streams) {
    provider.reply({ text: ["One", " two"], streamErrorAfter });
    await all(streamText({ model, prompt, onError }).textStream);
  }
  assertEquals((await log.query()).map(({ metadata }) => metadata["error.type"]), [
    "server_error",
    "server_error",
    "overloaded_error",
  ]);
});

for (
  const [name, events, plainOf] of [
    ["chat", FIRST_TEXT, ({ openai }) => openai.chat("gpt-4o")],
    ["responses", 5, ({ openai }) => openai.responses("gpt-5")],
    ["claude", 4, ({ anthropic }) => anthropic("claude-x")],
  ] as [
    name: "chat" | "responses" | "claude",
    events: number,
    plainOf: (models: Models) => ModelToWrap,
  ][]
) {
  test(`${name}: a connection that is cut makes a failure, and the error goes on as without the wrapper`, async (t) => {
    const models = await setUpModels(t);
    const { provider, log } = models;
    const thrown: { name: string; message: string }[] = [];
    for (const model of [plainOf(models), models[name]]) {
      const gate = new Gate();
      for (let n = 0; n < events; n++) gate.release();
      provider.reply({ text: ["One", " two"], cutAfter: events + 1, gate });
      const { stream } = await model.doStream({ prompt: asked });
      const { name, message } = await assertRejects(async () => {
        for await (const part of stream) {
          // Only when it is read comes the next, or the cut: Bun throws away what was not.
          if (part.type === "text-delta" && part.delta !== "") gate.release();
        }
      }, Error);
      thrown.push({ name, message });
    }
    assertEquals(thrown[1], thrown[0]!);
    const { outputText, metadata } = await only(log);
    assertEquals([metadata["audit.outcome"], outputText], ["failed", "One two"]);
    assert(metadata["gen_ai.usage.output_tokens"] === undefined);
  });
}

test("usage that a provider does not tell is not known, nor is its cost, plain, by stream and of embeddings", async (t) => {
  const cost: CaptureOptions["cost"] = ({ inputTokens }) => inputTokens ?? null;
  const { provider, log, openai, chat, responses } = await setUpModels(t, { cost });
  for (const model of [chat, responses]) {
    provider.reply({ text: "Hello!", usage: null }, { text: ["Hel", "lo!"], usage: null });
    await generateText({ model, prompt });
    await all(streamText({ model, prompt }).textStream);
  }
  provider.reply({ usage: null });
  const model = openai.embedding("text-embedding-3-small");
  const middleware = auditEmbeddingMiddleware(log, { cost });
  await embedMany({ model: wrapEmbeddingModel({ model, middleware }), values: ["one", "two"] });
  assertEquals(
    (await log.query()).map((entry) => [
      entry.metadata["audit.outcome"],
      about(entry, "gen_ai.usage."),
      entry.costUsd,
    ]),
    Array(5).fill(["completed", {}, null]),
  );
});

test("what a caller aborts is recorded as aborted, whatever reason it gives", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  const reason = new Error("The user has left.");
  const whole = new AbortController();
  provider.reply({ text: "Too late.", gate: new Gate() });
  const answer = generateText({ model: chat, prompt, abortSignal: whole.signal });
  while (provider.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  whole.abort(reason);
  assertEquals(await assertRejects(() => answer), reason);

  // Read without streamText(), which cancels on its own.
  const [stream, gate] = [new AbortController(), new Gate()];
  for (let n = 0; n < FIRST_TEXT; n++) gate.release();
  provider.reply({ text: ["One", " two"], gate });
  const { stream: parts } = await chat.doStream({ prompt: asked, abortSignal: stream.signal });
  await assertRejects(async () => {
    for await (const part of parts) {
      if (part.type === "text-delta" && part.delta !== "") stream.abort(reason);
    }
  });
  assertEquals(await outcomes(log), [["aborted", ""], ["aborted", "One"]]);
  assertEquals((await log.query()).map(({ metadata }) => metadata["error.type"]), [
    "Error",
    "Error",
  ]);
});

test("onAbort is told, and what came is recorded; a timeout is told by its name", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  const [controller, gate] = [new AbortController(), new Gate()];
  for (let n = 0; n < FIRST_TEXT; n++) gate.release();
  provider.reply({ text: ["One", " two"], gate });
  let aborted = 0;
  const { textStream } = streamText({
    model: chat,
    prompt,
    abortSignal: controller.signal,
    onAbort: () => void aborted++,
  });
  for await (const _ of textStream) controller.abort();
  assertEquals(aborted, 1);
  while (await log.count() < 1) await new Promise((resolve) => setImmediate(resolve));

  provider.reply({ text: "Too late.", gate: new Gate() });
  await assertRejects(() => generateText({ model: chat, prompt, timeout: 20 }));
  assertEquals(await outcomes(log), [["aborted", "One"], ["aborted", ""]]);
  const entries = await log.query();
  assertEquals(entries[1]!.metadata["error.type"], "TimeoutError");
});

test("whoever leaves a stream ends the connection, and what came is recorded", async (t) => {
  const { provider, log, chat } = await setUpModels(t);
  const gate = new Gate();
  for (let n = 0; n < FIRST_TEXT; n++) gate.release();
  provider.reply({ text: ["One", " two"], gate });
  const { stream } = await chat.doStream({ prompt: asked });
  for await (const part of stream) if (part.type === "text-delta" && part.delta !== "") break;
  await provider.aborted();
  assertEquals(await outcomes(log), [["aborted", "One"]]);
});

test("nothing is asked ahead of a stream's reader, who knows its end when that is recorded", async (t) => {
  const { log, store, audited } = await setUpModels(t);
  const parts: StreamPart[] = [
    { type: "text-start", id: "0" },
    { type: "text-delta", id: "0", delta: "One" },
    { type: "finish", ...FINISH },
  ];
  let pulled = 0;
  const model = audited({
    ...sayingModel({}),
    doStream: () => {
      const stream = new ReadableStream<StreamPart>({
        pull(controller) {
          const part = parts[pulled++];
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
      }, { highWaterMark: 0 });
      return Promise.resolve({ stream });
    },
  });
  const { stream } = await model.doStream({ prompt: asked });
  const reader = stream.getReader();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  assertEquals(pulled, 0);
  for (let n = 1; n < parts.length; n++) {
    assertEquals((await reader.read()).value, parts[n - 1]);
    await turn();
    assertEquals(pulled, n);
  }

  const append = store.append.bind(store);
  let write = () => {};
  const held = new Promise<void>((resolve) => write = resolve);
  store.append = async (records) => {
    await held;
    return await append(records);
  };
  let knows = false;
  const end = reader.read().finally(() => knows = true);
  await turn();
  const before = [knows, await log.count()];
  write();
  assertEquals(before, [false, 0]);
  assertEquals((await end).value, parts.at(-1));
  assertEquals(await outcomes(log), [["completed", "One"]]);
  assertEquals((await reader.read()).done, true);
});

test("a stream that nobody reads stays unfinished, and one that is read twice is one call", async (t) => {
  const { log, chat } = await setUpModels(t);
  const { stream } = await chat.doStream({ prompt: asked });
  assertEquals([await log.count(), (await log.unfinished()).length], [0, 1]);
  const [one, other] = stream.tee();
  const [mine, theirs] = await Promise.all([all(one), all(other)]);
  assertEquals(mine, theirs);
  assertEquals(await outcomes(log), [["completed", "Hello!"]]);
});

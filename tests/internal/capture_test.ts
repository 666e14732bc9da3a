// What all wrappers have in common: who asked, what it cost, and what happens when the log does not work.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AuditLog, type AuditLogError, type Usage, withAuditContext } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { Capture, type CapturedRequest } from "../../capture/shared/capture.ts";
import type { CaptureFailure, CaptureOptions } from "../../capture/shared/capture_options.ts";
import { textMessage } from "../../capture/shared/messages.ts";
import { Unrecorded } from "../../capture/shared/unrecorded.ts";
import { FullStore } from "../support/captured.ts";
import { checkRefusal } from "../support/refused.ts";
import { atEnd } from "../support/temp.ts";

const REQUEST: CapturedRequest = {
  provider: "openai",
  operation: "chat",
  model: "gpt-4o",
  input: { messages: [textMessage("user", "Hi")] },
  metadata: { "gen_ai.request.temperature": 0.5, "gen_ai.request.seed": undefined },
  parameters: { logprobs: true, nothing: undefined },
};
const RESPONSE = {
  output: [textMessage("assistant", "Hello!")],
  id: "r-1",
  model: "gpt-4o-2024",
  finishReasons: ["stop"],
  usage: { inputTokens: 3, outputTokens: 2 },
};

async function setUp(
  t: TestContext,
  options: CaptureOptions = {},
  open: { maxRecordBytes?: number } = {},
) {
  const store = new FullStore();
  const log = await AuditLog.open({ backend: store, ...open });
  atEnd(t, () => log.close());
  const told: [code: unknown, failure: CaptureFailure][] = [];
  const capture = new Capture(log, {
    onError: (error, failure) => told.push([(error as AuditLogError).code ?? error, failure]),
    ...options,
  });
  return { store, log, told, capture };
}

test("a call is recorded with what the conventions say of request and response", async (t) => {
  const { log, capture } = await setUp(t, { user: "alice", metadata: { tenant: 7 } });
  const call = await capture.begin(REQUEST);
  call.firstOutput();
  await call.complete(RESPONSE);
  await call.fail(new Error("what comes later is ignored"));
  const [entry] = await log.query();
  const { latencyMs, metadata, user, model, inputText, outputText } = entry!;
  assertEquals([user, model, inputText, outputText], ["alice", "gpt-4o", "Hi", "Hello!"]);
  assert(latencyMs! >= 0);
  const { "gen_ai.response.time_to_first_chunk": first, ...others } = metadata;
  assert(typeof first === "number" && first * 1000 <= latencyMs!);
  assertEquals(others, {
    "audit.call": call.callId,
    "audit.event": "call.end",
    "audit.input.format": "text",
    "audit.outcome": "completed",
    "audit.output.format": "text",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.id": "r-1",
    "gen_ai.response.model": "gpt-4o-2024",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 2,
    "request.parameters": { logprobs: true },
    tenant: 7,
  });
  assertEquals(await log.count({ events: "all" }), 2);
});

test("by default no call is made that cannot be recorded", async (t) => {
  const { store, log, capture, told } = await setUp(t);
  store.full = true;
  checkRefusal(await assertRejects(() => capture.begin(REQUEST)), "WRITE_FAILED");
  assertEquals([log.size, told], [0, []]);
});

test('with onAuditFailure: "continue" the call is made, somebody is told, and its end is recorded', async (t) => {
  const { store, log, capture, told } = await setUp(t, { onAuditFailure: "continue" });
  store.full = true;
  const call = await capture.begin(REQUEST);
  store.full = false;
  await call.complete(RESPONSE);
  assertEquals(told.map(([code, { phase, model }]) => [code, phase, model]), [
    ["WRITE_FAILED", "begin", "gpt-4o"],
  ]);
  assertEquals((await log.query()).map(({ outputText }) => outputText), ["Hello!"]);
  assertEquals(await log.count({ events: "all" }), 1);
});

test("an end that cannot be written is told, kept, and written when the log works again", async (t) => {
  const { store, log, capture, told } = await setUp(t);
  const [first, second] = [await capture.begin(REQUEST), await capture.begin(REQUEST)];
  store.full = true;
  await first.complete(RESPONSE);
  await second.abort({ output: "Hel" });
  assertEquals(await log.count(), 0);
  assertEquals(
    told.map(([code, { phase, callId, willRetry }]) => [code, phase, callId, willRetry]),
    [first, second].map(({ callId }) => ["WRITE_FAILED", "end", callId, true]),
  );
  store.full = false;
  const third = await capture.begin(REQUEST); // the log works
  await Unrecorded.of(log).retry();
  await third.complete(RESPONSE);
  const entries = await log.query({ events: "all" });
  assertEquals(
    entries.filter(({ metadata }) => metadata["audit.event"] === "call.end")
      .map(({ metadata }) => metadata["audit.outcome"]),
    ["completed", "aborted", "completed"],
  );
  assertEquals(entries.some(({ metadata }) => metadata["audit.event"] === "gap"), false);
  assertEquals(await log.unfinished(), []);
});

test("what is lost for good is told by a gap entry, once the log works", async (t) => {
  const { store, log, capture, told } = await setUp(t, {}, { maxRecordBytes: 2000 });
  const [large, waiting] = [await capture.begin(REQUEST), await capture.begin(REQUEST)];
  store.full = true;
  await waiting.complete(RESPONSE);
  await large.complete({ ...RESPONSE, output: "long ".repeat(1000) });
  assertEquals(told.map(([code, { willRetry }]) => [code, willRetry]), [
    ["WRITE_FAILED", true],
    ["ENTRY_TOO_LARGE", false],
  ]);
  store.full = false;
  await (await capture.begin(REQUEST)).complete(RESPONSE);
  await Unrecorded.of(log).retry();
  const all = await log.query({ events: "all" });
  const gaps = all.filter(({ metadata }) => metadata["audit.event"] === "gap");
  assertEquals(gaps.map(({ metadata }) => metadata["audit.gap"]), [
    { calls: [large.callId], lost: 1, reasons: { ENTRY_TOO_LARGE: 1 } },
  ]);
  assertEquals(await log.count(), 2);
  assertEquals((await log.unfinished()).map(({ callId }) => callId), [large.callId]);
});

test("ends beyond what is kept are lost, and counted", async (t) => {
  const { store, log, capture } = await setUp(t, { begin: false });
  store.full = true;
  for (let n = 0; n < 1005; n++) await (await capture.begin(REQUEST)).complete(RESPONSE);
  store.full = false;
  await Unrecorded.of(log).retry();
  assertEquals(await log.count(), 1000);
  const [gap] = await log.query({ events: "all", order: "desc", limit: 1 });
  const { lost, calls, reasons } = gap!.metadata["audit.gap"] as Record<string, unknown>;
  assertEquals([lost, (calls as string[]).length, reasons], [5, 5, { WRITE_FAILED: 5 }]);
});

test("the cost is asked for once a call, in the context that the call was made in", async (t) => {
  const asked: [Usage, string, string | undefined][] = [];
  const { log, capture } = await setUp(t, {
    cost: (...call) => {
      asked.push(call);
      return 0.25;
    },
  });
  const call = await withAuditContext(
    { user: "alice", metadata: { r: 1 } },
    () => capture.begin(REQUEST),
  );
  await withAuditContext({ user: "bob" }, () => call.complete(RESPONSE));
  await (await capture.begin(REQUEST)).fail(new Error("x"));
  assertEquals(asked, [
    [{ inputTokens: 3, outputTokens: 2 }, "gpt-4o-2024", "openai"],
    [{}, "gpt-4o", "openai"],
  ]);
  const [entry] = await log.query();
  assertEquals([entry!.costUsd, entry!.user, entry!.metadata["r"]], [0.25, "alice", 1]);
});

test("a cost that fails or is none is told, and leaves the cost unknown", async (t) => {
  for (
    const cost of [
      () => {
        throw new Error("no prices");
      },
      () => NaN,
      () => -1,
      () => "1" as never,
    ]
  ) {
    const { log, capture, told } = await setUp(t, { cost });
    await (await capture.begin(REQUEST)).complete(RESPONSE);
    assertEquals((await log.query())[0]!.costUsd, null);
    assertEquals(told.map(([, { phase }]) => phase), ["option"]);
  }
});

test("what providers send that is no count is left out of the usage", async (t) => {
  const { log, capture } = await setUp(t);
  const usage = { inputTokens: NaN, outputTokens: null, reasoningTokens: -1, cacheReadTokens: 0 };
  await (await capture.begin(REQUEST)).complete({ ...RESPONSE, usage: usage as never });
  const keys = Object.keys((await log.query())[0]!.metadata).filter((key) => key.includes("usage"));
  assertEquals(keys, ["gen_ai.usage.cache_read.input_tokens"]);
});

test("models that could be no model of an entry do not keep the call from being recorded", async (t) => {
  const { log, capture } = await setUp(t);
  for (const model of ["", "a\nb", "x".repeat(300), undefined as never, "\ud800"]) {
    await (await capture.begin({ ...REQUEST, model })).complete(RESPONSE);
  }
  const models = (await log.query()).map(({ model }) => model);
  assertEquals(models, ["unknown", "a b", "x".repeat(256), "unknown", "\ufffd"]);
});

test("what onError throws does not matter", async (t) => {
  const { store, capture } = await setUp(t, {
    onError: () => {
      throw new Error("mine");
    },
  });
  const call = await capture.begin(REQUEST);
  store.full = true;
  await call.complete(RESPONSE);
  store.full = false;
});

test("options that are none are refused at once", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const wrong: [string, object][] = [
    ["usr", { usr: "x" }],
    ["user", { user: 1 }],
    ["begin", { begin: "no" }],
    ["onAuditFailure", { onAuditFailure: "ignore" }],
    ["onError", { onError: "log" }],
    ["cost", { cost: 1 }],
    ["metadata", { metadata: "x" }],
  ];
  for (const [path, options] of wrong) {
    const error = await assertRejects(async () => {
      await Promise.resolve();
      new Capture(log, options);
    });
    checkRefusal(error, "INVALID_OPTION", path);
  }
});

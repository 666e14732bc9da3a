// What all wrappers have in common: who asked, what it cost, and what happens when the log does not work.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { AuditLog, withAuditContext } from "@audit-log/llm";
import { test } from "node:test";
import { CostTracker } from "../../capture/cost.ts";
import { Capture } from "../../capture/shared/capture.ts";
import { REQUEST, RESPONSE, setUp } from "../support/capture_set_up.ts";
import { checkRefusal } from "../support/refused.ts";
import { atEnd } from "../support/temp.ts";

const MINE = new Error("no such session");

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

test("with begin: false no call is made either when the log can record nothing any more", async (t) => {
  const { log, capture } = await setUp(t, { begin: false });
  await log.close();
  checkRefusal(await assertRejects(() => capture.begin(REQUEST)), "LOG_CLOSED");
});

test('with onAuditFailure: "continue" a call is made although the log was closed, and somebody is told', async (t) => {
  for (const begin of [true, false]) {
    const { log, capture, told } = await setUp(t, { begin, onAuditFailure: "continue" });
    await log.close();
    const call = await capture.begin(REQUEST);
    await call.complete(RESPONSE);
    assertEquals(
      told.map(([code, { phase, callId, willRetry }]) => [code, phase, callId, willRetry]),
      [
        ["LOG_CLOSED", "begin", undefined, false],
        ["LOG_CLOSED", "end", call.callId, false],
      ],
    );
  }
});

test('with onAuditFailure: "continue" a call is made although nobody can read what it asks, and somebody is told', async (t) => {
  const part: Record<string, unknown> = { type: "x" };
  part["itself"] = part;
  const unreadable = {
    ...REQUEST,
    input: { messages: [{ role: "user", parts: [part as never] }] },
  };
  const strict = await setUp(t);
  await assertRejects(() => strict.capture.begin(unreadable));
  const { log, capture, told } = await setUp(t, { onAuditFailure: "continue" });
  await (await capture.begin(unreadable)).complete(RESPONSE);
  assertEquals(told.map(([, { phase }]) => phase), ["begin", "end"]);
  assertEquals([strict.log.size, await log.count()], [0, 0]);
});

test("the cost is asked for once a call, in the context that the call was made in", async (t) => {
  const asked: unknown[][] = [];
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
  const [entry, failed] = await log.query();
  assertEquals(asked, [
    [{ inputTokens: 3, outputTokens: 2 }, "gpt-4o-2024", "openai", entry!.latencyMs],
    [{}, "gpt-4o", "openai", failed!.latencyMs],
  ]);
  assertEquals([entry!.costUsd, entry!.user, entry!.metadata["r"]], [0.25, "alice", 1]);
});

test("a tracker knows how long the calls of a wrapper took", async (t) => {
  const tracker = new CostTracker({ cost: () => 1 });
  const { log, capture } = await setUp(t, { cost: tracker.cost });
  await (await capture.begin(REQUEST)).complete({ ...RESPONSE, latencyMs: 250 });
  await (await capture.begin(REQUEST)).fail(new Error("x"));
  const [, failed] = await log.query();
  assert(failed!.latencyMs! > 0);
  assertEquals(tracker.total().latencyMs, 250 + failed!.latencyMs!);
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

test("what an onError, a user or a cost gives that is a promise, and rejects, ends no process", async (t) => {
  const rejects = (() => Promise.reject(new Error("mine"))) as never;
  for (const onAuditFailure of ["refuse", "continue"] as const) {
    const { store, capture } = await setUp(t, { onError: rejects, cost: rejects, onAuditFailure });
    const call = await capture.begin(REQUEST);
    store.full = true;
    await call.complete(RESPONSE);
    store.full = false;
    for (const option of ["user", "metadata"] as const) {
      const other = await setUp(t, { [option]: rejects, onAuditFailure });
      await other.capture.begin(REQUEST).catch(() => {});
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled one would be told now
});

for (const option of ["user", "metadata"] as const) {
  const failing: [string, () => unknown, cause?: unknown][] = [
    ["throws", () => {
      throw MINE;
    }, MINE],
    ["gives a promise", () => Promise.resolve(option === "user" ? "alice" : {})],
  ];
  for (const [what, value, cause] of failing) {
    test(`a function ${option} that ${what} makes no call, or one without, and says where`, async (t) => {
      const refusing = await setUp(t, { [option]: value });
      const error = checkRefusal(
        await assertRejects(() => refusing.capture.begin(REQUEST)),
        "INVALID_ENTRY",
        option,
      );
      assertStrictEquals(error.cause, cause);
      assertStringIncludes(error.message, option);
      const errors: unknown[] = [];
      const { log, capture } = await setUp(t, {
        [option]: value,
        onAuditFailure: "continue",
        onError: (error, { phase }) => errors.push(phase, error),
      });
      await (await capture.begin(REQUEST)).complete(RESPONSE);
      assertEquals([errors[0], errors.length], ["option", 2]);
      assertStrictEquals(checkRefusal(errors[1], "INVALID_ENTRY", option).cause, cause);
      assertEquals((await log.query()).map(({ user }) => user), ["anonymous"]);
    });
  }
}

test("a cost that throws, or gives a promise, is told with where, and its error beneath", async (t) => {
  for (const isThrown of [true, false]) {
    const cost = () => {
      if (isThrown) throw MINE;
      return Promise.resolve(1) as never;
    };
    const errors: unknown[] = [];
    const { capture } = await setUp(t, { cost, onError: (error) => errors.push(error) });
    await (await capture.begin(REQUEST)).complete(RESPONSE);
    const error = checkRefusal(errors[0], "INVALID_ENTRY", "cost");
    assertStrictEquals(error.cause, isThrown ? MINE : undefined);
  }
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
  const misspelt = assertThrows(() => new Capture(log, { on_error: () => {} } as object));
  assertStringIncludes(checkRefusal(misspelt, "INVALID_OPTION").message, "did you mean onError?");
});

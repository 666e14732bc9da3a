// What of captured calls cannot be recorded when it should be.

import { assertEquals } from "@std/assert";
import {
  type AuditEntry,
  AuditLog,
  AuditLogError,
  type RedactableEntry,
  SqliteError,
  withAuditContext,
} from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { asyncStorage } from "../../adapters/async_storage.ts";
import { Capture } from "../../capture/shared/capture.ts";
import type { CapturedCall } from "../../capture/shared/captured_call.ts";
import { Unrecorded } from "../../capture/shared/unrecorded.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { REQUEST, RESPONSE, setUp } from "../support/capture_set_up.ts";
import { FullStore } from "../support/captured.ts";
import { FailingRuntime } from "../support/failing_runtime.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

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

test("what a redactor that fails keeps from being recorded is told by a gap entry", async (t) => {
  let fails = false;
  const { log, told, capture } = await setUp(t, {}, {
    redact: (entry) => {
      if (fails) throw new Error("it failed");
      return entry;
    },
  });
  const call = await capture.begin(REQUEST);
  fails = true;
  await call.complete(RESPONSE);
  await Unrecorded.of(log).retry();
  assertEquals(told.map(([code, { willRetry }]) => [code, willRetry]), [
    ["REDACTION_FAILED", false],
  ]);
  const gaps = gapsIn(await log.query({ events: "all" }));
  assertEquals(gaps.map(({ metadata }) => metadata["audit.gap"]), [
    { calls: [call.callId], lost: 1, reasons: { REDACTION_FAILED: 1 } },
  ]);
});

test("a redactor that never answers keeps neither the answer from the caller nor the log open", async (t) => {
  let answers = true;
  const { store, log, told, capture } = await setUp(t, {}, {
    redactionTimeoutMs: 1,
    redact: (entry) => answers ? entry : new Promise(() => {}),
  });
  const [first, second] = [await capture.begin(REQUEST), await capture.begin(REQUEST)];
  answers = false;
  const ending = first.complete(RESPONSE);
  const closing = log.close(); // keeps the process, which the redactor's time does not
  await ending;
  await closing;
  await second.complete(RESPONSE);
  assertEquals(told.map(([code, { willRetry }]) => [code, willRetry]), [
    ["REDACTION_FAILED", false],
    ["LOG_CLOSED", false],
  ]);
  const gaps = gapsIn(await written(store)).map(({ metadata }) => metadata["audit.gap"]);
  assertEquals(gaps, [
    { calls: [first.callId], lost: 1, reasons: { REDACTION_FAILED: 1 } },
  ]);
});

test("an answer that cannot be written as a text is told, and lost, and nothing is thrown", async (t) => {
  const { log, capture, told } = await setUp(t);
  const call = await capture.begin(REQUEST);
  const part: Record<string, unknown> = { type: "x" };
  part["itself"] = part;
  await call.complete({ output: [{ role: "assistant", parts: [part as never] }] });
  assertEquals(told.map(([, { phase, willRetry }]) => [phase, willRetry]), [["end", false]]);
  await Unrecorded.of(log).retry();
  const [gap] = await log.query({ events: "all", order: "desc", limit: 1 });
  assertEquals((gap!.metadata["audit.gap"] as { calls: string[] }).calls, [call.callId]);
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

/** What a log that was closed has. */
async function written(store: FullStore): Promise<AuditEntry[]> {
  const again = await AuditLog.open({ backend: store });
  return await again.query({ events: "all" });
}

const gapsIn = (entries: readonly AuditEntry[]) =>
  entries.filter(({ metadata }) => metadata["audit.event"] === "gap");

test("closing the log tries once more what waits, in order", async (t) => {
  const { store, log, told, capture } = await setUp(t, { begin: false });
  store.full = true;
  for (const output of ["0", "1", "2"]) {
    await (await capture.begin(REQUEST)).complete({ ...RESPONSE, output });
  }
  store.full = false;
  await log.close();
  assertEquals((await written(store)).map(({ outputText }) => outputText), ["0", "1", "2"]);
  assertEquals(told.map(([, { willRetry }]) => willRetry), [true, true, true]);
});

const FULL = {
  sqlite: {
    isWrite: (what: string, about: string) => what === "sqlite.run" && about.includes("INSERT"),
    error: new SqliteError(13, "database or disk is full", undefined),
  },
  jsonl: {
    isWrite: (what: string) => what === "file.append",
    error: Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }),
  },
};
for (const backend of FILE_BACKENDS) {
  test(`${backend}: closing the log writes what the disk had no room for`, async (t) => {
    const path = join(tempFolder(t), "log");
    const failing = new FailingRuntime(await currentRuntime());
    const log = await AuditLog.open({ backend, path, runtime: failing.runtime });
    atEnd(t, () => failing.end());
    const told: unknown[] = [];
    const capture = new Capture(log, {
      onError: (error, { willRetry }) => told.push([(error as AuditLogError).code, willRetry]),
    });
    const call = await capture.begin(REQUEST);
    const { isWrite, error } = FULL[backend];
    failing.plan = ({ what, about }) =>
      isWrite(what, about) ? { done: "nothing", error: () => error } : undefined;
    await call.complete(RESPONSE);
    failing.plan = () => undefined;
    await log.close();
    assertEquals(told, [["WRITE_FAILED", true]]);
    const again = await openFile(t, { backend, path });
    assertEquals((await again.query()).map(({ outputText }) => outputText), ["Hello!"]);
    assertEquals(await again.unfinished(), []);
    assertEquals((await again.verify()).faults, []);
  });
}

test("an end that is being written when the log is closed is tried once more, too", async (t) => {
  const told: boolean[] = [];
  const { store, log, capture } = await setUp(t, {
    onError: (_, { willRetry }) => {
      told.push(willRetry);
      store.full = false;
    },
  });
  const call = await capture.begin(REQUEST);
  store.full = true;
  const ending = call.complete(RESPONSE);
  await log.close();
  await ending;
  assertEquals((await written(store)).map(({ outputText }) => outputText), ["", "Hello!"]);
  assertEquals(told, [true]);
});

test("what closing the log cannot write is told, and by a gap entry if that can be written", async (t) => {
  for (const gapIsWritten of [true, false]) {
    const { store, log, told, capture } = await setUp(t, { begin: false });
    const calls = [await capture.begin(REQUEST), await capture.begin(REQUEST)];
    store.full = true;
    for (const call of calls) await call.complete(RESPONSE);
    store.fits = ({ event }) => gapIsWritten && event?.name === "gap";
    await log.close();
    assertEquals(
      told.map(([code, { callId, willRetry }]) => [code, callId, willRetry]),
      [true, false].flatMap((willRetry) =>
        calls.map(({ callId }) => ["WRITE_FAILED", callId, willRetry])
      ),
    );
    store.full = false;
    const gaps = gapsIn(await written(store)).map(({ metadata }) => metadata["audit.gap"]);
    const gap = {
      calls: calls.map(({ callId }) => callId),
      lost: 2,
      reasons: { WRITE_FAILED: 2 },
    };
    assertEquals(gaps, gapIsWritten ? [gap] : []);
  }
});

for (const isLost of [false, true]) {
  for (const order of ["before", "behind"]) {
    const then = isLost ? "told by a gap" : "tried once more";
    test(`what work that was added ${order} the wrapper ends, and cannot be written, is ${then}`, async () => {
      const store = new FullStore();
      const log = await AuditLog.open({ backend: store, maxRecordBytes: 2000 });
      const output = isLost ? "long ".repeat(1000) : "Hello!";
      const begun = Promise.withResolvers<CapturedCall>();
      const add = () =>
        log.beforeClose(async () => {
          const call = await begun.promise;
          store.full = true;
          await call.complete({ ...RESPONSE, output });
          store.full = false;
        });
      if (order === "before") add();
      const call = await new Capture(log).begin(REQUEST);
      if (order === "behind") add();
      begun.resolve(call);
      await log.close();
      const entries = await written(store);
      assertEquals(
        gapsIn(entries).map(({ metadata }) => metadata["audit.gap"]),
        isLost ? [{ calls: [call.callId], lost: 1, reasons: { ENTRY_TOO_LARGE: 1 } }] : [],
      );
      assertEquals(entries.at(-1)!.outputText, isLost ? "" : "Hello!");
    });
  }
}

test("a call that ends when the log was closed is told, and nothing waits for it", async (t) => {
  const { log, told, capture } = await setUp(t);
  const call = await capture.begin(REQUEST);
  await log.close();
  await call.complete(RESPONSE);
  assertEquals(told.map(([code, { willRetry }]) => [code, willRetry]), [["LOG_CLOSED", false]]);
});

test("an end that is lost when it is tried again is told", async (t) => {
  const { store, log, told, capture } = await setUp(t);
  const call = await capture.begin(REQUEST);
  store.full = true;
  await call.complete(RESPONSE);
  store.fault = new AuditLogError("ENTRY_TOO_LARGE", "Cannot append: it is too large");
  await Unrecorded.of(log).retry();
  store.full = false;
  assertEquals(told.map(([code, { willRetry }]) => [code, willRetry]), [
    ["WRITE_FAILED", true],
    ["ENTRY_TOO_LARGE", false],
  ]);
});

test("what is tried again, and the gap, have no context of who made the log be tried again", async (t) => {
  const seen: unknown[] = [];
  const storage = asyncStorage<string>();
  const redact = (entry: RedactableEntry): RedactableEntry => {
    seen.push(storage.getStore());
    return entry;
  };
  const { store, log, capture } = await setUp(t, {}, { maxRecordBytes: 2000, redact });
  const begun = () =>
    withAuditContext({ user: "alice", metadata: { r: 1 } }, () => capture.begin(REQUEST));
  const [lost, waiting] = [await begun(), await begun()];
  store.full = true;
  await waiting.complete(RESPONSE);
  await lost.complete({ ...RESPONSE, output: "long ".repeat(1000) });
  store.full = false;
  seen.length = 0;
  await withAuditContext(
    { user: "mallory", metadata: { r: 2 } },
    () =>
      storage.run("mallory", async () => {
        await capture.begin(REQUEST); // the log works
        await Unrecorded.of(log).retry();
      }),
  );
  const entries = await log.query({ events: "all", order: "desc", limit: 2 });
  assertEquals(
    entries.map(({ user, metadata }) => [user, metadata["r"], metadata["audit.event"]]),
    [["anonymous", undefined!, "gap"], ["alice", 1, "call.end"]],
  );
  assertEquals(seen, ["mallory", undefined, undefined]);
});

/**
 * Closing, and what is possible afterwards.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { foreignLine, inputs, interaction, interactions } from "../support/interaction.ts";
import { assertRefused, checkRefusal } from "../support/refused.ts";

/** Everything that one can do with a log but close it. */
const USES: Record<string, (log: AuditLog) => Promise<unknown>> = {
  record: (log) => log.record(interaction()),
  recordAll: (log) => log.recordAll([interaction()]),
  "recordAll of nothing": (log) => log.recordAll([]),
  adopt: (log) => log.adopt([foreignLine()]),
  query: (log) => log.query(),
  "query with a cursor": (log) => log.query({ after: "x" }),
  "query with limit 0": (log) => log.query({ limit: 0 }),
  stream: (log) => log.stream().next(),
  lines: (log) => log.lines().next(),
  count: (log) => log.count(),
  get: (log) => log.get("x"),
  line: (log) => log.line("x"),
  info: (log) => log.info(),
};

export function lifecycleConformance(name: string, place: MakePlace): void {
  test(`${name}: close() waits for everything that was recorded`, async (t) => {
    const { open } = place(t);
    const log = await open();
    const recording = interactions(3000).map((entry) => log.record(entry));
    let acknowledged = 0;
    for (const promise of recording) promise.then(() => acknowledged++);
    await log.close();
    assertEquals(acknowledged, 3000);
    await Promise.all(recording);
    assertEquals(log.size, 3000);
  });

  for (const [use, action] of Object.entries(USES)) {
    test(`${name}: ${use} after close() is refused`, async (t) => {
      const log = await place(t).open();
      await log.record(interaction());
      const closing = log.close();
      await assertRefused(() => action(log), "LOG_CLOSED");
      await closing;
      await assertRefused(() => action(log), "LOG_CLOSED");
      assertEquals(log.size, 1);
    });
  }

  test(`${name}: close() may be called again and at the same time`, async (t) => {
    const log = await place(t).open();
    const recording = log.record(interaction());
    await Promise.all([log.close(), log.close(), log[Symbol.asyncDispose]()]);
    await recording;
    await log.close();
  });

  test(`${name}: asyncDispose closes the log`, async (t) => {
    const log = await place(t).open();
    const recording = log.record(interaction());
    await log[Symbol.asyncDispose]();
    await recording;
    await assertRefused(() => log.query(), "LOG_CLOSED");
  });

  test(`${name}: a read that close() overtakes ends whole or with LOG_CLOSED`, async (t) => {
    const log = await place(t).open();
    await log.recordAll(interactions(6000, { outputText: "x".repeat(500) }));
    const nothing = () => interactions(6000);
    const reads = [
      log.query().then(inputs),
      log.query({ metadata: { none: 1 } }).then(nothing),
      log.count({ metadata: { none: 1 } }).then(nothing),
      log.query({ user: "anonymous", order: "desc" }).then(inputs),
    ];
    const settled = Promise.allSettled(reads);
    await log.close();
    for (const result of await settled) {
      if (result.status === "fulfilled") assertEquals(result.value.length, 6000);
      else checkRefusal(result.reason, "LOG_CLOSED");
    }
  });

  test(`${name}: a stream that is under way when the log is closed ends with LOG_CLOSED`, async (t) => {
    const log = await place(t).open();
    await log.recordAll(interactions(2000));
    const stream = log.stream();
    await stream.next();
    await log.close();
    await assertRefused(async () => {
      for await (const _ of stream) { /* to its end */ }
    }, "LOG_CLOSED");
  });

  test(`${name}: a query is checked at once, before a stream is read`, async (t) => {
    const log = await place(t).open();
    for (const read of ["stream", "lines"] as const) {
      const error = assertThrows(() => log[read]({ usr: "alice" } as never));
      checkRefusal(error, "INVALID_QUERY", "usr");
    }
  });

  test(`${name}: a refused record leaves the log as it was, and the next is recorded`, async (t) => {
    const log = await place(t).open();
    const good = log.record(interaction({ inputText: "0" }));
    await assertRefused(() => log.record({ model: "m" } as never), "INVALID_ENTRY", "inputText");
    await log.record(interaction({ inputText: "1" }));
    await good;
    assertEquals(inputs(await log.query()), ["0", "1"]);
  });

  test(`${name}: info() tells the backend, the size and that nothing is amiss`, async (t) => {
    const log = await place(t).open();
    await log.record(interaction());
    const info = await log.info();
    assertEquals([info.backend, info.size], [log.backend, 1]);
    assertEquals(info.warnings, []);
    assertEquals(info.unreadable?.count ?? 0, 0);
  });
}

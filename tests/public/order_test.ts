// The order of calls is that of the log, whichever of its ways each record takes to the disk.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { AuditLog, type NewEntry } from "@audit-log/llm";
import { join } from "node:path";
import { inAgedFolders } from "../support/aged_folder.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const long = (n: number, length: number): NewEntry =>
  interaction({ inputText: `${n}`, outputText: "x".repeat(length) });

/** The calls in the order of the log, from one on. */
async function orderOf(log: AuditLog, from: number): Promise<number[]> {
  const entries = (await log.query({ limit: 10_000 })).slice(from);
  return entries.map(({ inputText }) => Number(inputText));
}

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a small batch of long entries is not written before a large one of short ones`, async (t) => {
    const log = await AuditLog.open({ backend, path: join(tempFolder(t), "log") });
    atEnd(t, () => log.close());
    // Until another thread writes what are many, where there is one.
    for (let round = 0; round < 3; round++) {
      await Promise.all(interactions(600).map((entry) => log.record(entry)));
    }
    const { size } = log;
    const lengths = [...Array(512).fill(1), ...Array(30).fill(40_000), ...Array(500).fill(1)];
    const acknowledged: number[] = [];
    await Promise.all(lengths.map(async (length, n) => {
      await log.record(long(n, length));
      acknowledged.push(n);
    }));
    const expected = lengths.map((_, n) => n);
    assertEquals(await orderOf(log, size), expected);
    assertEquals(acknowledged, expected);
    const times = (await log.query({ limit: 10_000 })).map(({ timestamp }) => timestamp);
    assertEquals(times, times.toSorted());
  });
}

test("sqlite: what comes while a record waits for another's lock is written behind it", async (t) => {
  const path = join(tempFolder(t), "log");
  let refusals = 0;
  let waits: () => void = () => {};
  const present = await currentRuntime();
  const watched = aroundSqlite(present, ({ sql }, action) => {
    try {
      return action();
    } catch (error) {
      // At once, and then in its turn.
      if (sql === "BEGIN IMMEDIATE" && ++refusals === 2) waits();
      throw error;
    }
  });
  const { startRowWriter } = present.sqlite;
  const sqlite = { ...watched.sqlite, ...(startRowWriter && { startRowWriter }) };
  const runtime = { ...watched, file: inAgedFolders(present.file), sqlite };
  const log = await AuditLog.open({ backend: "sqlite", path, runtime });
  atEnd(t, () => log.close());
  for (let round = 0; round < 3; round++) {
    await Promise.all(interactions(600).map((entry) => log.record(entry)));
  }
  await log.record(interaction());
  const { size } = log;
  const raw = await openRaw(t, path);
  raw.exec("BEGIN IMMEDIATE");
  const waiting = new Promise<void>((resolve) => waits = resolve);
  const recorded = [log.record(long(0, 1))];
  await waiting;
  raw.exec("COMMIT");
  raw.close();
  for (let n = 1; n <= 600; n++) recorded.push(log.record(long(n, 20_000)));
  await Promise.all(recorded);
  assertEquals(await orderOf(log, size), recorded.map((_, n) => n));
});

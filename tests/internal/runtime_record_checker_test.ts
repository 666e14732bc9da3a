// A runtime's thread for checking records.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { RecordChecker } from "../../src/ports.ts";
import { openFile } from "../support/backends.ts";
import { allLines, foreignLine, interactions } from "../support/interaction.ts";
import { concat, hex, Model, sha256 } from "../support/merkle.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** A log of 600 entries, and a way to start a thread that checks it. */
async function placeFor(t: TestContext) {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "sqlite", path });
  // All that come later are behind it.
  await log.adopt([foreignLine({ timestamp: "9999-01-31T08:00:00.000001+00:00" })]);
  await log.recordAll(interactions(599));
  const lines = await allLines(log);
  const { file, sqlite } = await currentRuntime();
  const usual = { path, identity: (await file.stat(path))!.identity, busyTimeoutMs: 5000 };
  return {
    lines,
    raw: await openRaw(t, path),
    async start(identity = usual.identity): Promise<RecordChecker> {
      const checker = await sqlite.startRecordChecker!({ ...usual, identity });
      atEnd(t, () => checker.close());
      return checker;
    },
  };
}

test("a checker gives the hashes of rows and tiles, several parts at a time, in their order", async (t) => {
  const { lines, start } = await placeFor(t);
  const checker = await start();
  const model = new Model(lines.map((line) => sha256(`\0${line}`)));
  const parts = [[0, 512], [512, 1024], [600, 700], [3, 4], [900, 901]] as const;
  const checked = await Promise.all(parts.map(([from, to]) => checker.check(from, to)));
  for (const [n, [from, to]] of parts.entries()) {
    const { before, after, leaves } = checked[n]!;
    assertEquals(hex(leaves), hex(concat(model.leaves.slice(from, to))));
    assertEquals([before.next, after.next], [Math.min(from, 600), Math.min(to, 600)]);
  }
  assertEquals(checked[0]!.before.highUs, -Infinity);
  assertEquals(checked[1]!.before, checked[0]!.after);
  const roots = [0, 256].map((from) => model.mth(from, from + 256));
  assertEquals(checked.map((part) => hex(part!.roots)), [
    hex(concat(roots)),
    "",
    "",
    "",
    "",
  ]);
});

test("a checker of lines begins where the one before ends, wherever that is", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path });
  await log.recordAll(interactions(300));
  // All that come later are behind it.
  await log.adopt([foreignLine({ timestamp: "9999-01-31T08:00:00.000001+00:00" })]);
  await log.recordAll(interactions(299));
  const lines = await allLines(log);
  const { file, sqlite } = await currentRuntime();
  const { identity, size } = (await file.stat(path))!;
  const index = { path: `${path}-index`, identity: (await file.stat(`${path}-index`))!.identity };
  const settings = { path, identity, index, busyTimeoutMs: 5000 };
  for (const other of [{ identity: "another" }, { index: { ...index, identity: "another" } }]) {
    const starting = () => sqlite.startRecordChecker!({ ...settings, ...other });
    await assertRejects(starting, Error, "replaced");
  }
  const checker = await sqlite.startRecordChecker!(settings);
  atEnd(t, () => checker.close());
  const model = new Model(lines.map((line) => sha256(`\0${line}`)));
  for (const span of [size, 50_000, 10_001]) {
    const starts = Array.from({ length: Math.ceil(size / span) }, (_, n) => n * span);
    const checked = await Promise.all(
      starts.map((from) => checker.check(from, Math.min(size, from + span))),
    );
    const parts = checked.map((part) => part!);
    assertEquals(hex(concat(parts.map(({ leaves }) => leaves))), hex(concat(model.leaves)));
    assertEquals(parts[0]!.before, { at: 0, next: 0, highUs: -Infinity });
    for (const [n, { before, after, roots }] of parts.entries()) {
      if (n > 0) assertEquals(before, parts[n - 1]!.after);
      const tiles = [0, 256].filter((tile) => tile >= before.next && tile + 256 <= after.next);
      assertEquals(hex(roots), hex(concat(tiles.map((tile) => model.mth(tile, tile + 256)))));
    }
    assertEquals(parts.at(-1)!.after.at, size);
    assertEquals(parts.at(-1)!.after.next, 600);
  }
});

test("a checker that cannot read says so, and goes on", async (t) => {
  const { raw, start } = await placeFor(t);
  const checker = await start();
  const [{ sql }] = raw.all("SELECT sql FROM sqlite_schema WHERE name = 'audit_event_event'") as [
    { sql: string },
  ];
  raw.exec("DROP INDEX audit_event_event");
  assertEquals(await checker.check(0, 600), undefined);
  raw.exec(sql);
  assertEquals((await checker.check(0, 600))!.leaves.length, 600 * 32);
});

test("a checker that is closed answers what it was asked for before, and nothing more", async (t) => {
  const { start } = await placeFor(t);
  const checker = await start();
  const checking = checker.check(0, 600);
  await checker.close();
  assertEquals((await checking)!.leaves.length, 600 * 32);
  await assertRejects(() => checker.check(0, 1), Error);
  await checker.close();
});

test("a checker reads no other file than the log", async (t) => {
  const { start } = await placeFor(t);
  await assertRejects(() => start("another"), Error, "replaced");
});

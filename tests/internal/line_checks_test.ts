// Lines that other threads check, part by part: whatever was done to the file of a JSONL log, or to the index beside it, the
// report is the one of a single thread.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lineStart } from "../../src/stores/line_scanner.ts";
import type { Verification } from "../../src/transparency/verification.ts";
import { original } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import {
  ASIDE,
  checkSame,
  HERE,
  recordOddly,
  THREADS,
  verifiedBy,
  type Way,
} from "../support/check_ways.ts";
import { interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** In parts of some dozen lines each, and of less than one. */
const WAYS: readonly Way[] = [
  { ...ASIDE, span: 4096 },
  { ...ASIDE, span: 190, threads: 1 },
  { ...HERE, span: 4096 },
];

/** Changes some lines, none of which gets longer or shorter. */
function alterFile(path: string, from: number, to: number, change: (line: string) => string): void {
  const lines = readFileSync(path, "utf8").split("\n");
  const altered = lines.map((line, n) => n >= from && n < to ? change(line) : line).join("\n");
  assert(altered !== lines.join("\n"));
  assertEquals(altered.length, lines.join("\n").length);
  writeFileSync(path, altered);
}

const text = (line: string) => line.replace('"out"', '"oUt"');
const none = (line: string) => line.replace("{", "[");

/** What becomes of the lines from one to before another. */
const IN_THE_FILE: Record<string, [number, number, (line: string) => string]> = {
  "a text": [120, 121, text],
  "the first text": [0, 1, text],
  "the last text": [299, 300, text],
  "a user": [120, 121, (line) => line.replace('"alice"', '"malic"')],
  "an id": [120, 121, (line) => line.replace(/"entry_id":"./, '"entry_id":"x')],
  "a later time": [120, 121, (line) => line.replace('"timestamp":"2', '"timestamp":"3')],
  "an earlier time": [120, 121, (line) => line.replace('"timestamp":"2', '"timestamp":"1')],
  "a line that becomes none": [120, 121, none],
  "the first line becomes none": [0, 1, none],
  "the last line becomes none": [299, 300, none],
  "many lines become none": [50, 280, none],
  "a line with zeros in it": [120, 121, (line) => "\0".repeat(line.length)],
  "a line that is cut in two": [120, 121, (line) => line.replace(',"input', '\n"input')],
  "a line that begins anew": [120, 121, (line) => line.replace(",", "\n")],
  "an empty line": [120, 121, (line) => `\n${line.slice(1)}`],
};

for (const [what, [from, to, change]] of Object.entries(IN_THE_FILE)) {
  test(`threads find of a file what one does: ${what}`, async (t) => {
    const log = await original(t, "jsonl");
    alterFile(log.path, from, to, change);
    await checkSame(log, ...WAYS);
  });
}

test("threads find of a file what one does: two lines that become one, and one that is no UTF-8", async (t) => {
  const log = await original(t, "jsonl");
  const bytes = readFileSync(log.path);
  const [first, second] = [1, 2].map((part) => bytes.indexOf(10, part * 20_000));
  bytes[first!] = 0x20;
  bytes[second! - 40] = 0xff;
  writeFileSync(log.path, bytes);
  await checkSame(log, ...WAYS);
});

/** What becomes of the rows of the index. */
const IN_THE_INDEX: Record<string, string> = {
  "nothing": "SELECT 1",
  "a row is gone": "DELETE FROM line WHERE seq = 120",
  "many rows are gone": "DELETE FROM line WHERE seq >= 50 AND seq < 290",
  "all rows but the first and the last are gone": "DELETE FROM line WHERE seq > 0 AND seq < 299",
  "numbers are missing": "UPDATE line SET seq = seq + 1000 WHERE seq > 120",
  "a byte that is not where a line starts": "UPDATE line SET offset = offset + 1 WHERE seq = 120",
  "another length": "UPDATE line SET length = length + 1 WHERE seq = 120",
  "another time": "UPDATE line SET instant_us = instant_us + 5 WHERE seq = 120",
  "another lag": "UPDATE line SET lag_us = 7 WHERE seq = 120",
  "another user": "UPDATE line SET user = (SELECT max(id) + 1 FROM name) WHERE seq = 120",
  "another model": "UPDATE line SET model = user WHERE seq = 120",
  "another id": "UPDATE line SET entry_id = 'x' WHERE seq = 120",
  "the id of another":
    "UPDATE line SET entry_id = (SELECT entry_id FROM line WHERE seq = 7) WHERE seq = 120",
  "an id with U+0000": "UPDATE line SET entry_id = entry_id || char(0) || 'x' WHERE seq = 120",
  "a user with U+0000":
    "UPDATE name SET text = text || char(0) WHERE id = (SELECT user FROM line LIMIT 1)",
  "a user that is no UTF-8":
    "UPDATE name SET text = CAST(x'ff' AS TEXT) WHERE id = (SELECT user FROM line LIMIT 1)",
  "a row that is said not to be canonical": "UPDATE line SET canonical = 0 WHERE seq = 120",
  "an event of a record that has none": "INSERT INTO event VALUES (120, 'call.end', NULL)",
  "an event of no record": "INSERT INTO event VALUES (300, 'call.end', NULL)",
  "a row more at the end":
    "INSERT INTO line SELECT 300, instant_us, lag_us, canonical, user, model, offset, length, entry_id FROM line WHERE seq = 299",
  "a line that is no record, where there is one":
    "INSERT INTO unreadable VALUES (10, 5, 'is empty')",
};

for (const [what, sql] of Object.entries(IN_THE_INDEX)) {
  test(`threads find of an index what one does: ${what}`, async (t) => {
    const log = await original(t, "jsonl");
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    const { found } = await verifiedBy(log, HERE);
    assertEquals((found as Verification).faults.length === 0, what === "nothing");
    await checkSame(log, ...WAYS);
  });
}

/** What is told once, and not of all that follow. */
const TOLD_ONCE: Record<string, { sql: string; index: number; says: string }> = {
  "a row that is gone": {
    sql: "DELETE FROM line WHERE seq = 120",
    index: 120,
    says: "Entry 120: the index beside the file lacks it",
  },
  "numbers that are missing": {
    sql: "UPDATE line SET seq = seq + 1000 WHERE seq >= 120",
    index: 120,
    says: "Entry 120: the index beside the file has another seq",
  },
  "a row of no line": {
    sql:
      "UPDATE line SET seq = seq + 1000 WHERE seq > 120; UPDATE line SET seq = seq - 999 WHERE seq > 1000; " +
      "INSERT INTO line SELECT 121, instant_us, lag_us, canonical, user, model, offset + 1, length, 'x' FROM line WHERE seq = 120",
    index: 121,
    says: "Entry 121: the index beside the file has a record at byte",
  },
};

for (const [what, { sql, index, says }] of Object.entries(TOLD_ONCE)) {
  test(`what is wrong with an index is told once: ${what}`, async (t) => {
    const log = await original(t, "jsonl");
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    for (const way of [HERE, ...WAYS]) {
      const { faults } = (await verifiedBy(log, way)).found as { faults: string[] };
      const found = faults.map((fault) => JSON.parse(fault)).filter(({ kind }) =>
        kind === "record"
      );
      assertEquals(found.map((fault) => fault.index), [index]);
      assert(found[0].message.startsWith(says), found[0].message);
    }
  });
}

/** Where a row is that is out of order, what others are found decides where the next part begins. */
const OUT_OF_ORDER: Record<string, string> = {
  "a byte far behind the file": "UPDATE line SET offset = 1000000000000 WHERE seq = 120",
  "a byte before the file": "UPDATE line SET offset = -5 WHERE seq = 120",
  "the byte of another":
    "UPDATE line SET offset = (SELECT offset FROM line WHERE seq = 7) WHERE seq = 120",
  "the byte of one behind":
    "UPDATE line SET offset = (SELECT offset FROM line WHERE seq = 270) WHERE seq = 120",
  "bytes in the order of the numbers reversed":
    "UPDATE line SET offset = (SELECT o.offset FROM line AS o WHERE o.seq = 299 - line.seq) WHERE seq BETWEEN 1 AND 298",
  "a number that belongs to the row after":
    "UPDATE line SET seq = 1000 WHERE seq = 120; UPDATE line SET seq = 120 WHERE seq = 121; UPDATE line SET seq = 121 WHERE seq = 1000",
};

for (const [what, sql] of Object.entries(OUT_OF_ORDER)) {
  test(`threads find an index at fault, as one does: ${what}`, async (t) => {
    const log = await original(t, "jsonl");
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    for (const way of WAYS) {
      const { found } = await verifiedBy(log, way);
      const { faults, size } = found as { faults: string[]; size: number };
      assertEquals(size, 300);
      assert(faults.some((fault) => JSON.parse(fault).entryId === log.ids[120]), `${way.span}`);
    }
  });
}

test("threads find nothing wrong with long lines, lines that are no records, calls, foreign records and times that run backwards", async (t) => {
  const log = await original(t, "jsonl", [100, 300]);
  const opened = await openFile(t, { backend: "jsonl", path: log.path });
  await recordOddly(opened);
  await opened.close();
  for (const other of ["no record\n", `${"x".repeat(5_000_000)}\n`, "\n\n"]) {
    writeFileSync(log.path, other, { flag: "a" });
    const again = await openFile(t, { backend: "jsonl", path: log.path });
    await again.recordAll(interactions(50));
    await again.close();
  }
  const { found, progress } = await verifiedBy(log, { ...THREADS, span: 10_000 });
  assertEquals((found as Verification).faults, []);
  assertEquals((found as Verification).size, 602);
  assert(progress.length > 12, `${progress}`);
  await checkSame(log, { ...THREADS, span: 2000 }, { ...ASIDE, span: 4096 }, {
    ...HERE,
    span: 4096,
  });
});

test("a line starts behind each newline, and none behind the last: there the file ends", async (t) => {
  const path = join(tempFolder(t), "lines");
  const startsIn = async (content: string, froms: readonly number[], most?: number) => {
    writeFileSync(path, content);
    const { file } = await currentRuntime();
    const opened = await file.open(path, "read");
    try {
      const found: number[] = [];
      for (const from of froms) found.push(await lineStart(opened, from, most));
      return found;
    } finally {
      await opened.close();
    }
  };
  const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12];
  assertEquals(await startsIn("ab\ncd\n\nef", all), [0, 3, 3, 3, 6, 6, 6, 7, 9, 9, 12]);
  assertEquals(await startsIn("", [0, 1]), [0, 1]);
  const long = `${"x".repeat(100_000)}\n`;
  assertEquals(await startsIn(long, [1, 99_999, 100_000, 100_001]), Array(4).fill(100_001));
  assertEquals(await startsIn(long, [99_000], 1000), [100_001]);
  await assertRejects(() => startsIn(long, [1], 1000), Error, "no line starts within 1000 bytes");
});

test("threads that check lines close all that they read, and leave no file behind", async (t) => {
  const log = await original(t, "jsonl");
  const opened = await openFile(t, { backend: "jsonl", path: log.path });
  await verifiedBy(log, { ...THREADS, span: 4096 });
  await opened.close();
  assertEquals(["-wal", "-shm"].filter((side) => existsSync(`${log.path}-index${side}`)), []);
});

// What somebody does to the files of a JSONL log is found and named, or the report says that it could not be seen;
// whether or not the index beside it is there.

import { assert, assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  alterLines,
  findings,
  original,
  removeIndex,
  signingKey,
  verified,
  verifierKey,
} from "../support/altered.ts";
import { ALL, type Findings, REMOVED_AT_THE_END, uncovered } from "../support/findings.ts";
import { BY_HAND, partsOf, withOther } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";

/** What is done to a log whose first tile is kept. Without an index, and so without tiles, that is found. */
interface Alteration extends Findings {
  /** What becomes of the lines of the log's file. */
  readonly alter?: (lines: string[]) => string[];
  /** What becomes of the lines of the file of its checkpoints. */
  readonly alterNotes?: (lines: string[]) => string[];
  /** What is found besides where the index is as it was. */
  readonly findsIndexed?: readonly string[];
}

const NO_RECORDS =
  /^1 line of the file is no record \(the first at byte \d+: it .*\): .* not known\.$/;

/** Changes one line. */
const at = (index: number, change: (line: string) => string) => (lines: string[]) =>
  lines.map((line, n) => n === index ? changed(line, change(line)) : line);
const text = (line: string) => line.replace('"out"', '"oUt"');
const note = (from: string | RegExp, to: string) => at(1, (line) => line.replace(from, to));
const forged = (line: string) => line.replace(/"entry_id":"[^"]*/, '"entry_id":"forged');

/** What is found besides records and tiles, each as often as it is. */
const checkpointsIn = (finds: readonly string[]) =>
  finds.filter((one) => !/^(record|tile)/.test(one)).sort();

function changed(before: string, after: string): string {
  assert(before !== after, before);
  return after;
}

const ALTERATIONS: Record<string, Alteration> = {
  "nothing at all": { finds: [] },

  "a byte of a record": {
    alter: at(5, text),
    finds: ALL,
    findsIndexed: ["tile 5"],
    finds280: ["remembered"],
    says: /first difference is among the first 100$/,
  },
  "a byte of a record behind the first checkpoint": {
    alter: at(120, text),
    finds: ["checkpoint", "checkpoint"],
    findsIndexed: ["tile 120"],
    finds280: ["remembered"],
    says: /the first 100 agree .* among entries 100 to 279$/,
  },
  "a byte of a record behind the last full tile": {
    alter: at(290, text),
    finds: ["checkpoint"],
    says: /the first 280 agree .* among entries 280 to 299$/,
  },
  "a byte of the last record": { alter: at(299, text), finds: ["checkpoint"] },
  "a record's user": {
    alter: at(5, (line) => line.replace('"alice"', '"malic"')),
    finds: ALL,
    findsIndexed: ["record 5", "tile 5"],
    finds280: ["remembered"],
  },
  "a record's id": {
    alter: at(5, (line) => line.replace(/"entry_id":"./, '"entry_id":"x')),
    finds: ALL,
    findsIndexed: ["record 5", "tile 5"],
    finds280: ["remembered"],
  },
  // Every line behind it is elsewhere, so that the index does not fit any more.
  "a byte more in a record": {
    alter: at(5, (line) => line.replace('"out"', '"outs"')),
    finds: ALL,
    finds280: ["remembered"],
  },
  "white space in a record": {
    alter: at(5, (line) => line.replace(":", ": ")),
    finds: ALL,
    finds280: ["remembered"],
  },
  "a record that becomes none": {
    alter: at(5, (line) => line.replace("{", "[")),
    finds: ["checkpoint", "checkpoint", "checkpoint 299"],
    findsIndexed: ["record 299", "record 5", "tile 5"],
    finds280: ["remembered"],
    unknown: NO_RECORDS,
  },

  "a checkpoint's size": {
    alterNotes: note("\\n280\\n", "\\n281\\n"),
    finds: ["signature"],
    says:
      /^Checkpoint 1 of the log: the signature of acme\.example\/chat\+[0-9a-f]{8} does not hold/,
  },
  "a checkpoint's root": {
    alterNotes: at(1, (line) => withOther(line, line.indexOf("\\n280\\n") + 9)),
    finds: ["signature"],
  },
  "a checkpoint's origin": { alterNotes: note("chat", "chas"), finds: ["signature"] },
  "a checkpoint's signature": {
    alterNotes: at(1, (line) => withOther(line, line.indexOf("\u2014") + 40)),
    finds: ["signature"],
  },
  "a checkpoint's time": {
    alterNotes: at(1, (line) => withOther(line, line.lastIndexOf(" ") + 12)),
    finds: ["signature"],
    says: /^Checkpoint 1 of the log: the time at which it was signed was altered, or is none$/,
  },
  "a checkpoint's time, removed": {
    alterNotes: note(/\u2014 [^\u2014]*\\n"}$/, '"}'),
    finds: [],
    unknown: /^1 of the 3 checkpoints .* does not state when it was signed\.$/,
  },
  "a checkpoint that becomes no JSON": {
    alterNotes: note("{", "["),
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is none: /,
  },
  "a checkpoint that becomes another JSON": {
    alterNotes: note('"note"', '"nope"'),
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is none: /,
  },
  "a checkpoint whose last bytes become others": {
    alterNotes: note(/..$/, "xx"),
    finds: [],
    unknown: REMOVED_AT_THE_END,
  },
  "the size beside a checkpoint": {
    alterNotes: note('{"size":280', '{"size":281'),
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is kept as one of 281 entries, and is one of 280$/,
  },
  "two checkpoints exchanged": {
    alterNotes: ([a, b, c]) => [b!, a!, c!],
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is one of 100 entries, fewer than the 280 of the one before/,
  },
  "a checkpoint removed in between": {
    alterNotes: ([a, , c]) => [a!, c!],
    finds: [],
    unknown: /^No checkpoint was given .*: whether checkpoints were removed, /,
  },
  "the last checkpoint removed": {
    alterNotes: (lines) => lines.slice(0, 2),
    finds: [],
    unknown: uncovered(20, 300),
  },
  "all checkpoints removed": {
    alterNotes: () => [],
    finds: [],
    unknown: uncovered(300, 300),
  },

  "an entry removed": {
    alter: (lines) => lines.toSpliced(50, 1),
    finds: ["checkpoint", "checkpoint", "checkpoint 299"],
    finds280: ["remembered"],
  },
  "the first entry removed": {
    alter: (lines) => lines.slice(1),
    finds: ["checkpoint", "checkpoint", "checkpoint 299"],
    finds280: ["remembered"],
  },
  "an entry put in": {
    alter: (lines) => lines.toSpliced(50, 0, forged(lines[50]!)),
    finds: ALL,
    finds280: ["remembered"],
  },
  "an entry added at the end": {
    alter: (lines) => [...lines, forged(lines[50]!)],
    finds: [],
    unknown: uncovered(1, 301),
  },
  "two entries exchanged": {
    alter: (lines) => lines.with(10, lines[20]!).with(20, lines[10]!),
    finds: ALL,
    findsIndexed: ["record 10", "record 20", "tile 10"],
    finds280: ["remembered"],
  },
  "an entry in place of another": {
    alter: (lines) => lines.with(20, lines[10]!),
    finds: ["record 20", ...ALL],
    findsIndexed: ["tile 20"],
    finds280: ["remembered"],
  },
  "an entry repeated": {
    alter: (lines) => lines.toSpliced(50, 0, lines[49]!),
    finds: ["record 50", ...ALL],
    finds280: ["remembered"],
    says: /^Entry 50: it has the id of an earlier entry$/,
  },
  "an entry repeated at the end": {
    alter: (lines) => [...lines, lines[10]!],
    finds: ["record 300"],
    unknown: uncovered(1, 301),
  },

  "the end cut off": {
    alter: (lines) => lines.slice(0, 250),
    finds: ["checkpoint 250", "checkpoint 250"],
    finds280: ["remembered 250"],
    unknown: uncovered(150, 250),
    says: /signed for 300 entries, and the log has no more than 250: entries were removed/,
  },
  "a little of the end cut off": {
    alter: (lines) => lines.slice(0, 299),
    finds: ["checkpoint 299"],
  },
  "the end cut off, and its checkpoints": {
    alter: (lines) => lines.slice(0, 250),
    alterNotes: (lines) => lines.slice(0, 1),
    finds: [],
    finds280: ["remembered 250"],
    unknown: REMOVED_AT_THE_END,
  },
  "everything removed": {
    alter: () => [],
    alterNotes: () => [],
    finds: [],
    finds280: ["remembered 0"],
    unknown: REMOVED_AT_THE_END,
  },
};

for (const [what, alteration] of Object.entries(ALTERATIONS)) {
  const { alter, alterNotes, finds, findsIndexed = [], finds280 = [] } = alteration;
  test(`jsonl: ${what}: ${finds.length === 0 ? "is not seen without a kept checkpoint" : "is found"}`, async (t) => {
    const log = await original(t, "jsonl");
    if (alter !== undefined) alterLines(log.path, alter);
    if (alterNotes !== undefined) alterLines(`${log.path}-checkpoints`, alterNotes);
    for (const indexed of [true, false]) {
      if (!indexed) removeIndex(log.path);
      const expected = indexed && findsIndexed.length > 0 ? [...finds, ...findsIndexed] : finds;
      const report = await verified(log);
      const about = JSON.stringify(report, null, 2);
      // A line that changed in several ways is told of for each.
      assertEquals([...new Set(findings(report))], [...new Set(expected)].sort(), about);
      assertEquals(report.ok, expected.length === 0);
      const others = findings(report).filter((one) => !findsIndexed.includes(one));
      assertEquals(others.filter((one) => !one.startsWith("record")), checkpointsIn(finds));
      const { unknown, says } = alteration;
      if (unknown !== undefined && expected === finds) {
        assert(report.unknown.some((one) => unknown.test(one)), about);
      }
      if (says !== undefined) {
        assert(report.faults.some(({ message }) => says.test(message)), about);
      }
      for (const { kind, index, entryId } of report.faults) {
        if (kind === "tile" && alter !== undefined) {
          const { entry_id } = JSON.parse(alter([...log.lines])[index!]!.replace("[", "{"));
          const others = [entry_id, log.ids[index! + 1]];
          assert(others.includes(entryId), `${index} ${entryId}`);
        }
      }

      const remembered = log.notes[1]!;
      assertEquals(partsOf(remembered).size, 280);
      const withIt = await verified(log, { verifierKey, checkpoint: remembered });
      assertEquals(
        findings(withIt).filter((one) => !/^(record|tile)/.test(one)),
        [...checkpointsIn(finds), ...finds280].sort(),
      );
      assertEquals(withIt.checked.remembered, 1);
      assert(!withIt.unknown.some((sentence) => sentence.startsWith("No checkpoint was given")));
    }
  });
}

test("jsonl: without the file of its checkpoints a log is as one that was never signed", async (t) => {
  const log = await original(t, "jsonl");
  rmSync(`${log.path}-checkpoints`);
  const report = await verified(log);
  assertEquals([report.ok, report.checked.checkpoints, report.checked.covered], [true, 0, 0]);
  assert(report.unknown.some((sentence) => uncovered(300, 300).test(sentence)));
  const { ok, checked } = await verified(log, { verifierKey, checkpoint: log.notes });
  assertEquals([ok, checked.remembered, checked.covered], [true, 3, 300]);
});

test("jsonl: a checkpoint that a crash left unfinished is passed over, and the next stands on a line of its own", async (t) => {
  const whole = (await original(t, "jsonl", [2])).notes[0]!;
  const line = JSON.stringify({ size: 2, note: whole });
  for (const length of [0, 1, 5, 8, 9, 12, 18, 19, 60, line.length - 2, line.length - 1]) {
    for (const rest of ["", "\0\0\0"]) {
      const log = await original(t, "jsonl", [2]);
      const path = `${log.path}-checkpoints`;
      appendFileSync(path, line.slice(0, length) + rest);
      const before = readFileSync(path, "utf8");
      const report = await verified(log);
      assertEquals(
        [report.ok, report.checked.checkpoints],
        [true, 1],
        JSON.stringify(report.faults),
      );
      const again = await AuditLog.open({
        backend: "jsonl",
        path: log.path,
        signingKey,
        checkpoints: BY_HAND,
      });
      const note = await again.checkpoint();
      await again.close();
      const separator = length + rest.length === 0 ? "" : "\n";
      const last = JSON.stringify({ size: 2, note });
      assertEquals(readFileSync(path, "utf8"), `${before}${separator}${last}\n`);
      assertEquals((await verified(log)).checked.checkpoints, 2);
    }
  }
});

test("jsonl: a checkpoint that lacks nothing but its newline is one", async (t) => {
  const log = await original(t, "jsonl", [2, 3]);
  const path = `${log.path}-checkpoints`;
  writeFileSync(path, readFileSync(path, "utf8").slice(0, -1));
  const { ok, checked } = await verified(log);
  assertEquals([ok, checked.checkpoints, checked.covered], [true, 2, 3]);
});

test("jsonl: a checkpoint with quotes that a crash left unfinished is passed over", async (t) => {
  const log = await original(t, "jsonl", [2]);
  for (
    const torn of ['{"size":2,"note":"a\\"b', '{"size":2,"note":"a\\', '{"size":2,"note":"\\\\"']
  ) {
    appendFileSync(`${log.path}-checkpoints`, `${torn}\n`);
  }
  const { faults, checked } = await verified(log);
  assertEquals([faults, checked.checkpoints], [[], 1]);
  appendFileSync(`${log.path}-checkpoints`, '{"size":2,"note":"a"b"}\n');
  assertEquals(findings(await verified(log)), ["checkpoint"]);
});

test("jsonl: very many faults of one kind hide none of another, and all are counted", async (t) => {
  const log = await original(t, "jsonl", [1100]);
  alterLines(log.path, at(1099, text));
  const raw = await openRaw(t, `${log.path}-index`);
  raw.exec("UPDATE name SET text = 'eve' WHERE text = 'alice'");
  raw.close();
  const report = await verified(log);
  assertEquals([report.faultCount, report.faults.length], [1101, 1001]);
  assertEquals(report.faults.filter(({ kind }) => kind === "record").length, 1000);
  assertEquals(report.faults.at(-1)?.kind, "checkpoint");
});

const INDEX: Record<string, readonly string[]> = {
  "UPDATE line SET entry_id = 'x' WHERE seq = 5": ["record 5"],
  "UPDATE line SET instant_us = 1 WHERE seq = 5": ["record 5"],
  "UPDATE line SET lag_us = 1 WHERE seq = 5": ["record 5"],
  "UPDATE line SET canonical = 0 WHERE seq = 5": ["record 5"],
  "UPDATE line SET length = length - 1 WHERE seq = 5": ["record 5"],
  "UPDATE line SET offset = offset + 1 WHERE seq = 5": ["record 5", "record 6"],
  "UPDATE line SET user = model WHERE seq = 5": ["record 5"],
  "UPDATE line SET user = 99 WHERE seq = 5": ["record 5"],
  "UPDATE name SET text = text || char(0) WHERE text = 'alice'": Array.from(
    { length: 300 },
    (_, n) => `record ${n}`,
  ),
  "DELETE FROM line WHERE seq = 5": ["record 5"],
  "UPDATE tile SET hashes = CAST(substr(hashes, 1, 224) || iif(substr(hashes, 225, 1) = x'00', x'01', x'00') || substr(hashes, 226) AS BLOB)":
    ["tile", "tile 7"],
  "UPDATE tile SET root = zeroblob(32)": ["tile"],
};

for (const [sql, finds] of Object.entries(INDEX)) {
  test(`jsonl: in the index, ${sql}: is found`, async (t) => {
    const log = await original(t, "jsonl");
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    const report = await verified(log);
    assertEquals(
      [...new Set(findings(report))].sort(),
      finds.toSorted(),
      JSON.stringify(report.faults.slice(0, 5), null, 2),
    );
    removeIndex(log.path);
    assertEquals((await verified(log)).ok, true);
  });
}

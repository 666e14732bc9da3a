// A record is one line of canonical JSON: nine keys, in UTF-16 order.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import type { AuditEntry } from "../../src/entry.ts";
import { encodeCanonical } from "../../src/json.ts";
import { adoptLine, encodeLine, LogRecord, NotARecord } from "../../src/record.ts";
import { foreignLine } from "../support/interaction.ts";

const ENTRY: AuditEntry = Object.freeze({
  entryId: "0190163d-8694-739b-aea5-966c26f8ad91",
  timestamp: "2026-01-31T08:00:00.000Z",
  user: "李雷",
  model: "gpt-4o",
  inputText: 'a "quoted"\n\0\ud800\u2028',
  outputText: "",
  costUsd: 1e-7,
  latencyMs: null,
  metadata: Object.freeze({ "10": 1, "9": [true, { é: null }] }),
});

const LINE = '{"cost_usd":1e-7,"entry_id":"0190163d-8694-739b-aea5-966c26f8ad91",' +
  '"input_text":"a \\"quoted\\"\\n\\u0000\\ud800\u2028","latency_ms":null,' +
  '"metadata":{"10":1,"9":[true,{"é":null}]},"model":"gpt-4o","output_text":"",' +
  '"timestamp":"2026-01-31T08:00:00.000Z","user":"李雷"}';

test("an entry's line is exactly this", () => {
  assertEquals(encodeLine(ENTRY), LINE);
  assertEquals(LogRecord.ofEntry(ENTRY, 0).line, LINE);
});

test("an entry's line is what canonical JSON of all it holds would be", () => {
  assertEquals(encodeCanonical(JSON.parse(LINE)), LINE);
});

test("a line reads back as its entry, deeply frozen", () => {
  const { entry } = LogRecord.ofLine(LINE);
  assertEquals(entry, ENTRY);
  assert(Object.isFrozen(entry) && Object.isFrozen(entry.metadata["9"]));
});

test("a record knows whether its line is canonical", () => {
  assert(LogRecord.ofEntry(ENTRY, 0).canonical);
  assert(LogRecord.ofLine(LINE).canonical);
  const others = [
    foreignLine(),
    ` ${LINE}`,
    `${LINE} `,
    LINE.replace("1e-7", "0.0000001"),
    LINE.replace("李", "\\u674e"),
    LINE.replace('"10":1,"9":[true,{"é":null}]', '"9":[true,{"é":null}],"10":1'),
    LINE.replace('"model":"gpt-4o","output_text":""', '"output_text":"","model":"gpt-4o"'),
    LINE.replace("\u2028", "\\u2028"),
    LINE.replace("\\ud800", "\\uD800"),
    LINE.replace("\\n", "\\u000a"),
    LINE.replace("1e-7", "-0"),
  ];
  for (const line of others) {
    const record = LogRecord.ofLine(line);
    assert(!record.canonical, line);
    assertEquals(record.line, line);
  }
});

test("a line's instant is that of its timestamp", () => {
  const line = foreignLine({ timestamp: "1970-01-01T01:00:00.000007+01:00" });
  assertEquals(LogRecord.ofLine(line).instantUs, 7);
});

test("adoptLine() refuses a key that is named twice, which ofLine() does not look for", () => {
  const line = LINE.replace("{", '{"user":"eve",');
  assertEquals(LogRecord.ofLine(line).entry.user, "李雷");
  assertThrows(() => adoptLine(line), NotARecord, "twice");
  assertEquals(adoptLine(LINE).line, LINE);
  assertEquals(adoptLine(foreignLine()).line, foreignLine());
});

for (const key of Object.keys(JSON.parse(LINE))) {
  test(`a line without ${key}, or with a value of another type, is no record`, () => {
    const { [key]: value, ...rest } = JSON.parse(LINE);
    assertThrows(() => LogRecord.ofLine(JSON.stringify(rest)), NotARecord, key);
    const wrong: unknown[] = [true, [], [value], { value }];
    for (const other of wrong) {
      if (key === "metadata" && other !== true && !Array.isArray(other)) continue;
      const line = JSON.stringify({ ...rest, [key]: other });
      assertThrows(() => LogRecord.ofLine(line), NotARecord);
    }
  });
}

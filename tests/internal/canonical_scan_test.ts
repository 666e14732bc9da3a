// The quick reading of lines says what the parser says, or leaves it to the parser.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import process from "node:process";
import { test } from "node:test";
import { scanCanonical } from "../../src/canonical_scan.ts";
import { encodeCanonical, type JsonValue } from "../../src/json.ts";
import { factsOf, LogRecord, NotARecord } from "../../src/record.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { check } from "../support/property.ts";
import { testUnless } from "../support/skip.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "\0",
    '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028',
    "\ud800",
    "\udc00\ud800",
    "\ud83d\ude00",
    "\ud83d\ud83d\ude00\ude00",
    "\\ud83d\\ude00",
    'x","latency_ms":1',
  ),
);
const amount = fc.oneof(fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true }));
const name = fc.oneof(fc.constantFrom("alice", "gpt-4o", "李雷", 'a"b', "a\nb", "\0"), fc.string());
const record = fc.record({
  cost_usd: amount,
  entry_id: name,
  input_text: text,
  latency_ms: amount,
  metadata: fc.oneof(
    fc.dictionary(text, fc.jsonValue(), { maxKeys: 4 }),
    fc.dictionary(
      fc.constantFrom("audit.event", "audit.call", "audit.ref", 'a"b'),
      fc.oneof(
        fc.constantFrom("call.begin", "call.end", "annotation", "Not one", "\0", "id 1", "id-1"),
        fc.jsonValue(),
      ),
    ),
  ),
  model: name,
  output_text: text,
  timestamp: fc.constantFrom(
    "2026-11-25T08:00:00.000Z",
    "2026-11-25T08:00:00.123456+02:00",
    "2026-11-25",
    "yesterday",
  ),
  user: name,
});

/** What the parser says of a line that it takes for canonical. */
function parsed(line: string): unknown {
  try {
    const { entry, instantUs, canonical, event } = LogRecord.ofLine(line);
    if (!canonical) return undefined;
    const { entryId, timestamp, user, model, costUsd, latencyMs } = entry;
    return { entryId, timestamp, instantUs, user, model, costUsd, latencyMs, canonical, event };
  } catch (error) {
    if (error instanceof NotARecord) return undefined;
    throw error;
  }
}

/** What the scanner may say of a line: that, or nothing. */
function assertAgrees(line: string): void {
  const scanned = scanCanonical(line);
  if (scanned !== undefined) assertEquals(scanned as unknown, parsed(line), line);
}

test("of canonical lines the scanner says what the parser says", async () => {
  let read = 0;
  await check(
    fc.asyncProperty(record, (value) => {
      const line = encodeCanonical(value as unknown as JsonValue);
      assertAgrees(line);
      if (scanCanonical(line) !== undefined) read++;
      return Promise.resolve();
    }),
    2000,
  );
  assert(read > 200, `it read ${read} lines`);
});

test("a line with any change is read as the parser reads it, or not at all", async () => {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.constantFrom(
      "",
      " ",
      "0",
      "-",
      '"',
      "\\",
      "\\u0041",
      "\\u000a",
      "\\uD800",
      "\\ude00",
      "\\/",
      ",",
      "}",
      "{",
      "1e5",
      ".0",
      "é",
      "\u0001",
    ),
  });
  await check(
    fc.asyncProperty(record, fc.array(change, { maxLength: 3 }), (value, changes) => {
      let line = encodeCanonical(value as unknown as JsonValue);
      for (const { at, remove, insert } of changes) {
        const start = at % (line.length + 1);
        line = line.slice(0, start) + insert + line.slice(start + remove);
      }
      assertAgrees(line.toWellFormed());
      return Promise.resolve();
    }),
    4000,
  );
});

const LINE =
  '{"cost_usd":0.003,"entry_id":"a","input_text":"in\\n","latency_ms":null,"metadata":{"10":[1,{}],"9":true},' +
  '"model":"m","output_text":"\\u001f\\ud800x","timestamp":"2026-11-25T08:00:00.000Z","user":"u"}';

test("an ordinary line is read", () => {
  assertEquals(scanCanonical(LINE), factsOf(LINE));
  assert(scanCanonical(LINE)!.canonical);
});

for (
  const [what, from, to] of [
    ["white space", ":null", ": null"],
    ["another order of keys", '"10":[1,{}],"9":true', '"9":true,"10":[1,{}]'],
    ["a key twice", '"9":true', '"9":true,"9":true'],
    ["a long number", "0.003", "0.0030"],
    ["minus zero", "[1", "[-0"],
    ["a number beyond all doubles", "[1", "[1e400"],
    ["an escape that is not needed", "\\n", "\\u000a"],
    ["upper-case digits", "\\u001f", "\\u001F"],
    ["a pair written as escapes", "\\ud800x", "\\ud83d\\ude00x"],
    ["an escaped slash", "\\n", "\\/"],
    ["a raw control character", "\\n", "\n"],
    ["something behind", '"u"}', '"u"} '],
    ["a missing key", ',"user":"u"', ""],
    ["a further key", '"u"}', '"u","x":1}'],
    ["a cost that is a text", "0.003", '"0.003"'],
    ["metadata that is an array", '{"10":[1,{}],"9":true}', "[]"],
    ["a time that is none", "2026-11-25T", "2026-13-25T"],
    ["no end", '"u"}', '"u'],
  ] as const
) {
  test(`${what} is not canonical, or no record`, () => {
    const line = LINE.replace(from, () => to);
    assert(line !== LINE);
    assertEquals(scanCanonical(line), undefined);
  });
}

testUnless(
  noCollector,
  "what was read of a long line does not keep its texts in memory",
  async () => {
    const encoder = new TextEncoder();
    const decoder = new TextDecoder();
    const kept: unknown[] = [];
    const before = process.memoryUsage.rss();
    for (let n = 0; n < 300; n++) {
      const line = LINE.replace("in\\n", "x".repeat(1_000_000))
        .replace('"m"', `"the model with the number ${n}"`)
        .replace('"u"', `"customer-${n}@example.com"`);
      // As a line of a file comes: a text of its own.
      kept.push(scanCanonical(decoder.decode(encoder.encode(line))));
    }
    let turns = 0;
    await collectUntil(() => Promise.resolve(++turns > 5));
    const grown = process.memoryUsage.rss() - before;
    assert(kept.every((facts) => facts !== undefined));
    assert(grown < 150_000_000, `${grown} bytes more`);
  },
);

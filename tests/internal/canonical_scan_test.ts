// The quick reading of lines says what the parser says, or leaves it to the parser.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import process from "node:process";
import { test } from "node:test";
import { BEHIND_NAME, type RecordFacts, scanCanonical } from "../../src/canonical_scan.ts";
import { encodeCanonical, type JsonValue } from "../../src/json.ts";
import { LogRecord, NotARecord } from "../../src/record.ts";
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
const name = fc.oneof(
  fc.constantFrom("alice", "gpt-4o", "李雷", 'a"b', "a\nb", "\0", "a\ufffd"),
  fc.string(),
);
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

const encoder = new TextEncoder();

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

/** What the scanner says of a line, if it does. */
function scan(line: string): RecordFacts | undefined {
  return scanCanonical(encoder.encode(line))?.facts();
}

/** What the scanner may say of a line: that, or nothing. */
function assertAgrees(line: string): void {
  const scanned = scan(line);
  if (scanned !== undefined) assertEquals(scanned as unknown, parsed(line), line);
}

test("of canonical lines the scanner says what the parser says", async () => {
  let read = 0;
  await check(
    fc.asyncProperty(record, (value) => {
      const line = encodeCanonical(value as unknown as JsonValue);
      assertAgrees(line);
      if (scan(line) !== undefined) read++;
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

const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,18})$/);
const literal = fc.tuple(
  fc.constantFrom("", "-"),
  fc.oneof(digits, fc.constantFrom("00", "01", "")),
  fc.oneof(
    fc.constant(""),
    fc.stringMatching(/^\.[0-9]{0,18}$/),
    fc.stringMatching(/^\.0{0,8}[1-9]$/),
  ),
  fc.oneof(fc.constant(""), fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/)),
).map((parts) => parts.join(""));

test("a number is read as the runtime reads it, if it writes it so", async () => {
  let read = 0;
  await check(
    fc.asyncProperty(
      fc.oneof(literal, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
      (number) => {
        const line = LINE.replace("0.003", number).replace("[1,", `[${number},`);
        const scanned = scan(line);
        const isPlain = Number.isFinite(Number(number)) && String(Number(number)) === number;
        assertEquals(scanned?.costUsd, isPlain ? Number(number) : undefined, number);
        if (isPlain) read++;
        return Promise.resolve();
      },
    ),
    2000,
  );
  assert(read > 200, `it read ${read} numbers`);
});

test("names are told in one text as they are one by one", async () => {
  const names = ["entryId", "user", "model"] as const;
  await check(
    fc.asyncProperty(
      record,
      fc.nat(60),
      fc.constantFrom("", "x", "\x02", "\ufffd"),
      (value, at, put) => {
        const scanned = scanCanonical(
          encoder.encode(encodeCanonical(value as unknown as JsonValue)),
        );
        if (scanned === undefined) return Promise.resolve();
        const facts = scanned.facts();
        const joined = names.map((name) => facts[name] + BEHIND_NAME).join("");
        // What a driver replaces by U+FFFD reads as if it was there.
        assertEquals(scanned.reads(joined, names), !joined.includes("\ufffd"), joined);
        const other = joined.slice(0, at) + put + joined.slice(at + 1);
        assertEquals(scanned.reads(other, names), other === joined && !joined.includes("\ufffd"));
        assert(!scanned.reads(joined + put, names) || put === "");
        return Promise.resolve();
      },
    ),
    2000,
  );
});

test("a line that is longer than the room for others is read like them, and so is the next", () => {
  const long = LINE.replace("in\\n", "é\\n".repeat(200_000));
  assertEquals(scan(long) as unknown, parsed(long));
  assertEquals(scan(long.slice(0, -1)), undefined);
  assertEquals(scan(LINE) as unknown, parsed(LINE));
});

test("bytes that are not UTF-8 make no canonical line, wherever they are", () => {
  const bytes = encoder.encode(LINE);
  for (const mark of ["in\\n", '"m"', '"u"}', '"a"', '"9"', "x é"]) {
    const at = new TextDecoder().decode(bytes).indexOf(mark) + 1;
    for (const bad of [0x80, 0xc3, 0xff]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = bad;
      assertEquals(scanCanonical(changed), undefined, `${mark}, ${bad}`);
    }
  }
});

const LINE =
  '{"cost_usd":0.003,"entry_id":"a","input_text":"in\\n","latency_ms":null,"metadata":{"10":[1,{}],"9":true},' +
  '"model":"m","output_text":"\\u001fx é","timestamp":"2026-11-25T08:00:00.000Z","user":"u"}';

test("an ordinary line is read", () => {
  assertEquals(scan(LINE) as unknown, parsed(LINE));
  assert(scan(LINE)!.canonical);
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
    ["a pair written as escapes", "x é", "\\ud83d\\ude00x"],
    ["an escaped slash", "\\n", "\\/"],
    ["a raw control character", "\\n", "\n"],
    ["a raw control character before a letter of an escape", "\\n", "\u0001n"],
    ["keys in the order of their bytes", '"10":[1,{}],"9"', '"\ue000":1,"\ud83d\ude00"'],
    ["an escaped key behind what it stands for", '"10":[1,{}],"9"', '"#":1,"\\""'],
    ["metadata that is too deep to tell", "[1", `${"[".repeat(100_000)}1${"]".repeat(100_000)},[1`],
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
    assertEquals(scan(line), undefined);
  });
}

testUnless(
  noCollector,
  "what was read of a long line does not keep its texts in memory",
  async () => {
    const kept: unknown[] = [];
    const before = process.memoryUsage.rss();
    for (let n = 0; n < 300; n++) {
      const line = LINE.replace("in\\n", "x".repeat(1_000_000))
        .replace('"m"', `"the model with the number ${n}"`)
        .replace('"u"', `"customer-${n}@example.com"`);
      kept.push(scan(line));
    }
    let turns = 0;
    await collectUntil(() => Promise.resolve(++turns > 5));
    const grown = process.memoryUsage.rss() - before;
    assert(kept.every((facts) => facts !== undefined));
    assert(grown < 150_000_000, `${grown} bytes more`);
  },
);

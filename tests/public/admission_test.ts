// "Admission is strict, and nothing is lost by it": what record() refuses, and where it says the fault is.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { test } from "node:test";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

class Point {
  x = 1;
}
class List extends Array {}
class PlainList extends Array {
  override push(): number {
    return 0;
  }
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { a: [1, {}] };
  (value["a"] as Record<string, unknown>[])[1]!["back"] = value;
  return value;
}

/** Values that JSON cannot hold, each wrapped in `metadata.v`, and where the fault lies within. */
const NOT_JSON: Record<string, [value: unknown, at?: string]> = {
  "NaN": [NaN],
  "Infinity": [Infinity],
  "-Infinity": [[-Infinity], "[0]"],
  "2^53": [2 ** 53],
  "-2^53": [{ n: -(2 ** 53) }, ".n"],
  "1e21": [1e21],
  "a bigint": [1n],
  "a function": [() => 1],
  "a class": [Point],
  "a symbol": [Symbol.iterator],
  "undefined in an array": [[1, undefined], "[1]"],
  // deno-lint-ignore no-sparse-arrays -- the hole is the point
  "a hole in an array": [[1, , 2], "[1]"],
  "a Date": [new Date(0)],
  "a Map": [new Map([[1, 2]])],
  "a Set": [new Set([1])],
  "a RegExp": [/a/],
  "an Error": [new Error("x")],
  "a Promise": [Promise.resolve(1)],
  "a URL": [new URL("https://example.org/")],
  "an ArrayBuffer": [new ArrayBuffer(1)],
  "a Uint8Array": [new Uint8Array(1)],
  "a boxed number": [Object(1)],
  "a boxed string": [Object("a")],
  "a boxed bigint": [Object(1n)],
  "a class instance": [new Point()],
  "an instance of a class derived from Array": [List.from([1])],
  "an instance of such a class with its own push": [new PlainList()],
  "an object with another object as prototype": [Object.create({ inherited: 1 })],
  "an accessor": [{
    get a() {
      return 1;
    },
  }, ".a"],
  "an accessor in an array": [
    Object.defineProperty([1, 2], 1, { get: () => 1, enumerable: true }),
    "[1]",
  ],
  "an array with a property": [Object.assign([1], { extra: 1 })],
  "a symbol as key": [{ [Symbol("s")]: 1 }],
  "a key __proto__": [JSON.parse('{"a": {"__proto__": 1}}'), ".a"],
  "a cycle": [cyclic(), ".a[1].back"],
  "a key that needs quoting": [{ "a b": { "": NaN } }, '["a b"][""]'],
};

/** Entries with one field at fault. */
const WRONG_FIELDS: [field: string, what: string, value: unknown][] = [
  ...["model", "user"].flatMap((field): [string, string, unknown][] => [
    [field, "an empty text", ""],
    [field, "257 characters", "x".repeat(257)],
    [field, "257 characters of two code units", "💬".repeat(257)],
    [field, "a newline", "a\nb"],
    [field, "U+0000", "\0"],
    [field, "U+007F", "\x7f"],
    [field, "U+0085", "\x85"],
    [field, "a lone surrogate", "a\ud800"],
    [field, "a number", 1],
    [field, "null", null],
    [field, "an object", { toString: () => "x" }],
    [field, "a boxed string", Object("x")],
  ]),
  ...["inputText", "outputText"].flatMap((field): [string, string, unknown][] => [
    [field, "undefined", undefined],
    [field, "null", null],
    [field, "a number", 1],
    [field, "a list of messages", [{ role: "user", content: "x" }]],
    [field, "bytes", new Uint8Array(1)],
  ]),
  ["model", "undefined", undefined],
  ...["costUsd", "latencyMs"].flatMap((field): [string, string, unknown][] => [
    [field, "NaN", NaN],
    [field, "Infinity", Infinity],
    [field, "a negative number", -0.001],
    [field, "2^53", 2 ** 53],
    [field, "a bigint", 1n],
    [field, "a text", "0.1"],
    [field, "a boolean", true],
  ]),
  ...[[], null, "x", 1, true].map((
    value,
  ): [string, string, unknown] => ["metadata", JSON.stringify(value), value]),
];

/** Records what must be refused, and looks whether the log stayed as it was. */
async function assertNotRecorded(entry: unknown, path: string): Promise<string> {
  const log = await AuditLog.open();
  await log.record(interaction());
  const { message } = await assertRefused(() => log.record(entry as never), "INVALID_ENTRY", path);
  await assertRefused(() => log.recordAll([interaction(), entry as never]), "INVALID_ENTRY");
  assertEquals([log.size, (await log.query()).length], [1, 1]);
  return message;
}

for (const [what, [value, at = ""]] of Object.entries(NOT_JSON)) {
  test(`record() refuses ${what} in metadata`, async () => {
    await assertNotRecorded(interaction({ metadata: { v: value } }), `metadata.v${at}`);
  });
}

for (const [field, what, value] of WRONG_FIELDS) {
  test(`record() refuses ${what} as ${field}`, async () => {
    await assertNotRecorded({ ...interaction(), [field]: value }, field);
  });
}

test("record() refuses metadata nested deeper than 64 levels, and takes 64", async () => {
  const log = await AuditLog.open();
  const metadata = { b: nested(63) };
  assertEquals((await log.record(interaction({ metadata }))).metadata, metadata as never);
  const tooDeep = interaction({ metadata: { b: nested(64) } });
  const { path } = await assertRefused(() => log.record(tooDeep), "INVALID_ENTRY");
  assertEquals(path, `metadata.b${".a[0]".repeat(32).slice(0, -3)}`);
});

test("record() refuses metadata keys that start with audit.", async () => {
  const message = await assertNotRecorded(
    interaction({ metadata: { a: 1, "audit.x": 1 } }),
    'metadata["audit.x"]',
  );
  assertStringIncludes(message, "reserved");
});

test("record() takes keys that only look reserved", async () => {
  const log = await AuditLog.open();
  const metadata = { audit: 1, "audit_x": 1, "Audit.x": 1, nested: { "audit.x": 1 } };
  assertEquals((await log.record(interaction({ metadata }))).metadata, metadata);
});

test("record() refuses the key __proto__ at the top of metadata", async () => {
  await assertNotRecorded(interaction({ metadata: JSON.parse('{"__proto__": 1}') }), "metadata");
});

test("record() refuses a field that it does not know, and hints at the one that was meant", async () => {
  const hints: Record<string, string> = {
    input_text: "inputText",
    cost_usd: "costUsd",
    provider: "metadata",
    Model: "did you mean model?",
    entryId: "metadata",
    timestamp: "metadata",
    constructor: "metadata",
  };
  for (const [field, hint] of Object.entries(hints)) {
    const message = await assertNotRecorded({ ...interaction(), [field]: "x" }, field);
    assertStringIncludes(message, hint);
  }
  await assertNotRecorded({ ...interaction(), [Symbol("s")]: 1 }, "Symbol(s)");
  await assertNotRecorded({ ...interaction(), other: undefined }, "other");
});

test("record() refuses what is no object", async () => {
  for (const entry of [undefined, null, 1, "x", [], [interaction()], () => interaction()]) {
    await assertNotRecorded(entry, "");
  }
});

test("recordAll() refuses what is no array, and says which entry is at fault", async () => {
  const log = await AuditLog.open();
  for (const entries of [undefined, null, interaction(), { length: 0 }, new Set()]) {
    await assertRefused(() => log.recordAll(entries as never), "INVALID_ENTRY", "");
  }
  const ok = interaction();
  const faults: [unknown, string][] = [
    [undefined, "[1]"],
    [{ ...ok, model: "" }, "[1].model"],
    [{ ...ok, metadata: [] }, "[1].metadata"],
    [{ ...ok, metadata: { a: [{ b: NaN }] } }, "[1].metadata.a[0].b"],
  ];
  for (const [entry, path] of faults) {
    await assertRefused(() => log.recordAll([ok, entry as never, ok]), "INVALID_ENTRY", path);
  }
  // deno-lint-ignore no-sparse-arrays -- the hole is the point
  await assertRefused(() => log.recordAll([ok, , ok] as never), "INVALID_ENTRY", "[1]");
  assertEquals(log.size, 0);
  await log.record(ok);
  assertEquals(log.size, 1);
});

// Canonical JSON, with the examples of RFC 8785 itself.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { encodeCanonical, type JsonValue, repeatsKey, unitsOf } from "../../src/json.ts";
import { NotStorable, parseJson } from "../../src/parse_json.ts";

test("encodeCanonical() gives RFC 8785's example, section 3.2.2 to 3.2.4", () => {
  const value = JSON.parse(`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`);
  assertEquals(
    encodeCanonical(value),
    '{"literals":[null,true,false],' +
      '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test("encodeCanonical() sorts keys as RFC 8785, section 3.2.3, by UTF-16 code units", () => {
  const value = JSON.parse(`{
    "\\u20ac": "Euro Sign", "\\r": "Carriage Return", "\\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One", "\\ud83d\\ude00": "Emoji: Grinning Face", "\\u0080": "Control",
    "\\u00f6": "Latin Small Letter O With Diaeresis"
  }`);
  const order = [...encodeCanonical(value).matchAll(/:"([^":]+)(?::[^"]*)?"/g)].map(([, name]) =>
    name
  );
  assertEquals(order, [
    "Carriage Return",
    "One",
    "Control",
    "Latin Small Letter O With Diaeresis",
    "Euro Sign",
    "Emoji",
    "Hebrew Letter Dalet With Dagesh",
  ]);
});

/** RFC 8785, appendix B: IEEE 754 bits and how the number is written. */
const NUMBERS: [bits: string, text: string][] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

test("encodeCanonical() writes numbers as RFC 8785, appendix B", () => {
  for (const [bits, text] of NUMBERS) {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(`0x${bits}`));
    assertEquals(encodeCanonical(view.getFloat64(0)), text, bits);
  }
});

test("encodeCanonical() sorts at every depth, integer-like keys too", () => {
  const cases: [JsonValue, string][] = [
    [{ "9": 1, "10": 2 }, '{"10":2,"9":1}'],
    [{ a: [{ "2": 1, "11": 2 }] }, '{"a":[{"11":2,"2":1}]}'],
    [{ b: { d: 1, c: 2 }, a: [] }, '{"a":[],"b":{"c":2,"d":1}}'],
    [{ "": 1, a: 2, A: 3, aa: 4 }, '{"":1,"A":3,"a":2,"aa":4}'],
    [{ "-1": 1, "1": 2, "1.5": 3, "01": 4 }, '{"-1":1,"01":4,"1":2,"1.5":3}'],
    [[[], {}, [{}]], "[[],{},[{}]]"],
    ["\ud800\u2028\u007f", '"\\ud800\u2028\u007f"'],
    [{ "\udc00": "\ud83d\ude00" }, '{"\\udc00":"\ud83d\ude00"}'],
    [null, "null"],
  ];
  for (const [value, text] of cases) assertEquals(encodeCanonical(value), text);
});

test("repeatsKey() finds a key that an object names twice, at any depth, and nothing else", () => {
  const repeating = [
    '{"a":1,"a":1}',
    '{ "a" : 1 , "\\u0061" : 2 }',
    '{"a":{"b":[{"c":1,"c":2}]}}',
    '[{"a":1},{"a":1,"a":2}]',
    '{"":1,"":2}',
    '{"\\"":1,"\\"":2}',
    '{"a":"\\\\","a":1}',
    '{"__proto__":1,"__proto__":2}',
  ];
  const unique = [
    "1",
    '"a"',
    "[]",
    "{}",
    '{"a":1,"A":1}',
    '{"a":"a","b":"a:"}',
    '{"a":"\\"b\\":1,\\"b\\":2"}',
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":"a"}}}',
    '{"\\\\":"\\\\\\"","\\"":":"}',
    '{"a"\t:\r\n[":" , ":"]}',
    '{"__proto__":1,"a":{"__proto__":2}}',
  ];
  for (const text of repeating) assert(repeatsKey(text, JSON.parse(text)), text);
  for (const text of unique) assert(!repeatsKey(text, JSON.parse(text)), text);
});

test("parseJson() freezes everything, and refuses what a record cannot hold", () => {
  // deno-lint-ignore no-explicit-any -- the value's shape is in the line below
  const value: any = parseJson('{"a":[1,{"b":{}}],"c":null}');
  for (const part of [value, value.a, value.a[1], value.a[1].b]) assert(Object.isFrozen(part));
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  parseJson(nested(500));
  for (const depth of [600, 5_000, 5_000_000]) {
    assertThrows(() => parseJson(nested(depth)), NotStorable, "is nested too deep");
  }
  assertThrows(() => parseJson('{"a":[1e400]}'), NotStorable, "number");
  assertThrows(() => parseJson('{"a":-1e400}'), NotStorable, "number");
});

test("parseJson() says what is wrong without quoting the text", () => {
  const error = assertThrows(() => parseJson("my secret prompt"), NotStorable, "is not JSON");
  assertEquals(error.cause, undefined);
});

test("parseJson() reads keys with escapes right after others of the same shape", () => {
  // Some versions of V8 give the key of the former objects instead.
  const keys = [
    "\\",
    "\n",
    "a\\",
    "a\n",
    "\nb",
    "\\n",
    '"',
    "\ud800",
    "\u2028",
    "__proto__",
    "\ue000\\",
  ];
  for (const former of keys) {
    for (const key of keys) {
      const text = (name: string) =>
        `{"x":{"y":1,${JSON.stringify(name)}:["\\\\\\"\\u0041"]},"z":"\\\\"}`;
      for (let i = 0; i < 4; i++) parseJson(text(former));
      const value = parseJson(text(key)) as { x: Record<string, unknown> };
      assertEquals(Object.keys(value.x), ["y", key]);
      assertEquals(Object.getOwnPropertyDescriptor(value.x, key)?.value, ['\\"A']);
    }
  }
});

test("encodeCanonical() calls no toJSON, wherever it comes from", () => {
  const prototype = Object.prototype as { toJSON?: unknown };
  prototype.toJSON = () => "called";
  try {
    assertEquals(encodeCanonical({ a: ["b", { c: 1 }] }), '{"a":["b",{"c":1}]}');
  } finally {
    delete prototype.toJSON;
  }
});

test("unitsOf() is never less than the length of a value's JSON without escapes", () => {
  const values: JsonValue[] = [
    "",
    "text",
    -1.7976931348623157e308,
    5e-324,
    false,
    null,
    [],
    {},
    [[], [[]], {}],
    { "": "", key: [1, 2, { nested: "x" }] },
    Array(100).fill(false),
    Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`key ${n}`, -0.0000033333333333333333]),
    ),
  ];
  for (const value of values) assert(unitsOf(value) >= JSON.stringify(value).length);
});

// The stand-in for `@std/assert` decides whether every other test passes on Bun and Node, so it is
// itself tested here, above all for failing when it must. `node:assert` is the judge.

import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert";
import { test } from "node:test";
import * as stand from "../support/std_assert.ts";
import { AssertionError } from "../support/std_assert.ts";

function fails(body: () => unknown, message = /./): void {
  throws(body, (error) => {
    ok(error instanceof AssertionError, `threw ${error}`);
    match(error.message, message);
    return true;
  });
}

class Point {
  x: number;
  constructor(x: number) {
    this.x = x;
  }
}
class Pixel extends Point {}
class Hidden {
  #value: number;
  constructor(value: number) {
    this.#value = value;
  }
  get value(): number {
    return this.#value;
  }
}

const cyclic = (label: string): Record<string, unknown> => {
  const object: Record<string, unknown> = { label };
  object.self = object;
  return object;
};

const equalPairs: [string, unknown, unknown][] = [
  ["numbers", 1, 1],
  ["NaN", NaN, NaN],
  ["0 and -0", 0, -0],
  ["strings", "é\u0000", "é\u0000"],
  ["undefined", undefined, undefined],
  ["nested plain data", { a: [1, { b: null }] }, { a: [1, { b: null }] }],
  ["keys in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["a null prototype and a plain object", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["symbol keys", { [Symbol.iterator]: 1 }, { [Symbol.iterator]: 1 }],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["regular expressions", /a/g, /a/g],
  ["URLs", new URL("http://localhost/a"), new URL("http://localhost/a")],
  ["typed arrays", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["float arrays with NaN", new Float64Array([NaN]), new Float64Array([NaN])],
  ["buffers", new Uint8Array([1]).buffer, new Uint8Array([1]).buffer],
  ["sets in another order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
  ["maps in another order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["maps with object keys", new Map([[{ k: 1 }, 1]]), new Map([[{ k: 1 }, 1]])],
  ["instances of one class", new Point(1), new Point(1)],
  ["getters of a class", new Hidden(1), new Hidden(1)],
  ["cycles", cyclic("a"), cyclic("a")],
];

const unequalPairs: [string, unknown, unknown][] = [
  ["numbers", 1, 2],
  ["a number and its string", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined", null, undefined],
  ["null and an object", null, {}],
  ["nested plain data", { a: [1, { b: null }] }, { a: [1, { b: 0 }] }],
  ["an absent and an undefined property", {}, { a: undefined }],
  ["an undefined property under another name", { a: undefined }, { b: undefined }],
  ["arrays of different length", [1, 2], [1]],
  ["an array and an object with its keys", [1], { 0: 1 }],
  ["a hole's neighbour", [1, , 3], [1, 2, 3]], // deno-lint-ignore no-sparse-arrays
  ["symbol keys", { [Symbol.iterator]: 1 }, { [Symbol.iterator]: 2 }],
  ["dates", new Date(5), new Date(6)],
  ["a date and its number", new Date(5), 5],
  ["regular expressions", /a/g, /a/],
  ["typed arrays", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["typed arrays of different kinds", new Uint8Array([1]), new Uint16Array([1])],
  ["typed arrays of different length", new Uint8Array(1), new Uint8Array(2)],
  ["buffers", new Uint8Array([1]).buffer, new Uint8Array([2]).buffer],
  ["sets", new Set([1]), new Set([2])],
  [
    "sets whose members would answer twice",
    new Set([{ a: 1 }, { a: 2 }]),
    new Set([{ a: 1 }, { a: 1 }]),
  ],
  ["maps with another value", new Map([["a", 1]]), new Map([["a", 2]])],
  ["maps with another key", new Map([["a", 1]]), new Map([["b", 1]])],
  ["a map and a set", new Map(), new Set()],
  ["a class and its subclass", new Point(1), new Pixel(1)],
  ["an instance and a plain object", new Point(1), { x: 1 }],
  ["getters of a class", new Hidden(1), new Hidden(2)],
  ["cycles", cyclic("a"), cyclic("b")],
  ["functions", () => 1, () => 1],
];

for (const [what, a, b] of equalPairs) {
  test(`assertEquals accepts ${what}, assertNotEquals refuses them`, () => {
    stand.assertEquals(a, b);
    stand.assertEquals(b, a);
    fails(() => stand.assertNotEquals(a, b), /not to be/);
  });
}

for (const [what, a, b] of unequalPairs) {
  test(`assertEquals refuses different values: ${what}`, () => {
    fails(() => stand.assertEquals(a, b), /not equal/);
    fails(() => stand.assertEquals(b, a), /not equal/);
    stand.assertNotEquals(a, b);
  });
}

test("assertEquals shows only the lines that differ, with some around them", () => {
  const lines = Array.from({ length: 50 }, (_, i) => i);
  fails(
    () => stand.assertEquals({ lines, name: "found" }, { lines, name: "wanted" }, "the rows"),
    /^Values are not equal: the rows\n\n- actual\n\+ expected\n\n.*48,\n.*49\n.*\n- {3}name: 'found'\n\+ {3}name: 'wanted'\n/s,
  );
  throws(
    () => stand.assertEquals({ lines, name: "found" }, { lines, name: "wanted" }),
    (error) => error instanceof Error && !error.message.includes("12,"),
  );
});

test("assertEquals shows a line that one side has more", () => {
  fails(() => stand.assertEquals(["a", "b"], ["a", "b", "b"]), /\n\+ {3}'b'/);
});

test("assertEquals refuses to compare what cannot be looked into", () => {
  throws(() => stand.assertEquals(new WeakMap(), new WeakMap()), TypeError);
});

test("assertStrictEquals goes by identity", () => {
  const object = {};
  stand.assertStrictEquals(object, object);
  stand.assertStrictEquals(NaN, NaN);
  fails(() => stand.assertStrictEquals({}, {}));
  fails(() => stand.assertStrictEquals(0, -0));
  fails(() => stand.assertStrictEquals(1, 2, "why"), /why/);
});

test("assert, assertExists and fail", () => {
  stand.assert(1);
  stand.assertExists(0);
  stand.assertExists("");
  fails(() => stand.assert(0, "zero"), /^zero$/);
  throws(() => stand.assert(""), AssertionError);
  fails(() => stand.assertExists(null), /null/);
  fails(() => stand.assertExists(undefined, "why"), /why/);
  fails(() => stand.fail("why"), /why/);
});

test("assertInstanceOf", () => {
  stand.assertInstanceOf(new Pixel(1), Point);
  fails(() => stand.assertInstanceOf(new Point(1), Pixel), /"Pixel" but was "Point"/);
  fails(() => stand.assertInstanceOf(null, Point));
  fails(() => stand.assertInstanceOf("a", String), /"String" but was "string"/);
});

test("assertMatch and assertStringIncludes", () => {
  stand.assertMatch("audit", /^aud/);
  stand.assertStringIncludes("audit", "dit");
  fails(() => stand.assertMatch("audit", /^x/), /audit/);
  fails(() => stand.assertStringIncludes("audit", "x"), /contain: "x"/);
});

test("the four comparisons, at and around equality", () => {
  stand.assertGreater(2, 1);
  stand.assertGreaterOrEqual(2, 2);
  stand.assertLess(1, 2);
  stand.assertLessOrEqual(2, 2);
  fails(() => stand.assertGreater(2, 2), /2 > 2/);
  fails(() => stand.assertGreaterOrEqual(1, 2));
  fails(() => stand.assertLess(2, 2));
  fails(() => stand.assertLessOrEqual(3, 2));
  for (
    const compare of [
      stand.assertGreater,
      stand.assertGreaterOrEqual,
      stand.assertLess,
      stand.assertLessOrEqual,
    ]
  ) fails(() => compare(NaN, NaN));
});

test("assertThrows returns what was thrown and checks class and message", () => {
  const error = new RangeError("out of range: 7");
  const raise = () => {
    throw error;
  };
  strictEqual(stand.assertThrows(raise), error);
  strictEqual(stand.assertThrows(raise, RangeError, "range: 7"), error);
  strictEqual(stand.assertThrows(raise, Error), error);
  fails(() => stand.assertThrows(() => {}), /to throw/);
  fails(() => stand.assertThrows(() => {}, RangeError, "x", "why"), /why/);
  fails(() => stand.assertThrows(() => {}, "why"), /why/);
  fails(() => stand.assertThrows(raise, TypeError), /"TypeError", but was "RangeError"/);
  fails(() => stand.assertThrows(raise, RangeError, "range: 8"), /include "range: 8"/);
});

test("assertThrows takes a thrown non-error only when no class is asked for", () => {
  const raise = () => {
    throw "text";
  };
  strictEqual(stand.assertThrows(raise), "text");
  fails(() => stand.assertThrows(raise, Error), /non-Error/);
});

test("assertRejects returns the reason and checks class and message", async () => {
  const error = new RangeError("out of range: 7");
  const reject = () => Promise.reject(error);
  strictEqual(await stand.assertRejects(reject), error);
  strictEqual(await stand.assertRejects(reject, RangeError, "range: 7"), error);
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => stand.assertRejects(() => Promise.resolve()), /to reject/],
    [() => stand.assertRejects(reject, TypeError), /"TypeError", but was "RangeError"/],
    [() => stand.assertRejects(reject, RangeError, "range: 8"), /include "range: 8"/],
    [() => stand.assertRejects(() => Promise.reject("text"), Error), /non-Error/],
    [() =>
      stand.assertRejects(() => {
        throw error;
      }, RangeError), /throws when expected to reject/],
  ];
  for (const [body, message] of wrong) {
    await rejects(body, (failure) => {
      ok(failure instanceof AssertionError, `rejected with ${failure}`);
      match(failure.message, message);
      return true;
    });
  }
});

test("the stand-in has every assertion that the tests may use", () => {
  deepStrictEqual(
    Object.keys(stand).sort(),
    [
      "AssertionError",
      "assert",
      "assertEquals",
      "assertExists",
      "assertGreater",
      "assertGreaterOrEqual",
      "assertInstanceOf",
      "assertLess",
      "assertLessOrEqual",
      "assertMatch",
      "assertNotEquals",
      "assertRejects",
      "assertStrictEquals",
      "assertStringIncludes",
      "assertThrows",
      "fail",
    ],
  );
});

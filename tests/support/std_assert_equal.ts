/**
 * Deep equality and its explanation, as `@std/assert` documents them: the part of the stand-in in
 * `std_assert.ts` that is more than a comparison and a throw.
 *
 * @module
 */

import { inspect } from "node:util";

const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => Uint8Array;

/**
 * Whether two values are deeply equal: numbers as by SameValueZero (`NaN` equals `NaN`, `0` equals
 * `-0`), dates by their time, typed arrays and buffers by their elements, sets and maps regardless
 * of order, objects by prototype and by their properties (an absent property differs from an
 * `undefined` one). A null prototype equals `Object.prototype`.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (basePrototype(a) !== basePrototype(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof TypedArray) return sameElements(a, b as typeof a);
  if (isBuffer(a)) return sameElements(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${a.constructor.name} instances`);
  }
  // A pair that is already being compared further out is part of a cycle, equal so far.
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Set) return sameEntries([...a], [...b as typeof a], seen);
  if (a instanceof Map) return sameEntries([...a], [...b as typeof a], seen);
  return sameProperties(a, b, seen);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isBuffer(value: object): value is ArrayBuffer {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function basePrototype(value: object): unknown {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function sameElements(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((element, i) => compare(element, b[i], new Map()));
}

/** Members of sets, or pairs of maps, in any order; each member of `b` answers for one of `a`. */
function sameEntries(a: unknown[], b: unknown[], seen: Seen): boolean {
  if (a.length !== b.length) return false;
  const rest = [...b];
  return a.every((entry) => {
    // The copy keeps what a failed attempt assumed about cycles out of the next attempt.
    const i = rest.findIndex((other) => compare(entry, other, new Map(seen)));
    if (i >= 0) rest.splice(i, 1);
    return i >= 0;
  });
}

function sameProperties(a: object, b: object, seen: Seen): boolean {
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  for (const key of new Set([...allKeys(a), ...allKeys(b)])) {
    if (!(key in a) || !(key in b)) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), seen)) return false;
  }
  return true;
}

/** Own keys, and those of classes in between, so that the values of getters count. */
function allKeys(value: object): PropertyKey[] {
  const keys: PropertyKey[] = [];
  for (
    let at: object | null = value;
    at !== null && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) keys.push(...Reflect.ownKeys(at));
  return keys;
}

/** Prints a value so that equal values print alike and nothing is left out. */
export function format(value: unknown): string {
  return inspect(value, {
    depth: Infinity,
    compact: false,
    sorted: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    breakLength: 80,
  });
}

const CONTEXT_LINES = 3;

/** What differs, line by line: `-` was found, `+` was expected. */
export function explainDifference(actual: unknown, expected: unknown): string {
  const found = format(actual).split("\n");
  const wanted = format(expected).split("\n");
  let start = 0;
  while (start < found.length && found[start] === wanted[start]) start++;
  if (start === found.length && start === wanted.length) {
    return `Both print as:\n  ${found.join("\n  ")}`;
  }
  let end = 0;
  while (
    end < Math.min(found.length, wanted.length) - start &&
    found.at(-1 - end) === wanted.at(-1 - end)
  ) end++;
  const before = found.slice(Math.max(0, start - CONTEXT_LINES), start);
  const after = found.slice(found.length - end).slice(0, CONTEXT_LINES);
  return [
    "- actual",
    "+ expected",
    "",
    ...before.map((line) => `  ${line}`),
    ...found.slice(start, found.length - end).map((line) => `- ${line}`),
    ...wanted.slice(start, wanted.length - end).map((line) => `+ ${line}`),
    ...after.map((line) => `  ${line}`),
  ].join("\n");
}

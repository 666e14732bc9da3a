import type { JsonValue } from "./json.ts";
import { describe, refusal } from "./refusal.ts";

/** How deep a value may be nested, itself counted. */
export const MAX_DEPTH = 64;

/**
 * Copies a value of plain data, frozen, so that what the caller does to it later changes nothing.
 *
 * Strict where `JSON.stringify()` is lenient: what JSON cannot hold is refused, not dropped or
 * turned into something else.
 *
 * @param name The value's name in error messages.
 * @throws {AuditLogError} `INVALID_ENTRY`, its `path` the place of the value at fault.
 */
export function snapshot(value: unknown, name: string): JsonValue {
  return copy(value, { parent: undefined, object: undefined, depth: 0, key: name });
}

/** Where in the value the copying is: what a path and a cycle are told from. */
interface Place {
  readonly parent: Place | undefined;
  /** The object that is being copied there. */
  readonly object: object | undefined;
  readonly depth: number;
  /** The part of it that is being copied; the name of the value, at the outermost place. */
  key: string | number;
}

function copy(value: unknown, place: Place): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return copyNumber(value, place);
    case "object":
      return value === null ? null : copyObject(value, place);
    default:
      throw refuse(place, `must be plain JSON, not ${describe(value)}`);
  }
}

function copyNumber(value: number, place: Place): number {
  if (!Number.isFinite(value)) throw refuse(place, `must be finite, not ${value}`);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw refuse(place, "must not be an integer beyond 2^53 - 1; give it as a string");
  }
  return value === 0 ? 0 : value; // -0 becomes 0
}

function copyObject(object: object, place: Place): JsonValue {
  for (let outer: Place | undefined = place; outer !== undefined; outer = outer.parent) {
    if (outer.object === object) throw refuse(place, "refers back to an object that contains it");
  }
  if (place.depth >= MAX_DEPTH) throw refuse(place, `is nested deeper than ${MAX_DEPTH} levels`);
  const within: Place = { parent: place, object, depth: place.depth + 1, key: "" };
  return Object.freeze(
    Array.isArray(object) ? copyArray(object, within) : copyPlainObject(object, within),
  );
}

function copyArray(array: readonly unknown[], place: Place): JsonValue[] {
  if (!isPlainArray(array)) throw refuseWhole(place, "must be a plain array, not a class instance");
  const copied: JsonValue[] = [];
  for (let index = 0; index < array.length; index++) {
    place.key = index;
    copied.push(copy(ownValue(array, index, place), place));
  }
  // `length` is the one key beside the elements.
  if (Reflect.ownKeys(array).length !== array.length + 1) {
    throw refuseWhole(place, "is an array with properties of its own, which JSON cannot hold");
  }
  return copied;
}

function copyPlainObject(object: object, place: Place): JsonValue {
  if (!isPlainObject(object)) {
    throw refuseWhole(place, `must be plain JSON, not ${describe(object)}`);
  }
  const copied: Record<string, JsonValue> = {};
  for (const key of keysInOrder(object, place)) {
    if (key === "__proto__") {
      throw refuseWhole(place, "has the key __proto__, which is not allowed");
    }
    place.key = key;
    const value = ownValue(object, key, place);
    if (value !== undefined) copied[key] = copy(value, place);
  }
  return copied;
}

/** An object's keys in UTF-16 order, as they are in the record. */
function keysInOrder(object: object, place: Place): string[] {
  // Asked for one by one: Reflect.ownKeys() takes three times as long on V8.
  if (Object.getOwnPropertySymbols(object).length > 0) {
    throw refuseWhole(place, "has a symbol for a key");
  }
  return inOrder(Object.getOwnPropertyNames(object));
}

/** More keys than these are sorted by the runtime. */
const FEW = 32;

/** Sorts keys in UTF-16 order, in place. As a rule there are a few: `sort()` takes longer for them than all else does. */
export function inOrder(keys: string[]): string[] {
  if (keys.length > FEW) return keys.sort();
  for (let next = 1; next < keys.length; next++) {
    const key = keys[next]!;
    let at = next;
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
  return keys;
}

/** Reads a property without calling anything of the caller's. */
function ownValue(object: object, key: string | number, place: Place): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(object, key);
  if (descriptor === undefined) throw refuse(place, "is a hole in an array");
  if (!("value" in descriptor)) throw refuse(place, "is an accessor; give its value");
  return descriptor.value;
}

// Plain values of another realm (a vm context, a frame) have prototypes of their own: those are
// told by their place in the prototype chain and by a method that only the builtin one owns.

/** Whether an object was made by a literal, by `JSON.parse()` or with the prototype `null`. */
export function isPlainObject(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}

function isPlainArray(array: object): boolean {
  const prototype = Object.getPrototypeOf(array);
  return prototype === Array.prototype ||
    (prototype !== null && Object.hasOwn(prototype, "push") &&
      isPlainObject(prototype) && Object.getPrototypeOf(prototype) !== null);
}

/** The error for the part of an object that is being copied. */
function refuse(place: Place, state: string): Error {
  const keys: (string | number)[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) keys.unshift(at.key);
  return refusal(formatPath(keys), state);
}

/** The error for an object as a whole. */
function refuseWhole(place: Place, state: string): Error {
  return refuse(place.parent!, state);
}

function formatPath([name, ...keys]: readonly (string | number)[]): string {
  let path = String(name);
  for (const key of keys) {
    path += typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;
  }
  return path;
}

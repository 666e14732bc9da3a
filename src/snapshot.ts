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
  return copy(value, { ancestors: [], path: [name] });
}

/** Where in the value the copying is. */
interface Place {
  readonly ancestors: object[];
  readonly path: (string | number)[];
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

function copyObject(value: object, place: Place): JsonValue {
  const { ancestors } = place;
  if (ancestors.includes(value)) throw refuse(place, "refers back to an object that contains it");
  if (ancestors.length >= MAX_DEPTH) {
    throw refuse(place, `is nested deeper than ${MAX_DEPTH} levels`);
  }
  ancestors.push(value);
  const copied = Array.isArray(value) ? copyArray(value, place) : copyPlainObject(value, place);
  ancestors.pop();
  return Object.freeze(copied);
}

function copyArray(array: readonly unknown[], place: Place): JsonValue[] {
  if (!isPlainArray(array)) throw refuse(place, "must be a plain array, not a class instance");
  const copied: JsonValue[] = [];
  for (let index = 0; index < array.length; index++) {
    place.path.push(index);
    copied.push(copy(ownValue(array, index, place), place));
    place.path.pop();
  }
  // `length` is the one key beside the elements.
  if (Reflect.ownKeys(array).length !== array.length + 1) {
    throw refuse(place, "is an array with properties of its own, which JSON cannot hold");
  }
  return copied;
}

function copyPlainObject(object: object, place: Place): JsonValue {
  if (!isPlainObject(object)) {
    throw refuse(place, `must be plain JSON, not ${describe(object)}`);
  }
  const copied: Record<string, JsonValue> = {};
  if (Object.getOwnPropertySymbols(object).length > 0) {
    throw refuse(place, "has a symbol for a key");
  }
  // Sorted, as in the record.
  for (const key of Object.getOwnPropertyNames(object).sort()) {
    if (key === "__proto__") throw refuse(place, "has the key __proto__, which is not allowed");
    place.path.push(key);
    const value = ownValue(object, key, place);
    if (value !== undefined) copied[key] = copy(value, place);
    place.path.pop();
  }
  return copied;
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

function refuse(place: Place, state: string): Error {
  return refusal(formatPath(place.path), state);
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

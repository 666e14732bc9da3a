/**
 * Looking into what a provider sent or a client was given: it may be anything, and nothing of it shall keep a call from being
 * recorded.
 *
 * @module
 */
import type { JsonValue, Usage } from "../../mod.ts";
import { jsonValue } from "./exact_json.ts";
import { plainJson, plainObject } from "./plain_json.ts";

/** Something with properties that may be anything. */
export type Loose = Readonly<Record<string, unknown>>;

/** A value as an object; one without properties if it is none. */
export function looseOf(value: unknown): Loose {
  return typeof value === "object" && value !== null ? value as Loose : {};
}

/** A value as a list of objects; empty if it is no list. */
export function listOf(value: unknown): readonly Loose[] {
  if (!Array.isArray(value)) return NONE;
  const list: Loose[] = [];
  // Not Array.from(), which takes ten times as long on V8; nor map(), which leaves holes.
  for (const item of value) list.push(looseOf(item));
  return list;
}

/** One for all: pieces of streams lack most lists that they may have. */
const NONE: readonly Loose[] = [];

/** A value if it is a text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A value if it is a text that is not empty. */
export function filledText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A value if it is a count. */
export function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && value as number >= 0 ? value as number : undefined;
}

/** The sum of those that are counts; `undefined` where none is. */
export function sumOfKnown(...values: readonly unknown[]): number | undefined {
  const counts = values.map(countOf).filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

/** A usage without what is not known; `undefined` when nothing is. */
export function usageOf(usage: { [Key in keyof Usage]: unknown }): Usage | undefined {
  const known: { -readonly [Key in keyof Usage]: Usage[Key] } = {};
  let isKnown = false;
  for (const key of Object.keys(usage) as (keyof Usage)[]) {
    const count = countOf(usage[key]);
    if (count === undefined) continue;
    known[key] = count;
    isKnown = true;
  }
  return isKnown ? known : undefined;
}

/** JSON in a text, read; the text itself where it is none. An empty text is no arguments. */
export function parsedOr(text: string): JsonValue {
  try {
    return plainJson(jsonValue(text)) ?? text;
  } catch {
    return text;
  }
}

/** An object's properties as plain JSON, without some of them and those that say nothing. */
export function without(object: Loose, names: readonly string[]): Record<string, JsonValue> {
  let rest: Record<string, unknown> | undefined;
  for (const name of Object.keys(object)) {
    const value = object[name];
    const isLeftOut = value === null || value === undefined || names.includes(name);
    if (!isLeftOut && name !== "__proto__") (rest ??= {})[name] = value;
  }
  return rest === undefined ? {} : plainObject(rest); // as a rule, there is nothing
}

/** {@link without}, and without `false` and what is empty: so a provider says that there is nothing. */
export function telling(object: Loose, names: readonly string[]): Record<string, JsonValue> {
  if (!hasOthers(object, names)) return {}; // as a rule: it is asked of each piece of a stream
  const rest = without(object, names);
  for (const name of Object.keys(rest)) {
    const value = rest[name]!;
    const isNothing = value === false || value === "" ||
      (typeof value === "object" && Object.keys(value!).length === 0);
    if (isNothing) delete rest[name];
  }
  return rest;
}

function hasOthers(object: Loose, names: readonly string[]): boolean {
  for (const name in object) if (!names.includes(name)) return true;
  return false;
}

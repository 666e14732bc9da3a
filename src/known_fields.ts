import { describe } from "./refusal.ts";
import { isPlainObject } from "./snapshot.ts";

/**
 * Which name was meant by one that is not known, if it was written in another way, as `cost_usd` for `costUsd`.
 *
 * @param name The name.
 * @param known Those that are known.
 * @param meant Others that are known elsewhere, and which of those here they mean.
 */
export function meantBy(
  name: string,
  known: readonly string[],
  meant: Readonly<Record<string, string>> = {},
): string | undefined {
  const same = (other: string): boolean => plain(other) === plain(name);
  return known.find(same) ?? Object.entries(meant).find(([other]) => same(other))?.[1];
}

/** A hint for a name that is not known: which one was meant, or else which ones there are. See {@link meantBy}. */
export function hintFor(...given: Parameters<typeof meantBy>): string {
  const meant = meantBy(...given);
  return meant === undefined ? `known are ${given[1].join(", ")}` : `did you mean ${meant}?`;
}

/** A name without what differs between the ways to write it. */
function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

/**
 * Makes sure that a value is a plain object with no other properties than those that are known.
 *
 * @param value What an application gave.
 * @param known The names that it may have.
 * @param noun What such a property is: `a field of a gap`.
 * @param refuse Makes the error; the path is `""` for the value itself.
 * @param meant Names that are known elsewhere, and which of those here they mean.
 */
export function checkFields(
  value: unknown,
  known: readonly string[],
  noun: string,
  refuse: (path: string, state: string) => Error,
  meant?: Readonly<Record<string, string>>,
): void {
  if (typeof value !== "object" || value === null || !isPlainObject(value)) {
    throw refuse("", `must be a plain object, not ${describe(value)}`);
  }
  // Asked for one by one: Reflect.ownKeys() takes three times as long on V8.
  const unknown = Object.getOwnPropertyNames(value).find((key) => !known.includes(key)) ??
    Object.getOwnPropertySymbols(value)[0];
  if (unknown === undefined) return;
  throw refuse(String(unknown), `is not ${noun}; ${hintFor(String(unknown), known, meant)}`);
}

import { describe } from "./refusal.ts";
import { isPlainObject } from "./snapshot.ts";

/**
 * Makes sure that a value is a plain object with no other properties than those that are known.
 *
 * @param value What an application gave.
 * @param known The names that it may have.
 * @param noun What such a property is: `a field of a gap`.
 * @param refuse Makes the error; the path is `""` for the value itself.
 */
export function checkFields(
  value: unknown,
  known: readonly string[],
  noun: string,
  refuse: (path: string, state: string) => Error,
): void {
  if (typeof value !== "object" || value === null || !isPlainObject(value)) {
    throw refuse("", `must be a plain object, not ${describe(value)}`);
  }
  // Asked for one by one: Reflect.ownKeys() takes three times as long on V8.
  const unknown = Object.getOwnPropertyNames(value).find((key) => !known.includes(key)) ??
    Object.getOwnPropertySymbols(value)[0];
  if (unknown === undefined) return;
  throw refuse(String(unknown), `is not ${noun}; known are ${known.join(", ")}`);
}

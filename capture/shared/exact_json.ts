/**
 * Reading JSON whose numbers are to stay what they are: ids of twenty digits, and prices with two decimals.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../../mod.ts";

/** JSON of a text, and how to write it again. */
export interface ExactJson {
  /** Its value; numbers that JavaScript would write otherwise are texts in it. */
  readonly value: JsonValue;
  /** Writes what was made of the value, its numbers as they were. */
  write(value: JsonValue): string;
}

/**
 * Reads JSON that somebody wrote, to be written again with something changed in it.
 *
 * @param text JSON.
 * @throws {SyntaxError} It is none.
 */
export function exactJson(text: string): ExactJson {
  // Nobody can know it, so that no text is taken for a number.
  const mark = `${crypto.randomUUID()}:`;
  const marked = withNumbers(
    text,
    (number) => String(Number(number)) === number ? number : `"${mark}${number}"`,
  );
  return {
    value: JSON.parse(marked),
    write: (value) => JSON.stringify(value).replaceAll(new RegExp(`"${mark}([^"]*)"`, "g"), "$1"),
  };
}

/**
 * The value of JSON, but that integers beyond those that JavaScript tells apart are texts, of the digits that stand there.
 *
 * @param text JSON.
 * @throws {SyntaxError} It is none.
 */
export function jsonValue(text: string): JsonValue {
  return exactValue(JSON.parse(text), text);
}

/** {@link jsonValue} of a text that was parsed: what came of that, where all of its integers are exact. */
export function exactValue(value: JsonValue, text: string): JsonValue {
  return hasExactNumbers(value, 0) ? value : JSON.parse(
    withNumbers(text, (number) => isExact(Number(number)) ? number : `"${number}"`),
  );
}

/** How deep it is looked for numbers: what is nested deeper may have any. */
const MOST_DEPTH = 64;

function hasExactNumbers(value: JsonValue, depth: number): boolean {
  if (typeof value === "number") return isExact(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth === MOST_DEPTH) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!hasExactNumbers(item, depth + 1)) return false;
    return true;
  }
  for (const name in value) {
    if (!hasExactNumbers((value as JsonObject)[name]!, depth + 1)) return false;
  }
  return true;
}

function isExact(number: number): boolean {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
}

/** JSON with other numbers in it. */
function withNumbers(json: string, make: (number: string) => string): string {
  const made = (piece: string): string => piece.replace(/-?\d[\d.eE+-]*/g, make);
  let text = "";
  let at = 0;
  for (let start = json.indexOf('"'); start !== -1; start = json.indexOf('"', at)) {
    const end = endOfString(json, start);
    text += made(json.slice(at, start)) + json.slice(start, end);
    at = end;
  }
  return text + made(json.slice(at));
}

/** The position behind the string of JSON that starts at `start`: behind the first quote that is not escaped. */
export function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1);; quote = json.indexOf('"', quote + 1)) {
    if (quote === -1) return json.length;
    let escapes = quote;
    while (json[escapes - 1] === "\\") escapes--;
    if ((quote - escapes) % 2 === 0) return quote + 1;
  }
}

/**
 * Walking through all texts of a value. The walk yields each text, and takes what shall stand in its place; whoever
 * drives it may take its time.
 *
 * @module
 */

import type { JsonObject, JsonValue } from "../../mod.ts";

/** A walk: it yields texts and gets them back redacted. */
export type Walk<T> = Generator<string, T, string>;

/** What else a walk through JSON yields. */
export interface JsonParts {
  /** Whether it yields the numbers within, as they are written. */
  readonly numbers: boolean;
}

/**
 * A text. Of one that is JSON, each string is yielded for itself, names of members included, so that it stays JSON; all
 * else in it, white space and the way that numbers are written, stays as it is.
 */
export function* walkText(text: string, parts: JsonParts): Walk<string> {
  if (text === "") return text;
  if (!isJson(text)) return yield text;
  let redacted = "";
  let at = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', at)) {
    redacted += yield* walkOutsideStrings(text.slice(at, start), parts);
    at = endOfString(text, start);
    const literal = text.slice(start, at);
    const value: string = JSON.parse(literal);
    const walked = yield* walkText(value, parts); // arguments of tools are JSON within JSON
    redacted += walked === value ? literal : JSON.stringify(walked);
  }
  return redacted + (yield* walkOutsideStrings(text.slice(at), parts));
}

/** A value of metadata. Names of members stay: an application looks for them. */
export function* walkValue(value: JsonValue, parts: JsonParts): Walk<JsonValue> {
  if (typeof value === "string") return yield* walkText(value, parts);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const walked: JsonValue[] = [];
    for (const element of value) walked.push(yield* walkValue(element, parts));
    return walked;
  }
  return yield* walkMembers(value as JsonObject, new Set(), parts);
}

/** The members of an object but for those with these names. */
export function* walkMembers(
  object: JsonObject,
  except: ReadonlySet<string>,
  parts: JsonParts,
): Walk<JsonObject> {
  const walked: [string, JsonValue][] = [];
  for (const [name, value] of Object.entries(object)) {
    walked.push([name, except.has(name) ? value : yield* walkValue(value, parts)]);
  }
  return Object.fromEntries(walked);
}

function isJson(text: string): boolean {
  if (!/^[ \t\r\n]*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The position behind the string literal that starts at `start`: behind the first quote that is not escaped. */
function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1);; quote = json.indexOf('"', quote + 1)) {
    let escapes = quote;
    while (json[escapes - 1] === "\\") escapes--;
    if ((quote - escapes) % 2 === 0) return quote + 1;
  }
}

function* walkOutsideStrings(json: string, { numbers }: JsonParts): Walk<string> {
  if (!numbers) return json;
  let redacted = "";
  let at = 0;
  for (const { 0: number, index } of json.matchAll(/-?\d[\d.eE+-]*/g)) {
    const walked = yield number;
    redacted += json.slice(at, index) + (walked === number ? number : JSON.stringify(walked));
    at = index + number.length;
  }
  return redacted + json.slice(at);
}

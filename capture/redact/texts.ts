/**
 * Walking through all texts of a value. The walk yields each text, and takes what shall stand in its place; whoever
 * drives it may take its time.
 *
 * @module
 */

import type { JsonObject, JsonValue } from "../../mod.ts";
import { endOfString } from "../shared/exact_json.ts";

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
  if (!isJson(text)) return yield* walkPlainText(text, parts);
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

/**
 * A text that is no JSON. It may be a part of some, a line of a stream, an answer that broke off: then escapes hide what is in it, as in
 * `alice\u0040example.com`. So behind the text as a whole, what stands between quotes and has escapes is yielded as it would be
 * read, too.
 */
function* walkPlainText(text: string, parts: JsonParts): Walk<string> {
  const whole = yield text;
  if (!whole.includes("\\")) return whole;
  let redacted = "";
  for (const piece of piecesOf(whole)) {
    const read = piece.includes("\\") ? unescaped(piece) : piece;
    const walked = read === piece ? read : yield* walkText(read, parts);
    redacted += walked === read ? piece : escapedAs(piece, walked);
  }
  return redacted;
}

/** A piece that was changed, as it was written: what has lines of its own is no string of JSON. */
function escapedAs(piece: string, walked: string): string {
  return /[\n\r\t]/.test(piece)
    ? walked.replace(/["\\]/g, "\\$&")
    : JSON.stringify(walked).slice(1, -1);
}

/** What stands between quotes that are not escaped, and those quotes. */
function* piecesOf(text: string): Generator<string, void> {
  const special = /["\\]/g;
  let start = 0;
  for (let found = special.exec(text); found !== null; found = special.exec(text)) {
    if (found[0] === "\\") special.lastIndex++;
    else {
      yield text.slice(start, found.index);
      yield '"';
      start = special.lastIndex;
    }
  }
  yield text.slice(start);
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** A piece of JSON's strings as it is read, however it may be broken. */
function unescaped(piece: string): string {
  return piece.replace(
    /\\(?:u([\da-f]{4})|([^]))/gi,
    (_, code: string | undefined, letter: string) =>
      code === undefined ? ESCAPES[letter] ?? letter : String.fromCharCode(parseInt(code, 16)),
  );
}

/** A value of metadata. */
function* walkValue(value: JsonValue, parts: JsonParts): Walk<JsonValue> {
  if (typeof value === "string") return yield* walkText(value, parts);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const walked: JsonValue[] = [];
    for (const element of value) walked.push(yield* walkValue(element, parts));
    return walked;
  }
  return yield* walkMembers(value as JsonObject, noNames, noNames, parts);
}

/** Whether a name is one of some. */
export interface Names {
  has(name: string): boolean;
}

const noNames: Names = new Set();

/**
 * The members of an object, their names included. What becomes another's name gets a number, so that neither is lost.
 *
 * @param untouched The names of members that stay as they are.
 * @param known Names that stay, and their values do not.
 */
export function* walkMembers(
  object: JsonObject,
  untouched: Names,
  known: Names,
  parts: JsonParts,
): Walk<JsonObject> {
  const walked: [name: string, value: JsonValue][] = [];
  const renamed: [name: string, value: JsonValue][] = [];
  const taken = new Set<string>();
  for (const [name, value] of Object.entries(object)) {
    const stays = untouched.has(name);
    const member: [string, JsonValue] = [
      stays || known.has(name) ? name : yield* walkText(name, parts),
      stays ? value : yield* walkValue(value, parts),
    ];
    walked.push(member);
    if (member[0] === name) taken.add(name);
    else renamed.push(member);
  }
  for (const member of renamed) {
    const [name] = member;
    for (let number = 2; taken.has(member[0]); number++) member[0] = `${name} (${number})`;
    taken.add(member[0]);
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

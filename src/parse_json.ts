/**
 * Reading JSON as it may stand in a record.
 *
 * @module
 */
import { isArray, type JsonValue } from "./json.ts";

/** How deep a value that is read may be nested; SQLite's JSON functions end at 1,000. */
const MAX_READ_DEPTH = 512;

/** Why a text is not taken. */
export class NotStorable extends Error {
  /** `"NotStorable"`. */
  override readonly name = "NotStorable";
}

/**
 * Reads JSON as it may stand in a record, deeply frozen.
 *
 * @throws {NotStorable} When it is no JSON, is nested deeper than 512 levels, or has a number that no double
 *   holds. Without a cause: the parser's message would quote the text.
 */
export function parseJson(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NotStorable(error instanceof SyntaxError ? "is not JSON" : "is nested too deep");
  }
  const { hasBackslashKey } = inspect(value, 0);
  return freeze(hasBackslashKey ? parseWithoutEscapes(text) : value);
}

/** Refuses what a record cannot hold, and tells whether a key has a backslash. */
function inspect(value: JsonValue, depth: number): { hasBackslashKey: boolean } {
  let hasBackslashKey = false;
  if (typeof value === "object" && value !== null) {
    if (depth > MAX_READ_DEPTH) throw new NotStorable("is nested too deep");
    const inArray = isArray(value);
    for (const [key, child] of Object.entries(value)) {
      if (!inArray && key.includes("\\")) hasBackslashKey = true;
      if (inspect(child as JsonValue, depth + 1).hasBackslashKey) hasBackslashKey = true;
    }
  } else if (value === Infinity || value === -Infinity) {
    throw new NotStorable("has a number that is too large"); // JSON.parse("1e400")
  }
  return { hasBackslashKey };
}

function freeze(value: JsonValue): JsonValue {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) freeze(child as JsonValue);
    Object.freeze(value);
  }
  return value;
}

/** The first character for private use: something else than what a text has is found from here. */
const PRIVATE_USE = 0xe000;

/**
 * Reads JSON in which no key has an escape as far as `JSON.parse()` sees.
 *
 * V8 (Node 24 and 26, Deno 2.9) compares the raw text of a key with the key that it expects after objects parsed
 * before, over the length of the key without its escapes, and so takes `"\\n"` for `"\\\\"`. What it then returns is
 * a part of a raw text with an escape in it, so it always has a backslash.
 *
 * @param text JSON that `JSON.parse()` accepts.
 */
function parseWithoutEscapes(text: string): JsonValue {
  let code = PRIVATE_USE;
  while (text.includes(String.fromCharCode(code))) code++;
  const mark = String.fromCharCode(code);
  // `\\"` and `\\\\` change their letters too: a quote would end the string, a backslash would be one.
  const marked = text.replace(
    /\\(.)/g,
    (_, letter: string) => mark + (letter === '"' ? "q" : letter === "\\" ? "p" : letter),
  );
  return restore(JSON.parse(marked), mark);
}

function restore(value: JsonValue, mark: string): JsonValue {
  if (typeof value === "string") return restoreText(value, mark);
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.map((child) => restore(child, mark));
  // Unlike an assignment, this makes `__proto__` a key like any other.
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [restoreText(key, mark), restore(child, mark)]),
  );
}

function restoreText(text: string, mark: string): string {
  if (!text.includes(mark)) return text;
  const escaped = text.replaceAll(`${mark}p`, "\\\\").replaceAll(`${mark}q`, '\\"')
    .replaceAll(mark, "\\");
  return JSON.parse(`"${escaped}"`);
}

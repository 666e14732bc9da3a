import type { JsonValue } from "../../mod.ts";

/** JSON of a text, and how to write it again. */
export interface ExactJson {
  /** Its value; numbers that JavaScript would write otherwise are texts in it. */
  readonly value: JsonValue;
  /** Writes what was made of the value, its numbers as they were. */
  write(value: JsonValue): string;
}

/** A string of JSON, or a number in it. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/**
 * Reads JSON that somebody wrote, to be written again with something changed in it: ids of twenty digits and prices with two decimals
 * are to stay what they are.
 *
 * @param text JSON.
 * @throws {SyntaxError} It is none.
 */
export function exactJson(text: string): ExactJson {
  // Nobody can know it, so that no text is taken for a number.
  const mark = `${crypto.randomUUID()}:`;
  const marked = text.replace(
    TOKEN,
    (token) =>
      token.startsWith('"') || String(Number(token)) === token ? token : `"${mark}${token}"`,
  );
  return {
    value: JSON.parse(marked),
    write: (value) => JSON.stringify(value).replaceAll(new RegExp(`"${mark}([^"]*)"`, "g"), "$1"),
  };
}

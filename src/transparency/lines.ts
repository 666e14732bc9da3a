/**
 * Texts of lines, as the C2SP formats are: UTF-8, every line ended by a newline (U+000A), no other
 * control character below U+0020.
 *
 * @module
 */

import { describe } from "../refusal.ts";
import { textIn } from "../utf8.ts";
import type { Fail } from "./failure.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads such a text, from its bytes or from a string that stands for them.
 *
 * @param maxBytes The largest size in UTF-8, bytes.
 * @throws What `fail` makes of the reason why it is none.
 */
export function readLines(given: string | Uint8Array, maxBytes: number, fail: Fail): string {
  const text = toText(given, maxBytes, fail);
  const fault = controlFault(text);
  if (fault !== undefined) throw fail(fault);
  return text;
}

function toText(given: string | Uint8Array, maxBytes: number, fail: Fail): string {
  const tooLarge = () => fail(`it is larger than ${maxBytes} bytes`);
  if (typeof given === "string") {
    // No text has fewer bytes than UTF-16 code units, so that the costly count is seldom made.
    if (given.length > maxBytes) throw tooLarge();
    if (!given.isWellFormed()) throw fail("it has a lone surrogate, which UTF-8 cannot hold");
    if (given.length * 3 > maxBytes && new TextEncoder().encode(given).length > maxBytes) {
      throw tooLarge();
    }
    return given;
  }
  if (!(given instanceof Uint8Array)) {
    throw fail(`it must be a string or a Uint8Array, not ${describe(given)}`);
  }
  if (given.length > maxBytes) throw tooLarge();
  // A byte order mark stays: without it, the text would no longer be what was signed.
  const text = textIn(new Uint8Array(given));
  if (text === undefined) throw fail("it is not valid UTF-8");
  return text;
}

/** Says what control character below U+0020 other than a newline a text has, and where, or nothing. */
export function controlFault(text: string): string | undefined {
  for (let at = 0, line = 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === NEWLINE) line++;
    else if (unit === CARRIAGE_RETURN) {
      return `line ${line} has a carriage return; lines end in a newline (U+000A) alone`;
    } else if (unit < 0x20) {
      const name = unit.toString(16).toUpperCase().padStart(4, "0");
      return `line ${line} has the control character U+${name}`;
    }
  }
}

/** The number of the line that a position lies in, from 1. */
export function lineNumberAt(text: string, position: number): number {
  return text.slice(0, position).split("\n").length;
}

/**
 * Bytes as lines.
 *
 * @module
 */

import { textIn } from "../utf8.ts";
import { isUtf16, UTF_16 } from "./source.ts";

/** The longest line that is read: a record of the largest default size, every character escaped. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A line of the source. */
export interface SourceLine {
  /** Its number, from 1. */
  readonly number: number;
  /** Its text, without its newline; or, when it cannot be read, nothing. */
  readonly text?: string;
  /** Why it cannot be read. */
  readonly fault?: string;
}

/**
 * Splits bytes into lines, a chunk at a time. Lines end at the byte 0x0A and nowhere else; the last
 * needs no newline. Empty lines are counted, but left out: nothing is in them.
 *
 * @param chunks Each valid until the next is asked for.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly SourceLine[]> {
  let number = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const endLine = (rest: Uint8Array): SourceLine[] => {
    number++;
    const tooLong = heldBytes + rest.length > MAX_LINE_BYTES;
    const bytes = tooLong ? undefined : joined(held, heldBytes, rest);
    held = [];
    heldBytes = 0;
    if (bytes === undefined) return [{ number, fault: `is longer than ${MAX_LINE_BYTES} bytes` }];
    const line = read(number, bytes);
    return line.text?.trim() === "" ? [] : [line];
  };
  for await (const chunk of chunks) {
    const lines: SourceLine[] = [];
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      lines.push(...endLine(chunk.subarray(start, end)));
    }
    if (start < chunk.length) {
      heldBytes += chunk.length - start;
      // What is too long anyway is not kept.
      if (heldBytes > MAX_LINE_BYTES) held = [];
      else held.push(chunk.slice(start));
    }
    yield lines;
  }
  if (heldBytes > 0) yield endLine(new Uint8Array(0));
}

function joined(held: readonly Uint8Array[], heldBytes: number, rest: Uint8Array): Uint8Array {
  if (heldBytes === 0) return rest;
  const bytes = new Uint8Array(heldBytes + rest.length);
  let at = 0;
  for (const part of [...held, rest]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const BYTE_ORDER_MARK = "\ufeff";

function read(number: number, bytes: Uint8Array): SourceLine {
  const format = number === 1 ? formatOf(bytes) : undefined;
  if (format !== undefined) return { number, fault: format };
  const text = textIn(bytes);
  if (text === undefined) return { number, fault: "is not UTF-8" };
  const marked = number === 1 && text.startsWith(BYTE_ORDER_MARK);
  return { number, text: marked ? text.slice(1) : text };
}

/** Kinds of files that one may easily take for JSON lines, and what to do with them. */
const FORMATS: readonly [start: string, fault: string][] = [
  ["\x1f\x8b", "is gzip; unpack it first: gunzip -c FILE | audit-log import - ..."],
  ["\x28\xb5\x2f\xfd", "is Zstandard; unpack it first: zstdcat FILE | audit-log import - ..."],
  [
    "SQLite format 3\0",
    "is a SQLite database; if it is a log: audit-log query --log FILE --events all --json | audit-log import - ...",
  ],
];

function formatOf(bytes: Uint8Array): string | undefined {
  if (isUtf16(bytes)) return UTF_16;
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  return FORMATS.find(([magic]) => start.startsWith(magic))?.[1];
}

import type { OpenFile } from "../ports.ts";
import type { RecordFacts } from "../canonical_scan.ts";
import { factsOf, NotARecord } from "../record.ts";
import { textIn } from "../utf8.ts";

/** How much of the file is read at a time. */
const CHUNK_BYTES = 1024 * 1024;
/** How much is read at a time where only the end of a line is wanted. */
const SEARCH_BYTES = 16 * 1024;
/** The longest line that is looked at; a runtime's strings end at about twice this. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const NEWLINE = 0x0a;

/** A complete line of a file: a record, or the reason why it is none. */
export interface ScannedLine {
  /** Where it starts, in bytes from the start of the file. */
  readonly offset: number;
  /** Its length in bytes, without its newline. */
  readonly length: number;
  /** What it says of the record that it holds, or why it holds none. */
  readonly content: RecordFacts | string;
  /** Its bytes without its newline, valid until the next chunk is asked for; none when it is too long to be read. */
  readonly bytes?: Uint8Array;
}

/** Some lines of a file, one after the other. */
export interface ScannedChunk {
  /** The lines. */
  readonly lines: readonly ScannedLine[];
  /** Where the line behind them starts. */
  readonly end: number;
}

/**
 * Reads the complete lines of a part of a file, in chunks of about a megabyte. What follows the last
 * newline is left out.
 *
 * Lines end at the byte 0x0A and nowhere else: U+2028 and a lone carriage return may be part of a line.
 *
 * @param from Where a line starts, in bytes.
 * @param to Where to stop reading, in bytes.
 */
export async function* scanLines(
  file: OpenFile,
  from: number,
  to: number,
): AsyncGenerator<ScannedChunk> {
  if (from >= to) return;
  let buffer = new Uint8Array(Math.min(CHUNK_BYTES, to - from));
  let held = 0; // bytes of an unfinished line, at the start of the buffer
  let position = from;
  while (position < to) {
    const wanted = Math.min(buffer.length - held, to - position);
    const read = await file.read(buffer.subarray(held, held + wanted), position);
    if (read === 0) return; // shorter than it was
    const filled = held + read;
    const lines = splitLines(buffer.subarray(0, filled), position - held);
    position += read;
    const end = lines.length === 0 ? 0 : nextOffset(lines.at(-1)!) - (position - filled);
    held = filled - end;
    if (end > 0) {
      yield { lines, end: position - held };
      buffer.copyWithin(0, end, filled);
    } else if (held === buffer.length && position < to) {
      if (held >= MAX_LINE_BYTES) {
        const skipped = await skipLine(file, position - held, position, to);
        if (skipped === undefined) return;
        position = nextOffset(skipped);
        held = 0;
        yield { lines: [skipped], end: position };
      } else {
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
      }
    }
  }
}

/**
 * Where the first line starts that does not start before a byte. The file's end, where none does.
 *
 * @param most How many bytes to look at, about.
 * @throws {Error} If it is not among these.
 */
export async function lineStart(
  file: OpenFile,
  from: number,
  most: number = Infinity,
): Promise<number> {
  if (from === 0) return 0;
  const buffer = new Uint8Array(SEARCH_BYTES);
  for (let position = from - 1; position < from + most;) {
    const read = await file.read(buffer, position);
    if (read === 0) return Math.max(from, position);
    const newline = buffer.subarray(0, read).indexOf(NEWLINE);
    if (newline !== -1) return position + newline + 1;
    position += read;
  }
  throw new Error(`no line starts within ${most} bytes of byte ${from}`);
}

/** Where the line behind a line starts. */
export function nextOffset(line: { readonly offset: number; readonly length: number }): number {
  return line.offset + line.length + 1;
}

function splitLines(bytes: Uint8Array, offset: number): ScannedLine[] {
  const lines: ScannedLine[] = [];
  let start = 0;
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline === -1) return lines;
    lines.push({
      offset: offset + start,
      length: newline - start,
      content: readLine(bytes.subarray(start, newline)),
      bytes: bytes.subarray(start, newline),
    });
    start = newline + 1;
  }
}

/** Finds the end of a line that is too long to be looked at. */
async function skipLine(
  file: OpenFile,
  offset: number,
  from: number,
  to: number,
): Promise<ScannedLine | undefined> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let position = from; position < to;) {
    const wanted = Math.min(buffer.length, to - position);
    const read = await file.read(buffer.subarray(0, wanted), position);
    if (read === 0) return undefined;
    const newline = buffer.subarray(0, read).indexOf(NEWLINE);
    if (newline !== -1) {
      const length = position + newline - offset;
      return { offset, length, content: `is longer than ${MAX_LINE_BYTES} bytes` };
    }
    position += read;
  }
  return undefined;
}

function readLine(bytes: Uint8Array): RecordFacts | string {
  if (bytes.length === 0) return "is empty";
  const text = textIn(bytes);
  if (text === undefined) return "is not UTF-8";
  try {
    return factsOf(text);
  } catch (error) {
    if (error instanceof NotARecord) return error.message;
    throw error;
  }
}

/** What every record of this library starts with. */
const FIRST_BYTES = new TextEncoder().encode('{"cost_usd":');

/**
 * Whether a file is a log, or may become one: it holds a record, or nothing, or nothing but what crashes
 * left of first writes.
 */
export async function looksLikeLog(file: OpenFile, size: number): Promise<boolean> {
  let end = 0;
  for await (const chunk of scanLines(file, 0, size)) {
    end = chunk.end;
    if (chunk.lines.some(({ content }) => typeof content !== "string")) return true;
    for (const { offset, length } of chunk.lines) {
      if (!await startsLikeRecord(file, offset, length)) return false;
    }
  }
  return await startsLikeRecord(file, end, size - end);
}

async function startsLikeRecord(file: OpenFile, offset: number, length: number): Promise<boolean> {
  const start = new Uint8Array(Math.min(FIRST_BYTES.length, length));
  const bytes = start.subarray(0, await file.read(start, offset));
  // A power failure may leave zeros where the text should be.
  return bytes.every((byte) => byte === 0) || bytes.every((byte, at) => byte === FIRST_BYTES[at]);
}

import type { OpenFile } from "../ports.ts";
import type { RecordFacts } from "../canonical_scan.ts";
import { factsOf, NotARecord } from "../record.ts";

/** How much of the file is read at a time. */
export const CHUNK_BYTES = 1024 * 1024;
/** How much is read at a time where only the end of a line is wanted. */
const SEARCH_BYTES = 16 * 1024;
/** The longest line that is looked at; a runtime's strings end at about twice this. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const NEWLINE = 0x0a;

/** What is asked of a file that is only read. */
export type ReadFile = Pick<OpenFile, "read">;

/** A complete line of a file: a record, or the reason why it is none. */
export interface ScannedLine {
  /** Where it starts, in bytes from the start of the file. */
  readonly offset: number;
  /** Its length in bytes, without its newline. */
  readonly length: number;
  /** Its bytes without its newline, valid until the next chunk is asked for; none when it is too long to be read. */
  readonly bytes?: Uint8Array;
}

/** Some lines of a file, one after the other: at least one. */
export class ScannedChunk {
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #long: ScannedLine | undefined;

  /**
   * @param bytes The lines, each with its newline.
   * @param offset Where they start, in bytes from the start of the file.
   * @param long A line that is too long to be read, if it is one.
   */
  constructor(bytes: Uint8Array, offset: number, long?: ScannedLine) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#long = long;
  }

  /** Where the first line starts. */
  get start(): number {
    return this.#offset;
  }

  /** Where the line behind them starts. */
  get end(): number {
    return this.#long === undefined ? this.#offset + this.#bytes.length : nextOffset(this.#long);
  }

  /** The lines. */
  get lines(): readonly ScannedLine[] {
    const lines: ScannedLine[] = [];
    for (let at = this.start; at < this.end; at = nextOffset(lines.at(-1)!)) {
      lines.push(this.lineAt(at));
    }
    return lines;
  }

  /** The line that starts at a place in the file, where one does. */
  lineAt(offset: number): ScannedLine {
    if (this.#long !== undefined) return this.#long;
    const start = offset - this.#offset;
    return this.#line(offset, this.#bytes.indexOf(NEWLINE, start) - start);
  }

  /**
   * What starts there and ends with a newline, if it is so long. There may be newlines in it, which no canonical line has: who only
   * looks for one need not search for the end, which takes V8 as long as to read it.
   */
  lineOf(offset: number, length: number): ScannedLine | undefined {
    if (this.#bytes[offset - this.#offset + length] !== NEWLINE) return undefined;
    return this.#line(offset, length);
  }

  #line(offset: number, length: number): ScannedLine {
    const start = offset - this.#offset;
    return { offset, length, bytes: this.#bytes.subarray(start, start + length) };
  }
}

/**
 * Reads the complete lines of a part of a file, in chunks of about a megabyte. What follows the last
 * newline is left out.
 *
 * Lines end at the byte 0x0A and nowhere else: U+2028 and a lone carriage return may be part of a line.
 *
 * @param from Where a line starts, in bytes.
 * @param to Where to stop reading, in bytes.
 * @param into Where to read to, unless a line is longer; whoever scans a file part by part has one for all.
 */
export async function* scanLines(
  file: ReadFile,
  from: number,
  to: number,
  into: Uint8Array = new Uint8Array(Math.max(0, Math.min(CHUNK_BYTES, to - from))),
): AsyncGenerator<ScannedChunk> {
  let buffer = into;
  let held = 0; // bytes of an unfinished line, at the start of the buffer
  let position = from;
  while (position < to) {
    const wanted = Math.min(buffer.length - held, to - position);
    const read = await file.read(buffer.subarray(held, held + wanted), position);
    if (read === 0) return; // shorter than it was
    const filled = held + read;
    const start = position - held;
    position += read;
    const end = buffer.lastIndexOf(NEWLINE, filled - 1) + 1;
    if (end > 0) {
      yield new ScannedChunk(buffer.subarray(0, end), start);
      buffer.copyWithin(0, end, filled);
      held = filled - end;
    } else if (filled === buffer.length && position < to) {
      held = filled;
      if (held >= MAX_LINE_BYTES) {
        const skipped = await skipLine(file, start, position, to);
        if (skipped === undefined) return;
        position = nextOffset(skipped);
        held = 0;
        yield new ScannedChunk(buffer.subarray(0, 0), start, skipped);
      } else {
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
      }
    } else {
      held = filled;
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
  file: ReadFile,
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

/** Finds the end of a line that is too long to be looked at. */
async function skipLine(
  file: ReadFile,
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
      return { offset, length };
    }
    position += read;
  }
  return undefined;
}

/** What a line says of the record that it holds, or why it holds none. */
export function contentOf({ bytes }: ScannedLine): RecordFacts | string {
  if (bytes === undefined) return `is longer than ${MAX_LINE_BYTES} bytes`;
  if (bytes.length === 0) return "is empty";
  try {
    return factsOf(bytes);
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
export async function looksLikeLog(file: ReadFile, size: number): Promise<boolean> {
  let end = 0;
  for await (const chunk of scanLines(file, 0, size)) {
    end = chunk.end;
    if (chunk.lines.some((line) => typeof contentOf(line) !== "string")) return true;
    for (const { offset, length } of chunk.lines) {
      if (!await startsLikeRecord(file, offset, length)) return false;
    }
  }
  return await startsLikeRecord(file, end, size - end);
}

async function startsLikeRecord(file: ReadFile, offset: number, length: number): Promise<boolean> {
  const start = new Uint8Array(Math.min(FIRST_BYTES.length, length));
  const bytes = start.subarray(0, await file.read(start, offset));
  // A power failure may leave zeros where the text should be.
  return bytes.every((byte) => byte === 0) || bytes.every((byte, at) => byte === FIRST_BYTES[at]);
}

import type { LogRecord } from "../record.ts";

/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const BYTES_PER_UNIT = 3;
/** A larger slab than this is not kept for the next batch. */
const KEPT_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;
const UTF_8 = new TextEncoder();

/** Lines as bytes, and where each of them starts. */
export interface EncodedLines {
  /** The lines, each with its newline. */
  readonly bytes: Uint8Array;
  /** Where each line starts within `bytes`. */
  readonly starts: readonly number[];
}

/** Writes lines into one slab, which is used again and again: one write of it beats many small ones. */
export class LineEncoder {
  #slab = new Uint8Array(0);

  /**
   * Encodes the lines of records.
   *
   * @param afterTornLine Whether to start with a newline, which ends an unfinished line before.
   * @returns Bytes that are valid until the next call.
   */
  encode(records: readonly LogRecord[], afterTornLine: boolean): EncodedLines {
    const lines = records.map((record) => record.line);
    let most = 1;
    for (const line of lines) most += line.length * BYTES_PER_UNIT + 1;
    const slab = most <= this.#slab.length ? this.#slab : new Uint8Array(most);
    if (most <= KEPT_BYTES) this.#slab = slab;
    const starts: number[] = [];
    let end = 0;
    if (afterTornLine) slab[end++] = NEWLINE;
    for (const line of lines) {
      starts.push(end);
      end += UTF_8.encodeInto(line, slab.subarray(end)).written;
      slab[end++] = NEWLINE;
    }
    return { bytes: slab.subarray(0, end), starts };
  }
}

import type { LogRecord } from "../record.ts";
import { SlabPool } from "../slab_pool.ts";
import type { WrittenLines } from "./store.ts";

/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const BYTES_PER_UNIT = 3;
const NEWLINE = 0x0a;
const UTF_8 = new TextEncoder();

/** Lines as bytes, and where each of them is. */
export interface EncodedLines extends WrittenLines {
  /** The lines, each with its newline. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Writes lines into slabs, which are used again and again: one write of a slab beats many small ones. */
export class LineEncoder {
  readonly #slabs = new SlabPool();

  /**
   * Encodes the lines of records.
   *
   * @param afterTornLine Whether to start with a newline, which ends an unfinished line before.
   * @returns Bytes that are the caller's until it releases them.
   */
  encode(records: readonly LogRecord[], afterTornLine: boolean): EncodedLines {
    const lines = records.map((record) => record.line);
    let most = 2;
    for (const line of lines) most += line.length * BYTES_PER_UNIT + 1;
    const slab = this.#slabs.take(most);
    const bytes = new Uint8Array(slab);
    const bounds = new Uint32Array(lines.length + 1);
    // Room for what goes before a line where it is hashed.
    let end = 1;
    if (afterTornLine) bytes[end++] = NEWLINE;
    bounds[0] = end - 1;
    for (let position = 0; position < lines.length; position++) {
      end += UTF_8.encodeInto(lines[position]!, bytes.subarray(end)).written;
      bounds[position + 1] = end;
      bytes[end++] = NEWLINE;
    }
    const release = (freed: ArrayBuffer): void => this.#slabs.keep(freed);
    return { bytes: bytes.subarray(1, end), slab, bounds, release };
  }
}

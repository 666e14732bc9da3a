import type { LogRecord } from "../record.ts";
import { lengthOf } from "../record_length.ts";
import { SlabPool } from "../slab_pool.ts";
import type { WrittenLines } from "./store.ts";

/** A UTF-16 code unit takes at most this many bytes in UTF-8. */
const MOST_BYTES_PER_UNIT = 3;
const NEWLINE = 0x0a;
const UTF_8 = new TextEncoder();

/** Lines as bytes, and where each of them is. */
export interface EncodedLines extends WrittenLines {
  /** The lines, each with its newline. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Writes lines into slabs, which are used again and again: one write of a slab beats many small ones.
 *
 * One line is made at a time: a batch of lines would be copied by the garbage collector while the last of them is made.
 */
export class LineEncoder {
  readonly #slabs = new SlabPool();
  /** How many bytes a unit of the text took in the last batch: most are of one script. */
  #bytesPerUnit = 1;

  /**
   * Encodes the lines of records.
   *
   * @param afterTornLine Whether to start with a newline, which ends an unfinished line before.
   * @returns Bytes that are the caller's until it releases them.
   */
  encode(records: readonly LogRecord[], afterTornLine: boolean): EncodedLines {
    const units = records.reduce((sum, record) => sum + lengthOf(record), 0);
    let slab = this.#slabs.take(Math.ceil(units * this.#bytesPerUnit) + 2);
    let bytes = new Uint8Array(slab);
    const bounds = new Uint32Array(records.length + 1);
    // Room for what goes before a line where it is hashed.
    let end = 1;
    if (afterTornLine) bytes[end++] = NEWLINE;
    bounds[0] = end - 1;
    for (let position = 0; position < records.length; position++) {
      const { line } = records[position]!;
      let { read, written } = UTF_8.encodeInto(line, bytes.subarray(end));
      if (read < line.length || end + written === bytes.length) {
        const larger = this.#slabs.take(2 * end + line.length * MOST_BYTES_PER_UNIT + 1);
        new Uint8Array(larger).set(bytes.subarray(0, end));
        this.#slabs.keep(slab);
        slab = larger;
        bytes = new Uint8Array(slab);
        written = UTF_8.encodeInto(line, bytes.subarray(end)).written;
      }
      end += written;
      bounds[position + 1] = end;
      bytes[end++] = NEWLINE;
    }
    if (units > 0) this.#bytesPerUnit = Math.max(1, end / units);
    const release = (freed: ArrayBuffer): void => this.#slabs.keep(freed);
    return { bytes: bytes.subarray(1, end), slab, bounds, release };
  }
}

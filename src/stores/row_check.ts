import type { FaultyRow, RowsChecked, RowsStand, Sha256 } from "../ports.ts";
import { isPlainly } from "../transparency/claims.ts";
import { HASH_BYTES, leafHash } from "../transparency/hash.ts";
import { TILE_BYTES, tileRoot } from "../transparency/tile.ts";
import { whenFree } from "./busy.ts";
import { malformed } from "./faults.ts";
import { FIRST_ROWS } from "./page_size.ts";
import { claimIn, type InspectedRows, RowInspector } from "./row_inspector.ts";

/** Compares rows with the records in them, and hashes these. */
export class RowCheck {
  readonly #rows: InspectedRows;
  readonly #sha256: Sha256;
  readonly #busyTimeoutMs: number;

  /**
   * @param rows Where they are read.
   * @param sha256 The runtime's SHA-256.
   * @param busyTimeoutMs How long to wait for others' locks, milliseconds.
   */
  constructor(rows: InspectedRows, sha256: Sha256, busyTimeoutMs: number) {
    this.#rows = rows;
    this.#sha256 = sha256;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /**
   * Checks the rows from one number to before another.
   *
   * @param stand Where whoever compared all rows before stands; by default as the row before says.
   * @throws {SqliteError} Why they cannot be read.
   */
  async check(from: number, to: number, stand?: RowsStand): Promise<RowsChecked> {
    const before = stand ?? await this.#reading(() => this.#rows.standBefore(from));
    const inspector = new RowInspector((seq) => this.#rows.whole(seq), before);
    // One after the other, hashed and compared while it is in the processor's cache.
    const leaves = new Uint8Array((to - from) * HASH_BYTES);
    const hash = new Uint8Array(HASH_BYTES);
    const faulty: FaultyRow[] = [];
    let count = 0;
    const reading = <T>(attempt: () => T) => this.#reading(attempt);
    // No larger ones: several threads read at a time, and each could come upon long rows.
    for await (const rows of this.#rows.pages(from, to, reading, FIRST_ROWS)) {
      for (const row of rows) {
        if (count === to - from) throw malformed("its rows are not in order");
        leaves.set(leafHash(this.#sha256, row.record, hash), count * HASH_BYTES);
        const { entryId, faults } = inspector.settle(row, isPlainly(row.record, claimIn(row)));
        if (faults.length > 0) faulty.push({ position: count, entryId, faults });
        count++;
      }
    }
    const found = leaves.slice(0, count * HASH_BYTES);
    return { before, after: inspector.stand, leaves: found, roots: this.#roots(found), faulty };
  }

  #roots(leaves: Uint8Array): Uint8Array<ArrayBuffer> {
    const roots = new Uint8Array(Math.floor(leaves.length / TILE_BYTES) * HASH_BYTES);
    for (let tile = 0; tile < roots.length / HASH_BYTES; tile++) {
      const hashes = leaves.subarray(tile * TILE_BYTES, (tile + 1) * TILE_BYTES);
      roots.set(tileRoot(this.#sha256, hashes), tile * HASH_BYTES);
    }
    return roots;
  }

  #reading<T>(attempt: () => T): Promise<T> {
    return whenFree(attempt, this.#busyTimeoutMs);
  }
}

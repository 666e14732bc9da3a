import type { CheckStand, Sha256 } from "../ports.ts";
import { HASH_BYTES, leafHash } from "../transparency/hash.ts";
import { leavesToTile, TILE_BYTES, TILE_WIDTH, tileRoot } from "../transparency/tile.ts";
import type { FaultyRecord, FoundRecords } from "./tree_store.ts";

/** Where a comparison of all records begins. */
export function startAt(at: number): CheckStand {
  return { at, next: 0, highUs: -Infinity };
}

/** Whether two comparisons that go on from here find the same. */
export function isSameStand(one: CheckStand, other: CheckStand): boolean {
  return one.at === other.at && one.next === other.next && one.highUs === other.highUs;
}

/** Collects what is found of records that are read one after the other. */
export class CheckFindings {
  readonly #sha256: Sha256;
  readonly #hash = new Uint8Array(HASH_BYTES);
  readonly #faulty: FaultyRecord[] = [];
  #leaves = new Uint8Array(TILE_BYTES);
  #count = 0;

  /** @param sha256 The runtime's SHA-256. */
  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** How many records were found. */
  get count(): number {
    return this.#count;
  }

  /** Tells what is wrong with the next record, or with what should be there. */
  tell(entryId: string | undefined, faults: readonly string[]): void {
    if (faults.length > 0) this.#faulty.push({ position: this.#count, entryId, faults });
  }

  /** Takes the next record, which is hashed while it is in the processor's cache. */
  take(record: Uint8Array): void {
    const start = this.#count * HASH_BYTES;
    if (start === this.#leaves.length) {
      const leaves = this.#leaves;
      this.#leaves = new Uint8Array(2 * start);
      this.#leaves.set(leaves);
    }
    this.#leaves.set(leafHash(this.#sha256, record, this.#hash), start);
    this.#count++;
  }

  /** All that was found between two stands. */
  between(before: CheckStand, after: CheckStand): FoundRecords {
    const leaves = this.#leaves.slice(0, this.#count * HASH_BYTES);
    return { before, after, leaves, roots: this.#roots(before.next), faulty: this.#faulty };
  }

  /** @param first The index of the first leaf. */
  #roots(first: number): Uint8Array<ArrayBuffer> {
    const start = leavesToTile(first);
    const roots = new Uint8Array(
      Math.max(0, Math.floor((this.#count - start) / TILE_WIDTH)) * HASH_BYTES,
    );
    for (let tile = 0; tile < roots.length / HASH_BYTES; tile++) {
      const from = start * HASH_BYTES + tile * TILE_BYTES;
      const hashes = this.#leaves.subarray(from, from + TILE_BYTES);
      roots.set(tileRoot(this.#sha256, hashes), tile * HASH_BYTES);
    }
    return roots;
  }
}

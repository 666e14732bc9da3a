import type { HashedLeaves, Leaves, Sha256 } from "../ports.ts";
import { HASH_BYTES } from "./hash.ts";
import { TILE_BYTES, tileRoot } from "./tile.ts";

/** The first byte of a leaf's input; see `leafHash()`. */
const LEAF = 0;

/** Hashes leaves that follow on one another, and the tiles that become full with them: the work of a hash thread. */
export class LeafHasher {
  readonly #sha256: Sha256;
  readonly #tile = new Uint8Array(TILE_BYTES);
  /** How many bytes of the tile are hashes. */
  #filled = 0;

  /** @param sha256 The runtime's SHA-256. */
  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Hashes leaves; see `HashThread.hash()`. The byte before each of them is overwritten. */
  hash({ slab, bounds, start }: Leaves): HashedLeaves {
    if (start !== undefined) {
      this.#tile.set(start);
      this.#filled = start.length;
    }
    const bytes = new Uint8Array(slab);
    const count = bounds.length - 1;
    const leaves = new Uint8Array(count * HASH_BYTES);
    const full = Math.floor((this.#filled + leaves.length) / TILE_BYTES);
    const roots = new Uint8Array(full * HASH_BYTES);
    const hash = new Uint8Array(HASH_BYTES);
    for (let position = 0; position < count; position++) {
      const before = bounds[position]!;
      bytes[before] = LEAF;
      const leaf = this.#sha256(bytes.subarray(before, bounds[position + 1]!), hash);
      leaves.set(leaf, position * HASH_BYTES);
    }
    let taken = 0;
    for (let tile = 0; tile < full; tile++) {
      const rest = TILE_BYTES - this.#filled;
      this.#tile.set(leaves.subarray(taken, taken += rest), this.#filled);
      roots.set(tileRoot(this.#sha256, this.#tile), tile * HASH_BYTES);
      this.#filled = 0;
    }
    this.#tile.set(leaves.subarray(taken), this.#filled);
    this.#filled += leaves.length - taken;
    return { leaves, roots, slab };
  }
}

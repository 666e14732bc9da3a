/**
 * A Merkle tree that grows at its right end, RFC 9162, section 2.1.
 *
 * @module
 */

import { emptyRoot, HASH_BYTES, nodeHash, type Sha256 } from "./hash.ts";
import { checkSize, edgeTiles, TILE_BYTES, TILE_WIDTH, type TileId } from "./tile.ts";

/** A tile that got its last hash and will never change. */
export interface FullTile extends TileId {
  /** Its 256 hashes, end to end: 8192 bytes. */
  readonly hashes: Uint8Array;
  /** The hash that stands for it at the level above, 32 bytes. */
  readonly root: Uint8Array;
}

/**
 * A tree that holds no more than its right edge: of each level the tile that is not full yet. The
 * leaves on the left are in tiles that were given away, and in the hashes above them.
 *
 * A leaf costs one SHA-256 on average, all of them when its tile is full or a root is asked for: no more than some
 * three hundred at once.
 */
export class Tree {
  readonly #sha256: Sha256;
  readonly #edge: EdgeTile[];
  #size: number;
  #full: FullTile[] = [];

  private constructor(sha256: Sha256, size: number, edge: EdgeTile[]) {
    this.#sha256 = sha256;
    this.#size = size;
    this.#edge = edge;
  }

  /**
   * A tree without leaves.
   *
   * @param sha256 The runtime's SHA-256.
   */
  static empty(sha256: Sha256): Tree {
    return new Tree(sha256, 0, []);
  }

  /**
   * A tree that goes on where another was left.
   *
   * @param sha256 The runtime's SHA-256.
   * @param size The number of leaves so far, 0 to 2^53 - 1.
   * @param edge What {@link Tree.edge} gave at that size, or tiles read as `edgeTiles()` lists them:
   * at `edge[level]` so many hashes as `floor(size / 256**level) mod 256`. They are copied.
   * @throws {RangeError} If the size is out of range or the edge does not fit it.
   */
  static resume(sha256: Sha256, size: number, edge: readonly Uint8Array[]): Tree {
    const parts = edgeTiles(size);
    if (edge.length !== parts.length) {
      throw new RangeError(
        `Cannot resume a tree of ${size} leaves: its edge has ${edge.length} levels instead of ${parts.length}`,
      );
    }
    const tiles = parts.map(({ id, width }) => {
      const hashes = edge[id.level]!;
      if (hashes.length !== width * HASH_BYTES) {
        throw new RangeError(
          `Cannot resume a tree of ${size} leaves: level ${id.level} of its edge has ` +
            `${hashes.length} bytes instead of ${width * HASH_BYTES}`,
        );
      }
      const tile = new EdgeTile(id.level, id.index);
      tile.push(hashes);
      return tile;
    });
    return new Tree(sha256, size, tiles);
  }

  /** The number of leaves. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a leaf at the right end.
   *
   * @param leaf The hash of the leaf, 32 bytes, which are copied.
   * @throws {RangeError} If the leaf has another length, or the tree 2^53 - 1 leaves.
   */
  append(leaf: Uint8Array): void {
    if (leaf.length !== HASH_BYTES) {
      throw new RangeError(`Cannot append a leaf: its hash has ${leaf.length} bytes`);
    }
    checkSize(this.#size + 1);
    this.#push(0, leaf);
    this.#size++;
    this.#endTiles();
  }

  /**
   * Adds leaves at the right end, with what was computed of them elsewhere.
   *
   * @param leaves The hashes of the leaves, end to end, which are copied.
   * @param roots The roots of the tiles of level 0 that become full with them, end to end, where they are known.
   * @throws {RangeError} If the lengths do not fit, or the tree has 2^53 - 1 leaves.
   */
  appendHashed(leaves: Uint8Array, roots?: Uint8Array): void {
    const count = leaves.length / HASH_BYTES;
    const width = this.#size % TILE_WIDTH;
    const full = Math.floor((width + count) / TILE_WIDTH);
    if (!Number.isInteger(count) || roots !== undefined && roots.length !== full * HASH_BYTES) {
      throw new RangeError(
        `Cannot append leaves: they have ${leaves.length} bytes, and the roots of their ${full} tiles ${roots?.length}`,
      );
    }
    checkSize(this.#size + count);
    for (let done = 0, tiles = 0; done < count;) {
      const step = Math.min(TILE_WIDTH - this.#size % TILE_WIDTH, count - done);
      this.#push(0, leaves.subarray(done * HASH_BYTES, (done + step) * HASH_BYTES));
      done += step;
      this.#size += step;
      if (this.#size % TILE_WIDTH !== 0) break;
      this.#endTiles(roots?.slice(tiles * HASH_BYTES, (tiles + 1) * HASH_BYTES));
      tiles++;
    }
  }

  #push(level: number, hashes: Uint8Array): void {
    (this.#edge[level] ??= new EdgeTile(level, 0)).push(hashes);
  }

  /** Takes what is full from the edge; the root of the lowest tile may be known. */
  #endTiles(root?: Uint8Array): void {
    for (let level = 0; this.#edge[level]!.width === TILE_WIDTH; level++) {
      const full = this.#edge[level]!.takeFull(this.#sha256, level === 0 ? root : undefined);
      this.#full.push(full);
      this.#push(level + 1, full.root);
    }
  }

  /** The root of all leaves so far, MTH of RFC 9162, section 2.1.1: 32 bytes. Changes nothing. */
  root(): Uint8Array {
    // From right to left, and so from the smallest subtree to the largest, as MTH nests them.
    let root: Uint8Array | undefined;
    for (const tile of this.#edge) {
      for (const peak of tile.peaks(this.#sha256).toReversed()) {
        root = root === undefined ? peak : nodeHash(this.#sha256, peak, root);
      }
    }
    return root?.slice() ?? emptyRoot(this.#sha256);
  }

  /**
   * Copies of the partial tiles, one for each level from 0 on, 0 to 255 hashes each: what
   * {@link Tree.resume} takes.
   */
  edge(): Uint8Array[] {
    return this.#edge.map(({ hashes, width }) => hashes.slice(0, width * HASH_BYTES));
  }

  /** The hashes of a level's partial tile, only to be read: they change as the tree grows. */
  partial(level: number): Uint8Array {
    const tile = this.#edge[level];
    return tile?.hashes.subarray(0, tile.width * HASH_BYTES) ?? new Uint8Array(0);
  }

  /**
   * The tiles that became full since this was last called, in the order in which they did: each
   * after all those beneath it. They are kept until then.
   */
  takeTiles(): readonly FullTile[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }
}

/** The tile at the right end of a level, with the roots of the subtrees that are complete in it. */
class EdgeTile {
  readonly #level: number;
  #index: number;
  hashes = new Uint8Array(TILE_BYTES);
  width = 0;
  /**
   * From left to right, and so from large to small, one for each binary digit 1 of {@link EdgeTile.#folded}. With them
   * no hash is computed twice, neither for a root nor for the tile's own when it is full.
   */
  #peaks: Uint8Array[] = [];
  /** How many hashes are beneath the peaks; the others wait until they are asked for. */
  #folded = 0;

  constructor(level: number, index: number) {
    this.#level = level;
    this.#index = index;
  }

  /** Adds hashes, as many as there is room for. */
  push(hashes: Uint8Array): void {
    this.hashes.set(hashes, this.width * HASH_BYTES);
    this.width += hashes.length / HASH_BYTES;
  }

  /** The peaks of all hashes. */
  peaks(sha256: Sha256): readonly Uint8Array[] {
    for (; this.#folded < this.width; this.#folded++) {
      const start = this.#folded * HASH_BYTES;
      let peak: Uint8Array = this.hashes.subarray(start, start + HASH_BYTES);
      // Two subtrees of the same size become one, as a carry does in a sum.
      for (let pairs = this.#folded; pairs % 2 === 1; pairs = (pairs - 1) / 2) {
        peak = nodeHash(sha256, this.#peaks.pop()!, peak);
      }
      this.#peaks.push(peak);
    }
    return this.#peaks;
  }

  /** Gives the full tile away and becomes the next of the level. */
  takeFull(sha256: Sha256, known: Uint8Array | undefined): FullTile {
    const root = known ?? this.peaks(sha256)[0]!;
    const full = { level: this.#level, index: this.#index, hashes: this.hashes, root };
    this.#index++;
    this.hashes = new Uint8Array(TILE_BYTES);
    this.width = 0;
    this.#peaks = [];
    this.#folded = 0;
    return full;
  }
}

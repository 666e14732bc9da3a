import type { Sha256 } from "../ports.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import type { Faults } from "./faults.ts";
import { equalHashes, HASH_BYTES } from "./hash.ts";
import { TILE_BYTES, TILE_WIDTH, tileRoot } from "./tile.ts";
import type { FullTile } from "./tree.ts";

/** Entries that follow each other, from one index to before another. */
interface Passed {
  readonly from: number;
  readonly to: number;
  readonly idOf: (position: number) => string | undefined | Promise<string | undefined>;
}

/** Compares tiles with those that are stored. */
export class TileCheck {
  readonly #sha256: Sha256;
  readonly #store: TreeStore;
  readonly #faults: Faults;
  /** Who knows the ids of the entries that passed and are in no tile yet. */
  #passed: Passed[] = [];
  #size = 0;
  /** How many stored tiles were compared. */
  checked = 0;

  constructor(sha256: Sha256, store: TreeStore, faults: Faults) {
    this.#sha256 = sha256;
    this.#store = store;
    this.#faults = faults;
  }

  /**
   * Takes note that entries have passed whose tiles will be checked.
   *
   * @param count How many.
   * @param idOf Finds the id of one of them, the first is 0, where it is known.
   */
  passed(count: number, idOf: Passed["idOf"]): void {
    this.#passed.push({ from: this.#size, to: this.#size += count, idOf });
  }

  async check(tile: FullTile): Promise<void> {
    const stored = await this.#store.tile(tile);
    if (stored !== undefined) {
      this.checked++;
      const fits = equalHashes(stored, tile.hashes);
      if (!fits) await this.#report(tile, stored);
      const [root] = await this.#store.tileRoots(tile.level, tile.index, tile.index + 1);
      // The root is that of the stored hashes, whatever became of the records.
      const actual = fits || stored.length !== TILE_BYTES
        ? tile.root
        : tileRoot(this.#sha256, stored);
      // It may be gone meanwhile: tiles are dropped where they do not fit.
      if (root !== undefined && !equalHashes(root, actual)) this.#reportRoot(tile);
    }
    if (tile.level > 0) return;
    const end = (tile.index + 1) * TILE_WIDTH;
    while (this.#passed.length > 0 && this.#passed[0]!.to <= end) this.#passed.shift();
  }

  /** Finds tiles of entries that are not there any more. */
  async checkEnd(size: number, sizeNow: () => Promise<number>): Promise<void> {
    const covered = await this.#store.tileCount(0) * TILE_WIDTH;
    // Others may have recorded meanwhile; they make tiles of what is in the log already.
    if (covered <= size || covered <= await sizeNow()) return;
    this.#faults.add({
      kind: "tile",
      index: size,
      entryId: undefined,
      message:
        `The stored tiles were made of ${covered} entries, and the log has no more than ${size}: ` +
        "entries were removed at the end",
    });
  }

  /** Tells where two tiles differ first; what follows may just be moved. */
  async #report(tile: FullTile, stored: Uint8Array): Promise<void> {
    const start = tile.index * TILE_WIDTH;
    let position = 0;
    while (position < TILE_WIDTH && equalHashes(at(stored, position), at(tile.hashes, position))) {
      position++;
    }
    const index = tile.level === 0 && position < TILE_WIDTH ? start + position : undefined;
    this.#faults.add({
      kind: "tile",
      index,
      // It may have to be read again.
      entryId: index !== undefined && this.#faults.lists("tile")
        ? await this.#idOf(index)
        : undefined,
      message: index === undefined
        ? `The stored tile ${tile.index} of level ${tile.level} is not the one of the records`
        : `Entry ${index}: it has another hash than the one that was stored when it was written; ` +
          "the entry or the hash was altered",
    });
  }

  async #idOf(index: number): Promise<string | undefined> {
    const passed = this.#passed.find(({ to }) => index < to);
    return await passed?.idOf(index - passed.from);
  }

  #reportRoot({ level, index }: FullTile): void {
    this.#faults.add({
      kind: "tile",
      index: undefined,
      entryId: undefined,
      message: `The stored root of tile ${index} of level ${level} is not the one of its hashes`,
    });
  }
}

function at(hashes: Uint8Array, position: number): Uint8Array {
  return hashes.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES);
}

import { everything } from "../query.ts";
import type { FullTile } from "../transparency/tree.ts";
import type { TileId } from "../transparency/tile.ts";
import type { LogStore } from "./store.ts";
import type {
  InspectedCheckpoint,
  InspectedRecord,
  StoredCheckpoint,
  TreeStore,
} from "./tree_store.ts";

/**
 * Tiles and checkpoints in memory: for the memory backend, whose records are there too, and for stores of a caller's
 * own that keep none. They last as long as the log is open.
 */
export class MemoryTree implements TreeStore {
  readonly #store: Pick<LogStore, "read">;
  readonly #tiles: FullTile[][] = [];
  readonly #checkpoints: StoredCheckpoint[] = [];

  /** @param store Where the records are. */
  constructor(store: Pick<LogStore, "read">) {
    this.#store = store;
  }

  async *lines(from: number, to: number): AsyncGenerator<readonly string[]> {
    const selection = { ...everything, afterIndex: from - 1, limit: to - from };
    for await (const records of this.#store.read(selection)) {
      yield records.map((record) => record.line);
    }
  }

  async *inspect(): AsyncGenerator<readonly InspectedRecord[]> {
    for await (const records of this.#store.read(everything)) {
      yield records.map(({ line, entry }) => ({ bytes: line, entryId: entry.entryId, faults: [] }));
    }
  }

  tileCount(level: number): Promise<number> {
    const tiles = this.#tiles[level] ?? [];
    // Holes are found too.
    const gap = tiles.findIndex((tile) => tile === undefined);
    return Promise.resolve(gap === -1 ? tiles.length : gap);
  }

  tile({ level, index }: TileId): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#tiles[level]?.[index]?.hashes);
  }

  tileRoots(level: number, from: number, to: number): Promise<readonly Uint8Array[]> {
    const tiles = (this.#tiles[level] ?? []).slice(from, to);
    return Promise.resolve(tiles.filter((tile) => tile !== undefined).map(({ root }) => root));
  }

  keepTiles(tiles: readonly FullTile[]): Promise<boolean> {
    for (const tile of tiles) {
      const level = this.#tiles[tile.level] ??= [];
      level[tile.index] ??= tile;
    }
    return Promise.resolve(true);
  }

  dropTiles(): Promise<void> {
    this.#tiles.length = 0;
    return Promise.resolve();
  }

  async keepCheckpoint(
    { size, note }: StoredCheckpoint,
    tiles: readonly FullTile[],
  ): Promise<boolean> {
    await this.keepTiles(tiles);
    const last = this.#checkpoints.at(-1);
    if (last !== undefined && last.size > size) return false;
    this.#checkpoints.push({ size, note });
    return true;
  }

  async *checkpoints(): AsyncGenerator<readonly InspectedCheckpoint[]> {
    yield this.#checkpoints.map((checkpoint) => ({ ...checkpoint, faults: [] }));
  }

  lastCheckpoint(): Promise<string | undefined> {
    return Promise.resolve(this.#checkpoints.at(-1)?.note);
  }
}

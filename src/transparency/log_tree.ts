import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import type { HashThread, Sha256 } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import { Mutex } from "../mutex.ts";
import type { WrittenLines } from "../stores/store.ts";
import type { StoredCheckpoint, TreeStore } from "../stores/tree_store.ts";
import { AsideHasher } from "./aside_hasher.ts";
import { checkSame, Doubts } from "./doubts.ts";
import { HASH_BYTES, leafHash } from "./hash.ts";
import { consistencyProof, inclusionProof, type TileReader, treeRoot } from "./proofs.ts";
import { edgeTiles, TILE_WIDTH, type TileId } from "./tile.ts";
import { type FullTile, Tree } from "./tree.ts";

/** From how many full tiles on they are written without waiting for a checkpoint: 8 KB each. */
const MOST_UNSAVED = 64;
/** How many batches may wait while records are read; others are read later. */
const MOST_WAITING = 16;
/** How many roots of subtrees are kept for proofs; some 100 bytes each. */
const MOST_ROOTS = 10_000;

/** Records that were written; see {@link LogTree.add}. */
interface Added {
  readonly first: number;
  readonly records: readonly LogRecord[];
  readonly lines: WrittenLines | undefined;
}

/**
 * The Merkle tree of a log: its right edge in memory, its full tiles in the store.
 *
 * The tree follows the records: it is taken up from the stored tiles when it is first needed, and brought to a size
 * by hashing what is new. A handle that signs gives it its own records as they are written, so that nothing is read
 * back. Tiles are derived and not trusted with anything: what they yield is compared with checkpoints before it is
 * signed, and they are made anew from the records when they do not fit.
 */
export class LogTree implements TileReader {
  readonly #sha256: Sha256;
  readonly #store: TreeStore;
  readonly #mutex = new Mutex();
  #tree: Tree | undefined;
  /** How many leaves it was taken up with; those behind were made here. */
  #taken = 0;
  /** Full tiles that are not in the store yet. */
  #unsaved = new Map<string, FullTile>();
  /** For the proofs; see {@link TileReader.roots}. */
  readonly roots = new Map<string, Uint8Array>();
  /** Up to how many records stored tiles are taken for what they say. */
  #trusted = Infinity;
  /** Whether records are being read, so that the tree's end is not where the log's is. */
  #reading = false;
  /** What is in the log where the tree has leaves already. */
  readonly #doubts = new Doubts();
  /** What was written meanwhile. */
  readonly #waiting: Added[] = [];
  readonly #aside: AsideHasher;

  /**
   * @param sha256 The runtime's SHA-256.
   * @param store Where the tiles and the records are.
   * @param startThread Starts a thread for hashing, where there are any.
   */
  constructor(sha256: Sha256, store: TreeStore, startThread?: () => Promise<HashThread>) {
    this.#sha256 = sha256;
    this.#store = store;
    this.#aside = new AsideHasher(startThread, (tree) => this.#tookTiles(tree));
  }

  /** Where records are hashed that were written, for people. */
  get hashing(): string {
    return this.#aside.place;
  }

  /**
   * Has stored tiles used up to so many records only, for what a checkpoint covers can be compared with it; what comes
   * behind is hashed again. To be called before anything else.
   */
  trust(size: number): void {
    this.#trusted = size;
  }

  /** The runtime's SHA-256. */
  get sha256(): Sha256 {
    return this.#sha256;
  }

  /**
   * Takes note of records that were written. What does not follow on the tree's end is read when it is needed.
   *
   * @param first The index of the first of them.
   * @param lines Their bytes, where the store had them: they are released when they are hashed.
   */
  add(first: number, records: readonly LogRecord[], lines?: WrittenLines): void {
    const tree = this.#tree;
    if (this.#reading && this.#waiting.length < MOST_WAITING) {
      this.#waiting.push({ first, records, lines });
      return;
    }
    const end = tree === undefined ? -1 : tree.size + this.#aside.ahead;
    const follows = !this.#reading && tree !== undefined && end === first;
    const [oldest] = records;
    if (first >= 0 && first < end && oldest !== undefined && this.#doubts.hasRoom) {
      this.#doubts.keep(first, leafHash(this.#sha256, oldest.line));
    }
    if (lines !== undefined && follows && this.#aside.mayTake(records.length)) {
      return this.#aside.hash(tree, lines);
    }
    if (follows && this.#aside.ahead === 0) {
      for (const line of lines === undefined ? linesOf(records) : bytesOf(lines)) {
        tree.append(leafHash(this.#sha256, line));
      }
      this.#tookTiles(tree);
    }
    lines?.release(lines.slab);
  }

  /** Has no records added to the tree while something else is done to it; they wait. */
  async #exclusively(action: () => Promise<void>): Promise<void> {
    this.#reading = true;
    try {
      await action();
    } finally {
      this.#reading = false;
      for (const { first, records, lines } of this.#waiting.splice(0)) {
        // Some or all of them may have been read meanwhile, out of the log.
        const known = first === -1 ? 0 : this.#tree!.size + this.#aside.ahead - first;
        if (known > 0 && known < records.length) {
          lines?.release(lines.slab);
          this.add(first + known, records.slice(known));
        } else this.add(first, records, lines);
      }
    }
  }

  /** Takes tiles from the tree as it grows, and keeps them when they are many. */
  #tookTiles(tree: Tree): void {
    this.#takeTiles(tree);
    if (this.#unsaved.size >= MOST_UNSAVED) {
      void this.#mutex.run(() => this.#save()).catch(() => {}); // a checkpoint will try again, and tell
    }
  }

  /** Ends the thread that hashes. Called when nothing is recorded any more and nobody asks. */
  close(): void {
    this.#aside.close();
  }

  /**
   * The root of the first `size` records.
   *
   * @throws {AuditLogError} `READ_FAILED`, `DAMAGED`.
   */
  root(size: number): Promise<Uint8Array> {
    return this.#at(
      size,
      (tree) =>
        tree.size === size ? Promise.resolve(tree.root()) : treeRoot(this.#sha256, this, size),
      "compared",
    );
  }

  /**
   * A proof that the record at an index is among the first `size`: RFC 9162, section 2.1.3.1.
   *
   * @throws {AuditLogError} As {@link LogTree.root}.
   */
  inclusion(index: number, size: number): Promise<Uint8Array[]> {
    if (this.roots.size > MOST_ROOTS) this.roots.clear();
    return this.#at(size, () => inclusionProof(this.#sha256, this, index, size));
  }

  /**
   * A proof that the first `to` records begin with the first `from`: RFC 9162, section 2.1.4.1.
   *
   * @throws {AuditLogError} As {@link LogTree.root}.
   */
  consistency(from: number, to: number): Promise<Uint8Array[]> {
    return this.#at(to, () => consistencyProof(this.#sha256, this, from, to));
  }

  /**
   * Keeps a checkpoint, and the tiles that are not in the store yet.
   *
   * @returns As `TreeStore.keepCheckpoint()`.
   * @throws {AuditLogError} As that.
   */
  keep(checkpoint: StoredCheckpoint): Promise<boolean> {
    return this.#mutex.run(async () => {
      const tiles = [...this.#unsaved.values()];
      const kept = await this.#store.keepCheckpoint(checkpoint, tiles);
      this.#saved(tiles);
      return kept;
    });
  }

  /** Writes the tiles that are not in the store yet, once all records that were added are hashed. Called when no more are added. */
  saveAll(): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#aside.settled();
      await this.#save();
    });
  }

  /**
   * The root of the first `size` records, computed from them alone. Stored tiles stay as they are: where the records were
   * altered, they are what shows which.
   *
   * @throws {AuditLogError} As {@link LogTree.root}.
   */
  async rootOfRecords(size: number): Promise<Uint8Array> {
    const tree = Tree.empty(this.#sha256);
    for await (const lines of this.#store.lines(0, size)) {
      for (const line of lines) tree.append(leafHash(this.#sha256, line));
      tree.takeTiles();
    }
    if (tree.size < size) throw cut(size, tree.size);
    return tree.root();
  }

  /** Forgets all tiles, so that the tree is made anew from the records. */
  reset(): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#exclusively(async () => {
        await this.#aside.settled();
        await this.#store.dropTiles();
        this.#unsaved.clear();
        this.#doubts.clear();
        this.roots.clear();
        this.#tree = Tree.empty(this.#sha256);
        this.#taken = 0;
      });
    });
  }

  /** The first hashes of a tile, from memory or from the store. For the proofs. */
  async read(id: TileId, width: number): Promise<Uint8Array> {
    const tree = this.#tree!;
    const part = edgeTiles(tree.size)[id.level];
    const hashes = part?.id.index === id.index
      ? tree.partial(id.level)
      : this.#unsaved.get(keyOf(id))?.hashes ?? await this.#store.tile(id);
    return (hashes ?? new Uint8Array(0)).subarray(0, width * HASH_BYTES);
  }

  /**
   * Does something with the tree at a size or beyond.
   *
   * @param last Whether the last record of that size is read, to be compared with its leaf. What comes of a tree that may be of other
   *   records is found out otherwise, but not what is to be signed.
   */
  #at<T>(
    size: number,
    action: (tree: Tree) => Promise<T>,
    last?: "compared",
  ): Promise<T> {
    return this.#mutex.run(async () => {
      const tree = this.#tree ??= await this.#load();
      // Looked at right before reading begins: what the thread is given meanwhile is not to be read as well.
      while (tree.size < size && this.#aside.ahead > 0) await this.#aside.last;
      if (tree.size < size) await this.#grow(tree, size);
      else if (last === "compared" && size > 0) await this.#doubtLast(size);
      await this.#doubts.settle(tree.size, (index) => this.#leafAt(index));
      return await action(tree);
    });
  }

  /** Takes the tree up from the stored tiles. */
  async #load(): Promise<Tree> {
    const stored = await this.#store.tileCount(0) * TILE_WIDTH;
    const size = Math.floor(Math.min(stored, this.#trusted) / TILE_WIDTH) * TILE_WIDTH;
    const edge: Uint8Array[] = [];
    for (const { id, width } of edgeTiles(size)) {
      if (id.level > 0 && await this.#store.tileCount(id.level) < id.index) {
        return await this.#anew();
      }
      const first = id.index * TILE_WIDTH;
      const roots = width === 0
        ? []
        : await this.#store.tileRoots(id.level - 1, first, first + width);
      if (roots.length !== width || roots.some(({ length }) => length !== HASH_BYTES)) {
        return await this.#anew();
      }
      const hashes = new Uint8Array(width * HASH_BYTES);
      roots.forEach((root, position) => hashes.set(root, position * HASH_BYTES));
      edge.push(hashes);
    }
    this.#taken = size;
    return Tree.resume(this.#sha256, size, edge);
  }

  /** Begins without tiles, because one is missing. */
  async #anew(): Promise<Tree> {
    await this.#store.dropTiles();
    return Tree.empty(this.#sha256);
  }

  async #grow(tree: Tree, size: number): Promise<void> {
    await this.#exclusively(async () => {
      // From the last one on that it has: whether it is still there.
      let known = tree.size > this.#taken ? await this.#leafAt(tree.size - 1) : undefined;
      for await (
        const lines of this.#store.lines(tree.size - (known === undefined ? 0 : 1), size)
      ) {
        for (const line of lines) {
          const leaf = leafHash(this.#sha256, line);
          if (known === undefined) tree.append(leaf);
          else checkSame(tree.size - 1, leaf, known);
          known = undefined;
        }
        this.#takeTiles(tree);
        if (this.#unsaved.size >= MOST_UNSAVED) await this.#save();
      }
    });
    if (tree.size < size) throw cut(size, tree.size);
  }

  /** Has the last record of a size compared: if it is where it was, nobody has put another copy in the log's place. */
  async #doubtLast(size: number): Promise<void> {
    for await (const [line] of this.#store.lines(size - 1, size)) {
      if (line !== undefined) this.#doubts.keep(size - 1, leafHash(this.#sha256, line));
    }
  }

  /** A leaf that the tree has, unless its tile is lost. */
  async #leafAt(index: number): Promise<Uint8Array | undefined> {
    const tile = Math.floor(index / TILE_WIDTH);
    const start = (index - tile * TILE_WIDTH) * HASH_BYTES;
    const hashes = await this.read({ level: 0, index: tile }, TILE_WIDTH);
    return hashes.length < start + HASH_BYTES ? undefined : hashes.slice(start, start + HASH_BYTES);
  }

  #takeTiles(tree: Tree): void {
    for (const tile of tree.takeTiles()) this.#unsaved.set(keyOf(tile), tile);
  }

  async #save(): Promise<void> {
    const tiles = [...this.#unsaved.values()];
    if (tiles.length === 0) return;
    if (await this.#store.keepTiles(tiles)) this.#saved(tiles);
  }

  #saved(tiles: readonly FullTile[]): void {
    for (const tile of tiles) this.#unsaved.delete(keyOf(tile));
  }
}

function* linesOf(records: readonly LogRecord[]): Generator<string> {
  for (const { line } of records) yield line;
}

/** Lines as they were written, which need not be encoded again. */
function* bytesOf({ slab, bounds }: WrittenLines): Generator<Uint8Array> {
  for (let position = 0; position < bounds.length - 1; position++) {
    const start = bounds[position]! + 1;
    yield new Uint8Array(slab, start, bounds[position + 1]! - start);
  }
}

function cut(size: number, actual: number): AuditLogError {
  return new AuditLogError(
    "DAMAGED",
    `Cannot compute the tree of ${
      countedEntries(size)
    }: the log has no more than ${actual}; it was cut`,
  );
}

function keyOf({ level, index }: TileId): string {
  return `${level}/${index}`;
}

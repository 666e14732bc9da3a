/**
 * Verifying a log: everything is computed again from the records, and compared with all that was derived from them or
 * signed for them.
 *
 * @module
 */
import type { HashedLeaves, HashThread, Leaves, Sha256 } from "../ports.ts";
import type { InspectedRecord, TreeStore, UnsettledRecord } from "../stores/tree_store.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpoints, type CheckpointsToVerify } from "./checkpoints.ts";
import { Faults, type LogFault } from "./faults.ts";
import { joinClaims } from "./claims.ts";
import { equalHashes, HASH_BYTES } from "./hash.ts";
import { LeafHasher } from "./leaf_hasher.ts";
import { TILE_BYTES, TILE_WIDTH, tileRoot } from "./tile.ts";
import { type FullTile, Tree } from "./tree.ts";

/** What {@link verifyLog} works with. */
export interface VerificationParts {
  /** Where the records, tiles and checkpoints are. */
  readonly store: TreeStore;
  readonly sha256: Sha256;
  /** Starts a thread for hashing, where there are any. */
  readonly startHashThread?: () => Promise<HashThread>;
  /** How many entries the log has now, those of other processes counted. */
  readonly size: () => Promise<number>;
  /** Keys, and checkpoints that were kept elsewhere. */
  readonly given: CheckpointsToVerify;
  /** Told now and then how many entries were verified, and of how many. */
  readonly onProgress: (done: number, total: number) => void;
}

/** What was found, for {@link VerificationReport}. */
export interface Verification {
  readonly size: number;
  readonly root: string;
  readonly faults: readonly LogFault[];
  readonly faultCount: number;
  readonly tiles: number;
  readonly checkpoints: Checkpoints;
}

/** From how many entries on another thread is worth the time that it takes to start. */
const WORTH_A_THREAD = 4096;
/** How many chunks may be on their way to that thread and back. */
const MOST_AHEAD = 4;

/**
 * Reads all records and computes everything again, in bounded memory.
 *
 * @throws {AuditLogError} `READ_FAILED`, `INVALID_KEY`: what keeps it from verifying. What is wrong with the log is
 * returned.
 */
export async function verifyLog(parts: VerificationParts): Promise<Verification> {
  const thread = await parts.size() < WORTH_A_THREAD
    ? undefined
    : await parts.startHashThread?.().catch(() => undefined);
  const { sha256 } = parts;
  if (thread === undefined) return await verifyWith(parts, new LeafHasher(sha256));
  try {
    return await verifyWith(parts, {
      hash: (leaves) =>
        thread.hash(leaves).catch((cause) => {
          throw new ThreadFailed("the thread failed", { cause });
        }),
    });
  } catch (error) {
    if (!(error instanceof ThreadFailed)) throw error;
    return await verifyWith(parts, new LeafHasher(sha256));
  } finally {
    thread.close();
  }
}

/** The thread that was to hash is of no use. */
class ThreadFailed extends Error {}

interface Hasher {
  hash(leaves: Leaves): HashedLeaves | Promise<HashedLeaves>;
}

async function verifyWith(parts: VerificationParts, hasher: Hasher): Promise<Verification> {
  const { store, sha256, onProgress } = parts;
  const faults = new Faults();
  const checkpoints = await Checkpoints.read(store, parts.given, faults);
  const tree = Tree.empty(sha256);
  const tiles = new TileCheck(sha256, store, faults);
  checkpoints.compare(0, () => tree.root());
  const size = await parts.size();
  const slabs = new Slabs();
  const ahead: (() => Promise<void>)[] = [];
  let isFirst = true;
  for await (const records of store.inspect()) {
    const leaves = slabs.fill(records);
    const hashed = Promise.resolve(
      hasher.hash(isFirst ? { ...leaves, start: new Uint8Array(0) } : leaves),
    );
    hashed.catch(() => {}); // it is awaited below, maybe after something else has failed
    isFirst = false;
    ahead.push(() => compare(records, hashed));
    if (ahead.length >= MOST_AHEAD) await ahead.shift()!();
  }
  for (const compareNext of ahead) await compareNext();
  await tiles.checkEnd(tree.size, parts.size);
  checkpoints.end(tree.size);
  return {
    size: tree.size,
    root: encodeBase64(tree.root()),
    faults: faults.list,
    faultCount: faults.count,
    tiles: tiles.checked,
    checkpoints,
  };

  async function compare(records: Inspected, hashed: Promise<HashedLeaves>): Promise<void> {
    const { leaves, roots, plain, slab } = await hashed;
    slabs.release(slab);
    let [index, leaf, claim] = [tree.size, 0, 0];
    for (const record of records) {
      const { bytes, entryId, faults: found } = "settle" in record
        ? record.settle(plain[claim++] === 1)
        : record;
      for (const state of found) {
        faults.add({ kind: "record", index, entryId, message: `Entry ${index}: ${state}` });
      }
      if (bytes === undefined) continue;
      tiles.passed(entryId);
      index++;
    }
    // In as many steps as there are checkpoints among them.
    for (let root = 0; tree.size < index;) {
      const to = Math.min(index, checkpoints.nextSize(tree.size));
      const full = Math.floor(to / TILE_WIDTH) - Math.floor(tree.size / TILE_WIDTH);
      const count = to - tree.size;
      tree.appendHashed(
        leaves.subarray(leaf * HASH_BYTES, (leaf + count) * HASH_BYTES),
        roots.subarray(root * HASH_BYTES, (root + full) * HASH_BYTES),
      );
      leaf += count;
      root += full;
      checkpoints.compare(tree.size, () => tree.root());
    }
    for (const tile of tree.takeTiles()) await tiles.check(tile);
    onProgress(tree.size, Math.max(size, tree.size));
  }
}

type Inspected = readonly (InspectedRecord | UnsettledRecord)[];

/** Copies records into buffers that can be given to another thread. */
class Slabs {
  readonly #free: ArrayBuffer[] = [];

  fill(records: Inspected): Leaves {
    const stored = records.flatMap(({ bytes }) => bytes === undefined ? [] : [bytes]);
    // A text takes up to three bytes for each of its units.
    const most = stored.reduce(
      (sum, bytes) => sum + 1 + bytes.length * (typeof bytes === "string" ? 3 : 1),
      0,
    );
    const bounds = new Uint32Array(stored.length + 1);
    const slab = this.#take(most);
    const target = new Uint8Array(slab);
    let end = 0;
    for (const [position, bytes] of stored.entries()) {
      bounds[position] = end++;
      if (typeof bytes === "string") end += UTF_8.encodeInto(bytes, target.subarray(end)).written;
      else {
        target.set(bytes, end);
        end += bytes.length;
      }
    }
    bounds[stored.length] = end;
    const claims = records.flatMap((record) => "settle" in record ? [record.claim] : []);
    return { slab, bounds, ...(claims.length === 0 ? {} : { claims: joinClaims(claims) }) };
  }

  /** Takes a buffer back. */
  release(slab: ArrayBuffer): void {
    if (slab.byteLength <= KEPT_BYTES && this.#free.length < MOST_AHEAD) this.#free.push(slab);
  }

  #take(bytes: number): ArrayBuffer {
    const free = this.#free.pop();
    if (free !== undefined && free.byteLength >= bytes) return free;
    // With room for chunks that are somewhat longer, unless it is not kept.
    return new ArrayBuffer(bytes > KEPT_BYTES ? bytes : bytes * 2);
  }
}

/** A larger buffer is not kept for other records. */
const KEPT_BYTES = 8 * 1024 * 1024;
const UTF_8 = new TextEncoder();

/** Compares tiles with those that are stored. */
class TileCheck {
  readonly #sha256: Sha256;
  readonly #store: TreeStore;
  readonly #faults: Faults;
  /** The ids of the entries from {@link TileCheck.#first} on. */
  #ids: (string | undefined)[] = [];
  #first = 0;
  /** How many stored tiles were compared. */
  checked = 0;

  constructor(sha256: Sha256, store: TreeStore, faults: Faults) {
    this.#sha256 = sha256;
    this.#store = store;
    this.#faults = faults;
  }

  /** Takes note of the id of the next entry. */
  passed(entryId: string | undefined): void {
    this.#ids.push(entryId);
  }

  async check(tile: FullTile): Promise<void> {
    const stored = await this.#store.tile(tile);
    if (stored !== undefined) {
      this.checked++;
      const fits = equalHashes(stored, tile.hashes);
      if (!fits) this.#report(tile, stored);
      const [root] = await this.#store.tileRoots(tile.level, tile.index, tile.index + 1);
      // The root is that of the stored hashes, whatever became of the records.
      const actual = fits || stored.length !== TILE_BYTES
        ? tile.root
        : tileRoot(this.#sha256, stored);
      // It may be gone meanwhile: tiles are dropped where they do not fit.
      if (root !== undefined && !equalHashes(root, actual)) this.#reportRoot(tile);
    }
    if (tile.level > 0) return;
    this.#ids.splice(0, TILE_WIDTH);
    this.#first += TILE_WIDTH;
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
  #report(tile: FullTile, stored: Uint8Array): void {
    const start = tile.index * TILE_WIDTH;
    let position = 0;
    while (position < TILE_WIDTH && equalHashes(at(stored, position), at(tile.hashes, position))) {
      position++;
    }
    const index = tile.level === 0 && position < TILE_WIDTH ? start + position : undefined;
    this.#faults.add({
      kind: "tile",
      index,
      entryId: index === undefined ? undefined : this.#ids[index - this.#first],
      message: index === undefined
        ? `The stored tile ${tile.index} of level ${tile.level} is not the one of the records`
        : `Entry ${index}: it has another hash than the one that was stored when it was written; ` +
          "the entry or the hash was altered",
    });
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

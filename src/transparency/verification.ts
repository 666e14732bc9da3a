/**
 * Verifying a log: everything is computed again from the records, and compared with all that was derived from them or
 * signed for them.
 *
 * @module
 */
import type { HashedLeaves, HashThread, Leaves, Sha256 } from "../ports.ts";
import type {
  CheckedRecords,
  InspectedRecord,
  TreeStore,
  UnsettledRecord,
} from "../stores/tree_store.ts";
import { LazyThread } from "../lazy_thread.ts";
import { SlabPool } from "../slab_pool.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpoints, type CheckpointsToVerify } from "./checkpoints.ts";
import { joinClaims } from "./claims.ts";
import { Faults, type LogFault } from "./faults.ts";
import { HASH_BYTES } from "./hash.ts";
import { LeafHasher } from "./leaf_hasher.ts";
import { TILE_WIDTH } from "./tile.ts";
import { TileCheck } from "./tile_check.ts";
import { Tree } from "./tree.ts";

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

/** From how many entries on another thread has something left to do when it has started, which takes as long as a few thousand. */
const WORTH_A_THREAD = 8192;
/** How many chunks may be on their way to that thread and back. */
const MOST_AHEAD = 4;

/**
 * Reads all records and computes everything again, in bounded memory.
 *
 * @throws {AuditLogError} `READ_FAILED`, `INVALID_KEY`: what keeps it from verifying. What is wrong with the log is
 * returned.
 */
export async function verifyLog(parts: VerificationParts): Promise<Verification> {
  const { sha256, startHashThread } = parts;
  if (await parts.size() < WORTH_A_THREAD) return await verifyWith(parts, new LeafHasher(sha256));
  const thread = new LazyThread(startHashThread);
  try {
    return await verifyWith(parts, new HasherToTakeOver(sha256, thread));
  } catch (error) {
    if (!(error instanceof ThreadFailed)) throw error;
    return await verifyWith(parts, new LeafHasher(sha256));
  } finally {
    // One that is just starting, too.
    void thread.settled().then(() => thread.started?.close());
  }
}

/** The thread that was to hash is of no use. */
class ThreadFailed extends Error {}

interface Hasher {
  hash(leaves: Leaves): HashedLeaves | Promise<HashedLeaves>;
}

/** Hashes on this thread until another one runs, which takes over. */
class HasherToTakeOver implements Hasher {
  readonly #here: LeafHasher;
  readonly #thread: LazyThread<HashThread>;
  #isThere = false;

  constructor(sha256: Sha256, thread: LazyThread<HashThread>) {
    this.#here = new LeafHasher(sha256);
    this.#thread = thread;
  }

  hash(leaves: Leaves): HashedLeaves | Promise<HashedLeaves> {
    void this.#thread.start();
    const { ready } = this.#thread;
    if (ready === undefined) return this.#here.hash(leaves);
    const start = this.#isThere ? {} : { start: this.#here.partial() };
    this.#isThere = true;
    return ready.hash({ ...leaves, ...start }).catch((cause) => {
      throw new ThreadFailed("the thread failed", { cause });
    });
  }
}

async function verifyWith(parts: VerificationParts, hasher: Hasher): Promise<Verification> {
  const { store, sha256, onProgress } = parts;
  const faults = new Faults();
  for (const message of await store.inspectLayout?.() ?? []) {
    faults.add({ kind: "layout", index: undefined, entryId: undefined, message });
  }
  const checkpoints = await Checkpoints.read(store, parts.given, faults);
  const tree = Tree.empty(sha256);
  const tiles = new TileCheck(sha256, store, faults);
  checkpoints.compare(0, () => tree.root());
  const size = await parts.size();
  const slabs = new SlabPool();
  const ahead: (() => Promise<void>)[] = [];
  for await (const records of together(store.inspect())) {
    if ("idOf" in records) ahead.push(() => takeChecked(records));
    else {
      const hashed = Promise.resolve(hasher.hash(leavesOf(records, slabs)));
      hashed.catch(() => {}); // it is awaited below, maybe after something else has failed
      ahead.push(() => compare(records, hashed));
    }
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
    slabs.keep(slab);
    let [index, claim] = [tree.size, 0];
    const ids: (string | undefined)[] = [];
    for (const record of records) {
      const { bytes, entryId, faults: found } = "settle" in record
        ? record.settle(plain[claim++] === 1)
        : record;
      tell(index, entryId, found);
      if (bytes === undefined) continue;
      ids.push(entryId);
      index++;
    }
    tiles.passed(ids.length, (position) => ids[position]);
    await grow(leaves, roots);
  }

  async function takeChecked({ leaves, roots, faulty, idOf }: CheckedRecords): Promise<void> {
    for (const { position, entryId, faults } of faulty) tell(tree.size + position, entryId, faults);
    const faultyId = (at: number) => faulty.find(({ position }) => position === at)?.entryId;
    tiles.passed(leaves.length / HASH_BYTES, (position) => faultyId(position) ?? idOf(position));
    // Where a row is missing, the leaves behind it fill other tiles.
    await grow(leaves, tree.size % TILE_WIDTH === 0 ? roots : undefined);
  }

  function tell(index: number, entryId: string | undefined, found: readonly string[]): void {
    for (const state of found) {
      faults.add({ kind: "record", index, entryId, message: `Entry ${index}: ${state}` });
    }
  }

  /** Adds leaves to the tree, in as many steps as there are checkpoints among them. The roots of tiles may be known. */
  async function grow(leaves: Uint8Array, roots: Uint8Array | undefined): Promise<void> {
    const end = tree.size + leaves.length / HASH_BYTES;
    for (let [leaf, root] = [0, 0]; tree.size < end;) {
      const to = Math.min(end, checkpoints.nextSize(tree.size));
      const full = Math.floor(to / TILE_WIDTH) - Math.floor(tree.size / TILE_WIDTH);
      const count = to - tree.size;
      tree.appendHashed(
        leaves.subarray(leaf * HASH_BYTES, (leaf + count) * HASH_BYTES),
        roots?.subarray(root * HASH_BYTES, (root + full) * HASH_BYTES),
      );
      leaf += count;
      root += full;
      checkpoints.compare(tree.size, () => tree.root());
    }
    for (const tile of tree.takeTiles()) await tiles.check(tile);
    onProgress(tree.size, Math.max(size, tree.size));
  }
}

/** How many records are hashed together, about: sending them to another thread costs as much for one as for many. */
const RECORDS_TOGETHER = 256;
/** Nor are more read once they have so many bytes. */
const BYTES_TOGETHER = 512 * 1024;

/** Puts small chunks together that are still to be hashed. */
async function* together(
  chunks: AsyncIterable<Inspected | CheckedRecords>,
): AsyncGenerator<Inspected | CheckedRecords> {
  let records: (InspectedRecord | UnsettledRecord)[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    if ("idOf" in chunk) {
      if (records.length > 0) yield records;
      yield chunk;
    } else {
      const first = records.length;
      for (const record of chunk) {
        records.push(record);
        bytes += record.bytes?.length ?? 0;
      }
      if (records.length < RECORDS_TOGETHER && bytes < BYTES_TOGETHER) {
        records.push(...records.splice(first).map(withOwnBytes));
        continue;
      }
      yield records;
    }
    [records, bytes] = [[], 0];
  }
  if (records.length > 0) yield records;
}

/** A record whose bytes stay valid when the next chunk is asked for. */
function withOwnBytes<T extends InspectedRecord | UnsettledRecord>(record: T): T {
  const { bytes } = record;
  if (!(bytes instanceof Uint8Array) || "settle" in record) return record;
  return { ...record, bytes: bytes.slice() };
}

type Inspected = readonly (InspectedRecord | UnsettledRecord)[];

/** Copies records into a buffer that can be given to another thread. */
function leavesOf(records: Inspected, slabs: SlabPool): Leaves {
  const stored: (string | Uint8Array)[] = [];
  const claims: string[] = [];
  let most = 0;
  for (const record of records) {
    const { bytes } = record;
    if (bytes === undefined) continue;
    stored.push(bytes);
    // A text takes up to three bytes for each of its units.
    most += 1 + bytes.length * (typeof bytes === "string" ? 3 : 1);
    if ("settle" in record) claims.push(record.claim);
  }
  const slab = slabs.take(most);
  const bounds = new Uint32Array(stored.length + 1);
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
  return { slab, bounds, ...(claims.length === 0 ? {} : { claims: joinClaims(claims) }) };
}

const UTF_8 = new TextEncoder();

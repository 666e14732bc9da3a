/**
 * Verifying a log: everything is computed again from the records, and compared with all that was derived from them or
 * signed for them.
 *
 * @module
 */
import type { Sha256 } from "../ports.ts";
import type { CheckedRecords, InspectedRecord, TreeStore } from "../stores/tree_store.ts";
import { Turns } from "../turns.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpoints, type CheckpointsToVerify } from "./checkpoints.ts";
import { Faults, type LogFault } from "./faults.ts";
import { HASH_BYTES, leafHash } from "./hash.ts";
import { leavesToTile, TILE_WIDTH } from "./tile.ts";
import { TileCheck } from "./tile_check.ts";
import { Tree } from "./tree.ts";

/** What {@link verifyLog} works with. */
export interface VerificationParts {
  /** Where the records, tiles and checkpoints are. */
  readonly store: TreeStore;
  readonly sha256: Sha256;
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

/**
 * Reads all records and computes everything again, in bounded memory.
 *
 * @throws {AuditLogError} `READ_FAILED`, `INVALID_KEY`: what keeps it from verifying. What is wrong with the log is
 * returned.
 */
export async function verifyLog(parts: VerificationParts): Promise<Verification> {
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
  const turns = new Turns();
  for await (const records of store.inspect()) {
    if ("idOf" in records) await takeChecked(records);
    else await take(records);
    onProgress(tree.size, Math.max(size, tree.size));
    await turns.give();
  }
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

  async function take(records: readonly InspectedRecord[]): Promise<void> {
    const there = records.filter(({ bytes }) => bytes !== undefined);
    const leaves = new Uint8Array(there.length * HASH_BYTES);
    let count = 0;
    for (const { bytes, entryId, faults: found } of records) {
      tell(tree.size + count, entryId, found);
      if (bytes !== undefined) leaves.set(leafHash(sha256, bytes), HASH_BYTES * count++);
    }
    tiles.passed(count, (position) => there[position]!.entryId);
    await grow(leaves);
  }

  async function takeChecked(
    { before, leaves, roots, faulty, idOf }: CheckedRecords,
  ): Promise<void> {
    for (const { position, entryId, faults } of faulty) tell(tree.size + position, entryId, faults);
    tiles.passed(leaves.length / HASH_BYTES, idOf);
    const start = leavesToTile(tree.size);
    await grow(leaves.subarray(0, start * HASH_BYTES));
    // Where a record is missing, those behind it fill other tiles.
    await grow(
      leaves.subarray(start * HASH_BYTES),
      start === leavesToTile(before.next) ? roots : undefined,
    );
  }

  function tell(index: number, entryId: string | undefined, found: readonly string[]): void {
    for (const state of found) {
      faults.add({ kind: "record", index, entryId, message: `Entry ${index}: ${state}` });
    }
  }

  /** Adds leaves to the tree, in as many steps as there are checkpoints among them. The roots of tiles may be known. */
  async function grow(leaves: Uint8Array, roots?: Uint8Array): Promise<void> {
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
  }
}

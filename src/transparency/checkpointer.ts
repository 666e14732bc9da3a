import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import { LAST_MS } from "../instant.ts";
import { Mutex } from "../mutex.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { equalHashes, HASH_BYTES, leafHash } from "./hash.ts";
import { mayBeCosignature } from "./cosignature.ts";
import { labelOf, verifierFrom } from "./keys.ts";
import type { LogTree } from "./log_tree.ts";
import { stateOf } from "./failure.ts";
import { openNote, parseNote } from "./note.ts";
import type { LogSigners } from "./signing.ts";
import { TILE_BYTES, TILE_WIDTH, tileRoot } from "./tile.ts";

/** How often a checkpoint is made again because another process has kept a larger one. */
const MOST_ATTEMPTS = 100;

/** A checkpoint and its signed note. */
export interface KeptCheckpoint extends Checkpoint {
  /** The note, as it was kept. */
  readonly note: string;
}

/** What a {@link Checkpointer} works with. */
export interface CheckpointerParts {
  /** Where the log is, for messages. */
  readonly name: string;
  readonly signers: LogSigners;
  readonly tree: LogTree;
  readonly store: TreeStore;
  /** How many entries the log has, those of other processes counted. */
  readonly size: () => Promise<number>;
  /** The machine's clock: milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * Signs checkpoints of a log, none of which contradicts an earlier one: a checkpoint is kept, and all that it covers
 * is on the disk, before anybody sees it.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  readonly #mutex = new Mutex();
  #last: KeptCheckpoint | undefined;
  #seconds = 0;
  #signedMs = -Infinity;

  private constructor(parts: CheckpointerParts, last: KeptCheckpoint | undefined) {
    this.#parts = parts;
    this.#last = last;
  }

  /**
   * Makes sure that these keys may go on signing for this log, and that the log still is what its last checkpoint says.
   *
   * @throws {AuditLogError} `KEY_MISMATCH`, `CHECKPOINT_CONFLICT`, `DAMAGED`, `READ_FAILED`.
   */
  static async open(parts: CheckpointerParts): Promise<Checkpointer> {
    const last = await lastCheckpoint(parts.store, parts.name);
    parts.tree.trust(last?.size ?? 0);
    if (last !== undefined) {
      await checkKeys(parts, last);
      await checkGrowth(parts, last);
    }
    await checkTiles(parts, last?.size ?? 0);
    return new Checkpointer(parts, last);
  }

  /** How many entries the newest checkpoint covers that this handle knows of. */
  get coveredSize(): number {
    return this.#last?.size ?? 0;
  }

  /** When this handle has last signed one, milliseconds since the epoch. */
  get signedMs(): number {
    return this.#signedMs;
  }

  /**
   * The newest checkpoint, whoever made it, if it covers all entries and was signed by these keys less than so many
   * milliseconds ago.
   */
  async recent(ms: number): Promise<string | undefined> {
    const { name, signers, store, size, clock } = this.#parts;
    const newest = await lastCheckpoint(store, name);
    if (newest === undefined || newest.size !== await size()) return undefined;
    const seconds = await signers.timeOf(newest.note);
    if (seconds === undefined) return undefined;
    const age = clock() - seconds * 1000;
    // What a clock that is ahead has signed does not count.
    return age >= 0 && age < ms ? newest.note : undefined;
  }

  /**
   * Signs a checkpoint of all entries, and keeps it.
   *
   * @throws {AuditLogError} `CHECKPOINT_CONFLICT` when the log has become shorter, or is not what another process has
   * signed meanwhile; `KEY_MISMATCH` when it has signed with another key; what reading and writing throws.
   */
  make(): Promise<KeptCheckpoint> {
    return this.#mutex.run(async () => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const made = await this.#attempt();
        if (made !== undefined) return this.#last = made;
      }
      throw new AuditLogError(
        "DAMAGED",
        `Cannot sign for ${this.#parts.name}: its last checkpoint is kept as one of more entries than it ` +
          "says; verify the log",
      );
    });
  }

  /** Makes a checkpoint, unless another process is quicker and keeps a larger one. */
  async #attempt(): Promise<KeptCheckpoint | undefined> {
    const { name, signers, tree, store, size: sizeNow, clock } = this.#parts;
    const kept = await lastCheckpoint(store, name);
    if (kept !== undefined && kept.note !== this.#last?.note) {
      // Another process has signed it, maybe with a key that has taken the place of this one.
      await checkKeys(this.#parts, kept);
      await checkGrowth(this.#parts, kept);
    }
    const size = await (store.acknowledged?.() ?? sizeNow());
    if (this.#last !== undefined && size < this.#last.size) throw cut(name, size, this.#last.size);
    const root = await tree.root(size);
    const now = clock();
    this.#seconds = Math.max(this.#seconds, secondsOf(now));
    const note = await signers.sign(size, root, this.#seconds);
    if (!await tree.keep({ size, note })) return undefined;
    this.#signedMs = now;
    return { origin: signers.origin, size, root, extensions: [], note };
  }
}

/**
 * The checkpoint that was kept last.
 *
 * @param name Where the log is, for messages.
 * @throws {AuditLogError} `DAMAGED` when it is none; `READ_FAILED`.
 */
export async function lastCheckpoint(
  store: TreeStore,
  name: string,
): Promise<KeptCheckpoint | undefined> {
  const note = await store.lastCheckpoint();
  if (note === undefined) return undefined;
  try {
    return { ...parseCheckpoint(parseNote(note).text), note };
  } catch (cause) {
    throw new AuditLogError(
      "DAMAGED",
      `Cannot use the last checkpoint of ${name}: it is none; verify the log`,
      { cause },
    );
  }
}

async function checkKeys({ name, signers }: CheckpointerParts, last: KeptCheckpoint) {
  const { signatures } = parseNote(last.note);
  if (last.origin !== signers.origin || !signatures.some((signature) => signers.has(signature))) {
    // The id of a cosignature is another than that of its key, and nobody would know it.
    const labels = signatures.filter((signature) => !mayBeCosignature(signature)).map(labelOf)
      .join(", ");
    throw new AuditLogError(
      "KEY_MISMATCH",
      `Cannot sign for ${name}: its checkpoints are of ${JSON.stringify(last.origin)}, signed by ` +
        `${labels}, and the signing key is ${signers.labels}; give the key that signed them, or ` +
        "both keys once, to change to a new one",
      { path: "signingKey" },
    );
  }
  const verifiers = await Promise.all(signers.verifierKeys.map(verifierFrom));
  const known = verifiers.filter((verifier) =>
    signatures.some(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId)
  );
  if (known.length === 0) return;
  try {
    await openNote(last.note, known);
  } catch (error) {
    throw conflict(name, `its last checkpoint was altered: ${stateOf(error)}`, error);
  }
}

/** Makes sure that the log begins with what its last checkpoint covers. */
async function checkGrowth(parts: CheckpointerParts, last: Checkpoint): Promise<void> {
  const { name, tree, size: sizeNow } = parts;
  const size = await sizeNow();
  if (size < last.size) throw cut(name, size, last.size);
  try {
    if (equalHashes(await tree.root(last.size), last.root)) return;
  } catch (error) {
    if (!(error instanceof AuditLogError) || error.code !== "DAMAGED") throw error;
  }
  // It may be the tiles that were altered or lost: the records decide.
  if (!equalHashes(await tree.rootOfRecords(last.size), last.root)) {
    throw conflict(
      name,
      `its first ${
        countedEntries(last.size)
      } are not those that its last checkpoint was signed for; they were ` +
        "altered. Verify the log, which tells where",
    );
  }
  await tree.reset();
}

/**
 * Makes sure that tiles which no checkpoint covers are those of the entries: what they would yield would be signed, and
 * where it is the entries that were altered, they are what shows it.
 */
async function checkTiles(parts: CheckpointerParts, covered: number): Promise<void> {
  const { name, store, tree, size: sizeNow } = parts;
  const tiles = await store.tileCount(0);
  const size = await sizeNow();
  if (tiles * TILE_WIDTH > size) {
    throw conflict(
      name,
      `it has ${countedEntries(size)}, and its tree was made of ${
        tiles * TILE_WIDTH
      } or more; entries were ` +
        "removed. Where a power failure took them (durability relaxed), delete the tree's tiles: docs/format.md",
    );
  }
  // Not by way of the tree: it would keep what it makes of the entries, and give back what was there before.
  let index = Math.floor(covered / TILE_WIDTH);
  let leaves: Uint8Array[] = [];
  for await (const lines of store.lines(index * TILE_WIDTH, tiles * TILE_WIDTH)) {
    for (const line of lines) {
      if (leaves.push(leafHash(tree.sha256, line)) < TILE_WIDTH) continue;
      await checkTile(parts, index++, leaves);
      leaves = [];
    }
  }
}

async function checkTile(
  { name, store, tree }: CheckpointerParts,
  index: number,
  leaves: readonly Uint8Array[],
): Promise<void> {
  const hashes = new Uint8Array(TILE_BYTES);
  leaves.forEach((leaf, position) => hashes.set(leaf, position * HASH_BYTES));
  const stored = await store.tile({ level: 0, index });
  const [root] = await store.tileRoots(0, index, index + 1);
  const fits = stored !== undefined && equalHashes(stored, hashes) &&
    root !== undefined && equalHashes(root, tileRoot(tree.sha256, hashes));
  if (fits) return;
  const first = index * TILE_WIDTH;
  throw conflict(
    name,
    `its tree was made of other entries than ${first} to ${
      first + TILE_WIDTH - 1
    } are now: they were altered, ` +
      "or the tree was. Verify the log, which tells where; if it is the tree, delete its tiles: docs/format.md",
  );
}

function secondsOf(milliseconds: number): number {
  if (milliseconds >= 0 && milliseconds <= LAST_MS) return Math.floor(milliseconds / 1000);
  throw new AuditLogError(
    "INVALID_OPTION",
    `Cannot sign a checkpoint: the clock says ${milliseconds}`,
    { path: "clock" },
  );
}

function cut(name: string, size: number, covered: number): AuditLogError {
  return conflict(
    name,
    `it has ${
      countedEntries(size)
    }, and a checkpoint was signed for ${covered}; entries were removed`,
  );
}

function conflict(name: string, state: string, cause?: unknown): AuditLogError {
  return new AuditLogError("CHECKPOINT_CONFLICT", `Cannot sign for ${name}: ${state}`, { cause });
}

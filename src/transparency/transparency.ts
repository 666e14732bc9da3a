import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import { type CheckpointSettings, DEFAULT_EVERY_MS } from "../options.ts";
import type { Runtime } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import type { StoreInfo, WrittenLines } from "../stores/store.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import type { Warn } from "../warning.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpointer, type KeptCheckpoint, lastCheckpoint } from "./checkpointer.ts";
import { type Fail, failing, reasonOf } from "./failure.ts";
import { equalHashes, leafHash } from "./hash.ts";
import { LogTree } from "./log_tree.ts";
import { verifyConsistency, verifyInclusion } from "./proof_check.ts";
import { Publisher } from "./publisher.ts";
import { reportOf, type VerificationReport } from "./report.ts";
import { CheckpointSchedule } from "./schedule.ts";
import type { LogSigners } from "./signing.ts";
import { formatProof } from "./tlog_proof.ts";
import { verifyLog } from "./verification.ts";

/** What a log tells of itself to be made checkable. */
export interface TransparencyParts {
  /** Where the log is, for messages. */
  readonly name: string;
  readonly store: TreeStore;
  /** What the runtime hashes with. */
  readonly hashing: () => Promise<Pick<Runtime, "sha256" | "startHashThread">>;
  /** How many entries the log has, those of other processes counted. */
  readonly size: () => Promise<number>;
  readonly info: () => Promise<StoreInfo>;
  readonly clock: () => number;
  readonly warn: Warn;
}

/** What {@link Transparency.verify} is given, checked. */
export interface CheckedVerifyOptions {
  readonly verifierKeys: readonly string[];
  readonly remembered: readonly string[];
  readonly onProgress: (done: number, total: number) => void;
}

/** In what steps a checkpoint states its time. */
const RESOLUTION_MS = 1000;

/** Makes a log checkable: its tree, its checkpoints, its proofs. */
export class Transparency {
  readonly #parts: TransparencyParts;
  #tree: LogTree | undefined;
  #checkpointer: Checkpointer | undefined;
  #schedule: CheckpointSchedule | undefined;
  #publisher: Publisher | undefined;
  #onClose = false;
  /** How old a checkpoint may be that a handle leaves in its place which did nothing. */
  #idleMs = 0;
  /** How many entries the log has, as far as this handle has written. */
  #size = 0;
  /** Whether that is so, or only at least so many. */
  #isCertain = true;
  /** Whether this handle has written. */
  #hasWritten = false;
  /** How many entries the checkpoint covers that this handle made last; -1 before. */
  #made = -1;

  /** @param parts The log. */
  constructor(parts: TransparencyParts) {
    this.#parts = parts;
  }

  /**
   * Begins to sign.
   *
   * @throws {AuditLogError} `KEY_MISMATCH`, `CHECKPOINT_CONFLICT`, `DAMAGED`, `READ_FAILED`.
   */
  async sign(signers: LogSigners, settings: CheckpointSettings): Promise<void> {
    const { name, store, size, clock, warn } = this.#parts;
    const tree = await this.#treeNow();
    this.#checkpointer = await Checkpointer.open({ name, signers, tree, store, size, clock });
    this.#size = await size();
    await tree.root(this.#size); // so that it follows what is written from now on
    if (settings.publish !== undefined) this.#publisher = new Publisher(settings.publish, warn);
    this.#onClose = settings.onClose;
    this.#idleMs = settings.everyMs === Infinity ? DEFAULT_EVERY_MS : settings.everyMs;
    this.#schedule = new CheckpointSchedule(settings, () => this.#makeQuietly());
    this.#schedule.seen(this.#size - this.#checkpointer.coveredSize);
  }

  /**
   * Tells when a log that has checkpoints goes on without a key, and when a key was meant that is not there: a forgotten setting would go
   * unnoticed.
   *
   * @param isNamed Whether the option was given, as `undefined`.
   */
  async tellIfNotSigned(isNamed: boolean): Promise<void> {
    const { name, store, warn } = this.#parts;
    const hasCheckpoints = await store.lastCheckpoint() !== undefined;
    if (!hasCheckpoints && !isNamed) return;
    const state = hasCheckpoints
      ? "has checkpoints and was opened without a signingKey: what is recorded now is not signed before the next " +
        "checkpoint that is made with the key"
      : "is not signed: the signingKey that it was opened with is undefined. If it comes from the environment, the " +
        "variable is not set; if the log shall not be signed, leave the option out";
    warn({ code: "NOT_SIGNED", message: `${name} ${state}` });
  }

  /** Whether records that are written are hashed. */
  get signs(): boolean {
    return this.#checkpointer !== undefined;
  }

  /** Where records are hashed that were written, for people; nothing where none are. */
  get hashing(): string | undefined {
    return this.signs ? this.#tree?.hashing : undefined;
  }

  /** Takes note of records that were written; `first` is the index of the first, or -1. */
  written(first: number, records: readonly LogRecord[], lines?: WrittenLines): void {
    if (this.#checkpointer === undefined) return lines?.release(lines.slab);
    this.#hasWritten = true;
    this.#tree!.add(first, records, lines);
    // Where it is not known, those of other processes are not counted: the next checkpoint finds out.
    const size = first === -1 ? this.#size + records.length : first + records.length;
    this.#size = Math.max(this.#size, size);
    this.#isCertain &&= first !== -1;
    this.#schedule!.seen(this.#size - this.#checkpointer.coveredSize);
  }

  /** Signs a checkpoint; see `AuditLog.checkpoint()`. */
  async checkpoint(): Promise<string> {
    return (await this.#make("sign a checkpoint")).note;
  }

  /** The notes of all checkpoints, in the order in which they were kept. */
  async *checkpoints(): AsyncGenerator<string, void, undefined> {
    for await (const checkpoints of this.#parts.store.checkpoints()) {
      for (const { note } of checkpoints) yield note;
    }
  }

  /** A tlog-proof of a record; see `AuditLog.prove()`. */
  async prove(index: number, line: string): Promise<string> {
    const fail = failing("DAMAGED", "prove the entry");
    const tree = await this.#treeNow();
    const last = await this.#covering(index);
    const { size, root, note } = last;
    const leaf = leafHash(tree.sha256, line);
    return await this.#withTiles(tree, last, fail, async () => {
      const hashes = await tree.inclusion(index, size);
      const holds = await verifyInclusion(tree.sha256, { leaf, index, size, proof: hashes, root });
      return holds ? formatProof({ index, hashes, checkpoint: note }) : undefined;
    });
  }

  /** A consistency proof; see `AuditLog.proveConsistency()`. */
  async proveConsistency(from: number, to: number | undefined): Promise<string> {
    const { name, store, size } = this.#parts;
    const action = "prove that the log has grown";
    const fail = failing("INVALID_QUERY", action);
    const last = await lastCheckpoint(store, name);
    const largest = await size();
    if (last !== undefined && last.size > largest) throw failing("DAMAGED", action)(NOT_AS_SIGNED);
    const end = to ?? last?.size ?? largest;
    if (end > largest) {
      throw fail(`the log has no more than ${countedEntries(largest)}, not ${end}`);
    }
    if (from > end) throw fail(`${from} is more than ${countedEntries(end)}`);
    const tree = await this.#treeNow();
    return await this.#withTiles(tree, last, failing("DAMAGED", action), async () => {
      const hashes = await tree.consistency(from, end);
      const holds = await hasGrown(tree, last, hashes, from, end);
      return holds ? hashes.map((hash) => `${encodeBase64(hash)}\n`).join("") : undefined;
    });
  }

  /** Verifies the log; see `AuditLog.verify()`. */
  async verify(options: CheckedVerifyOptions): Promise<VerificationReport> {
    const { store, size, info, hashing } = this.#parts;
    const verification = await verifyLog({
      store,
      sha256: (await hashing()).sha256,
      size,
      given: options,
      onProgress: options.onProgress,
    });
    return reportOf(verification, options, (await info()).unreadable);
  }

  /**
   * Signs a last checkpoint and hands it on, where the log signs, and keeps the tiles of what no checkpoint covers: they
   * show what is altered before one does. Called after the last record was written.
   */
  async close(): Promise<void> {
    await this.#schedule?.close();
    if (this.#onClose) {
      // Whatever is wrong is told when it is signed.
      const isJustSigned = await this.#isJustSigned(this.#checkpointer!).catch(() => false);
      if (!isJustSigned) await this.#makeQuietly();
    }
    await this.#schedule?.close();
    if (this.signs) await this.#tree?.saveAll().catch(() => {}); // whoever opens the log next makes them again
  }

  /** Ends publishing and hashing. Called when nobody asks for anything any more. */
  async end(): Promise<void> {
    this.#tree?.close();
    await this.#publisher?.close();
  }

  /**
   * Whether a checkpoint, signed now, would tell nothing of use: this handle has just signed the same, or it did nothing at all, and
   * signs no more often than one that stays open. A process that is started every minute would fill the log. It hands on what is
   * there: who signed that may have failed to.
   */
  async #isJustSigned(checkpointer: Checkpointer): Promise<boolean> {
    if (this.#made !== -1) {
      const isCovered = this.#isCertain && this.#made === this.#size;
      return isCovered && this.#parts.clock() - checkpointer.signedMs < RESOLUTION_MS;
    }
    const recent = this.#hasWritten ? undefined : await checkpointer.recent(this.#idleMs);
    if (recent !== undefined) this.#publisher?.add(recent);
    return recent !== undefined;
  }

  async #treeNow(): Promise<LogTree> {
    if (this.#tree !== undefined) return this.#tree;
    const { sha256, startHashThread } = await this.#parts.hashing();
    return this.#tree ??= new LogTree(sha256, this.#parts.store, startHashThread);
  }

  /** Makes something of the tiles; once more with new ones, where it is they that were altered or lost. */
  async #withTiles<T>(
    tree: LogTree,
    last: KeptCheckpoint | undefined,
    fail: Fail,
    attempt: () => Promise<T | undefined>,
  ): Promise<T> {
    for (const again of [true, false]) {
      const made = await attempt().catch(undefinedIfDamaged);
      if (made !== undefined) return made;
      // The records decide.
      const isAsSigned = last === undefined ||
        equalHashes(await tree.rootOfRecords(last.size), last.root);
      if (!again || !isAsSigned) break;
      await tree.reset();
    }
    throw fail(NOT_AS_SIGNED);
  }

  /** A checkpoint that covers the entry at an index. */
  async #covering(index: number): Promise<KeptCheckpoint> {
    const { name, store } = this.#parts;
    const last = await lastCheckpoint(store, name);
    if (last !== undefined && last.size > index) return last;
    if (this.#checkpointer !== undefined) return await this.#make("prove the entry");
    throw failing("NO_CHECKPOINT", "prove the entry")(
      "no checkpoint covers it yet; open the log with its signingKey and make one",
    );
  }

  async #make(action: string): Promise<KeptCheckpoint> {
    if (this.#checkpointer === undefined) {
      throw failing("SIGNING_KEY_NEEDED", action)(
        "the log was opened without a signingKey; generateSigningKey() makes one",
      );
    }
    const made = await this.#checkpointer.make();
    this.#made = made.size;
    if (made.size >= this.#size) {
      this.#size = made.size;
      this.#isCertain = true;
    }
    this.#publisher?.add(made.note);
    return made;
  }

  /** Makes a checkpoint, and tells how many entries none covers then; `undefined` when it could not. */
  async #makeQuietly(): Promise<number | undefined> {
    try {
      const { size } = await this.#make("sign a checkpoint");
      return this.#size - size;
    } catch (error) {
      this.#parts.warn({
        code: "CHECKPOINT_FAILED",
        message: `A checkpoint could not be made: ${
          reasonOf(error)
        }; the next one covers the same entries`,
      });
      return undefined;
    }
  }
}

/** What to make of an error: nothing of one that says that tiles are damaged. */
function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof AuditLogError) || error.code !== "DAMAGED") throw error;
}

const NOT_AS_SIGNED = "the log is not what its last checkpoint was signed for; verify it";

/** Whether a proof leads from the first `from` entries to the first `to`, and those to the last checkpoint or from it. */
async function hasGrown(
  tree: LogTree,
  last: KeptCheckpoint | undefined,
  proof: readonly Uint8Array[],
  from: number,
  to: number,
): Promise<boolean> {
  const { sha256 } = tree;
  const [fromRoot, toRoot] = [await tree.root(from), await tree.root(to)];
  const first = { fromSize: from, fromRoot, toSize: to, toRoot, proof };
  if (!await verifyConsistency(sha256, first)) return false;
  if (last === undefined) return true;
  const [smaller, larger] = [Math.min(to, last.size), Math.max(to, last.size)];
  return await verifyConsistency(sha256, {
    fromSize: smaller,
    fromRoot: smaller === last.size ? last.root : toRoot,
    toSize: larger,
    toRoot: larger === last.size ? last.root : toRoot,
    proof: await tree.consistency(smaller, larger),
  });
}

/** The error for an id that no entry has. */
export function entryNotFound(entryId: string, action = "prove the entry"): AuditLogError {
  return failing("ENTRY_NOT_FOUND", action)(
    `no entry of the log has the id ${JSON.stringify(entryId.slice(0, 64).toWellFormed())}`,
  );
}

import type { AuditLogError } from "../errors.ts";
import type { CheckpointSettings } from "../options.ts";
import type { Sha256 } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import type { StoreInfo } from "../stores/store.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import type { AuditWarning, Warn } from "../warning.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpointer, type KeptCheckpoint, lastCheckpoint } from "./checkpointer.ts";
import { type Fail, failing, stateOf } from "./failure.ts";
import { equalHashes, leafHash } from "./hash.ts";
import { LogTree } from "./log_tree.ts";
import { verifyConsistency, verifyInclusion } from "./proof_check.ts";
import { Publisher } from "./publisher.ts";
import { reportOf, type VerificationReport } from "./report.ts";
import { CheckpointSchedule } from "./schedule.ts";
import { LogSigners, type SigningKey } from "./signing.ts";
import { formatProof } from "./tlog_proof.ts";
import { verifyLog } from "./verification.ts";

/** What a log tells of itself to be made checkable. */
export interface TransparencyParts {
  /** Where the log is, for messages. */
  readonly name: string;
  readonly store: TreeStore;
  /** The runtime's SHA-256. */
  readonly sha256: () => Promise<Sha256>;
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

/** Makes a log checkable: its tree, its checkpoints, its proofs. */
export class Transparency {
  readonly #parts: TransparencyParts;
  #tree: LogTree | undefined;
  #checkpointer: Checkpointer | undefined;
  #schedule: CheckpointSchedule | undefined;
  #publisher: Publisher | undefined;
  #onClose = false;
  /** How many entries the log has, as far as this handle has written. */
  #size = 0;
  /** How many entries the checkpoint covers that this handle made last; -1 before. */
  #made = -1;

  /** @param parts The log. */
  constructor(parts: TransparencyParts) {
    this.#parts = { ...parts, warn: (warning) => tell(parts.warn, warning) };
  }

  /**
   * Begins to sign.
   *
   * @throws {AuditLogError} `INVALID_KEY`, `KEY_MISMATCH`, `CHECKPOINT_CONFLICT`, `DAMAGED`, `READ_FAILED`.
   */
  async sign(keys: readonly SigningKey[], settings: CheckpointSettings): Promise<void> {
    const { name, store, size, clock, warn } = this.#parts;
    const signers = await LogSigners.from(keys);
    const tree = await this.#treeNow();
    this.#checkpointer = await Checkpointer.open({ name, signers, tree, store, size, clock });
    this.#size = await size();
    await tree.root(this.#size); // so that it follows what is written from now on
    if (settings.publish !== undefined) this.#publisher = new Publisher(settings.publish, warn);
    this.#onClose = settings.onClose;
    this.#schedule = new CheckpointSchedule(settings, () => this.#makeQuietly());
    this.#schedule.seen(this.#size - this.#checkpointer.coveredSize);
  }

  /** Whether records that are written are hashed. */
  get signs(): boolean {
    return this.#checkpointer !== undefined;
  }

  /** Takes note of records that were written; `first` is the index of the first, or -1. */
  written(first: number, records: readonly LogRecord[]): void {
    if (this.#checkpointer === undefined) return;
    this.#tree!.add(first, records);
    this.#size = first === -1 ? this.#size + records.length : first + records.length;
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
    const { size, root, note } = await this.#covering(index);
    const leaf = leafHash(tree.sha256, line);
    for (const again of [true, false]) {
      const hashes = await tree.inclusion(index, size);
      const holds = await verifyInclusion(tree.sha256, { leaf, index, size, proof: hashes, root });
      if (holds) return formatProof({ index, hashes, checkpoint: note });
      if (again) await this.#mend(tree, size, root, fail);
    }
    throw fail(NOT_AS_SIGNED);
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
    if (end > largest) throw fail(`the log has no more than ${largest} entries, not ${end}`);
    if (from > end) throw fail(`${from} entries are more than ${end}`);
    const tree = await this.#treeNow();
    for (const again of [true, false]) {
      const hashes = await tree.consistency(from, end);
      if (last === undefined || await hasGrown(tree, last, hashes, from, end)) {
        return hashes.map((hash) => `${encodeBase64(hash)}\n`).join("");
      }
      if (again) await this.#mend(tree, last.size, last.root, failing("DAMAGED", action));
    }
    throw failing("DAMAGED", action)(NOT_AS_SIGNED);
  }

  /** Verifies the log; see `AuditLog.verify()`. */
  async verify(options: CheckedVerifyOptions): Promise<VerificationReport> {
    const { store, size, info, sha256 } = this.#parts;
    const verification = await verifyLog({
      store,
      sha256: await sha256(),
      size,
      given: options,
      onProgress: options.onProgress,
    });
    return reportOf(verification, options, (await info()).unreadable);
  }

  /** Signs a last checkpoint and hands it on, where the log signs. Called after the last record was written. */
  async close(): Promise<void> {
    await this.#schedule?.close();
    if (this.#onClose && this.#made !== this.#size) await this.#makeQuietly();
    await this.#schedule?.close();
    await this.#publisher?.close();
  }

  async #treeNow(): Promise<LogTree> {
    return this.#tree ??= new LogTree(await this.#parts.sha256(), this.#parts.store);
  }

  /** Makes the tiles anew, where it is they that were altered: the records decide. */
  async #mend(tree: LogTree, size: number, root: Uint8Array, fail: Fail): Promise<void> {
    if (!equalHashes(await tree.rootOfRecords(size), root)) throw fail(NOT_AS_SIGNED);
    await tree.reset();
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
    this.#publisher?.add(made.note);
    return made;
  }

  /** Makes a checkpoint, and tells how many entries none covers then; `undefined` when it could not. */
  async #makeQuietly(): Promise<number | undefined> {
    try {
      return this.#size - (await this.#make("sign a checkpoint")).size;
    } catch (error) {
      const reason = stateOf(error) ?? (error instanceof Error ? error.message : String(error));
      this.#parts.warn({
        code: "CHECKPOINT_FAILED",
        message: `A checkpoint could not be made: ${reason}; the next one covers the same entries`,
      });
      return undefined;
    }
  }
}

/** Tells of a warning, from where nobody could catch what the caller's function throws. */
function tell(warn: Warn, warning: AuditWarning): void {
  try {
    warn(warning);
  } catch {
    // The log works all the same.
  }
}

const NOT_AS_SIGNED = "the log is not what its last checkpoint was signed for; verify it";

/** Whether a proof leads from the first `from` entries to the first `to`, and those to the last checkpoint or from it. */
async function hasGrown(
  tree: LogTree,
  last: KeptCheckpoint,
  proof: readonly Uint8Array[],
  from: number,
  to: number,
): Promise<boolean> {
  const { sha256 } = tree;
  const [fromRoot, toRoot] = [await tree.root(from), await tree.root(to)];
  const first = { fromSize: from, fromRoot, toSize: to, toRoot, proof };
  if (!await verifyConsistency(sha256, first)) return false;
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
export function entryNotFound(entryId: string): AuditLogError {
  return failing("ENTRY_NOT_FOUND", "prove the entry")(
    `no entry of the log has the id ${JSON.stringify(entryId.slice(0, 64).toWellFormed())}`,
  );
}

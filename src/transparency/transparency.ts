import type { AuditLogError } from "../errors.ts";
import type { CheckpointSettings } from "../options.ts";
import type { Sha256 } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import type { StoreInfo } from "../stores/store.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import type { Warn } from "../warning.ts";
import { encodeBase64 } from "./base64.ts";
import { Checkpointer, type KeptCheckpoint, lastCheckpoint } from "./checkpointer.ts";
import { failing, stateOf } from "./failure.ts";
import { equalHashes, leafHash } from "./hash.ts";
import { LogTree } from "./log_tree.ts";
import { verifyInclusion } from "./proof_check.ts";
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
    this.#parts = parts;
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
    for await (const notes of this.#parts.store.checkpoints()) yield* notes;
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
      // It may be the tiles that were altered: the records decide.
      if (again) await tree.reset();
    }
    throw fail("the log is not what its last checkpoint was signed for; verify it");
  }

  /** A consistency proof; see `AuditLog.proveConsistency()`. */
  async proveConsistency(from: number, to: number | undefined): Promise<string> {
    const { name, store, size } = this.#parts;
    const fail = failing("INVALID_QUERY", "prove that the log has grown");
    const last = await lastCheckpoint(store, name);
    const largest = await size();
    const end = to ?? last?.size ?? largest;
    if (end > largest) throw fail(`the log has no more than ${largest} entries, not ${end}`);
    if (from > end) throw fail(`${from} entries are more than ${end}`);
    const tree = await this.#treeNow();
    if (
      last !== undefined && end >= last.size && !equalHashes(await tree.root(last.size), last.root)
    ) {
      await tree.reset();
    }
    const hashes = await tree.consistency(from, end);
    return hashes.map((hash) => `${encodeBase64(hash)}\n`).join("");
  }

  /** Verifies the log; see `AuditLog.verify()`. */
  async verify(options: CheckedVerifyOptions): Promise<VerificationReport> {
    const { store, size, info, sha256 } = this.#parts;
    const verification = await verifyLog({
      store,
      sha256: await sha256(),
      size: await size(),
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

  async #makeQuietly(): Promise<void> {
    try {
      await this.#make("sign a checkpoint");
    } catch (error) {
      const reason = stateOf(error) ?? (error instanceof Error ? error.message : String(error));
      this.#parts.warn({
        code: "CHECKPOINT_FAILED",
        message: `A checkpoint could not be made: ${reason}; the next one covers the same entries`,
      });
    }
  }
}

/** The error for an id that no entry has. */
export function entryNotFound(entryId: string): AuditLogError {
  return failing("ENTRY_NOT_FOUND", "prove the entry")(
    `no entry of the log has the id ${JSON.stringify(entryId.slice(0, 64).toWellFormed())}`,
  );
}

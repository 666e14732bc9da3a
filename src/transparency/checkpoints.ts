import { AuditLogError } from "../errors.ts";
import type { TreeStore } from "../stores/tree_store.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { type TimeReader, timeReaderFrom } from "./cosignature.ts";
import { stateOf } from "./failure.ts";
import type { Faults, LogFault } from "./faults.ts";
import { equalHashes } from "./hash.ts";
import { type Verifier, verifierFrom } from "./keys.ts";
import { openNote, parseNote } from "./note.ts";

/** What the caller gave to verify with. */
export interface CheckpointsToVerify {
  /** Verifier keys of the log. */
  readonly verifierKeys: readonly string[];
  /** Signed notes that were kept elsewhere. */
  readonly remembered: readonly string[];
}

/** A root that somebody signed for a number of entries. */
interface Claim {
  readonly root: Uint8Array;
  readonly kind: "checkpoint" | "remembered";
  readonly label: string;
}

/** The checkpoints of a log and those that were kept elsewhere, to be compared with its entries. */
export class Checkpoints {
  readonly #faults: Faults;
  readonly #verifiers: readonly Verifier[];
  readonly #times: readonly TimeReader[];
  /** By size, one for each root that was claimed. */
  readonly #claims = new Map<number, Claim[]>();
  /** The largest size up to which entries were found to be those that were signed for. */
  #agreed = 0;
  #origin: string | undefined;
  /** How many checkpoints of the log were read. */
  count = 0;
  /** How many checkpoints that were given were compared. */
  remembered = 0;
  /** How many checkpoints have a signature that was verified. */
  verified = 0;
  /** The largest size that a checkpoint covers with which the entries agree. */
  covered = 0;
  /** When the newest of them was signed, seconds since the epoch, where its signer states it. */
  signedAt: number | undefined;

  private constructor(
    faults: Faults,
    verifiers: readonly Verifier[],
    times: readonly TimeReader[],
  ) {
    this.#faults = faults;
    this.#verifiers = verifiers;
    this.#times = times;
  }

  /**
   * Reads the checkpoints of a log, and verifies their signatures.
   *
   * @throws {AuditLogError} `INVALID_KEY`, `READ_FAILED`; for a checkpoint that was given `INVALID_NOTE`,
   * `NOT_VERIFIED`: nothing can be concluded from it.
   */
  static async read(
    store: TreeStore,
    { verifierKeys, remembered }: CheckpointsToVerify,
    faults: Faults,
  ): Promise<Checkpoints> {
    const verifiers = await Promise.all(verifierKeys.map(verifierFrom));
    const times = await Promise.all(verifierKeys.map(timeReaderFrom));
    const checkpoints = new Checkpoints(faults, verifiers, times);
    for (const note of remembered) await checkpoints.#addRemembered(note);
    for await (const notes of store.checkpoints()) {
      for (const note of notes) await checkpoints.#addKept(note);
    }
    return checkpoints;
  }

  /** Compares what was claimed for so many entries with their root. */
  compare(size: number, root: () => Uint8Array): void {
    const claims = this.#claims.get(size);
    if (claims === undefined) return;
    const actual = root();
    for (const { root: claimed, kind, label } of claims) {
      if (equalHashes(claimed, actual)) {
        this.#agreed = Math.max(this.#agreed, size);
        this.covered = Math.max(this.covered, size);
        continue;
      }
      const where = this.#agreed === size
        ? ""
        : this.#agreed === 0
        ? `; the first difference is among the first ${size}`
        : `; the first ${this.#agreed} agree with an earlier one, so the first difference is among entries ` +
          `${this.#agreed} to ${size - 1}`;
      this.#report(
        kind,
        this.#agreed === size ? undefined : this.#agreed,
        `${label} was signed for ${size} entries, and these are not the first ${size} of the log${where}`,
      );
    }
    this.#claims.delete(size);
  }

  /** Reports what was claimed for more entries than there are. */
  end(size: number): void {
    for (const [claimed, claims] of [...this.#claims].sort(([a], [b]) => a - b)) {
      for (const { kind, label } of claims) {
        this.#report(
          kind,
          size,
          `${label} was signed for ${claimed} entries, and the log has no more than ${size}: ` +
            "entries were removed, or the log was replaced by an older or another one",
        );
      }
    }
  }

  async #addRemembered(note: string): Promise<void> {
    this.remembered++;
    const label = `The checkpoint ${this.remembered} that was given`;
    const { text } = this.#verifiers.length === 0
      ? parseNote(note)
      : await openNote(note, this.#verifiers);
    const checkpoint = parseCheckpoint(text);
    this.#claim(checkpoint, { root: checkpoint.root, kind: "remembered", label });
  }

  async #addKept(note: string): Promise<void> {
    const label = `Checkpoint ${this.count++} of the log`;
    let checkpoint: Checkpoint;
    let text: string;
    try {
      text = parseNote(note).text;
      checkpoint = parseCheckpoint(text);
    } catch (error) {
      this.#report("checkpoint", undefined, `${label} is none: ${stateOf(error)}`);
      return;
    }
    if (this.#verifiers.length > 0 && !await this.#verify(note, text, label)) return;
    this.#claim(checkpoint, { root: checkpoint.root, kind: "checkpoint", label });
  }

  /** Verifies the signatures of a checkpoint of the log, and reads when it was signed. */
  async #verify(note: string, text: string, label: string): Promise<boolean> {
    try {
      await openNote(note, this.#verifiers);
    } catch (error) {
      if (!(error instanceof AuditLogError) || error.code !== "NOT_VERIFIED") throw error;
      this.#report("signature", undefined, `${label}: ${stateOf(error)}`);
      return false;
    }
    this.verified++;
    for (const reader of this.#times) {
      const time = await reader.timeOf(text, parseNote(note).signatures);
      if (time === "altered") {
        this.#report(
          "signature",
          undefined,
          `${label}: the time at which it was signed was altered`,
        );
      } else if (time !== undefined) {
        this.signedAt = Math.max(this.signedAt ?? 0, time);
      }
    }
    return true;
  }

  #claim({ origin, size }: Checkpoint, claim: Claim): void {
    this.#origin ??= origin;
    if (origin !== this.#origin) {
      this.#report(
        claim.kind,
        undefined,
        `${claim.label} is of ${JSON.stringify(origin)}, another log than ${
          JSON.stringify(this.#origin)
        }`,
      );
      return;
    }
    const claims = this.#claims.get(size);
    if (claims === undefined) this.#claims.set(size, [claim]);
    // Of many that say the same, as a log without new entries has them, one is enough.
    else if (
      !claims.some(({ root, kind }) => kind === claim.kind && equalHashes(root, claim.root))
    ) {
      claims.push(claim);
    }
  }

  #report(kind: LogFault["kind"], index: number | undefined, message: string): void {
    this.#faults.add({ kind, index, entryId: undefined, message });
  }
}

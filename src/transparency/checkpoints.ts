import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import type { InspectedCheckpoint, TreeStore } from "../stores/tree_store.ts";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { type TimeReader, timeReaderFrom } from "./cosignature.ts";
import { stateOf } from "./failure.ts";
import type { Faults, LogFault } from "./faults.ts";
import { equalHashes } from "./hash.ts";
import { type Verifier, verifierFrom } from "./keys.ts";
import { parseNote } from "./note.ts";

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
  /** Whether it is what was signed: verified, or vouched for by whoever kept it. */
  readonly certain: boolean;
}

/** The checkpoints of a log and those that were kept elsewhere, to be compared with its entries. */
export class Checkpoints {
  readonly #faults: Faults;
  readonly #verifiers: readonly Verifier[];
  readonly #times: readonly TimeReader[];
  /** By size, one for each root that was claimed. */
  readonly #claims = new Map<number, Claim[]>();
  /** Sizes for which roots were claimed and that were not passed yet, from large to small. */
  #sizes: number[] | undefined;
  /** The largest size up to which entries were found to be those that were signed for. */
  #agreed = 0;
  #origin: string | undefined;
  /** The texts of the checkpoints that were given and are not among those of the log, with their labels. */
  readonly #missing = new Map<string, string>();
  /** How many checkpoints were given. */
  #given = 0;
  /** How many checkpoints of the log were read. */
  #read = 0;
  /** How many entries the checkpoint covers that was read last. */
  #last = 0;
  /** How many checkpoints of the log were compared. */
  count = 0;
  /** How many checkpoints that were given were compared. */
  remembered = 0;
  /** How many checkpoints have a signature that was verified. */
  verified = 0;
  /** How many of those state when they were signed. */
  timed = 0;
  /** The largest size that a checkpoint covers with which the entries agree. */
  covered = 0;
  /** The same of those that were given. */
  coveredByRemembered = 0;
  /** The largest size that a checkpoint covers with which the entries were compared. */
  compared = 0;
  /** When the newest of them, or of those that were given, was signed, seconds since the epoch, where its signer states it. */
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
    for await (const kept of store.checkpoints()) {
      for (const checkpoint of kept) await checkpoints.#addKept(checkpoint);
    }
    return checkpoints;
  }

  /** What to call the checkpoints that were given and are not among those of the log. */
  get missing(): readonly string[] {
    return [...this.#missing.values()];
  }

  /** How many checkpoints the log keeps. */
  get kept(): number {
    return this.#read;
  }

  /** The smallest size beyond another for which a root was claimed; `Infinity` if there is none. */
  nextSize(size: number): number {
    this.#sizes ??= [...this.#claims.keys()].sort((a, b) => b - a);
    while (this.#sizes.length > 0 && this.#sizes.at(-1)! <= size) this.#sizes.pop();
    return this.#sizes.at(-1) ?? Infinity;
  }

  /** Compares what was claimed for so many entries with their root. */
  compare(size: number, root: () => Uint8Array): void {
    const claims = this.#claims.get(size);
    if (claims === undefined) return;
    this.compared = size;
    const actual = root();
    const before = this.#agreed;
    for (const { root: claimed, kind } of claims) {
      if (!equalHashes(claimed, actual)) continue;
      this.#agreed = size;
      this.covered = size;
      if (kind === "remembered") this.coveredByRemembered = size;
    }
    for (const { root: claimed, kind, label, certain } of claims) {
      if (equalHashes(claimed, actual)) continue;
      const what = certain
        ? `${label} was signed for ${countedEntries(size)}, and ${
          size === 1 ? "this is not the first" : `these are not the first ${size}`
        } of the log`
        : `${label} has another root than the first ${countedEntries(size)} of the log: ${
          size === 1 ? "this was" : "they were"
        } altered, or the checkpoint was`;
      const isOne = this.#agreed < size && before === size - 1;
      const where = this.#agreed === size
        ? `; another checkpoint for ${countedEntries(size)} agrees with the log`
        : before === 0
        ? (size === 1 ? "" : `; the first difference is among the first ${size}`)
        : `; the first ${
          before === 1 ? "agrees" : `${before} agree`
        } with an earlier one, so the first difference is ` +
          (isOne ? `entry ${before}` : `among entries ${before} to ${size - 1}`);
      this.#report(kind, isOne ? before : undefined, `${what}${where}`);
    }
    this.#claims.delete(size);
  }

  /** Reports what was claimed for more entries than there are. */
  end(size: number): void {
    for (const [claimed, claims] of [...this.#claims].sort(([a], [b]) => a - b)) {
      for (const { kind, label, certain } of claims) {
        this.#report(
          kind,
          size,
          `${label} ${certain ? "was signed for" : "is one of"} ${
            countedEntries(claimed)
          }, and the log has no more ` +
            `than ${size}: entries were removed, or the log was replaced by an older or another one` +
            (certain ? "" : ", or the checkpoint was altered"),
        );
      }
    }
  }

  async #addRemembered(note: string): Promise<void> {
    const label = `The checkpoint ${++this.#given} that was given`;
    if (this.#verifiers.length > 0) await openCheckpoint(note, this.#verifiers);
    const { text } = parseNote(note);
    this.#see(await this.#timesOf(note, text));
    const checkpoint = parseCheckpoint(text);
    if (!this.#missing.has(text)) this.#missing.set(text, label);
    const { root } = checkpoint;
    if (this.#claim(checkpoint, { root, kind: "remembered", label, certain: true })) {
      this.remembered++;
    }
  }

  async #addKept({ size, note, faults }: InspectedCheckpoint): Promise<void> {
    const label = `Checkpoint ${this.#read++} of the log`;
    for (const fault of faults) this.#report("checkpoint", undefined, `${label} ${fault}`);
    let checkpoint: Checkpoint;
    let text: string;
    try {
      text = parseNote(note).text;
      checkpoint = parseCheckpoint(text);
    } catch (error) {
      this.#report("checkpoint", undefined, `${label} is none: ${stateOf(error)}`);
      return;
    }
    const certain = this.#verifiers.length > 0;
    if (certain && !await this.#verify(note, text, label)) return;
    this.#missing.delete(text);
    const { root } = checkpoint;
    if (!this.#claim(checkpoint, { root, kind: "checkpoint", label, certain })) return;
    this.count++;
    const fault = size !== checkpoint.size
      ? `is kept as one of ${countedEntries(size)}, and is one of ${checkpoint.size}`
      : size < this.#last
      ? `is one of ${
        countedEntries(size)
      }, fewer than the ${this.#last} of the one before it; their order was changed`
      : undefined;
    if (fault !== undefined) this.#report("checkpoint", undefined, `${label} ${fault}`);
    this.#last = checkpoint.size;
  }

  /** Verifies the signatures of a checkpoint of the log, and reads when it was signed. */
  async #verify(note: string, text: string, label: string): Promise<boolean> {
    try {
      await openCheckpoint(note, this.#verifiers);
    } catch (error) {
      if (!(error instanceof AuditLogError) || error.code !== "NOT_VERIFIED") throw error;
      this.#report("signature", undefined, `${label}: ${stateOf(error)}`);
      return false;
    }
    this.verified++;
    const times = await this.#timesOf(note, text);
    for (const _ of times.filter((time) => time === "altered")) {
      this.#report(
        "signature",
        undefined,
        `${label}: the time at which it was signed was altered, or is none`,
      );
    }
    if (times.some((time) => typeof time === "number")) this.timed++;
    this.#see(times);
    return true;
  }

  /** When a checkpoint was signed, as each key that was given tells. */
  async #timesOf(note: string, text: string): Promise<(number | "altered")[]> {
    const { signatures } = parseNote(note);
    const times = await Promise.all(this.#times.map((reader) => reader.timeOf(text, signatures)));
    return times.filter((time) => time !== undefined);
  }

  #see(times: readonly (number | "altered")[]): void {
    for (const time of times) {
      if (time !== "altered") this.signedAt = Math.max(this.signedAt ?? 0, time);
    }
  }

  /** Keeps a claim to be compared, unless it is of another log, which is reported. */
  #claim({ origin, size }: Checkpoint, claim: Claim): boolean {
    this.#origin ??= origin;
    if (origin !== this.#origin) {
      this.#report(
        claim.kind,
        undefined,
        `${claim.label} is of ${JSON.stringify(origin)}, another log than ${
          JSON.stringify(this.#origin)
        }`,
      );
      return false;
    }
    const claims = this.#claims.get(size);
    if (claims === undefined) this.#claims.set(size, [claim]);
    // Of many that say the same, as a log without new entries has them, one is enough.
    else if (
      !claims.some(({ root, kind }) => kind === claim.kind && equalHashes(root, claim.root))
    ) {
      claims.push(claim);
    }
    return true;
  }

  #report(kind: LogFault["kind"], index: number | undefined, message: string): void {
    this.#faults.add({ kind, index, entryId: undefined, message });
  }
}

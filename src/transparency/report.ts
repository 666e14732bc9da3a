import { counted, countedEntries } from "../counted.ts";
import type { UnreadableLines } from "../stores/store.ts";
import type { LogFault } from "./faults.ts";
import type { Verification } from "./verification.ts";

/** What {@link AuditLog.verify} found. */
export interface VerificationReport {
  /** Whether nothing is wrong, as far as could be known; see {@link VerificationReport.unknown}. */
  readonly ok: boolean;
  /** How many entries the log has. */
  readonly size: number;
  /** The root of its Merkle tree, computed from the records: base64, as in checkpoints. */
  readonly root: string;
  /** What was verified. */
  readonly checked: {
    /** Entries that were read, hashed, and compared with what was derived from them. */
    readonly entries: number;
    /** Stored tiles that were compared with the entries. */
    readonly tiles: number;
    /** Checkpoints of the log that were compared with the entries. */
    readonly checkpoints: number;
    /** Checkpoints that the log keeps. Those that were not compared are among the faults. */
    readonly checkpointsKept: number;
    /** Checkpoints of the log whose signature was verified. */
    readonly signatures: number;
    /** Checkpoints that were given and compared with the entries. */
    readonly remembered: number;
    /** How many entries, from the first on, are those that a checkpoint was signed for. */
    readonly covered: number;
    /** The same of the checkpoints that were given: up to there, nobody has altered, removed, added or moved an entry since. */
    readonly coveredByRemembered: number;
    /** When the newest checkpoint was signed, of the log's and those that were given, as its signer states: ISO 8601, or `undefined`. */
    readonly signedAt: string | undefined;
  };
  /** What is wrong, at most a thousand faults of each kind. */
  readonly faults: readonly LogFault[];
  /** How many faults there are. */
  readonly faultCount: number;
  /** What could not be known, and why; a sentence each. */
  readonly unknown: readonly string[];
}

/** Puts together what was found and what could not be. */
export function reportOf(
  verification: Verification,
  given: { readonly verifierKeys: readonly string[]; readonly remembered: readonly string[] },
  unreadable: UnreadableLines | undefined,
): VerificationReport {
  const { size, root, faults, faultCount, tiles, checkpoints } = verification;
  const { signedAt } = checkpoints;
  return Object.freeze({
    ok: faultCount === 0,
    size,
    root,
    checked: Object.freeze({
      entries: size,
      tiles,
      checkpoints: checkpoints.count,
      checkpointsKept: checkpoints.kept,
      signatures: checkpoints.verified,
      remembered: checkpoints.remembered,
      covered: checkpoints.covered,
      coveredByRemembered: checkpoints.coveredByRemembered,
      signedAt: signedAt === undefined ? undefined : new Date(signedAt * 1000).toISOString(),
    }),
    faults,
    faultCount,
    unknown: unknownOf(verification, given, unreadable),
  });
}

function unknownOf(
  { size, checkpoints }: Verification,
  { verifierKeys, remembered }: {
    readonly verifierKeys: readonly string[];
    readonly remembered: readonly string[];
  },
  unreadable: UnreadableLines | undefined,
): readonly string[] {
  const unknown: string[] = [];
  if (verifierKeys.length === 0) {
    unknown.push(
      "No verifier key was given: whether the checkpoints were signed by the log is not known.",
    );
  }
  if (remembered.length === 0) {
    unknown.push(
      "No checkpoint was given that was kept elsewhere: whether checkpoints were removed, entries at the end " +
        "together with them, or the whole log was replaced by an older copy or one signed anew, cannot be seen.",
    );
  }
  for (const label of checkpoints.missing) {
    unknown.push(
      `${label} is not among those of the log: whether it was removed there, or the log was moved without its ` +
        "checkpoints, is not known.",
    );
  }
  const untimed = checkpoints.verified - checkpoints.timed;
  if (untimed > 0) {
    unknown.push(
      `${untimed} of the ${
        counted(checkpoints.verified, "checkpoint")
      } whose signature was verified ` +
        (untimed === 1
          ? "does not state when it was signed."
          : "do not state when they were signed."),
    );
  }
  const uncovered = size - checkpoints.compared;
  if (uncovered > 0) {
    unknown.push(
      `The last ${uncovered} of ${countedEntries(size)} ` +
        (uncovered === 1
          ? "is covered by no checkpoint that could be compared with it: whether it was altered cannot be seen."
          : "are covered by no checkpoint that could be compared with them: whether they were altered cannot be seen."),
    );
  }
  if (unreadable !== undefined && unreadable.count > 0) {
    const [first] = unreadable.first;
    const where = `(the first at byte ${first?.offset}: it ${first?.reason})`;
    unknown.push(
      unreadable.count === 1
        ? `1 line of the file is no record ${where}: whether it ever was is not known.`
        : `${unreadable.count} lines of the file are no records ${where}: whether they ever were is not known.`,
    );
  }
  unknown.push("Calls that were never recorded leave no trace.");
  return unknown;
}

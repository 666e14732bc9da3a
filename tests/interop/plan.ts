/**
 * What is written by each runtime to be checked, and how the files are named: known to those who write them and to
 * `scripts/test/interop.ts`, which has them checked.
 *
 * @module
 */

/** A log, and what is made of it. Its folder has the log's name. */
export interface PlannedLog {
  /** Told in the names of the checks. */
  readonly name: "jsonl" | "sqlite" | "damaged";
  /** How many entries it has when a checkpoint is signed: files `checkpoint-SIZE`. */
  readonly sizes: readonly number[];
}

/** Every log has `key` (a signing key), `vkey`, and `log.jsonl`: the log itself or, for SQLite, its lines. */
export const LOGS: readonly PlannedLog[] = [
  { name: "jsonl", sizes: [0, 1, 255, 256, 257, 1500] },
  { name: "sqlite", sizes: [0, 1, 255, 256, 257, 1500] },
  // Has lines that are no record, before, between and after the others.
  { name: "damaged", sizes: [0, 3, 5, 7, 260] },
];

/** Which entries are proven at a size: files `record-INDEX` and `SIZE-INDEX.tlog-proof`. */
export function provenAt(size: number): readonly number[] {
  return size === 0 ? [] : [...new Set([0, size >> 1, size - 1])];
}

/** All pairs of sizes, equal ones too: files `consistency-OLD-NEW`. */
export function pairsOf(sizes: readonly number[]): readonly (readonly [number, number])[] {
  return sizes.flatMap((older) =>
    sizes.filter((newer) => newer >= older).map((newer) => [older, newer] as const)
  );
}

/** The name of the logs' keys. */
export const ORIGIN = "interop.example/Prüfung";

/** How many lines of the damaged log are no record, up to its largest size. */
export const UNREADABLE = 3;

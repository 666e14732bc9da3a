/**
 * What is found of a log of 300 entries, with checkpoints of 100, 280 and 300, when somebody has altered it.
 *
 * @module
 */

/** What is found, and what is said of it. */
export interface Findings {
  /** What is found with the log's key. */
  readonly finds: readonly string[];
  /** What is found besides with the checkpoint of 280 entries. */
  readonly finds280?: readonly string[];
  /** What a report without that checkpoint says that it cannot know. */
  readonly unknown?: RegExp;
  /** What a fault says. */
  readonly says?: RegExp;
}

/** None of the three checkpoints fits. */
export const ALL = ["checkpoint", "checkpoint", "checkpoint"];

/** Without a checkpoint that was kept, this cannot be seen. */
export const REMOVED_AT_THE_END =
  /^No checkpoint was given .* removed, entries at the end together with them/;

/** So many entries are covered by no checkpoint. */
export function uncovered(count: number, size: number): RegExp {
  return new RegExp(
    `^The last ${count} of ${size} entries ${count === 1 ? "is" : "are"} covered by no checkpoint`,
  );
}

/**
 * What a process is told to do, as JSON in its only argument.
 *
 * @module
 */

import type { FaultRates } from "./faulty_runtime.ts";

/** What processes of both kinds are told. */
export interface Task {
  readonly backend: "sqlite" | "jsonl";
  readonly path: string;
  /** The file of its journal. */
  readonly journal: string;
  readonly seed: number;
  /** How many things it does before it ends. */
  readonly steps: number;
  readonly signingKey: string;
  readonly verifierKey: string;
}

/** What a process that writes is told. */
export interface WriterTask extends Task {
  /** The names under which it records, each on a handle of its own. */
  readonly lanes: readonly string[];
  /** What goes wrong in it, if anything. */
  readonly rates: FaultRates | undefined;
}

/** What a process that reads is told. */
export interface ReaderTask extends Task {
  /** A file of checkpoints from before, a JSON array. */
  readonly notes: string;
}

/**
 * What the command asks of the process that it runs in. `cli.ts` provides it.
 *
 * @module
 */
import type { Runtime } from "../ports.ts";

/** How the command ended, as its exit status. */
export type ExitStatus = 0 | 1 | 2;
/** Everything was done; what was checked is intact. */
export const DONE = 0;
/** A part could not be done, and the rest was. */
export const PARTIAL = 1;
/** What was checked does not hold. */
export const FAULTY = 1;
/** It could not be done or checked, or was not understood. */
export const FAILED = 2;

/** Standard output, or standard error. */
export interface Output {
  /** Whether a person reads it as it appears. */
  readonly isTerminal: boolean;
  /** Whether what was written can be drawn over: a terminal that is not a dumb one. */
  readonly redraws: boolean;
  /** Whether bold and the like are understood and wanted. */
  readonly styles: boolean;
  /** The width in columns, or `undefined` where there is none. */
  readonly columns: number | undefined;
  /**
   * Writes text and resolves when there is room for more.
   *
   * Rejects with the code `EPIPE` when nobody reads any longer.
   */
  write(text: string): Promise<void>;
}

/** The process, as the command sees it. */
export interface Host {
  /** The arguments, without the program's name. */
  readonly args: readonly string[];
  /** Its files and its SQLite driver. */
  readonly runtime: Runtime;
  /** For what was asked for. */
  readonly stdout: Output;
  /** For what is told about it. */
  readonly stderr: Output;
  /** What comes from standard input; taken only by who needs it. */
  stdin(): AsyncIterable<Uint8Array>;
  /** Sets the exit status; the process ends by itself when nothing is left to do. */
  end(status: ExitStatus): void;
}

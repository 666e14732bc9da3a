/**
 * What a process that writes tells its journal, and which errors it may meet.
 *
 * @module
 */

import process from "node:process";
import { AuditLogError } from "../../../mod.ts";
import type { Journal } from "./journal.ts";

/** What a call may be refused with where nothing is injected. */
const ALWAYS = ["LOG_BUSY"];
/** And what besides where it is. After some of them the log has to be opened again. */
const OF_FAULTS = ["WRITE_FAILED", "SYNC_FAILED", "LOG_FAILED", "READ_FAILED"];

/** Tells of what is done, and ends the process when something comes that must not. */
export class Teller {
  readonly journal: Journal;
  /** Whether faults are injected. */
  readonly hasFaults: boolean;

  constructor(journal: Journal, hasFaults: boolean) {
    this.journal = journal;
    this.hasFaults = hasFaults;
  }

  /** What a call gives, or nothing when it is refused as it may be. */
  async attempt<T>(
    what: string,
    call: () => Promise<T>,
    also: readonly string[] = [],
  ): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      const { code } = this.expected(what, error, also);
      if (!also.includes(code)) this.journal.count(`refused: ${what}, ${code}`);
    }
  }

  /** Makes sure that an error is one that may come. */
  expected(what: string, error: unknown, also: readonly string[] = []): AuditLogError {
    if (error instanceof AuditLogError) {
      const known = [...ALWAYS, ...also, ...this.hasFaults ? OF_FAULTS : []];
      if (known.includes(error.code)) return error;
    }
    const { stack = String(error), cause } = error as Error;
    return this.fail(`${what}: ${stack} ${cause === undefined ? "" : `caused by ${cause}`}`);
  }

  /** Ends the process: something is as it must not be. */
  fail(reason: string): never {
    this.journal.tell({ do: "failed", reason });
    process.exit(1);
  }
}

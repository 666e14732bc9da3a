/**
 * A thread that checks rows of a SQLite database.
 *
 * @module
 */
import type { RowChecker, RowCheckerSettings, RowsChecked } from "../src/ports.ts";
import { type CLOSE, WorkerThread } from "./worker_thread.ts";

/** What is sent to the thread: from which row on, and to before which. */
export interface CheckRequest {
  /** The first number. */
  readonly from: number;
  /** The first number beyond. */
  readonly to: number;
}

/** What is sent back: hashes as buffers, as in `hash_thread.ts`. */
export type CheckReply =
  | Omit<RowsChecked, "leaves" | "roots"> & {
    readonly leaves: ArrayBuffer;
    readonly roots: ArrayBuffer;
  }
  | undefined;

/** Starts a thread that has the database open, and resolves when it is ready. */
export async function startRowChecker(settings: RowCheckerSettings): Promise<RowChecker> {
  const thread = new WorkerThread<CheckRequest | typeof CLOSE, CheckReply>({
    does: "check",
    settings,
  });
  await thread.ready;
  return {
    async check(from: number, to: number): Promise<RowsChecked | undefined> {
      const reply = await thread.ask({ from, to }, []);
      return reply &&
        { ...reply, leaves: new Uint8Array(reply.leaves), roots: new Uint8Array(reply.roots) };
    },
    close: () => thread.closeAfterAll(),
  };
}

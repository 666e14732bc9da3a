/**
 * A thread that checks records of a log.
 *
 * @module
 */
import type { RecordChecker, RecordCheckerSettings, RecordsChecked } from "../src/ports.ts";
import { type CLOSE, WorkerThread } from "./worker_thread.ts";

/** What is sent to the thread; see `RecordChecker.check()`. */
export interface CheckRequest {
  /** Where to begin. */
  readonly from: number;
  /** Where to end. */
  readonly to: number;
}

/** What is sent back: hashes as buffers, as in `hash_thread.ts`. */
export type CheckReply =
  | Omit<RecordsChecked, "leaves" | "roots"> & {
    readonly leaves: ArrayBuffer;
    readonly roots: ArrayBuffer;
  }
  | undefined;

/** Starts a thread that has a log open, and resolves when it is ready. */
export async function startRecordChecker(settings: RecordCheckerSettings): Promise<RecordChecker> {
  const thread = new WorkerThread<CheckRequest | typeof CLOSE, CheckReply>({
    does: "check",
    settings,
  });
  await thread.ready;
  return {
    async check(from: number, to: number): Promise<RecordsChecked | undefined> {
      const reply = await thread.ask({ from, to }, []);
      return reply &&
        { ...reply, leaves: new Uint8Array(reply.leaves), roots: new Uint8Array(reply.roots) };
    },
    close: () => thread.closeAfterAll(),
  };
}

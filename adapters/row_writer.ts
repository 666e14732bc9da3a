/**
 * A thread that writes rows into a SQLite database.
 *
 * @module
 */
import type { RowBatch, RowsWritten, RowWriter, RowWriterSettings } from "../src/ports.ts";
import { type CLOSE, ownBuffer, WorkerThread } from "./worker_thread.ts";

/** What is sent to the thread: buffers alone, as in `hash_thread.ts`. */
export interface WriteRequest {
  /** The lines. */
  readonly slab: ArrayBuffer;
  /** Where they are, as 32-bit numbers. */
  readonly bounds: ArrayBuffer;
  /** Texts of the columns. */
  readonly texts: ArrayBuffer;
  /** Numbers of the columns, as 64-bit numbers. */
  readonly numbers: ArrayBuffer;
  /** What follows. */
  readonly then: RowBatch["then"];
}

/** Starts a thread that has the database open, and resolves when it is ready. */
export async function startRowWriter(settings: RowWriterSettings): Promise<RowWriter> {
  const thread = new WorkerThread<WriteRequest | typeof CLOSE, RowsWritten>({
    does: "write",
    settings,
  });
  await thread.ready;
  return {
    async write({ slab, bounds, texts, numbers, then }: RowBatch): Promise<RowsWritten> {
      const buffers = {
        slab,
        bounds: ownBuffer(bounds),
        texts: ownBuffer(texts),
        numbers: ownBuffer(numbers),
      };
      return await thread.ask({ ...buffers, then }, Object.values(buffers));
    },
    close: () => thread.closeAfterAll(),
  };
}

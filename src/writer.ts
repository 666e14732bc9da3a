import { AuditLogError } from "./errors.ts";
import type { LogRecord } from "./record.ts";
import type { LogStore } from "./stores/store.ts";
import { Turns } from "./turns.ts";

/** How many records a batch has, unless one group alone has more. */
const BATCH_RECORDS = 1024;
/** How many characters the texts of a batch have, unless one group alone has more. */
const BATCH_LENGTH = 8 * 1024 * 1024;

/** Records that are appended together or not at all. */
interface Group {
  readonly records: readonly LogRecord[];
  /** About how many characters their lines have. */
  readonly length: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The group-commit queue: all groups that wait go to the store in one append, and each caller's
 * promise is settled after it. So one caller alone pays one sync, and a thousand at once share it.
 *
 * Order of calls is order in the log. A failed append rejects exactly the groups that it carried.
 */
export class GroupCommit {
  readonly #store: LogStore;
  readonly #maxQueued: number;
  readonly #turns = new Turns();
  #queue: Group[] = [];
  /** How many groups of the queue have their lines made; they come first. */
  #prepared = 0;
  /** How many characters those lines have. */
  #queued = 0;
  #running: Promise<void> | undefined;
  #failure: AuditLogError | undefined;

  /**
   * @param store Where batches go.
   * @param maxQueued How many characters of lines may wait; further records wait as they are.
   */
  constructor(store: LogStore, maxQueued: number) {
    this.#store = store;
    this.#maxQueued = maxQueued;
  }

  /**
   * Queues records as one group.
   *
   * @param length About how many characters their lines have.
   * @param result What the promise resolves with.
   * @returns Resolves when the group is durable; rejects when it is not.
   */
  add<T>(records: readonly LogRecord[], length: number, result: T): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#refusal(this.#failure));
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, length, resolve: () => resolve(result), reject });
      if (this.#store.keepsLines) this.#prepare();
      this.#running ??= this.#run();
    });
  }

  /** Resolves when the queue is empty; rejects never. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Makes lines ahead, up to the queue's bound. */
  #prepare(): void {
    while (this.#prepared < this.#queue.length && this.#queued < this.#maxQueued) {
      const group = this.#queue[this.#prepared++]!;
      for (const record of group.records) record.keepLine();
      this.#queued += group.length;
    }
  }

  async #run(): Promise<void> {
    await undefined; // so that all calls of this turn share the first batch
    while (this.#queue.length > 0) {
      await this.#commit(this.#takeBatch());
      // Callers that awaited this batch and record again join the next one.
      await this.#turns.give();
    }
    this.#running = undefined;
  }

  #takeBatch(): Group[] {
    let groups = 0;
    let records = 0;
    let length = 0;
    for (const group of this.#queue) {
      records += group.records.length;
      length += group.length;
      if (groups > 0 && (records > BATCH_RECORDS || length > BATCH_LENGTH)) break;
      groups++;
    }
    const batch = this.#queue.splice(0, groups);
    for (const group of batch.slice(0, this.#prepared)) this.#queued -= group.length;
    this.#prepared = Math.max(0, this.#prepared - groups);
    return batch;
  }

  async #commit(batch: readonly Group[]): Promise<void> {
    if (this.#failure !== undefined) {
      for (const group of batch) group.reject(this.#refusal(this.#failure));
      return;
    }
    try {
      const appended = this.#store.append(
        batch.length === 1 ? batch[0]!.records : batch.flatMap((group) => group.records),
      );
      if (this.#store.keepsLines) this.#prepare();
      await appended;
    } catch (error) {
      if (isDuplicate(error) && batch.length > 1) {
        // One group has an id that is in the log; the others shall not suffer for it.
        for (const group of batch) await this.#commit([group]);
        return;
      }
      if (leavesUnknown(error)) this.#failure = error;
      for (const group of batch) group.reject(error);
      return;
    }
    for (const group of batch) group.resolve();
  }

  #refusal(cause: AuditLogError): AuditLogError {
    return new AuditLogError(
      "LOG_FAILED",
      `Cannot record: an earlier write failed (${cause.code}) and what is on disk is unknown; ` +
        "close the log and open it again",
      { cause },
    );
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === "DUPLICATE_ENTRY";
}

function leavesUnknown(error: unknown): error is AuditLogError {
  return error instanceof AuditLogError &&
    (error.code === "SYNC_FAILED" || error.code === "LOG_REPLACED");
}

import { AuditLogError } from "./errors.ts";
import type { LogRecord } from "./record.ts";
import type { LogStore } from "./stores/store.ts";
import { Turns } from "./turns.ts";

/** How many records a batch has, unless one group alone has more. */
const BATCH_RECORDS = 1024;
/** How many characters of lines a batch has, unless one group alone has more. */
const BATCH_CHARACTERS = 8 * 1024 * 1024;

/** Records that are appended together or not at all. */
interface Group {
  readonly records: readonly LogRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** How many characters its lines take in the queue; 0 while they are not made. */
  queued: number;
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
  /** Groups of the queue whose lines are made; they come first. */
  #prepared = 0;
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
   * @returns Resolves when the group is durable; rejects when it is not.
   */
  add(records: readonly LogRecord[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#refusal(this.#failure));
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, resolve, reject, queued: 0 });
      this.#prepare();
      this.#running ??= this.#run();
    });
  }

  /** Resolves when the queue is empty; rejects never. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Makes lines ahead, up to the queue's bound. */
  #prepare(): void {
    if (!this.#store.keepsLines) return;
    while (this.#prepared < this.#queue.length && this.#queued < this.#maxQueued) {
      const group = this.#queue[this.#prepared++]!;
      for (const record of group.records) group.queued += record.line.length;
      this.#queued += group.queued;
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
    let characters = 0;
    for (const group of this.#queue) {
      records += group.records.length;
      characters += group.queued;
      if (groups > 0 && (records > BATCH_RECORDS || characters > BATCH_CHARACTERS)) break;
      groups++;
    }
    const batch = groups === this.#queue.length ? this.#queue : this.#queue.slice(0, groups);
    this.#queue = groups === this.#queue.length ? [] : this.#queue.slice(groups);
    this.#prepared = Math.max(0, this.#prepared - groups);
    for (const group of batch) this.#queued -= group.queued;
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
      this.#prepare();
      await appended;
    } catch (error) {
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

function leavesUnknown(error: unknown): error is AuditLogError {
  return error instanceof AuditLogError &&
    (error.code === "SYNC_FAILED" || error.code === "LOG_REPLACED");
}

import { AuditLogError } from "./errors.ts";
import { isPromiseLike } from "./promise_like.ts";
import type { LogRecord } from "./record.ts";
import type { LogStore, WrittenLines } from "./stores/store.ts";
import { stateOf } from "./transparency/failure.ts";
import { Turns } from "./turns.ts";

/** How many records a batch has, unless one group alone has more. */
const BATCH_RECORDS = 1024;
/** How many characters the texts of a batch have, unless one group alone has more. */
const BATCH_LENGTH = 1 * 1024 * 1024;

/** A UTF-16 code unit takes at most this many bytes in memory. */
const BYTES_PER_UNIT = 2;

/** Records that are appended together or not at all. */
interface Group {
  readonly records: readonly LogRecord[];
  /** About how many characters their lines have. */
  readonly length: number;
  readonly result: unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Told of a batch that was appended: the index of its first record or -1, the records, and their bytes where the store
 * had them, which are to be released.
 */
export type Written = (first: number, records: readonly LogRecord[], lines?: WrittenLines) => void;

/**
 * The group-commit queue: all groups that wait go to the store in one append, and each caller's
 * promise is settled after it. So one caller alone pays one sync, and a thousand at once share it.
 *
 * Order of calls is order in the log. A failed append rejects exactly the groups that it carried.
 */
export class GroupCommit {
  readonly #store: LogStore;
  readonly #written: Written;
  readonly #turns = new Turns();
  #queue: Group[] = [];
  /** Batches that the store has and has not answered for. */
  readonly #underWay = new Set<Group[]>();
  /** Resolves when the groups of the last of them are settled. */
  #settled: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Told when a batch ends, and when a full one waits. */
  #changed: () => void = () => {};
  #failure: AuditLogError | undefined;
  readonly #mostBytes: number;
  /** What the records take in memory that wait or are under way, and what is held for others. */
  #bytes = 0;
  /** Told when they take less than the most. */
  #whenReady: (() => void)[] = [];

  /**
   * @param store Where batches go.
   * @param written Told of each batch that was appended.
   * @param mostBytes Over how many bytes {@link GroupCommit.ready} waits.
   */
  constructor(
    store: LogStore,
    written: Written = (_first, _records, lines) => lines?.release(lines.slab),
    mostBytes = Infinity,
  ) {
    this.#store = store;
    this.#written = written;
    this.#mostBytes = mostBytes;
  }

  /** Resolves when less waits than may. */
  ready(): Promise<void> {
    if (this.#bytes < this.#mostBytes) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  /**
   * Counts as waiting what is not queued yet, but will be.
   *
   * @param length About how many characters it has.
   * @returns To be called once, when it is queued or will not be.
   */
  hold(length: number): () => void {
    this.#bytes += length * BYTES_PER_UNIT;
    return () => this.#free(length);
  }

  #free(length: number): void {
    this.#bytes -= length * BYTES_PER_UNIT;
    if (this.#bytes >= this.#mostBytes) return;
    for (const tell of this.#whenReady.splice(0)) tell();
  }

  get #batchRecords(): number {
    return this.#store.overlapsFrom ?? BATCH_RECORDS;
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
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ records, length, result, resolve, reject });
      this.#bytes += length * BYTES_PER_UNIT;
      this.#running ??= this.#run();
      if (this.#queue.length === this.#batchRecords) this.#changed();
    });
  }

  /**
   * Makes sure that records may still be added.
   *
   * @throws {AuditLogError} `LOG_FAILED`.
   */
  check(): void {
    if (this.#failure !== undefined) throw this.#refusal(this.#failure);
  }

  /**
   * Has the store reconcile what appends that failed have left; see {@link LogStore.reconcile}.
   *
   * @throws {AuditLogError} As {@link GroupCommit.add}.
   */
  async reconcile(): Promise<void> {
    this.check();
    try {
      await this.#store.reconcile?.();
    } catch (error) {
      if (leavesUnknown(error)) this.#failure = error;
      throw error;
    }
  }

  /** Resolves when the queue is empty; rejects never. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    await undefined; // so that all calls of this turn share the first batch
    do {
      while (this.#mayBegin()) {
        this.#commit(this.#takeBatch());
        if (this.#turns.areDue) break;
      }
      if (this.#underWay.size > 0 && !this.#mayBegin()) {
        await new Promise<void>((resolve) => this.#changed = resolve);
      }
      // Callers that awaited this batch and record again join the next one.
      if (this.#turns.areDue) await this.#turns.give();
    } while (this.#underWay.size > 0 || this.#queue.length > 0);
    this.#running = undefined;
  }

  /** Whether to give the store a batch now, or rather wait for more records to share it. */
  #mayBegin(): boolean {
    if (this.#queue.length === 0) return false;
    if (this.#underWay.size === 0) return true;
    // One more while the disk is at work on the first, if it is full. None behind records that may be refused:
    // then the batch is given to the store again, one group at a time.
    return this.#store.overlapsFrom !== undefined && this.#underWay.size === 1 &&
      this.#queue.length >= this.#batchRecords &&
      [...this.#underWay].every((batch) => !batch.some(mayRepeat));
  }

  #takeBatch(): Group[] {
    let groups = 0;
    let records = 0;
    let length = 0;
    for (const group of this.#queue) {
      records += group.records.length;
      length += group.length;
      if (groups > 0 && (records > this.#batchRecords || length > BATCH_LENGTH)) break;
      groups++;
    }
    return this.#queue.splice(0, groups);
  }

  /** Gives a batch to the store, and settles its groups: at once where the store had nothing to wait for. */
  #commit(batch: Group[]): void {
    let appending: Promise<void> | undefined;
    try {
      appending = this.#append(batch, this.#settled);
    } catch (error) {
      appending = Promise.reject(error); // of whoever is told; the queue goes on
    }
    if (appending === undefined) return this.#ended(batch);
    this.#underWay.add(batch);
    const settled = appending.then(() => {}, () => {});
    this.#settled = settled;
    void appending.finally(() => {
      if (this.#settled === settled) this.#settled = undefined;
      this.#underWay.delete(batch);
      this.#ended(batch);
    });
  }

  #ended(batch: readonly Group[]): void {
    this.#free(batch.reduce((sum, { length }) => sum + length, 0));
    this.#changed();
  }

  /**
   * @param before Resolves when the groups of the batch before are settled.
   * @returns Nothing if it is over.
   */
  #append(batch: readonly Group[], before?: Promise<void>): Promise<void> | undefined {
    if (this.#failure !== undefined) {
      for (const group of batch) group.reject(this.#refusal(this.#failure));
      return;
    }
    const records = batch.length === 1
      ? batch[0]!.records
      : batch.flatMap((group) => group.records);
    const lines: WrittenLines[] = [];
    const appended = (first: number): void => {
      for (const group of batch) group.resolve(group.result as never);
      this.#tell(first, records, lines);
    };
    let first: number | Promise<number>;
    try {
      first = this.#store.append(records, (written) => lines.push(written));
    } catch (error) {
      if (before === undefined) return this.#failed(batch, error);
      first = Promise.reject(error);
    }
    if (before === undefined && !isPromiseLike(first)) return void appended(first);
    // The batch before is told first, though the store may answer at once for this one, or for its groups one by one.
    return Promise.allSettled([first, before]).then(([outcome]) =>
      outcome.status === "fulfilled" ? appended(outcome.value) : this.#failed(batch, outcome.reason)
    );
  }

  /** @returns Nothing if it is over. */
  #failed(batch: readonly Group[], error: unknown): Promise<void> | undefined {
    // One group has something that is in the log; the others shall not suffer for it.
    if (isDuplicate(error) && batch.length > 1) return this.#appendEach(batch);
    if (leavesUnknown(error)) this.#failure = error;
    for (const group of batch) group.reject(error);
  }

  async #appendEach(batch: readonly Group[]): Promise<void> {
    for (const group of batch) await this.#append([group]);
  }

  /** Tells of records that were appended, part by part where their bytes came so. */
  #tell(first: number, records: readonly LogRecord[], lines: readonly WrittenLines[]): void {
    if (lines.length === 0) return this.#written(first, records);
    let from = 0;
    for (const part of lines) {
      const to = from + part.bounds.length - 1;
      const isAll = to - from === records.length;
      this.#written(
        first === -1 ? -1 : first + from,
        isAll ? records : records.slice(from, to),
        part,
      );
      from = to;
    }
  }

  #refusal(cause: AuditLogError): AuditLogError {
    const state = cause.code === "LOG_REPLACED"
      ? `an earlier write was refused: ${stateOf(cause)}`
      : `an earlier write failed (${cause.code}) and what is on disk is unknown; close the log and open it again`;
    return new AuditLogError("LOG_FAILED", `Cannot record: ${state}`, { cause });
  }
}

function mayRepeat({ records }: Group): boolean {
  return records.some((record) => record.mayRepeat);
}

function isDuplicate(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === "DUPLICATE_ENTRY";
}

function leavesUnknown(error: unknown): error is AuditLogError {
  return error instanceof AuditLogError &&
    (error.code === "SYNC_FAILED" || error.code === "LOG_REPLACED");
}

import type { RowBatch, RowsWritten, RowWriter } from "../ports.ts";
import { LazyThread } from "../lazy_thread.ts";
import type { LogRecord } from "../record.ts";
import { LineEncoder } from "./line_encoder.ts";
import { packColumns } from "./row_batch.ts";
import { errorOf } from "./row_thread.ts";
import type { WrittenLines } from "./store.ts";

/** From how many records on another thread writes them sooner than this one. */
const WORTH_A_THREAD = 64;
/** From how many on the calling thread would stand still for longer than a thread takes to start. */
const WORTH_A_START = 512;
/**
 * How many records are encoded before the thread begins to write them: as many as a batch has while two overlap, for the thread
 * is at the other one then, and each message takes time.
 */
const PART = 512;

/** What another thread has appended. */
export interface AppendedAside {
  /** The index of the first record. */
  readonly first: number;
  /** Their lines, in parts; nothing with a thread that was lost. */
  readonly lines: readonly WrittenLines[];
}

/** A part of a batch on its way to the thread. */
interface Part {
  readonly written: Promise<RowsWritten>;
  readonly bounds: WrittenLines["bounds"];
  readonly release: WrittenLines["release"];
}

/** Has records appended by another thread, which is started when many come for the second time, or very many. */
export class AsideWriter {
  readonly #thread: LazyThread<RowWriter>;
  readonly #appendHere: (records: readonly LogRecord[]) => Promise<number>;
  readonly #confirm: () => Promise<void>;
  readonly #encoder = new LineEncoder();
  #hasSeenMany = false;
  #ahead = 0;
  /** Resolves when what was given there last is committed, or is not. */
  #lastTaken: Promise<unknown> = Promise.resolve();
  /** Resolves when it and all before it are acknowledged, or are not. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param startWriter Starts a thread, where there are any.
   * @param appendHere Appends records, unless they are in the log already: what a thread that is lost left undone.
   * @param confirm Resolves when what the thread has committed is on the disk, where its commits do not wait for that.
   */
  constructor(
    startWriter: (() => Promise<RowWriter>) | undefined,
    appendHere: (records: readonly LogRecord[]) => Promise<number>,
    confirm: () => Promise<void>,
  ) {
    this.#thread = new LazyThread(startWriter);
    this.#appendHere = appendHere;
    this.#confirm = confirm;
  }

  /** Where records are written, for people. */
  get place(): string {
    return this.#thread.place;
  }

  /** Whether there is a thread. */
  get isReady(): boolean {
    return this.#thread.ready !== undefined;
  }

  /** Whether so few records are not for the thread, and it has none that must stay before them. */
  spares(count: number): boolean {
    return this.#ahead === 0 && count < WORTH_A_THREAD;
  }

  /** Whether to leave so many records to the thread. Those that it has must stay before them. */
  async takes(count: number): Promise<boolean> {
    if (this.#thread.hasFailed || this.spares(count)) return false;
    if (this.#ahead > 0) return true;
    if (!this.#hasSeenMany && count < WORTH_A_START) {
      // Who records so many but once would wait longer for the thread than for the disk.
      this.#hasSeenMany = true;
      return false;
    }
    await this.#thread.start();
    return this.isReady;
  }

  /**
   * Appends records behind those under way. They are encoded part by part, and the thread is at work on the first parts
   * meanwhile.
   *
   * @throws As the store's own appending.
   */
  append(records: readonly LogRecord[]): Promise<AppendedAside> {
    this.#ahead++;
    const parts: Part[] = [];
    let failed: { readonly error: unknown } | undefined;
    try {
      for (let from = 0; from < records.length; from += PART) {
        const to = from + PART;
        parts.push(this.#give(records.slice(from, to), to < records.length ? "more" : "commit"));
      }
    } catch (error) {
      failed = { error };
      parts.push(this.#give([], "abandon"));
    }
    const taken = this.#take(this.#lastTaken, records, parts, failed);
    this.#lastTaken = taken.catch(() => {});
    const before = this.#last;
    const appended = this.#confirmed(before, taken);
    // One that fails does so at once: those before it may be on their way to the disk still.
    this.#last = Promise.allSettled([before, appended]).then(() => {});
    return appended;
  }

  #give(records: readonly LogRecord[], then: RowBatch["then"]): Part {
    const { slab, bounds, release } = this.#encoder.encode(records, false);
    const columns = packColumns(records);
    const rows = { slab, bounds: bounds.slice(), ...columns, then };
    const written = this.#thread.started!.write(rows).catch((cause) => {
      throw new ThreadLost("the thread was lost", { cause });
    });
    written.catch(() => {}); // it is awaited when those before it are done
    return { written, bounds, release };
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#ahead > 0) await this.#last;
  }

  /** Ends the thread, after what is under way. */
  async close(): Promise<void> {
    await this.idle();
    await this.#thread.settled();
    await this.#thread.started?.close();
  }

  /** What was appended, once it is durable, and all before it: batches are acknowledged in the order of the log. */
  async #confirmed(
    before: Promise<unknown>,
    taken: Promise<AppendedAside>,
  ): Promise<AppendedAside> {
    try {
      const appended = await taken;
      try {
        await Promise.all([before, this.#confirm()]);
      } catch (error) {
        for (const { slab, release } of appended.lines) release(slab);
        throw error;
      }
      return appended;
    } finally {
      this.#ahead--;
    }
  }

  async #take(
    before: Promise<unknown>,
    records: readonly LogRecord[],
    parts: readonly Part[],
    failed: { readonly error: unknown } | undefined,
  ): Promise<AppendedAside> {
    try {
      await before;
      const lines: WrittenLines[] = [];
      let outcome: RowsWritten | undefined;
      for (const { written, bounds, release } of parts) {
        outcome = await written;
        lines.push({ slab: outcome.slab, bounds, release });
      }
      const { first, failure } = outcome!;
      if (failed === undefined && failure === undefined) return { first, lines };
      for (const { slab, release } of lines) release(slab);
      throw failure === undefined ? failed!.error : errorOf(failure);
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      this.#thread.fail(error.cause);
      // The thread has ended; who asks the log finds out what it had done.
      return { first: await this.#appendHere(records), lines: [] };
    }
  }
}

/** The thread cannot be used any more. */
class ThreadLost extends Error {}

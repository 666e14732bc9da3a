import type { RowChecker, RowsChecked } from "../ports.ts";
import type { SeqRange } from "./user_segments.ts";

/** From how many rows on threads have something left to do when they have started, which takes as long as some thousands. */
const WORTH_THREADS = 32_768;
/** How many threads read at a time, however many processors there are: each has a cache of pages, and a heap. */
const MOST_THREADS = 3;
/** How many rows are given to a thread at a time: the leaves of some tiles. */
const ROWS = 1024;
/** How many such parts each thread is ahead of what was taken: it shall not have to wait for the next. */
const AHEAD = 2;

/** A part of the rows. */
export interface CheckedPart extends SeqRange {
  /** What a thread found of them; nothing where it could not read them, or was lost. */
  readonly checked: RowsChecked | undefined;
}

/** How {@link RowCheckers} work, for tests. */
export interface RowCheckersOptions {
  /** From how many rows on threads are worth it. */
  readonly worth?: number;
  /** How many rows a thread gets at a time. */
  readonly rows?: number;
  /** How many threads there are to be. */
  readonly threads?: number;
}

/** Threads that check the rows of a log, part by part. */
export class RowCheckers {
  readonly #rows: number;
  readonly #threads: RowChecker[] = [];
  /** Those that were not lost. */
  #able: readonly RowChecker[] = [];
  #starting: readonly Promise<void>[] = [];
  #turn = 0;
  #isClosed = false;

  private constructor(rows: number) {
    this.#rows = rows;
  }

  /**
   * Starts as many threads as there are processors, and resolves when one has started. The others join it.
   *
   * @param start Starts one, where there are any.
   * @param size How many rows there are, about.
   * @returns Nothing if so few are not worth it, or none can be started.
   */
  static async start(
    start: (() => Promise<RowChecker>) | undefined,
    size: number,
    { worth = WORTH_THREADS, rows = ROWS, threads = processors() }: RowCheckersOptions = {},
  ): Promise<RowCheckers | undefined> {
    if (start === undefined || size < worth) return undefined;
    const checkers = new RowCheckers(rows);
    checkers.#starting = Array.from(
      { length: Math.min(threads, MOST_THREADS) },
      async () => await checkers.#join(await start()),
    );
    return await Promise.any(checkers.#starting).then(() => checkers, () => undefined);
  }

  async #join(thread: RowChecker): Promise<void> {
    if (this.#isClosed) return await thread.close();
    this.#threads.push(thread);
    this.#able = [...this.#able, thread];
  }

  /**
   * Has the rows from one number to before another checked, and gives what was found in their order.
   *
   * @param from The first number.
   * @param end The first number beyond.
   * @param next Finds the number of the first row from one on. A damaged number can make a log look huge.
   */
  async *parts(
    from: number,
    end: number,
    next: (seq: number) => Promise<number | undefined>,
  ): AsyncGenerator<CheckedPart> {
    const given: Promise<CheckedPart>[] = [];
    while (from < end || given.length > 0) {
      while (from < end && given.length < AHEAD * Math.max(1, this.#able.length)) {
        const part = { from, to: Math.min(end, from + this.#rows) };
        given.push(this.#check(part));
        from = part.to;
      }
      const part = await given.shift()!;
      yield part;
      if (part.checked === undefined || part.checked.leaves.length === 0) {
        from = await next(from) ?? end;
      }
    }
  }

  /** Closes the database in each thread, and ends it; those that are just starting, too: the log may be closed next. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map((thread) => thread.close()));
    await Promise.allSettled(this.#starting);
  }

  /** Has the thread check a part whose turn it is; rejects never. */
  async #check(part: SeqRange): Promise<CheckedPart> {
    const thread = this.#able[this.#turn++ % this.#able.length];
    try {
      return { ...part, checked: await thread?.check(part.from, part.to) };
    } catch {
      // It was lost, and gets nothing more.
      this.#able = this.#able.filter((other) => other !== thread);
      return { ...part, checked: undefined };
    }
  }
}

/** How many processors there are, as far as the runtime tells. */
function processors(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return navigator?.hardwareConcurrency ?? 1;
}

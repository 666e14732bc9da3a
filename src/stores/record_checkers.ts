import type { CheckStand, RecordChecker, RecordsChecked } from "../ports.ts";
import { isSameStand, startAt } from "./check_findings.ts";
import type { FoundRecords } from "./tree_store.ts";

/** From how many records on threads have something left to do when they have started, which takes as long as some thousands. */
const WORTH_THREADS = 32_768;
/** How many threads read at a time, however many processors there are: each has a cache of pages, and a heap. */
const MOST_THREADS = 3;
/** How many parts each thread is ahead of what was taken: it shall not have to wait for the next. */
const AHEAD = 2;

/** A log to be checked, by its rows or bytes. */
export interface PartsToCheck {
  /** The first of them. */
  readonly from: number;
  /** The first beyond. */
  readonly end: number;
  /** How many are a part. */
  readonly span: number;
  /** How many records there are, about. */
  readonly size: number;
  /** Starts a thread, where there are any. */
  readonly start: (() => Promise<RecordChecker>) | undefined;
  /** Checks those from a stand on to before another, on this thread. */
  readonly here: (stand: CheckStand, to: number) => Promise<FoundRecords>;
  /** Finds the first record from one place on, where there may be long stretches without any. */
  readonly next?: (from: number) => Promise<number | undefined>;
}

/** What tests change of how a log is checked. */
export interface CheckTrial {
  /** How long a part is, in rows or bytes. */
  readonly span?: number;
  /** From how many records on threads are worth it. */
  readonly worth?: number;
  /** How many threads there are to be. */
  readonly threads?: number;
}

/**
 * Checks all records of a log, part by part, and gives what is found in their order.
 *
 * Other threads do it where the log is worth it, as far as all is as it should be. What is not is looked at on this thread, so that
 * nothing is told of a log that another could have opened wrongly. In the middle of the log, a thread takes for granted that what is
 * beside the record before is right; here it is known whether that is so. A part is checked here, too, where it is not, where a
 * thread could not read or was lost, and where there are none.
 */
export async function* checkRecords(
  { start, size, span, ...parts }: PartsToCheck,
  trial: CheckTrial = {},
): AsyncGenerator<FoundRecords> {
  const checkers = new RecordCheckers();
  if (start !== undefined && size >= (trial.worth ?? WORTH_THREADS)) {
    await checkers.start(start, trial.threads ?? processors());
  }
  try {
    yield* checkers.check({ ...parts, span: trial.span ?? span });
  } finally {
    await checkers.close();
  }
}

const NONE: readonly [] = [];

/** A part that was given to a thread. */
interface GivenPart {
  readonly to: number;
  readonly checked: Promise<RecordsChecked | undefined>;
}

/** Threads that check a log. */
class RecordCheckers {
  readonly #threads: RecordChecker[] = [];
  /** Those that were not lost. */
  #able: readonly RecordChecker[] = [];
  #starting: readonly Promise<void>[] = [];
  #turn = 0;
  #isClosed = false;

  /** Starts some, and resolves when one has started, or none can. The others join it. */
  async start(start: () => Promise<RecordChecker>, wanted: number): Promise<void> {
    this.#starting = Array.from(
      { length: Math.min(wanted, MOST_THREADS) },
      async () => await this.#join(await start()),
    );
    await Promise.any(this.#starting).catch(() => {});
  }

  async #join(thread: RecordChecker): Promise<void> {
    if (this.#isClosed) return await thread.close();
    this.#threads.push(thread);
    this.#able = [...this.#able, thread];
  }

  /** See {@link checkRecords}. */
  async *check(
    { from, end, span, here, next }: Omit<PartsToCheck, "start" | "size">,
  ): AsyncGenerator<FoundRecords> {
    let stand = startAt(from);
    const given: GivenPart[] = [];
    while (from < end || given.length > 0) {
      while (from < end && given.length < AHEAD * Math.max(1, this.#able.length)) {
        const to = Math.min(end, from + span);
        given.push({ to, checked: this.#give(from, to) });
        from = to;
      }
      const part = given.shift()!;
      const there = await part.checked;
      if (stand.at >= part.to) continue; // a line is longer than the part
      const found = there !== undefined && isSameStand(there.before, stand)
        ? { ...there, faulty: NONE }
        : await here(stand, part.to);
      stand = found.after;
      yield found;
      if (found.leaves.length === 0 && next !== undefined) from = await next(from) ?? end;
      from = Math.max(from, Math.min(stand.at, end));
    }
  }

  /** Closes what each thread reads, and ends it; those that are just starting, too: the log may be closed next. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#threads.map((thread) => thread.close()));
    await Promise.allSettled(this.#starting);
  }

  /** Has the thread check a part whose turn it is; rejects never. */
  async #give(from: number, to: number): Promise<RecordsChecked | undefined> {
    const thread = this.#able[this.#turn++ % this.#able.length];
    try {
      return await thread?.check(from, to);
    } catch {
      // It was lost, and gets nothing more.
      this.#able = this.#able.filter((other) => other !== thread);
    }
  }
}

/** How many processors there are, as far as the runtime tells. */
function processors(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return navigator?.hardwareConcurrency ?? 1;
}

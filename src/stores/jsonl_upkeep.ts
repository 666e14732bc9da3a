import { setBackgroundTimeout } from "../background_timer.ts";
import { nextTurn, Turns } from "../turns.ts";
import type { IndexedFile } from "./jsonl_indexed_file.ts";

/** How many lines of this handle's own may wait to be put into the index; some 20 MB. */
const MOST_PENDING = 131_072;
/** From how many waiting lines on the time in which the disk is at work is used for the index, too. */
const PENDING_ASIDE = 32_768;
/** How many lines are put into the index then; the disk may be done meanwhile: a millisecond or so. */
const SMALL_CHUNK = 256;
/** How long nothing is written before the index is brought up to date, milliseconds. */
const PAUSE_MS = 50;

/**
 * Chooses when a handle's own lines are put into the index: in pauses, while the disk is at work, and when too many wait.
 */
export class IndexUpkeep {
  readonly #indexed: IndexedFile;
  #lastAppend = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #inPause: Promise<void> | undefined;
  #isAside = false;

  /** @param indexed The file and its index. */
  constructor(indexed: IndexedFile) {
    this.#indexed = indexed;
  }

  /**
   * Called after each append.
   *
   * @param synced Settles when the disk is done with it; nothing if it is.
   * @returns When the next may come; nothing if at once.
   */
  appended(synced: Promise<unknown> | undefined): Promise<void> | undefined {
    this.#lastAppend = performance.now();
    this.#indexSoon();
    const { pending } = this.#indexed;
    const indexed = pending >= MOST_PENDING ? this.#indexed.indexSome() : undefined;
    if (synced !== undefined && pending >= PENDING_ASIDE && !this.#isAside) {
      void this.#indexAside(synced);
    }
    return indexed;
  }

  /** Puts into the index what is not there yet, and ends. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#inPause;
    await this.#indexed.indexPending();
  }

  /** Puts lines into the index while the disk is at work, when callers leave the thread free and the load goes on. */
  async #indexAside(synced: Promise<unknown>): Promise<void> {
    this.#isAside = true;
    let waiting = true;
    const ended = () => waiting = false;
    synced.then(ended, ended);
    while (this.#indexed.pending >= PENDING_ASIDE) {
      await nextTurn();
      if (!waiting) break;
      await this.#indexed.indexSome(SMALL_CHUNK);
    }
    this.#isAside = false;
  }

  /** Brings the index up to date once nothing has been written for a while. */
  #indexSoon(): void {
    if (this.#timer !== undefined || this.#indexed.pending === 0) return;
    this.#timer = setBackgroundTimeout(() => {
      this.#timer = undefined;
      if (performance.now() - this.#lastAppend >= PAUSE_MS) this.#inPause = this.#indexInPause();
      else this.#indexSoon();
    }, PAUSE_MS);
  }

  /** Ends when writing goes on: a slow sync looks like a pause, and the thread is needed for what comes then. */
  async #indexInPause(): Promise<void> {
    const lastAppend = this.#lastAppend;
    const turns = new Turns();
    while (this.#indexed.pending > 0 && this.#lastAppend === lastAppend) {
      await this.#indexed.indexSome();
      await turns.give();
    }
  }
}

import type { SeqRange } from "./user_segments.ts";

/** How many rows the first statement goes through, at most. */
const FIRST_ROWS = 4096;
/** How long a statement is to take, milliseconds. */
const AIM_MS = 4;
/** By how much the next part may be longer or shorter than the last. */
const MOST_CHANGE = 4;

/**
 * Goes through a range in parts, for statements that may look at many rows to find few: one through all of a large log would keep
 * the event loop for seconds. How long the parts are follows from how long they take, which depends on the rows and on the disk.
 */
export class Walk {
  readonly #order: "asc" | "desc";
  readonly #now: () => number;
  #from: number;
  #to: number;
  #rows = FIRST_ROWS;
  #tookMs = 0;

  /**
   * @param range Where to go.
   * @param order From its start, or from its end.
   * @param now The time, milliseconds.
   */
  constructor({ from, to }: SeqRange, order: "asc" | "desc", now = () => performance.now()) {
    this.#from = from;
    this.#to = to;
    this.#order = order;
    this.#now = now;
  }

  /** The parts, one after the other: each begins where the one before was said to end. */
  *parts(): Generator<SeqRange, void, undefined> {
    while (this.#from < this.#to) {
      yield this.#order === "asc"
        ? { from: this.#from, to: Math.min(this.#to, this.#from + this.#rows) }
        : { from: Math.max(this.#from, this.#to - this.#rows), to: this.#to };
    }
  }

  /** Has a statement go through a part, and sees how long that takes: what else is done meanwhile does not count. */
  timed<T>(statement: () => T): T {
    const began = this.#now();
    const result = statement();
    this.#tookMs = this.#now() - began;
    return result;
  }

  /** Says that a part was gone through to its end. */
  passed(part: SeqRange): void {
    if (this.#order === "asc") this.#from = part.to;
    else this.#to = part.from;
    const change = AIM_MS / Math.max(1, this.#tookMs);
    this.#rows = Math.ceil(this.#rows * Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, change)));
  }

  /** Says that a part was gone through up to this row. */
  reached(seq: number): void {
    if (this.#order === "asc") this.#from = seq + 1;
    else this.#to = seq;
  }
}

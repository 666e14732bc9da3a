/**
 * The end of a statement that reads a page: its last parameter says how many rows. As a sum, for newer versions of SQLite take a
 * parameter that is a limit by itself into account when they prepare a statement, and prepare it again each time the parameter is set.
 */
export const LIMIT_SQL = "LIMIT ? + 0";

/** A page's texts stay near this many characters. */
const AIM = 1024 * 1024;
/** A few long rows behind many short ones must not fill the memory. */
const MOST_ROWS = 64;
/** How many rows are asked for at first. */
export const FIRST_ROWS = 16;

/** Chooses how many rows to read at a time, so that memory stays bounded whatever their length. */
export class PageSize {
  readonly #most: number;
  #rows = FIRST_ROWS;

  /** @param most How many rows to ask for at most, {@link FIRST_ROWS} or more. */
  constructor(most: number = MOST_ROWS) {
    this.#most = most;
  }

  /** How many rows to ask for. */
  get rows(): number {
    return this.#rows;
  }

  /** Tells what a page turned out to hold. */
  seen(rows: number, characters: number): void {
    const fitting = Math.floor(AIM / Math.max(1, characters / rows));
    // Growing step by step, so that a few short rows before long ones do no harm.
    this.#rows = Math.max(1, Math.min(fitting, this.#rows * 2, this.#most));
  }
}

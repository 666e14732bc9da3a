/** What is wrong with a log. */
export interface LogFault {
  /**
   * What it is about: `record`, a record or a column or index that does not fit it; `tile`, a stored hash; `signature`,
   * a signature that does not hold or is missing; `checkpoint`, a checkpoint of the log that its entries do not agree
   * with, that is none, or that is not where it was kept; `remembered`, the same for a checkpoint that was given; `layout`, a
   * trigger or the like of the database, which is missing, changed, or somebody else's.
   */
  readonly kind: "record" | "tile" | "signature" | "checkpoint" | "remembered" | "layout";
  /** The first entry concerned, from 0, where that is known. */
  readonly index: number | undefined;
  /** Its id, where that is known. */
  readonly entryId: string | undefined;
  /** What is wrong and where, in a sentence. */
  readonly message: string;
}

/** How many faults of a kind are listed; all are counted. So those of one kind leave room for the others. */
const MOST_OF_A_KIND = 1000;

/** Gathers what is wrong with a log. */
export class Faults {
  readonly #list: LogFault[] = [];
  readonly #counts = new Map<LogFault["kind"], number>();
  #count = 0;

  /** The first of them. */
  get list(): readonly LogFault[] {
    return this.#list;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Whether further ones of a kind are listed. */
  lists(kind: LogFault["kind"]): boolean {
    return (this.#counts.get(kind) ?? 0) < MOST_OF_A_KIND;
  }

  /** Adds one. */
  add(fault: LogFault): void {
    this.#count++;
    const count = (this.#counts.get(fault.kind) ?? 0) + 1;
    this.#counts.set(fault.kind, count);
    if (count <= MOST_OF_A_KIND) this.#list.push(Object.freeze(fault));
  }
}

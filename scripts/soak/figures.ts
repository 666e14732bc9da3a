/**
 * Counting what was done, for the report at the end.
 *
 * @module
 */

/** Counts by name. */
export class Figures {
  readonly #counts = new Map<string, number>();

  /** Counts one, or several. */
  add(what: string, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** All counts, one a line, in the order of their names. */
  text(): string {
    const names = [...this.#counts.keys()].sort();
    const width = Math.max(...names.map((name) => name.length));
    return names.map((name) => `  ${name.padEnd(width)}  ${this.#counts.get(name)}`).join("\n");
  }
}

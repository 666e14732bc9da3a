/**
 * What a process tells of its work, in a file that outlives it however it ends: a line of JSON for each event.
 *
 * @module
 */

import { openSync, readFileSync, writeSync } from "node:fs";

/** Entries of one lane: the numbers from the first to the last. */
export type Span = readonly [first: number, last: number];

/** Something that happened. */
export type Event =
  /** A call that records, before it is made; a group is recorded all or none. */
  | { readonly do: "submit"; readonly lane: string; readonly span: Span; readonly group: boolean }
  | {
    readonly do: "acknowledged";
    readonly lane: string;
    readonly span: Span;
    readonly ids: string[];
  }
  | { readonly do: "refused"; readonly lane: string; readonly span: Span; readonly code: string }
  | { readonly do: "checkpoint"; readonly note: string }
  /** Something to be counted. */
  | { readonly do: "count"; readonly what: string }
  | { readonly do: "failed"; readonly reason: string }
  | { readonly do: "done" };

/** Writes one. */
export class Journal {
  readonly #descriptor: number;

  /** @param path A new file. */
  constructor(path: string) {
    this.#descriptor = openSync(path, "ax");
  }

  /** Tells of something. What is written is there even when the process is killed right after. */
  tell(event: Event): void {
    const bytes = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
    for (let written = 0; written < bytes.length;) {
      written += writeSync(this.#descriptor, bytes, written);
    }
  }

  /** Counts something. */
  count(what: string): void {
    this.tell({ do: "count", what });
  }
}

/** Reads one; a last line that is not whole, as a kill may leave it, tells nothing. */
export function readJournal(path: string): Event[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // The process was killed before it began.
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Event);
}

/**
 * What a log must have, by what the processes that wrote it told in their journals.
 *
 * @module
 */

import { Broken, FoundEntries, type Place } from "./found_entries.ts";
import type { Event, Span } from "./programs/journal.ts";
import type { Backend } from "./options.ts";

/** A call that records. */
interface Call {
  readonly lane: string;
  readonly span: Span;
  /** The ids of its entries if it was acknowledged, the error's code if it was refused; else the process was killed. */
  outcome: readonly string[] | string | undefined;
}

/** The codes of errors that say: none of this is in the log. So does an end that was found there, instead of this one. */
const NOT_WRITTEN: Record<Backend, readonly string[]> = {
  sqlite: ["WRITE_FAILED", "LOG_BUSY", "LOG_FAILED", "REDACTION_FAILED", "THERE_ALREADY"],
  jsonl: ["LOG_BUSY", "LOG_FAILED", "REDACTION_FAILED", "THERE_ALREADY"],
};

/** All that is known of one log. */
export class Model {
  readonly #backend: Backend;
  /** By lane and the number of its first entry. */
  readonly #calls = new Map<string, Call>();
  /** The lines of the log when it was last looked at. */
  #lines: readonly string[] = [];
  /** Checkpoints that were returned, or seen in the log. */
  readonly notes = new Set<string>();
  acknowledged = 0;
  /** How many entries are in the log although their call was not acknowledged. */
  unacknowledged = 0;

  /** @param backend Of which kind the log is. */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Takes in what a process told. */
  learn(event: Event): void {
    switch (event.do) {
      case "submit": {
        const { lane, span } = event;
        this.#calls.set(`${lane} ${span[0]}`, { lane, span, outcome: undefined });
        return;
      }
      case "acknowledged":
      case "refused": {
        const call = this.#calls.get(`${event.lane} ${event.span[0]}`)!;
        call.outcome = event.do === "refused" ? event.code : event.ids;
        if (event.do === "acknowledged") this.acknowledged += event.ids.length;
        return;
      }
      case "checkpoint":
        this.notes.add(event.note);
    }
  }

  /**
   * Compares all lines of the log, while nobody writes to it, with what it must have.
   *
   * @returns What the lines say of calls and annotations.
   * @throws {Broken} What is wrong.
   */
  check(lines: readonly string[]): FoundEntries {
    const changed = this.#lines.findIndex((line, index) => line !== lines[index]);
    if (changed !== -1) {
      throw new Broken(`entry ${changed} was another one before: ${lines[changed]}`);
    }
    this.#lines = lines;

    const entries = new FoundEntries(lines);
    const found = new Map(entries.places);
    let unacknowledged = 0;
    for (const call of this.#calls.values()) {
      const { lane, span: [first, last], outcome } = call;
      const what = `the entries ${first} to ${last} of ${lane}`;
      const places: (Place | undefined)[] = [];
      for (let number = first; number <= last; number++) {
        places.push(found.get(`${lane} ${number}`));
      }
      for (let number = first; number <= last; number++) found.delete(`${lane} ${number}`);
      const there = places.findIndex((place) => place === undefined);
      const present = there === -1 ? places.length : there;
      if (places.slice(present).some((place) => place !== undefined)) {
        throw new Broken(`${what}: some at the beginning are missing`);
      }
      const start = places[0]?.index ?? 0;
      if (places.slice(0, present).some((place, position) => place!.index !== start + position)) {
        throw new Broken(`${what}: do not follow each other`);
      }
      if (typeof outcome === "object") {
        if (present < places.length) throw new Broken(`${what}: acknowledged, and missing`);
        const other = places.findIndex((place, position) => place!.entryId !== outcome[position]);
        if (other !== -1) throw new Broken(`${what}: entry ${other} of them has another id`);
        continue;
      }
      unacknowledged += present;
      if (outcome !== undefined && NOT_WRITTEN[this.#backend].includes(outcome) && present > 0) {
        throw new Broken(`${what}: refused with ${outcome}, and there`);
      }
      // What stops in the middle leaves the first of them in a file, and nothing in a database.
      if (this.#backend === "sqlite" && present > 0 && present < places.length) {
        throw new Broken(`${what}: only ${present} of them are there`);
      }
    }
    const [other] = found.keys();
    if (other !== undefined) throw new Broken(`the entry ${other} was never recorded`);
    this.unacknowledged = unacknowledged;
    return entries;
  }
}

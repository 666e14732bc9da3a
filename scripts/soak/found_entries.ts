/**
 * What the lines of a log say by themselves, without the library: that each is what was to be recorded, and what follows from
 * all of them for calls and annotations.
 *
 * @module
 */

import { ALONE, modelOf, outcomeOf, outputOf } from "./programs/entries.ts";
import { failsFor, REPLACEMENT, SECRET } from "./programs/redactor.ts";

/** Something that must not be. */
export class Broken extends Error {
  /** `"Broken"`. */
  override readonly name = "Broken";
}

/** Where an entry is. */
export interface Place {
  readonly index: number;
  readonly entryId: string;
}

interface Record {
  readonly entry_id: string;
  readonly user: string;
  readonly model: string;
  readonly input_text: string;
  readonly output_text: string;
  readonly timestamp: string;
  readonly metadata: {
    readonly lane?: string;
    readonly number?: number;
    readonly handle?: number;
    readonly redacts?: boolean;
    readonly "audit.event"?: string;
    readonly "audit.call"?: string;
    readonly "audit.ref"?: string;
    readonly "audit.outcome"?: string;
    readonly "audit.gap"?: { readonly lost: number; readonly calls: readonly string[] };
    readonly "audit.redaction"?: {
      readonly counts?: { readonly secret?: number };
      readonly withheld?: boolean;
    };
  };
}

/** All entries of a log. */
export class FoundEntries {
  /** Where each is, by its lane and number. */
  readonly places = new Map<string, Place>();
  /** The ids of the interactions, in the order of the log. */
  readonly interactions: string[] = [];
  /** The calls that began and did not end: their ids, and the lanes that began them. */
  readonly unfinished = new Map<string, string>();
  /** The ids of what was said, by that of the entry that it is about. */
  readonly annotations = new Map<string, string[]>();
  /** How many entries there are of each event. */
  readonly counts = new Map<string, number>();
  readonly #records = new Map<string, Record>();
  readonly #ended = new Set<string>();
  readonly #lasts = new Map<string, number>();
  readonly #times = new Map<string, string>();

  /**
   * @param lines All lines of the log, in its order.
   * @throws {Broken} One is not what was to be recorded.
   */
  constructor(lines: readonly string[]) {
    for (const [index, line] of lines.entries()) this.#add(index, line);
  }

  #add(index: number, line: string): void {
    const record = JSON.parse(line) as Record;
    const { entry_id: entryId, metadata } = record;
    const { "audit.gap": gap } = metadata;
    const { lane = gap?.calls[0] ?? record.user } = metadata;
    const { number = gap === undefined ? Number(record.input_text) : gap.lost - 1 } = metadata;
    const wrong = (state: string) => new Broken(`entry ${index}, ${lane} ${number}: ${state}`);
    const fault = this.#faultOf(record, lane, number) ?? this.#redactionFault(line, record, number);
    if (fault !== undefined) throw wrong(fault);
    if (this.#records.has(entryId)) throw wrong(`has the id ${entryId} of another one`);
    this.#records.set(entryId, record);
    if (number <= (this.#lasts.get(lane) ?? -1)) {
      throw wrong("is behind a later one, or there twice");
    }
    this.#lasts.set(lane, number);
    if (metadata.handle !== undefined) {
      const key = `${lane} ${metadata.handle}`;
      if (record.timestamp < (this.#times.get(key) ?? "")) {
        throw wrong("is of an earlier time than one before it");
      }
      this.#times.set(key, record.timestamp);
    }
    this.places.set(`${lane} ${number}`, { index, entryId });
    const { "audit.event": event = "none" } = metadata;
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    if (event === "none" || event === "call.end") this.interactions.push(entryId);
  }

  /** Why a record is not the one of its number, if it is not. Takes note of calls and annotations. */
  #faultOf(record: Record, lane: string, number: number): string | undefined {
    const { entry_id: entryId, metadata } = record;
    const { "audit.call": call = "", "audit.ref": ref = "", redacts } = metadata;
    const output = redacts
      ? outputOf(lane, number).replaceAll(SECRET, REPLACEMENT)
      : outputOf(lane, number);
    const differs = (
      user: string,
      model: string,
      input: string,
      output: string,
    ): string | undefined =>
      record.user === user && record.model === model && record.input_text === input &&
        record.output_text === output
        ? undefined
        : "is not what was recorded";
    switch (metadata["audit.event"]) {
      case undefined:
        return differs(lane, modelOf(number), `${number}`, output);
      case "call.begin":
        if (call !== entryId) return "begins a call with the id of another";
        this.unfinished.set(entryId, record.user);
        return differs(lane, modelOf(number), `${number}`, "");
      case "call.end": {
        if (this.#ended.has(call)) return `ends the call ${call} a second time`;
        this.#ended.add(call);
        this.unfinished.delete(call);
        if (metadata["audit.outcome"] !== outcomeOf(number)) return "ended otherwise";
        const begun = this.#records.get(call);
        if (begun === undefined) return differs(lane, ALONE, ALONE, output);
        return differs(begun.user, begun.model, begun.input_text, output);
      }
      case "annotation": {
        const of = this.#records.get(ref);
        if (of === undefined) return `annotates ${ref}, which is not before it`;
        this.annotations.set(ref, [...this.annotations.get(ref) ?? [], entryId]);
        return differs(lane, of.model, "", "");
      }
      case "gap":
        if (metadata["audit.gap"]?.lost !== number + 1) return "tells of another gap";
        return differs(isWithheld(record) ? "withheld" : lane, "-", "", "");
      default:
        return "is of an event that nobody recorded";
    }
  }

  /** Whether what was to be redacted was, and is told to be, and nothing else. */
  #redactionFault(line: string, record: Record, number: number): string | undefined {
    const { metadata } = record;
    if (isWithheld(record)) {
      const mayBe = metadata["audit.event"] === "gap" && failsFor(number);
      return mayBe ? undefined : "is withheld";
    }
    const { redacts = false, "audit.redaction": redaction } = metadata;
    if (redacts !== (redaction !== undefined)) {
      return "does not say that it was redacted, or says so";
    }
    if (!redacts) return undefined;
    if (line.includes(SECRET)) return "has what was to be redacted";
    const count = line.split(REPLACEMENT).length - 1;
    return (redaction!.counts?.secret ?? 0) === count ? undefined : "counts other redactions";
  }
}

/** Whether the redactor failed for an entry that is recorded all the same, without what the application said. */
function isWithheld({ metadata }: Record): boolean {
  return metadata["audit.redaction"]?.withheld === true;
}

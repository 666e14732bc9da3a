/**
 * Reading a log while others write numbered entries to it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { AuditCall, AuditEntry, AuditLog } from "@audit-log/llm";
import { eventOf, isNumbered, keyOf, numberOf } from "./numbered.ts";

/** Reads a log again and again, in all ways, and remembers what it saw. */
export class LogWatcher {
  readonly #log: AuditLog;
  readonly #verifierKey: string;
  #lines: readonly string[] = [];
  /** How many entries the log was said to have. */
  readonly #sizes = new Set<number>();

  constructor(log: AuditLog, verifierKey: string) {
    this.#log = log;
    this.#verifierKey = verifierKey;
  }

  /** How many different sizes were seen. */
  get sizes(): number {
    return this.#sizes.size;
  }

  /** Reads all, of everybody and of one writer, and verifies. */
  async look(writer: string): Promise<void> {
    const log = this.#log;
    const events = "all";
    this.#sizes.add(await log.count({ events }));
    const lines: string[] = [];
    for await (const line of log.lines()) lines.push(line);
    this.#goesOn(lines);
    const interactions = await log.count();
    const unfinished = await log.unfinished();
    const streamed: AuditEntry[] = [];
    for await (const entry of log.stream({ events })) streamed.push(entry);
    this.#wholeGroups(streamed);
    this.#calls(lines.length, streamed, interactions, unfinished);
    const counted = await log.count({ user: writer, events });
    const asked = await log.query({ user: writer, events });
    assert(asked.length >= counted, "an entry that was counted is not there");
    this.#wholeGroups(asked, counted);
    const newest = await log.query({ order: "desc", events });
    this.#wholeGroups(newest.reverse());
    const report = await log.verify({ verifierKey: this.#verifierKey });
    assertEquals(report.faults, []);
    this.#sizes.add(report.size);
  }

  /** Makes sure that each size which was seen is one at which no group was half there. */
  async finish(): Promise<void> {
    const entries = await this.#log.query({ events: "all" });
    const ends = endsOf(entries);
    for (const size of this.#sizes) assert(ends.has(size), `${size} entries have half a group`);
    const lines: string[] = [];
    for await (const line of this.#log.lines()) lines.push(line);
    this.#goesOn(lines);
  }

  /** What was there is there, in its place. */
  #goesOn(lines: readonly string[]): void {
    const other = this.#lines.findIndex((line, index) => line !== lines[index]);
    assertEquals(other, -1, "what was read before has changed");
    this.#lines = lines;
    this.#sizes.add(lines.length);
  }

  /** What was said of calls after so many of the entries were there, and before all of them were. */
  #calls(
    before: number,
    entries: readonly AuditEntry[],
    interactions: number,
    unfinished: readonly AuditCall[],
  ): void {
    const left = new Set(unfinished.map(({ callId }) => callId));
    const count = (all: readonly AuditEntry[]) =>
      all.filter((entry) => [undefined, "call.end"].includes(eventOf(entry) as string)).length;
    const first = entries.slice(0, before);
    assert(count(first) <= interactions && interactions <= count(entries), "interactions");
    for (const callId of openOf(first, entries)) assert(left.delete(callId), "not unfinished");
    const all = new Set(openOf(entries, first));
    for (const callId of left) assert(all.has(callId), "unfinished, and ended or never begun");
  }

  #wholeGroups(entries: readonly AuditEntry[], counted = entries.length): void {
    for (const entry of entries) assert(isNumbered(entry), keyOf(numberOf(entry)));
    const ends = endsOf(entries);
    assert(ends.has(entries.length), "half a group was read");
    assert(ends.has(counted), "half a group was counted");
  }
}

/** The calls that begin in some entries, and do not end in others. */
function openOf(begun: readonly AuditEntry[], ended: readonly AuditEntry[]): string[] {
  const ends = new Set(
    ended.filter((entry) => eventOf(entry) === "call.end").map(({ metadata }) =>
      metadata["audit.call"]
    ),
  );
  return begun.filter((entry) => eventOf(entry) === "call.begin" && !ends.has(entry.entryId))
    .map(({ entryId }) => entryId);
}

/** After how many of the entries no group is half there; each group must stand together. */
function endsOf(entries: readonly AuditEntry[]): ReadonlySet<number> {
  const ends = new Set([0]);
  let inside = 0;
  for (const [index, entry] of entries.entries()) {
    const { at, of } = numberOf(entry);
    assertEquals(at, inside, "a group does not stand together");
    inside = at + 1 === of ? 0 : at + 1;
    if (inside === 0) ends.add(index + 1);
  }
  return ends;
}

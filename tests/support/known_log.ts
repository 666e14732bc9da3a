/**
 * A log of numbered entries, and what must be in it although its writers were killed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type AuditCall, type AuditEntry, AuditLog, type AuditWarning } from "@audit-log/llm";
import { readFileSync } from "node:fs";
import { checkpointsOf } from "./notes.ts";
import { belongsTo, type EntryKey, eventOf, isNumbered, keyOf, numberOf } from "./numbered.ts";

/** What was found in a log, beyond that nothing is wrong with it. */
export interface Findings {
  /** Entries that nobody was told to be in the log. */
  readonly unacknowledged: number;
  /** Lines that are no records. */
  readonly unreadable: number;
  /** Groups of `recordAll()` of which the last are missing. */
  readonly halfGroups: number;
  /** Calls that began. */
  readonly begun: number;
  /** Calls that ended. */
  readonly ended: number;
  /** Calls that began and did not end, as the log gives them. */
  readonly unfinished: readonly AuditCall[];
  readonly annotations: number;
  /** Codes of the warnings. */
  readonly warnings: readonly AuditWarning["code"][];
}

/** What is known of a log from outside. */
export class KnownLog {
  readonly backend: "sqlite" | "jsonl";
  readonly path: string;
  /** What the log is signed with, now and then. */
  readonly key: { readonly signingKey: string; readonly verifierKey: string } | undefined;
  /** The ids that were acknowledged, by the entries' numbers. */
  readonly #acknowledged = new Map<string, string>();
  readonly #published: string[] = [];
  /** All lines, as they were found last. */
  #lines: readonly string[] = [];

  constructor(backend: KnownLog["backend"], path: string, key: KnownLog["key"]) {
    this.backend = backend;
    this.path = path;
    this.key = key;
  }

  /** How many entries were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** How many checkpoints were published. */
  get published(): number {
    return this.#published.length;
  }

  /** Takes note of an entry that was acknowledged. */
  acknowledge(number: EntryKey, entryId: string): void {
    this.#acknowledged.set(keyOf(number), entryId);
  }

  /** Takes note of what a writer has told, in lines as those of `numbered_writer.ts`. */
  hear(writer: string, lines: readonly string[]): void {
    for (const line of lines) {
      const [kind, ...rest] = line.split(" ");
      if (kind === "checkpoint") this.#published.push(JSON.parse(rest.join(" ")));
      if (kind !== "entry") continue;
      const [entryId, caller, n] = rest;
      this.acknowledge({ writer, caller: Number(caller), n: Number(n) }, entryId!);
    }
  }

  /** Opens the log and makes sure that all is in it that must be, and nothing else. It is left open. */
  async check(): Promise<{ log: AuditLog; findings: Findings }> {
    const warnings: AuditWarning["code"][] = [];
    const { backend, path, key } = this;
    const onWarning = ({ code }: AuditWarning) => warnings.push(code);
    const log = await AuditLog.open({ backend, path, onWarning });
    try {
      const entries = await log.query({ events: "all" });
      await this.#checkLines(log, entries);
      this.#checkNumbers(entries);
      const halfGroups = this.#checkGroups(entries);
      const calls = await this.#checkCalls(log, entries);
      const annotations = await this.#checkAnnotations(log, entries);
      const unreadable = await this.#checkFile(log);

      const kept = await checkpointsOf(log);
      for (const note of this.#published) assert(kept.includes(note), "a checkpoint is gone");
      const report = await log.verify({
        ...(key === undefined ? {} : { verifierKey: key.verifierKey }),
        checkpoint: this.#published,
      });
      assertEquals([report.faults, report.ok, report.size], [[], true, entries.length]);
      assertEquals(report.checked.signatures, kept.length);
      assertEquals(log.size, entries.length);
      const unacknowledged = entries.length - this.#acknowledged.size;
      return {
        log,
        findings: {
          unacknowledged,
          unreadable,
          halfGroups,
          ...calls,
          annotations,
          warnings,
        },
      };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** What was in the log before is there in the same place. */
  async #checkLines(log: AuditLog, entries: readonly AuditEntry[]): Promise<void> {
    const lines: string[] = [];
    for await (const line of log.lines()) lines.push(line);
    assertEquals(lines.length, entries.length);
    const changed = this.#lines.findIndex((line, index) => line !== lines[index]);
    assertEquals(changed, -1, `what was entry ${changed} is not any more`);
    this.#lines = lines;
  }

  /** Each entry is what its number says; each that was acknowledged is there once; each caller's are in its order. */
  #checkNumbers(entries: readonly AuditEntry[]): void {
    const next = new Map<string, number>();
    const missing = new Map(this.#acknowledged);
    for (const entry of entries) {
      const number = numberOf(entry);
      const { entryId } = entry;
      assert(isNumbered(entry), `not what was recorded as ${keyOf(number)}`);
      const caller = `${number.writer}, ${number.caller}`;
      assertEquals(number.n, next.get(caller) ?? 0, `of ${caller}`);
      next.set(caller, number.n + 1);
      const key = keyOf(number);
      const acknowledged = missing.get(key);
      if (acknowledged !== undefined) assertEquals(entryId, acknowledged, key);
      missing.delete(key);
    }
    assertEquals([...missing], [], "acknowledged, and not in the log");
  }

  /**
   * Each end is of a call that began before it and has no other end; what began and did not end is unfinished; and what is
   * asked without events has the interactions alone.
   */
  async #checkCalls(
    log: AuditLog,
    entries: readonly AuditEntry[],
  ): Promise<Pick<Findings, "begun" | "ended" | "unfinished">> {
    const open = new Map<string, string>();
    let [begun, ended] = [0, 0];
    for (const entry of entries) {
      if (eventOf(entry) === "call.begin") {
        open.set(entry.entryId, keyOf(numberOf(entry)));
        begun++;
      }
      if (eventOf(entry) !== "call.end") continue;
      const callId = entry.metadata["audit.call"] as string;
      const key = keyOf(numberOf(entry));
      assertEquals(open.get(callId), keyOf(belongsTo(entry)), `${key} ends no call that is open`);
      open.delete(callId);
      ended++;
    }
    const unfinished = await log.unfinished();
    assertEquals(unfinished.map(({ callId }) => callId), [...open.keys()], "unfinished calls");
    const interactions = entries.filter((entry) =>
      eventOf(entry) === undefined || eventOf(entry) === "call.end"
    );
    assertEquals(idsOf(await log.query()), idsOf(interactions), "interactions");
    assertEquals(await log.count(), interactions.length);
    assertEquals(await log.count({ events: "all" }), entries.length);
    return { begun, ended, unfinished };
  }

  /** Each annotation is of an entry before it, which is returned with it. */
  async #checkAnnotations(log: AuditLog, entries: readonly AuditEntry[]): Promise<number> {
    const before = new Map<string, AuditEntry>();
    const said = new Map<string, string[]>();
    for (const entry of entries) {
      before.set(entry.entryId, entry);
      if (eventOf(entry) !== "annotation") continue;
      const ref = entry.metadata["audit.ref"] as string;
      const of = before.get(ref);
      assert(of !== undefined, `${keyOf(numberOf(entry))} annotates what is not there`);
      assertEquals(
        [keyOf(numberOf(of)), of.model],
        [keyOf(belongsTo(entry)), entry.model],
        `what ${keyOf(numberOf(entry))} annotates`,
      );
      said.set(ref, [...said.get(ref) ?? [], entry.entryId]);
    }
    for (const [entryId, ids] of said) {
      const found = await log.get(entryId, { annotations: true });
      assertEquals(idsOf(found!.annotations), ids, `annotations of ${entryId}`);
    }
    for (const { entryId, annotations } of await log.query({ annotations: true, limit: 100 })) {
      assertEquals(idsOf(annotations), said.get(entryId) ?? []);
    }
    return [...said.values()].flat().length;
  }

  /** Groups stand together, and are whole where the backend promises it. */
  #checkGroups(entries: readonly AuditEntry[]): number {
    let half = 0;
    for (let index = 0; index < entries.length;) {
      const first = numberOf(entries[index]!);
      assertEquals(first.at, 0, `a group lacks its first: ${keyOf(first)}`);
      let at = 1;
      for (; at < first.of && index + at < entries.length; at++) {
        const number = numberOf(entries[index + at]!);
        if (keyOf(number) !== keyOf({ ...first, n: first.n + at })) break;
      }
      if (at < first.of) half++;
      index += at;
    }
    if (this.backend === "sqlite") assertEquals(half, 0, "half a group is in the log");
    return half;
  }

  /** The lines of a file that are no records are told, all of them. */
  async #checkFile(log: AuditLog): Promise<number> {
    const unreadable = (await log.info()).unreadable?.count ?? 0;
    if (this.backend === "sqlite") {
      assertEquals(unreadable, 0);
      return 0;
    }
    const lines = readFileSync(this.path, "utf8").split("\n");
    const torn = lines.pop()! === "" ? 0 : 1;
    const known = new Set(this.#lines);
    assertEquals(unreadable, torn + lines.filter((line) => !known.has(line)).length);
    return unreadable;
  }
}

function idsOf(entries: readonly { readonly entryId: string }[]): string[] {
  return entries.map(({ entryId }) => entryId);
}

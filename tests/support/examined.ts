/**
 * Looking at a log whose files may be damaged: whatever is asked of it is answered or refused in the library's own way,
 * and where `verify()` finds nothing, everything is as it was.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  AuditLogError,
  verifyProof,
} from "@audit-log/llm";
import { allLines, inputs } from "./interaction.ts";
import { checkpointsOf, partsOf } from "./notes.ts";

/** What was answered, or the error. */
export type Attempt<T> = { readonly value: T } | { readonly error: AuditLogError };

/** Attempts something that may fail in no way but the library's own. */
export async function attempt<T>(action: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await action() };
  } catch (error) {
    assert(error instanceof AuditLogError, String((error as Error)?.stack ?? error));
    assert(/^Cannot .+: .+/s.test(error.message), error.message);
    return { error };
  }
}

/** What a log had before its files were damaged. */
export interface Known {
  readonly entries: readonly AuditEntry[];
  readonly lines: readonly string[];
  readonly notes: readonly string[];
  readonly verifierKey: string;
}

/** What is known of an open log. */
export async function known(log: AuditLog, verifierKey: string): Promise<Known> {
  return {
    entries: await log.query(),
    lines: await allLines(log),
    notes: await checkpointsOf(log),
    verifierKey,
  };
}

/**
 * Asks a log everything.
 *
 * @returns Whether `verify()` found nothing wrong; then every answer was the right one, or that something is damaged.
 */
export async function examine(log: AuditLog, original: Known): Promise<boolean> {
  const { entries, lines, notes, verifierKey } = original;
  const report = await attempt(() => log.verify({ verifierKey, checkpoint: notes }));
  const ok = "value" in report && report.value.ok;
  const kept = await attempt(() => checkpointsOf(log));
  const covered = "value" in kept && ok
    ? Math.max(0, ...kept.value.map((note) => partsOf(note).size))
    : 0;
  const expect = async <T>(what: string, action: () => Promise<T>, expected: T): Promise<void> => {
    let found = await attempt(action);
    if (!ok) return;
    // An index that proves to be damaged is made anew.
    if ("error" in found && /ask again/i.test(found.error.message)) found = await attempt(action);
    // What is not asked for by verify(), an index of a log without entries for example, may be refused all the same.
    if ("error" in found && found.error.code === "DAMAGED") return;
    assert("value" in found, `verify() finds nothing; ${what}: ${"error" in found && found.error}`);
    assertEquals(found.value, expected, `verify() finds nothing; ${what}`);
  };

  await expect("lines()", () => allLines(log), [...lines]);
  await expect("query()", () => log.query(), [...entries]);
  await expect("stream()", () => streamed(log), inputs(entries).reverse());
  await expect("count()", () => log.count(), entries.length);
  for (const filter of filtersOf(entries)) {
    const expected = entries.filter((entry) => passes(entry, filter));
    const what = JSON.stringify(filter);
    await expect(`query(${what})`, () => log.query(filter), expected);
    await expect(`count(${what})`, () => log.count(filter), expected.length);
  }
  for (const entry of sampleOf(entries)) {
    const { entryId } = entry;
    await expect(`get(${entryId})`, () => log.get(entryId), entry);
    const after = entries.slice(entries.indexOf(entry) + 1).slice(0, 3);
    await expect(`after ${entryId}`, () => log.query({ after: entryId, limit: 3 }), after);
    if (entries.indexOf(entry) >= covered) continue;
    await expect(`prove(${entryId})`, () => proven(log, entryId), true);
  }
  await expect("get() of none", () => log.get("none"), undefined);
  if (ok) {
    assert("value" in kept);
    // One that is missing is told of as not known, and so is a signature that is nobody's.
    const given = new Set(notes.map(textOf));
    for (const note of kept.value) assert(given.has(textOf(note)), note);
  }
  await attempt(() => log.proveConsistency(0));
  await attempt(() => log.info());
  return ok;

  async function proven(log: AuditLog, entryId: string): Promise<boolean> {
    const [record, proof] = [(await log.line(entryId))!, await log.prove(entryId)];
    const index = entries.findIndex((entry) => entry.entryId === entryId);
    return (await verifyProof({ record, proof, verifierKey })).index === index;
  }
}

function textOf(note: string): string {
  return note.split("\n\n")[0]!;
}

async function streamed(log: AuditLog): Promise<string[]> {
  const texts: string[] = [];
  for await (const { inputText } of log.stream({ order: "desc" })) texts.push(inputText);
  return texts;
}

function filtersOf(entries: readonly AuditEntry[]): AuditFilter[] {
  const [user, other] = new Set(entries.map(({ user }) => user));
  const [model] = new Set(entries.map(({ model }) => model));
  const time = entries[Math.floor(entries.length / 2)]?.timestamp;
  return [
    { user: user ?? "nobody" },
    { user: other ?? "nobody", model: model ?? "none" },
    { model: model ?? "none" },
    ...(time === undefined ? [] : [{ since: time }, { until: time }, { since: time, user: user! }]),
  ];
}

function passes(entry: AuditEntry, { user, model, since, until }: AuditFilter): boolean {
  const time = Date.parse(entry.timestamp);
  return (user === undefined || entry.user === user) &&
    (model === undefined || entry.model === model) &&
    (since === undefined || time >= Date.parse(String(since))) &&
    (until === undefined || time <= Date.parse(String(until)));
}

function sampleOf(entries: readonly AuditEntry[]): AuditEntry[] {
  return entries.filter((_, index) => index % 97 === 3 || index === entries.length - 1);
}

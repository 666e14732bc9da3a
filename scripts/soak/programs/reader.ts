/**
 * Run as a process of its own: asks a log that others write everything that can be asked, and compares with what it was
 * answered before. Its argument is a {@link ReaderTask}.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { AuditLog, AuditLogError, verifyProof } from "../../../mod.ts";
import { Random } from "../../../tests/support/random.ts";
import { Journal } from "./journal.ts";
import type { ReaderTask } from "./task.ts";

const task = JSON.parse(process.argv[2]!) as ReaderTask;
const journal = new Journal(task.journal);
const random = new Random(task.seed);
const { backend, path, verifierKey } = task;
const before = JSON.parse(readFileSync(task.notes, "utf8")) as string[];

/** What is looked at of an entry. */
interface Read {
  readonly entry_id: string;
  readonly user: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** All lines that were read, in their order, and ids and users in them. */
let lines: string[] = [];
let entries: Read[] = [];
let notes: string[] = [];

async function readAll(log: AuditLog): Promise<void> {
  const now: string[] = [];
  for await (const line of log.lines()) now.push(line);
  if (lines.some((line, index) => line !== now[index])) {
    fail("lines that were read before are others now");
  }
  entries = [
    ...entries,
    ...now.slice(lines.length).map((line) => JSON.parse(line) as Read),
  ];
  lines = now;
  if (new Set(entries.map(({ entry_id }) => entry_id)).size !== entries.length) {
    fail("an id is there twice");
  }
}

function isInteraction({ metadata }: Read): boolean {
  return metadata["audit.event"] === undefined || metadata["audit.event"] === "call.end";
}

/** The calls that begin in some entries and do not end in others. */
function openIn(begun: readonly Read[], ended: readonly Read[]): string[] {
  const of = (entries: readonly Read[], event: string) =>
    entries.filter(({ metadata }) => metadata["audit.event"] === event)
      .map(({ metadata }) => metadata["audit.call"] as string);
  const ends = new Set(of(ended, "call.end"));
  return of(begun, "call.begin").filter((callId) => !ends.has(callId));
}

const QUESTIONS: readonly ((log: AuditLog) => Promise<void>)[] = [
  readAll,
  async (log) => {
    const count = await log.count({ events: "all" });
    if (count < lines.length) fail(`${count} entries, and ${lines.length} were read before`);
    const known = entries.filter(isInteraction);
    const interactions = await log.count();
    if (interactions < known.length) fail(`${interactions} interactions, not ${known.length}`);
  },
  async (log) => {
    if (entries.length === 0) return;
    const { user } = random.pick(entries);
    const ofUser = entries.filter((entry) => entry.user === user);
    for (const events of ["all", "interactions"] as const) {
      const known = events === "all" ? ofUser : ofUser.filter(isInteraction);
      const found = await log.query({ user, events, limit: known.length });
      if (found.some(({ entryId }, index) => entryId !== known[index]!.entry_id)) {
        fail(`query() of ${user}, ${events}, gives other entries than all lines`);
      }
      const counted = await log.count({ user, events });
      if (counted < known.length) fail(`count() of ${user} is ${counted}, not ${known.length}`);
    }
  },
  async (log) => {
    const before = entries;
    const unfinished = new Set((await log.unfinished()).map(({ callId }) => callId));
    await readAll(log);
    for (const callId of openIn(before, entries)) {
      if (!unfinished.has(callId)) fail(`${callId} is not unfinished, and has not ended`);
    }
    const all = new Set(openIn(entries, before));
    for (const callId of unfinished) {
      if (!all.has(callId)) fail(`${callId} has ended, or never begun`);
    }
  },
  async (log) => {
    if (entries.length === 0) return;
    const { entry_id } = random.pick(entries);
    const said = entries.filter(({ metadata }) => metadata["audit.ref"] === entry_id);
    const found = await log.get(entry_id, { annotations: true });
    if (said.some((one, index) => found?.annotations[index]?.entryId !== one.entry_id)) {
      fail(`${entry_id} has other annotations than all lines`);
    }
  },
  async (log) => {
    if (entries.length === 0) return;
    const index = random.integer(0, entries.length - 1);
    const { entry_id } = entries[index]!;
    if (await log.line(entry_id) !== lines[index]) fail(`line() of ${entry_id} is not its line`);
    let next = index + 1;
    for await (const line of log.lines({ after: entry_id, limit: 100 })) {
      if (next < lines.length && line !== lines[next]) fail(`what is after ${entry_id} is not`);
      next++;
    }
  },
  async (log) => {
    if (entries.length === 0) return;
    const index = random.integer(0, entries.length - 1);
    let proof: string;
    try {
      proof = await log.prove(entries[index]!.entry_id);
    } catch (error) {
      if (error instanceof AuditLogError && error.code === "NO_CHECKPOINT") return;
      throw error;
    }
    const proven = await verifyProof({ record: lines[index]!, proof, verifierKey });
    if (proven.index !== index) fail(`entry ${index} is proven to be ${proven.index}`);
    journal.count("proofs");
  },
  async (log) => {
    const to = random.integer(0, lines.length);
    await log.proveConsistency(random.integer(0, to), to);
    journal.count("proofs");
  },
  async (log) => {
    const now: string[] = [];
    for await (const note of log.checkpoints()) now.push(note);
    if (notes.some((note, index) => note !== now[index])) fail("checkpoints are others now");
    notes = now;
  },
  async (log) => {
    const report = await log.verify({ verifierKey, checkpoint: [...before, ...notes] });
    if (!report.ok) fail(`verify() finds ${JSON.stringify(report.faults.slice(0, 9))}`);
    if (report.unknown.some((sentence) => sentence.includes("is not among those of the log"))) {
      fail(`verify() says ${JSON.stringify(report.unknown)}`);
    }
    journal.count("verifications");
  },
];

function fail(reason: string): never {
  journal.tell({ do: "failed", reason });
  process.exit(1);
}

process.on("unhandledRejection", (error) => fail(`unhandled: ${(error as Error)?.stack ?? error}`));
console.log("ready");
let log: AuditLog | undefined;
for (let step = 0; step < task.steps; step++) {
  try {
    log ??= await AuditLog.open({ backend, path, readOnly: random.chance(50) });
    await random.pick(QUESTIONS)(log);
    if (!random.chance(10)) continue;
    await log.close();
    journal.count("handles");
    log = undefined;
  } catch (error) {
    if (error instanceof AuditLogError && error.code === "LOG_BUSY") {
      journal.count("refused: read, LOG_BUSY");
    } else {
      const { stack, cause } = error as Error;
      fail(`${stack} ${cause === undefined ? "" : `caused by ${(cause as Error).stack ?? cause}`}`);
    }
  }
}
await log?.close();
journal.tell({ do: "done" });

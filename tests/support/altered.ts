/**
 * Logs as they were, for tests of what somebody does to them from outside, and ways to do it.
 *
 * @module
 */

import {
  AuditLog,
  generateSigningKey,
  type VerificationReport,
  type VerifyOptions,
} from "@audit-log/llm";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type FilesBeside, filesBeside, writeBeside } from "./files.ts";
import { allLines, interactions, START_MS } from "./interaction.ts";
import { BY_HAND } from "./notes.ts";
import { openRaw, type RawDatabase } from "./raw_sqlite.ts";
import { tempFolder } from "./temp.ts";

/** The keys of all logs here, so that one may take the place of another. */
export const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");

/** A log that was recorded and signed; nobody has it open. */
export interface Original {
  readonly backend: "sqlite" | "jsonl";
  readonly path: string;
  readonly ids: readonly string[];
  readonly lines: readonly string[];
  /** Its checkpoints. */
  readonly notes: readonly string[];
}

/** What was recorded, and its files by what follows the log's name in theirs. */
interface Recorded {
  readonly log: Original;
  readonly files: FilesBeside;
}

const recorded = new Map<string, Promise<Recorded>>();

/**
 * Makes a log with a checkpoint at each of some sizes; the last is how many entries it has. Those of the same sizes are copies of one, which is
 * recorded once.
 */
export async function original(
  t: TestContext,
  backend: "sqlite" | "jsonl",
  sizes: readonly number[] = [100, 280, 300],
): Promise<Original> {
  const name = [backend, ...sizes].join(" ");
  if (!recorded.has(name)) recorded.set(name, record(t, backend, sizes));
  const { log, files } = await recorded.get(name)!;
  const path = join(tempFolder(t), "log");
  writeBeside(path, files);
  return { ...log, path };
}

async function record(
  t: TestContext,
  backend: "sqlite" | "jsonl",
  sizes: readonly number[],
): Promise<Recorded> {
  const folder = tempFolder(t);
  const path = join(folder, "log");
  // All at one time, so that no order of them looks wrong by itself.
  const clock = () => START_MS;
  const log = await AuditLog.open({
    backend,
    path,
    signingKey,
    clock,
    checkpoints: BY_HAND,
    durability: "relaxed", // a checkpoint puts everything on the disk
  });
  const entries = interactions(sizes.at(-1)!, { costUsd: 0.5, latencyMs: 7, user: "alice" });
  const ids: string[] = [];
  const notes: string[] = [];
  for (const size of sizes) {
    const recorded = await log.recordAll(entries.slice(ids.length, size));
    ids.push(...recorded.map(({ entryId }) => entryId));
    notes.push(await log.checkpoint());
  }
  const lines = await allLines(log);
  await log.close();
  return { log: { backend, path, ids, lines, notes }, files: filesBeside(folder, "log") };
}

/** Verifies a log that nobody has open, without any right to change it. */
export async function verified(
  { backend, path }: Pick<Original, "backend" | "path">,
  options: VerifyOptions = { verifierKey },
): Promise<VerificationReport> {
  const log = await AuditLog.open({ backend, path, readOnly: true });
  try {
    return await log.verify(options);
  } finally {
    await log.close();
  }
}

/** The kind of each fault, and the number of the entry where one is named. */
export function findings({ faults }: VerificationReport): string[] {
  return faults.map(({ kind, index }) => index === undefined ? kind : `${kind} ${index}`).sort();
}

/** Does to the tables of a SQLite log what its triggers refuse, and puts the triggers back. */
export async function alterTables(
  t: TestContext,
  { path }: Pick<Original, "path">,
  alter: (raw: RawDatabase) => void,
): Promise<void> {
  const raw = await openRaw(t, path);
  const triggers = raw.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
  for (const { name } of triggers) raw.exec(`DROP TRIGGER ${name}`);
  alter(raw);
  for (const { sql } of triggers) raw.exec(String(sql));
  raw.close();
}

/** Writes the lines of a JSONL log's file anew, or those of its checkpoints. */
export function alterLines(path: string, alter: (lines: string[]) => string[]): void {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  writeFileSync(path, alter(lines).map((line) => `${line}\n`).join(""));
}

/** Removes the index beside a JSONL log's file. */
export function removeIndex(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}-index${suffix}`, { force: true });
}

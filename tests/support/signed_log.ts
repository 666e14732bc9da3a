/**
 * Logs with a key and a checkpoint, in a file each, and what somebody may do to them from outside.
 *
 * @module
 */

import { AuditLog, generateSigningKey } from "@audit-log/llm";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { allLines, interactions, steadyClock } from "./interaction.ts";
import { openRaw } from "./raw_sqlite.ts";
import { tempFolder } from "./temp.ts";

/** A log, its key and what was kept of it. */
export interface SignedLog {
  /** A folder of its own. */
  readonly folder: string;
  /** The log's file. */
  readonly path: string;
  /** The private key, and the file that holds it. */
  readonly signingKey: string;
  readonly keyFile: string;
  readonly verifierKey: string;
  /** A checkpoint of all entries, and the file that holds it. */
  readonly checkpoint: string;
  readonly checkpointFile: string;
  /** The entries' ids and lines, in their order. */
  readonly ids: readonly string[];
  readonly lines: readonly string[];
}

/** The name of the logs and of their keys. */
export const ORIGIN = "acme.example/chat";

/** Makes a log of so many entries. */
export async function signedLog(
  t: TestContext,
  backend: "sqlite" | "jsonl",
  count: number,
): Promise<SignedLog> {
  const folder = tempFolder(t);
  const path = join(folder, backend === "sqlite" ? "log.db" : "log.jsonl");
  const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
  const log = await AuditLog.open({
    backend,
    path,
    signingKey,
    clock: steadyClock(),
    checkpoints: { everyEntries: Infinity, everyMs: Infinity, onClose: false },
  });
  const ids = (await log.recordAll(interactions(count))).map(({ entryId }) => entryId);
  const checkpoint = await log.checkpoint();
  const lines = await allLines(log);
  await log.close();
  const [keyFile, checkpointFile] = [join(folder, "audit.key"), join(folder, "kept.txt")];
  writeFileSync(keyFile, `${signingKey}\n`, { mode: 0o600 });
  writeFileSync(checkpointFile, checkpoint);
  return {
    folder,
    path,
    signingKey,
    keyFile,
    verifierKey,
    checkpoint,
    checkpointFile,
    ids,
    lines,
  };
}

/** Does something to a SQLite log that its triggers refuse, and puts them back. */
export async function alterDatabase(t: TestContext, path: string, sql: string): Promise<void> {
  const raw = await openRaw(t, path);
  const triggers = raw.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
  for (const { name } of triggers) raw.exec(`DROP TRIGGER ${name}`);
  raw.exec(sql);
  for (const { sql } of triggers) raw.exec(String(sql));
  raw.close();
}

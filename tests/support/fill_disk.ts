/**
 * Run as a process of its own, with a log on a small disk that another file fills, or under a limit that it sets itself for the
 * size of files: records until there is no room, makes room, and goes on with the same handle, or opens the log again where that
 * refuses. Prints as JSON what became of it.
 *
 * Arguments: backend, path, how many are recorded at once, the other file if there is one.
 *
 * @module
 */

import { AuditLog, AuditLogError, generateSigningKey } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";

const [backend, path, count, ballast] = process.argv.slice(2);
const atOnce = Number(count);
/** How large a file may be, bytes. */
const LIMIT = 1_000_000;

function limit(size: number | "unlimited"): void {
  const args = ["--pid", `${process.pid}`, `--fsize=${size}:`];
  const { status, stderr } = spawnSync("prlimit", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

const { signingKey, verifierKey } = await generateSigningKey("acme.example/full");
const options = { backend: backend as "sqlite" | "jsonl", path: path!, signingKey };
const checkpoints = { everyEntries: Infinity, everyMs: Infinity };
const open = () => AuditLog.open({ ...options, checkpoints });
let log = await open();
if (ballast === undefined) limit(LIMIT);
const acknowledged: string[] = [];
const refused: string[] = [];
const failures: { code: string; message: string; reason: string }[] = [];
let n = 0;

/** Records one large entry or many small ones. */
async function record(): Promise<void> {
  const texts = Array.from({ length: atOnce }, () => `${n++}`);
  const outputText = "x".repeat(atOnce === 1 ? 10_000 : 100);
  const entries = texts.map((inputText) => ({ model: "m", inputText, outputText }));
  try {
    await (atOnce === 1 ? log.record(entries[0]!) : log.recordAll(entries));
    acknowledged.push(...texts);
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error;
    refused.push(...texts);
    const { code, message, cause } = error;
    failures.push({ code, message, reason: `${(cause as Error).message}` });
  }
}

while (failures.length < 3) await record();
const { writing } = await log.info();
const before = acknowledged.length;
const whileFull = (await log.query()).map(({ inputText }) => inputText);
if (ballast === undefined) limit("unlimited");
else rmSync(ballast);
await record();
const goesOn = failures.length === 3;
if (!goesOn) {
  await log.close();
  log = await open();
}
for (let more = 0; more < 3; more++) await record();
const checkpoint = await log.checkpoint();
await log.close();

const again = await AuditLog.open(options);
const texts = (await again.query()).map(({ inputText }) => inputText);
const report = await again.verify({ verifierKey, checkpoint });
await again.close();
const { faults } = report;
const account = { before, writing, acknowledged, refused, failures, whileFull, goesOn, texts };
console.log(JSON.stringify({ ...account, faults }));

/**
 * Run as a process of its own, with a log on a small disk that another file fills: records until the disk is full, has
 * the other file removed, and goes on with the same handle. Prints as JSON what became of it.
 *
 * Arguments: backend, path, the other file.
 *
 * @module
 */

import { AuditLog, AuditLogError, generateSigningKey } from "@audit-log/llm";
import { rmSync } from "node:fs";
import process from "node:process";

const [backend, path, ballast] = process.argv.slice(2);
const { signingKey, verifierKey } = await generateSigningKey("acme.example/full");
const options = { backend: backend as "sqlite" | "jsonl", path: path!, signingKey };
const log = await AuditLog.open({
  ...options,
  checkpoints: { everyEntries: Infinity, everyMs: Infinity },
});
const acknowledged: string[] = [];
const failures: { code: string; message: string }[] = [];
let n = 0;
const record = async () => {
  const inputText = `${n++}`;
  await log.record({ model: "m", inputText, outputText: "x".repeat(10_000) });
  acknowledged.push(inputText);
};
while (failures.length < 3) {
  try {
    await record();
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error;
    failures.push({ code: error.code, message: error.message });
  }
}
const whileFull = (await log.query()).length;
rmSync(ballast!);
for (let more = 0; more < 5; more++) await record();
const checkpoint = await log.checkpoint();
await log.close();

const again = await AuditLog.open(options);
const entries = await again.query();
const report = await again.verify({ verifierKey, checkpoint });
await again.close();
const texts = entries.map(({ inputText }) => inputText);
console.log(JSON.stringify({ acknowledged, failures, whileFull, texts, faults: report.faults }));

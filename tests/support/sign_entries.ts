/**
 * Run as a process of its own: records entries and signs checkpoints, by count and when it asks, and prints as JSON the
 * checkpoints that it asked for.
 *
 * Arguments: backend, path, the signing key, user, how many.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import process from "node:process";

const [backend, path, signingKey, user, count] = process.argv.slice(2);

const log = await AuditLog.open({
  backend: backend as "sqlite" | "jsonl",
  path: path!,
  signingKey: signingKey!,
  checkpoints: { everyEntries: 7, everyMs: Infinity },
});
const notes: string[] = [];
for (let n = 0; n < Number(count); n++) {
  await log.record({ model: "m", user: user!, inputText: `${n}`, outputText: "out" });
  if (n % 10 === 9) notes.push(await log.checkpoint());
}
await log.close();
console.log(JSON.stringify(notes));

/**
 * Run as a process of its own: opens a log, says `ready`, and when it is told anything records, from several callers at
 * once, signs a checkpoint and closes the log. It prints `recording` when it has begun, `entry ID CALLER N` for each entry
 * that was acknowledged, and `done`.
 *
 * Arguments: backend, path, the signing key, its name, and when it opens the log: `before` it is told, or `then`.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import process from "node:process";
import { groupNumbers, numberedEntry, singleNumber } from "./numbered.ts";
import { say } from "./say.ts";

const [backend, path, signingKey, writer, when] = process.argv.slice(2);
const open = () =>
  AuditLog.open({
    backend: backend as "sqlite" | "jsonl",
    path: path!,
    signingKey: signingKey!,
    busyTimeoutMs: 100_000,
  });

let log = when === "before" ? await open() : undefined;
say("ready");
await new Promise((resolve) => process.stdin.once("data", resolve));
const opening = log === undefined ? open() : undefined;
if (opening !== undefined) say("recording");
log ??= await opening!;
const numbers = [
  [singleNumber(writer!, 0, 0)],
  groupNumbers(writer!, 1, 0, 20),
  groupNumbers(writer!, 2, 0, 3),
];
const recording = Promise.all(numbers.map((group) => log.recordAll(group.map(numberedEntry))));
if (opening === undefined) say("recording");
for (const [caller, entries] of (await recording).entries()) {
  for (const [n, { entryId }] of entries.entries()) say(`entry ${entryId} ${caller} ${n}`);
}
await log.checkpoint();
await log.close();
say("done");
process.exit(0); // whatever the runtime thinks of the open standard input

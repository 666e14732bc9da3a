/**
 * Run as a process of its own: records entries, prints the id of each that is acknowledged, and ends without closing the
 * log, right after it has asked for more.
 *
 * Arguments: backend, path.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { writeSync } from "node:fs";
import process from "node:process";

const [backend, path] = process.argv.slice(2);
const log = await AuditLog.open({ backend: backend as "sqlite" | "jsonl", path: path! });
const record = (inputText: string) =>
  log.record({ model: "m", inputText, outputText: "out" })
    // Synchronously, so that what was acknowledged is told.
    .then(({ entryId }) => writeSync(1, `${entryId}\n`));
await record("acknowledged");
for (let n = 0; n < 100; n++) void record(`${n}`);
process.exit(0);

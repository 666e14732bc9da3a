/**
 * Run as a process of its own that is bound by the rights of files: opens a log, records, takes from itself all rights to the
 * log's files, and goes on. Prints as JSON what became of it.
 *
 * Arguments: backend, path, and how many batches are recorded before the rights are gone.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { chmodSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { interactions } from "./interaction.ts";

const [backend, path, batches] = process.argv.slice(2);
const folder = dirname(path!);
const log = await AuditLog.open({ backend: backend as "sqlite" | "jsonl", path: path! });
await log.record(interactions(1)[0]!);
for (let n = 0; n < Number(batches); n++) await log.recordAll(interactions(1000));
for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o000);
await log.record(interactions(1)[0]!);
for (let n = 0; n < 2; n++) await log.recordAll(interactions(1000));
const size = (await log.query()).length;
const { writing, warnings } = await log.info();
const { faults } = await log.verify();
await log.close();
console.log(JSON.stringify({ size, writing, warnings, faults }));

/**
 * Run as a process of its own: opens a log, prints a line, waits to be told, records as 64 callers, and prints another line.
 *
 * @module
 */
import process from "node:process";
import { AuditLog } from "../../mod.ts";
import { recordBy } from "./callers.ts";
import { readEntries, tinyEntries } from "./entries.ts";
import type { ProcessTask } from "./processes.ts";

const { backend, path, size, entriesPath }: ProcessTask = JSON.parse(process.argv[2]);
const count = Number(process.argv[3]);
const entries = size === "real" ? readEntries(entriesPath) : tinyEntries();
const log = await AuditLog.open({ backend, path });
console.log("open");
await new Promise((resolve) => process.stdin.once("data", resolve));
await recordBy(64, log, entries, count);
console.log("recorded");
await log.close();

/**
 * Run as a process of its own: opens a log, records so many entries, says `recorded`, and when it is told anything records
 * another and says `done`.
 *
 * Arguments: backend, path, how many.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import process from "node:process";
import { interaction, interactions } from "./interaction.ts";
import { say } from "./say.ts";

const [backend, path, count] = process.argv.slice(2);
const log = await AuditLog.open({ backend: backend as "sqlite" | "jsonl", path: path! });
await log.recordAll(interactions(Number(count)));
if (backend === "jsonl") await log.query();
say("recorded");
await new Promise((resolve) => process.stdin.once("data", resolve));
await log.record(interaction({ inputText: "told" }));
if (backend === "jsonl") await log.query();
await log.close();
say("done");
process.exit(0);

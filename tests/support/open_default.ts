/**
 * Run as a process of its own: opens a log of a backend without a path, records an entry, and closes it.
 *
 * Its argument: backend.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import process from "node:process";

const log = await AuditLog.open({ backend: process.argv[2] as "sqlite" | "jsonl" });
await log.record({ model: "m", inputText: "in", outputText: "out" });
await log.close();

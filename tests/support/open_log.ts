/**
 * Run as a process of its own: opens a log, records one entry unless it is told not to, and prints what became of
 * it as JSON: `{"size": 1}` or `{"code": "..."}`.
 *
 * Arguments: backend, path, `write` or `read` (with `readOnly`) or `open` (without recording).
 *
 * @module
 */

import { AuditLog, AuditLogError } from "@audit-log/llm";
import process from "node:process";

const [backend, path, how] = process.argv.slice(2);

try {
  const log = await AuditLog.open({
    backend: backend as "sqlite" | "jsonl",
    path: path!,
    readOnly: how === "read",
  });
  if (how === "write") await log.record({ model: "m", inputText: "in", outputText: "out" });
  const size = (await log.query()).length;
  await log.close();
  console.log(JSON.stringify({ size }));
} catch (error) {
  if (!(error instanceof AuditLogError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}

/**
 * Run as a process of its own: records entries in a JSONL log that signs, until another thread hashes them, and leaves the
 * log open. Prints where records are hashed.
 *
 * Argument: path.
 *
 * @module
 */

import { AuditLog, generateSigningKey } from "@audit-log/llm";
import process from "node:process";

const { signingKey } = await generateSigningKey("acme.example/aside");
const log = await AuditLog.open({ backend: "jsonl", path: process.argv[2]!, signingKey });
const entries = Array.from({ length: 100 }, () => ({ model: "m", inputText: "", outputText: "" }));
let hashing: string | undefined;
for (let n = 0; n < 2000 && hashing !== "another thread"; n++) {
  await log.recordAll(entries);
  hashing = (await log.info()).hashing;
}
console.log(hashing);

/**
 * Run as a process of its own: records entries in a log that signs until another thread hashes and, in a SQLite log,
 * writes them, and leaves the log open. Prints where that is done.
 *
 * Arguments: backend, path.
 *
 * @module
 */

import { AuditLog, generateSigningKey } from "@audit-log/llm";
import process from "node:process";

const [backend, path] = process.argv.slice(2) as ["jsonl" | "sqlite", string];
const { signingKey } = await generateSigningKey("acme.example/aside");
const log = await AuditLog.open({ backend, path, signingKey });
const entries = Array.from({ length: 100 }, () => ({ model: "m", inputText: "", outputText: "" }));
let places: (string | undefined)[] = [undefined];
for (let n = 0; n < 2000 && !places.every((place) => place === "another thread"); n++) {
  await log.recordAll(entries);
  const { hashing, writing } = await log.info();
  places = backend === "jsonl" ? [hashing] : [hashing, writing];
}
console.log(places.join());

/**
 * Run as a process of its own: records entries, several at a time, and prints their ids, one a line, in the
 * order of the calls.
 *
 * Arguments: backend, path, user, how many.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import process from "node:process";

const [backend, path, user, count] = process.argv.slice(2);

const log = await AuditLog.open({ backend: backend as "sqlite" | "jsonl", path: path! });
const ids: string[] = [];
for (let n = 0; n < Number(count);) {
  // Alone, in twos, in threes, ... so that calls of all processes mix in every way.
  const size = Math.min(1 + n % 5, Number(count) - n);
  const recording = Array.from(
    { length: size },
    () => log.record({ model: "m", user: user!, inputText: `${n++}`, outputText: "out" }),
  );
  for (const { entryId } of await Promise.all(recording)) ids.push(entryId);
}
await log.close();
console.log(ids.join("\n"));

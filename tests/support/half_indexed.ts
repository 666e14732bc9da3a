/**
 * Run as a thread: opens a JSONL log, and on a word records a group that is larger than what the index takes at a time; when
 * the first part of it is in the index, says so and stands still until it is let go.
 *
 * Its data: path, how many entries, and the shared cells: the word, that it has come so far, that it may go on.
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { parentPort, workerData } from "node:worker_threads";
import { aroundSqlite } from "./around_sqlite.ts";
import { groupNumbers, numberedEntry } from "./numbered.ts";
import { currentRuntime } from "./runtime.ts";

const [path, count, cells]: [string, number, Int32Array] = workerData;
let isDue = false;

const runtime = aroundSqlite(await currentRuntime(), ({ path, sql, does }, action) => {
  const result = action();
  if (isDue && does === "exec" && path.endsWith("-index") && sql === "COMMIT") {
    isDue = false;
    raise(cells, 1);
    Atomics.wait(cells, 2, 0);
  }
  return result;
});
const log = await AuditLog.open({ backend: "jsonl", path, durability: "relaxed", runtime });
parentPort!.postMessage("ready");
Atomics.wait(cells, 0, 0);
await log.recordAll(groupNumbers("halting", 0, 0, count).map(numberedEntry));
isDue = true;
await log.count(); // which has the index brought up to date
await log.close();
parentPort!.postMessage("done");

/** Sets a cell, and wakes who waits for it. */
function raise(cells: Int32Array, cell: number): void {
  Atomics.store(cells, cell, 1);
  Atomics.notify(cells, cell);
}

/**
 * Run as a thread: opens a JSONL log, and on a word records a group that is larger than what the index takes at a time; when
 * the first part of it is in the index, says so and stands still until it is let go.
 *
 * Its data: path, how many entries, and the shared cells: the word, that it has come so far, that it may go on.
 *
 * @module
 */

import { AuditLog, type Runtime } from "@audit-log/llm";
import { parentPort, workerData } from "node:worker_threads";
import { groupNumbers, numberedEntry } from "./numbered.ts";
import { currentRuntime } from "./runtime.ts";

const [path, count, cells]: [string, number, Int32Array] = workerData;
let isDue = false;

const runtime = await currentRuntime();
const halting: Runtime = {
  ...runtime,
  sqlite: {
    ...runtime.sqlite,
    open(path, options) {
      const database = runtime.sqlite.open(path, options);
      return {
        prepare: (sql) => database.prepare(sql),
        close: () => database.close(),
        exec(sql) {
          database.exec(sql);
          if (!isDue || !path.endsWith("-index") || sql !== "COMMIT") return;
          isDue = false;
          raise(cells, 1);
          Atomics.wait(cells, 2, 0);
        },
      };
    },
  },
};
const log = await AuditLog.open({
  backend: "jsonl",
  path,
  durability: "relaxed",
  runtime: halting,
});
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

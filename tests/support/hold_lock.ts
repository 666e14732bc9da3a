/**
 * Run as a process of its own, to be killed: takes the log's lock and does not give it back. It prints `in` when it is in the
 * middle of writing: half of the line is in the JSONL file, all but COMMIT is done in SQLite.
 *
 * Arguments: backend, path, the signing key, and what it writes: `record` or `checkpoint`.
 *
 * @module
 */

import { AuditLog, type Runtime } from "@audit-log/llm";
import process from "node:process";
import { aroundFiles } from "./around_files.ts";
import { aroundSqlite } from "./around_sqlite.ts";
import { numberedEntry, singleNumber } from "./numbered.ts";
import { currentRuntime } from "./runtime.ts";
import { block, say } from "./say.ts";

const [backend, path, signingKey, what] = process.argv.slice(2);
let isDue = false;

/** The runtime, but the next write never ends. */
function stuck(runtime: Runtime): Runtime {
  const hang = () => {
    say("in");
    block();
  };
  const files = aroundFiles(runtime, (file) => ({
    append: async (bytes) => {
      if (!isDue) return await file.append(bytes);
      await file.append(bytes.subarray(0, bytes.length / 2));
      hang();
      return 0;
    },
  }));
  return aroundSqlite(files, ({ sql, does }, action) => {
    const isDone = does === "exec" || does === "run";
    if (isDue && isDone && backend === "sqlite" && sql.trim() === "COMMIT") hang();
    return action();
  });
}

const log = await AuditLog.open({
  backend: backend as "sqlite" | "jsonl",
  path: path!,
  runtime: stuck(await currentRuntime()),
  signingKey: signingKey!,
});
if (what === "record") {
  isDue = true;
  await log.record(numberedEntry(singleNumber("holder", 0, 0)));
} else {
  const { entryId } = await log.record(numberedEntry(singleNumber("holder", 0, 0)));
  say(`entry ${entryId} 0 0`);
  isDue = true;
  await log.checkpoint();
}
say("out");

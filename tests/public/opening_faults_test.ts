// Whichever call to the system fails while a log is opened, nothing stays open, and the log can be opened afterwards.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, AuditLogError } from "@audit-log/llm";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { FailingRuntime } from "../support/failing_runtime.ts";
import { EIO, IOERR } from "../support/fault_kinds.ts";
import { filesBeside, writeBeside } from "../support/files.ts";
import { interactions } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, memoryFolder } from "../support/temp.ts";

const ENTRIES = 3;
/** Of the log that is opened. */
const STATES = {
  sqlite: ["as it was closed", "new"],
  jsonl: ["as it was closed", "new", "without its index", "with a file that is no index"],
} as const;

for (const backend of FILE_BACKENDS) {
  for (const state of STATES[backend]) {
    for (const readOnly of state === "new" ? [false] : [false, true]) {
      const how = `${state}${readOnly ? ", for reading" : ""}`;
      test(`${backend}: whichever call fails while a log is opened ${how}, nothing stays open`, async (t) => {
        const real = await currentRuntime();
        const [closed, folder] = [memoryFolder(t), join(memoryFolder(t), "used")];
        if (state !== "new") {
          const log = await AuditLog.open({ backend, path: join(closed, "log") });
          await log.recordAll(interactions(ENTRIES));
          await log.close();
        }
        const index = join(closed, "log-index");
        if (state === "without its index") rmSync(index);
        if (state === "with a file that is no index") writeFileSync(index, "no index");
        const files = filesBeside(closed, "log");
        const options = { backend, path: join(folder, "log"), readOnly } as const;
        for (const done of ["nothing", "all"] as const) {
          let refused = 0;
          for (let n = 0, fails = true; fails; n++) {
            rmSync(folder, { recursive: true, force: true });
            mkdirSync(folder);
            writeBeside(options.path, files);
            let calls = 0;
            const failing = new FailingRuntime(
              real,
              ({ what }) =>
                calls++ === n
                  ? { done, error: what.startsWith("sqlite.") ? IOERR : EIO }
                  : undefined,
            );
            atEnd(t, () => failing.end());
            const opening = AuditLog.open({ ...options, runtime: failing.runtime });
            const opened = await opening.catch((error) => error);
            fails = failing.failed.length > 0;
            failing.plan = () => undefined;
            if (opened instanceof AuditLog) await opened.close();
            else refused++;
            assert(opened instanceof AuditLog || opened instanceof AuditLogError, opened);
            const [call] = failing.failed;
            assertEquals(await failing.end(), [], `${call?.what} ${call?.about} failed (${done})`);
            const log = await AuditLog.open(options);
            assertEquals(await log.count(), state === "new" ? 0 : ENTRIES);
            await log.close();
          }
          assert(refused > 5, `${refused} openings were refused`);
        }
      });
    }
  }
}

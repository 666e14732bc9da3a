/**
 * The demo, as README says to start it.
 *
 * @module
 */

import { mustRun } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import type { Runtime } from "../lib/runtimes.ts";
import type { Checks } from "./interop/checks.ts";

/** What it must print: where the log is, what the database says to a change, and how to look at it. */
const PRINTED = [
  "Opened a new log, ",
  "Recorded 5 interactions; they are on the disk.",
  "An UPDATE by another program is refused: ",
  "sqlite3 -box ",
  "Opened the log ",
];

/** Runs the demo twice, on a log in a folder. */
export async function checkDemo(checks: Checks, deno: Runtime, folder: string): Promise<void> {
  await checks.check(
    "task demo records into a log, twice, and says how to look at it",
    async () => {
      const path = `${folder}/audit_demo.db`;
      const command = [deno.program, "task", `--config=${pathOf("deno.json")}`, "demo", path];
      const printed: string[] = [];
      for (let run = 0; run < 2; run++) printed.push((await mustRun(command)).stdout);
      const all = printed.join("\n");
      const missing = [...PRINTED, path].filter((text) => !all.includes(text));
      if (missing.length > 0) throw new Error(`it did not print ${missing.join(" nor ")}:\n${all}`);
    },
  );
}

/**
 * One log that processes of all runtimes record into at the same time. `deno task test:crash` does the same with many more.
 *
 * @module
 */

import { mustRun } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import { type Runtime, scriptCommand } from "../lib/runtimes.ts";
import { Checks } from "./interop/checks.ts";
import type { InteropOptions } from "./interop.ts";
import type { Outcome } from "./suite.ts";

/** Has the runtimes record; the folder takes the logs. */
export async function recordTogether(
  title: string,
  folder: string,
  runtimes: readonly Runtime[],
  { denoFlags, nodeHooks, progress }: InteropOptions,
): Promise<Outcome> {
  progress.start(title);
  const checks = new Checks(progress);
  const commands = runtimes.map((runtime) => scriptCommand(runtime, denoFlags));
  for (const backend of ["sqlite", "jsonl"]) {
    await checks.check(`${backend}: each entry once and each caller's in order`, async () => {
      const args = [backend, `${folder}/together-${backend}`, JSON.stringify(commands)];
      await mustRun([...commands[0]!, pathOf("tests/support/record_together.ts"), ...args], {
        cwd: pathOf(""),
        // Through the environment, and so also in the processes that it starts.
        env: { NODE_OPTIONS: `--import=${nodeHooks}` },
      });
    });
  }
  return { title, cases: checks.cases };
}

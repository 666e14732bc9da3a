/**
 * Running the processes of a round, and killing some.
 *
 * @module
 */

import { pathOf } from "../lib/project.ts";
import type { Runtime } from "../lib/runtimes.ts";
import { Broken } from "./found_entries.ts";
import { readJournal } from "./programs/journal.ts";
import type { PlannedProcess } from "./round.ts";

/** Longest time for one process: what takes longer hangs. */
const LONGEST_MS = 240_000;

/**
 * Runs a process to its end, which may be a kill.
 *
 * @param task What it is told.
 * @returns Whether it was killed.
 * @throws {Broken} It ended in another way than it should, or hangs.
 */
export async function runProcess(
  runtime: Runtime,
  { program, killAfterMs }: PlannedProcess,
  task: { readonly journal: string },
): Promise<{ readonly killed: boolean }> {
  const flags = runtime.name === "deno" ? ["run", "-A", "--quiet"] : [];
  const child = new Deno.Command(runtime.program, {
    args: [...flags, pathOf(`scripts/soak/programs/${program}.ts`), JSON.stringify(task)],
    cwd: pathOf(""),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hangs = false;
  const timers: ReturnType<typeof setTimeout>[] = [];
  const kill = (): void => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has just ended.
    }
  };
  timers.push(setTimeout(() => {
    hangs = true;
    kill();
  }, LONGEST_MS));
  const errors = new Response(child.stderr).text();
  for await (const _ready of child.stdout) {
    if (killAfterMs !== undefined) timers.push(setTimeout(kill, killAfterMs));
  }
  const { code, signal } = await child.status;
  for (const timer of timers) clearTimeout(timer);
  const what = `${program} on ${runtime.name} ${runtime.version} (${task.journal})`;
  if (hangs) throw new Broken(`${what} hangs`);
  const events = readJournal(task.journal);
  for (const event of events) {
    if (event.do === "failed") throw new Broken(`${what} failed: ${event.reason}`);
  }
  if (signal === "SIGKILL") return { killed: true };
  if (code !== 0 || events.at(-1)?.do !== "done") {
    throw new Broken(`${what} ended with ${signal ?? code}: ${await errors}`);
  }
  return { killed: false };
}

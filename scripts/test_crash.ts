/**
 * Processes killed while they record, and many that record at once, in numbers that the usual tests have no time for.
 *
 * ```sh
 * deno task test:crash                       # on every runtime, 200 kills for each backend
 * deno task test:crash node bun --kills 1000
 * deno task test:crash deno --seed 123       # repeats the plan of an earlier run
 * ```
 *
 * The exit code is 1 if anything failed.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { resolutionFlags } from "./lib/jsr.ts";
import { mustRun, run } from "./lib/process.ts";
import { pathOf, root } from "./lib/project.ts";
import { findRuntime, type Runtime, scriptCommand } from "./lib/runtimes.ts";

const RUNTIMES = ["deno", "bun", "node"] as const;
const PROGRAM = "tests/support/crash_full.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 31)}` },
  },
});
const unknown = positionals.filter((name) => !RUNTIMES.some((known) => known === name));
if (unknown.length > 0 || !(Number(values.kills) > 0) || !Number.isInteger(Number(values.seed))) {
  console.error("usage: deno task test:crash [deno] [bun] [node] [--kills N] [--seed N]");
  Deno.exit(1);
}

const folder = await Deno.makeTempDir({ prefix: "audit-log-crash-" });
const account: string[] = [];
let failed = false;
try {
  const flags = await resolutionFlags(folder);
  await mustRun([Deno.execPath(), "cache", ...flags, PROGRAM, "mod.ts", "audit_log_worker.ts"], {
    cwd: pathOf(""),
  });
  const runtimes = await Promise.all(RUNTIMES.map((name) => findRuntime(name)));
  const commands = runtimes.map((runtime) => scriptCommand(runtime, flags));
  console.log(`seed ${values.seed}`);
  for (const [n, runtime] of runtimes.entries()) {
    if (positionals.length > 0 && !positionals.includes(runtime.name)) continue;
    await testOn(runtime, commands[n], commands);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log(`\n${account.join("\n")}`);
Deno.exit(failed ? 1 : 0);

async function testOn({ name, version }: Runtime, command: string[], commands: string[][]) {
  const title = `${name} ${version}`;
  console.log(`\n${title}`);
  const args = [pathOf(PROGRAM), values.seed, values.kills, JSON.stringify(commands)];
  const { code, stdout } = await run([...command, ...args], {
    cwd: pathOf(""),
    // Through the environment, and so also in the processes that it starts.
    env: {
      NODE_OPTIONS: `--import=${new URL("tests/support/node_hooks.ts", root).href}`,
      NODE_COMPILE_CACHE: `${folder}/compiled`,
    },
    onLine: (line) => console.log(`  ${line}`),
  });
  if (code !== 0) failed = true;
  account.push(`${title}: ${code === 0 ? "all held" : "FAILED"}`);
  account.push(
    ...stdout.split("\n").filter((line) => / in \d+ s$/.test(line)).map((l) => `  ${l}`),
  );
}

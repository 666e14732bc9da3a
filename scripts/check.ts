/**
 * All checks that run no test: `deno task check`. Prints each, and what it found if it failed.
 *
 * @module
 */

import { checkNeutral } from "./check_neutral.ts";
import { resolutionFlags } from "./lib/jsr.ts";
import { run } from "./lib/process.ts";
import { config, filesIn, pathOf } from "./lib/project.ts";

const folder = await Deno.makeTempDir({ prefix: "audit-log-check-" });
let failed = 0;

async function check(name: string, work: () => Promise<{ code: number; output: string }>) {
  const { code, output } = await work();
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
  if (code === 0) return;
  failed++;
  console.log(output.replace(/^/gm, "       "));
}

const deno = (...args: string[]) => () => run([Deno.execPath(), ...args], { cwd: pathOf("") });

try {
  const flags = await resolutionFlags(folder);
  const everything = [
    "mod.ts",
    "cli.ts",
    "audit_log_worker.ts",
    ...["src", "adapters", "capture", "examples", "tests", "scripts"]
      .flatMap((name) => filesIn(name, ".ts")),
  ];
  await check("format", deno("fmt", "--check"));
  await check("lint", deno("lint"));
  await check("doc lint", deno("doc", "--lint", ...Object.values(config.exports)));
  await check("types", deno("check", "--quiet", ...flags, ...everything));
  await check("types of the core, with no runtime's library", () => checkNeutral(folder));
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(failed > 0 ? 1 : 0);

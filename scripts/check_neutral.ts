/**
 * Type-checks the core with the libraries that every runtime and browser has, and no other: what
 * passes uses nothing of Deno, Bun or Node. `src/cli/` is not the core.
 *
 * @module
 */

import { run, type RunResult } from "./lib/process.ts";
import { config, filesIn, pathOf } from "./lib/project.ts";

/** What must not pass: each line names something that only some runtimes have. */
const CANARY = ["Deno.cwd();", "Bun.version;", "process.pid;", "Buffer.alloc(1);", "require('x');"];

/** Runs the check; a result with code 0 is a pass. The folder takes temporary files. */
export async function checkNeutral(folder: string): Promise<RunResult> {
  const configPath = `${folder}/neutral.json`;
  await Deno.writeTextFile(
    configPath,
    JSON.stringify({
      imports: config.imports,
      compilerOptions: { ...config.compilerOptions, lib: ["esnext", "dom"], types: [] },
    }),
  );
  const check = (files: string[]) =>
    run([Deno.execPath(), "check", "--quiet", "--no-lock", `--config=${configPath}`, ...files]);

  // First what must fail, line by line, beside an import of what the core may import: a package's
  // types could bring a runtime's globals with them, and the check would be void.
  const canaryPath = `${folder}/canary.ts`;
  await Deno.writeTextFile(canaryPath, `import "uuid";\n${CANARY.join("\n")}\n`);
  const { output } = await check([canaryPath]);
  const missed = CANARY.filter((_, line) => !output.includes(`canary.ts:${line + 2}:`));
  if (missed.length > 0) {
    const verdict = `This check is void, it lets pass: ${missed.join(" ")}\n${output}`;
    return { code: 1, output: verdict, stdout: "", fellSilent: false };
  }
  return await check(
    filesIn("src", ".ts").filter((path) => !path.startsWith("src/cli/")).map(pathOf),
  );
}

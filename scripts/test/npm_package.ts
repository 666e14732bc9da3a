/**
 * Testing what npm users get: the package is built, packed, installed into an empty folder, and the
 * public tests run against it there, with no source of the project in reach.
 *
 * @module
 */

import { buildPackage, packInto } from "../build_npm/build.ts";
import { checkPackage } from "../build_npm/checks.ts";
import { testDependencies } from "../build_npm/package_json.ts";
import { mustRun } from "../lib/process.ts";
import { filesIn, pathOf } from "../lib/project.ts";
import type { Runtime } from "../lib/runtimes.ts";
import type { Progress } from "./print.ts";
import { type Outcome, runSuite } from "./suite.ts";

/** Builds and packs the package into the folder; returns the tarball's path. */
export async function buildTarball(folder: string, progress: Progress): Promise<string> {
  progress.start("npm package");
  progress.note(`built with ${await buildPackage()}`);
  return await packInto(folder);
}

/** Looks at the package from outside: its metadata, its types, its command. */
export async function testPackaging(tarball: string, progress: Progress): Promise<Outcome> {
  const outcome: Outcome = { title: "npm package, packaging", cases: [] };
  for await (const { name, problem } of checkPackage(tarball)) {
    progress.note(`${name}: ${problem === undefined ? "ok" : "FAILED"}`);
    outcome.cases.push({
      name,
      file: "",
      outcome: problem === undefined ? "passed" : "failed",
      detail: problem ?? "",
    });
  }
  return outcome;
}

/** Installs the tarball into a new folder, with the public tests beside it. */
export async function installWithTests(tarball: string, folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await Deno.writeTextFile(
    `${folder}/package.json`,
    JSON.stringify({ private: true, type: "module" }),
  );
  const others = Object.entries(await testDependencies()).map(([name, range]) =>
    `${name}@${range}`
  );
  await mustRun(["npm", "install", "--no-audit", "--no-fund", tarball, ...others], { cwd: folder });
  for (const file of filesIn("tests", "")) {
    if (file.startsWith("tests/internal/")) continue;
    const target = `${folder}/${file}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(pathOf(file), target);
  }
  // In place of the table that points at the source: the package itself is now in node_modules.
  const paths = { "@std/assert": ["./support/std_assert.ts"] };
  await Deno.writeTextFile(
    `${folder}/tests/tsconfig.json`,
    JSON.stringify({ compilerOptions: { paths } }),
  );
}

/** Runs the public tests in a folder that `installWithTests` made. */
export function testInstalled(
  runtime: Runtime,
  folder: string,
  files: string[],
  progress: Progress,
): Promise<Outcome> {
  const title = `${runtime.name} ${runtime.version}, npm package`;
  progress.start(title);
  return runSuite(runtime, {
    title,
    cwd: folder,
    files,
    nodeHooks: new URL(`file://${folder}/tests/support/node_hooks.ts`).href,
    onLine: progress.onLine,
  });
}

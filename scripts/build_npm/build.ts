/**
 * Building the npm package into `npm/`.
 *
 * @module
 */

import { jsrIsReachable } from "../lib/jsr.ts";
import { mustRun } from "../lib/process.ts";
import { filesIn, has, pathOf } from "../lib/project.ts";
import { CLI, packageJson } from "./package_json.ts";
import { buildWithDenoPack } from "./with_deno_pack.ts";
import { buildWithDnt } from "./with_dnt.ts";

/** Builds the package anew; returns the name of the tool that did it. */
export async function buildPackage(): Promise<"dnt" | "deno pack"> {
  const folder = pathOf("npm");
  if (has("npm")) await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(folder);
  const useDnt = await jsrIsReachable();
  const from = useDnt
    ? await buildWithDnt(folder, await packageJson("./esm/"))
    : await buildWithDenoPack(folder);

  const content = await packageJson(from);
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(content, null, 2) + "\n");
  await makeCommand(`${folder}/${from}${CLI.replace(/\.ts$/, ".js")}`);
  for (const document of ["README.md", "LICENSE", "CHANGELOG.md", ...filesIn("docs", "")]) {
    if (document.startsWith("docs/")) await Deno.mkdir(`${folder}/docs`, { recursive: true });
    await Deno.copyFile(pathOf(document), `${folder}/${document}`);
  }
  return useDnt ? "dnt" : "deno pack";
}

/** Makes the module a program for Node, in place of whatever its first line started before. */
async function makeCommand(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `#!/usr/bin/env node\n${text.replace(/^#!.*\n/, "")}`);
  await Deno.chmod(path, 0o755);
}

/** Packs `npm/` into the folder as npm would publish it; returns the tarball's path. */
export async function packInto(folder: string): Promise<string> {
  const { stdout } = await mustRun(["npm", "pack", "--silent", "--pack-destination", folder], {
    cwd: pathOf("npm"),
  });
  return `${folder}/${stdout.trim().split("\n").at(-1)}`;
}

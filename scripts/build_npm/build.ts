/**
 * Building the npm package into `npm/`.
 *
 * @module
 */

import { dirname } from "node:path";
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
  for (const types of filesIn(folder, ".d.ts")) await bringLibrary(types);
  for (const document of documents()) {
    const target = `${folder}/${document}`;
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(pathOf(document), target);
  }
  return useDnt ? "dnt" : "deno pack";
}

/** What people read: the documents, and what these refer to. */
function documents(): string[] {
  const atTheTop = ["README", "CHANGELOG", "ARCHITECTURE", "CONTRIBUTING"].map((name) =>
    `${name}.md`
  );
  return ["LICENSE", ...atTheTop, ...filesIn("docs", ""), ...filesIn("examples", ".ts")];
}

/** Types that tell of `await using` name what TypeScript's older libraries lack: such a file brings the library itself. */
async function bringLibrary(types: string): Promise<void> {
  const text = await Deno.readTextFile(types);
  if (!/\b[aA]syncDispos(e|able)\b/.test(text)) return;
  await Deno.writeTextFile(types, `/// <reference lib="esnext.disposable" />\n${text}`);
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

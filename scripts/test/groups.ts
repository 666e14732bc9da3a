/**
 * Modules that import some files of tests each. Deno makes an isolate for each file that it is given, and every one of them would load
 * the library and the SDKs anew: a third of all that the run takes.
 *
 * @module
 */

import { pathToFileURL } from "node:url";

/** Small enough that a group which cannot be loaded is soon looked through. */
const FILES_A_GROUP = 16;

/**
 * Writes the groups' modules into a folder.
 *
 * @param files Paths, relative to `cwd`.
 * @returns Their names: the first and the last file of each.
 */
export async function writeGroups(
  files: readonly string[],
  cwd: string,
  folder: string,
): Promise<string[]> {
  const base = pathToFileURL(`${cwd}/`);
  const names: string[] = [];
  for (let from = 0; from < files.length; from += FILES_A_GROUP) {
    const group = files.slice(from, from + FILES_A_GROUP);
    const name = `${stem(group[0])}_to_${stem(group[group.length - 1])}_test.ts`;
    const imports = group.map((file) => `import ${JSON.stringify(new URL(file, base).href)};\n`);
    await Deno.writeTextFile(`${folder}/${name}`, imports.join(""));
    names.push(name);
  }
  return names;
}

/** `sse` of `tests/internal/sse_test.ts`. */
function stem(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1).replace(/_test\.ts$/, "");
}

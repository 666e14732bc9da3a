/**
 * What the scripts know of the project: its folder, its `deno.json`, its files.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** The project's folder, with a slash at the end. */
export const root = new URL("../../", import.meta.url);

/** The part of `deno.json` that the scripts read. */
export interface DenoConfig {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
  imports: Record<string, string>;
  compilerOptions: Record<string, unknown>;
  publish: { include: string[] };
}

/** The project's `deno.json`. */
export const config: DenoConfig = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));

/** The path of a file of the project, for programs. */
export function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, root));
}

/** Whether the project has such a file or folder. */
export function has(relative: string): boolean {
  try {
    Deno.statSync(new URL(relative, root));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The files below a folder whose name ends so, as sorted paths relative to the project. */
export function filesIn(folder: string, ending: string): string[] {
  if (!has(folder)) return [];
  const found: string[] = [];
  for (const entry of Deno.readDirSync(new URL(folder, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...filesIn(path, ending));
    else if (entry.name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

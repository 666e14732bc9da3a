/**
 * Doing without JSR where it cannot be reached: nothing that is shipped needs it, but the tests
 * import `@std/assert` from there, and the adapter for `@db/sqlite` loads it when asked to.
 *
 * @module
 */

import { run } from "./process.ts";
import { config, root } from "./project.ts";

/** What takes the place of a JSR package. A package without an entry is not available at all. */
const standIns: Record<string, string> = {
  "@std/assert": "tests/support/std_assert.ts",
};

let reachable: Promise<boolean> | undefined;

/** Time for one small package to arrive. Where a network drops what it forbids, nothing ever does. */
const PATIENCE_MS = 10_000;

/** Whether JSR answers, asked once. */
export function jsrIsReachable(): Promise<boolean> {
  // Deno itself is asked, because it knows where JSR is; anew, because a cache says nothing of that.
  const command = ["cache", "--no-config", "--reload", config.imports["@std/assert"]];
  reachable ??= run([Deno.execPath(), ...command], { timeoutMs: PATIENCE_MS })
    .then(({ code }) => code === 0);
  return reachable;
}

/**
 * The import map for Deno where JSR cannot be reached: that of `deno.json` with stand-ins in place
 * of JSR packages. It holds absolute addresses, so that it may lie anywhere.
 */
function importMapWithoutJsr(): { imports: Record<string, string> } {
  const imports: Record<string, string> = {};
  for (const [name, address] of Object.entries(config.imports)) {
    if (!address.startsWith("jsr:")) {
      imports[name] = address;
      // In a plain import map, unlike in deno.json, a name does not stand for its sub-paths.
      if (address.startsWith("npm:")) imports[`${name}/`] = `${address.replace(":", ":/")}/`;
    } else if (name in standIns) {
      imports[name] = new URL(standIns[name], root).href;
    }
  }
  return { imports };
}

/**
 * The flags that let Deno resolve every import of the project: none where JSR answers, else those
 * for an import map without JSR, which is written into the folder.
 */
export async function resolutionFlags(folder: string): Promise<string[]> {
  if (await jsrIsReachable()) return [];
  const path = `${folder}/import_map.json`;
  await Deno.writeTextFile(path, JSON.stringify(importMapWithoutJsr()));
  return [`--import-map=${path}`];
}

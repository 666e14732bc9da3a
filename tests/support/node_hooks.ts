/**
 * Loaded into Node before a test (`node --import`): resolves the names that Node cannot resolve by
 * itself, from the same table that Bun reads, the `paths` of the `tsconfig.json` beside this folder.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const tableUrl = new URL("../tsconfig.json", import.meta.url);
const table: { compilerOptions: { paths: Record<string, [string]> } } = JSON.parse(
  readFileSync(tableUrl, "utf8"),
);

const urls = new Map(
  Object.entries(table.compilerOptions.paths).map((
    [name, [path]],
  ) => [name, new URL(path, tableUrl).href]),
);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = urls.get(specifier);
    return url === undefined ? nextResolve(specifier, context) : { url, shortCircuit: true };
  },
});

/**
 * Looking at the files of a folder.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The names in a folder and the SHA-256 of each file's bytes. */
export function fingerprints(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).sort().map((name) => {
      const path = join(folder, name);
      if (!statSync(path).isFile()) return [name, "no file"];
      return [name, createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}

/** The names in a folder and the permission bits of each. */
export function modes(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).sort().map((name) => [
      name,
      (statSync(join(folder, name)).mode & 0o777).toString(8),
    ]),
  );
}

/**
 * Looking at the files of a folder, and copying them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

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

/** Files by what follows a name in theirs: `-index` of a log's index. */
export type FilesBeside = ReadonlyMap<string, Uint8Array>;

/** The bytes of all files of a folder, whose names begin with the same. */
export function filesBeside(folder: string, name: string): FilesBeside {
  return new Map(
    readdirSync(folder).map((file) => [file.slice(name.length), readFileSync(join(folder, file))]),
  );
}

/** Writes files beside a path, which is one of them. */
export function writeBeside(path: string, files: FilesBeside): void {
  for (const [suffix, bytes] of files) writeFileSync(path + suffix, bytes);
}

/** Who owns each file of a folder. */
export function owners(folder: string): Record<string, number> {
  return Object.fromEntries(
    readdirSync(folder).sort().map((name) => [name, statSync(join(folder, name)).uid]),
  );
}

/** Why this process cannot give files to another user, if so: only root may. */
export const mayNotGiveAway: string | undefined = (() => {
  if (process.platform !== "linux") return "files are given away on Linux alone";
  const folder = mkdtempSync(join(tmpdir(), "audit-log-owners-"));
  try {
    const path = join(folder, "file");
    writeFileSync(path, "");
    chownSync(path, 4711, 4711);
    return statSync(path).uid === 4711 ? undefined : "this file system has no owners";
  } catch {
    return "only root may give files away";
  } finally {
    rmSync(folder, { recursive: true });
  }
})();

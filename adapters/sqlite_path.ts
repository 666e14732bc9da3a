import { lstatSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { CANTOPEN, sqliteError } from "./sqlite_error.ts";
import { SqliteError } from "../src/ports.ts";

/**
 * The path to give to a driver, so that it opens this very file or none.
 *
 * Absolute, because SQLite takes a name that begins with `file:` for a URI. And the file is looked for, because
 * drivers create what is missing, all but readable to anyone; SQLite's `mode=rw` would forbid that, but Node 22.13
 * knows no URIs and Deno takes one for the name of a file that permission was not given for. A file that vanishes
 * right after being looked for is created all the same.
 *
 * And without a link at its end on Windows: SQLite follows none there, and would have the files beside the database beside the link.
 *
 * @throws {SqliteError} 14, when there is nothing, or no file.
 */
export function existingPath(path: string, platform: string = process.platform): string {
  if (path === ":memory:") return path;
  let found: boolean | undefined;
  let existing = path;
  try {
    // A folder, opened to be read, would fail on its first use, as if the disk did.
    found = statSync(path, { throwIfNoEntry: false })?.isFile();
    if (found && platform === "win32" && lstatSync(path).isSymbolicLink()) {
      existing = realpathSync.native(path);
    }
  } catch (error) {
    throw sqliteError(error, isDenied(error) ? undefined : CANTOPEN);
  }
  if (!found) throw new SqliteError(CANTOPEN, `unable to open database file: ${path}`, undefined);
  return resolve(existing);
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

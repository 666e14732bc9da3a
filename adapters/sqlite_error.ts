import { SqliteError } from "../src/ports.ts";

/** Result codes that adapters themselves give: https://sqlite.org/rescode.html */
export const CANTOPEN = 14;
/** The number of parameters is wrong; SQLite's own code for one too many. */
export const RANGE = 25;
/** Use after closing. */
export const MISUSE = 21;
const AUTH = 23;

/**
 * How SQLite's own messages begin, with their primary result code, for drivers that pass on nothing else. Anchored,
 * because what follows may be a path, a name or a whole statement, in which any word may stand.
 */
const MESSAGES: readonly (readonly [RegExp, number])[] = [
  [/^access permission denied/, 3],
  [/^database is locked/, 5],
  [/^database (table|schema) is locked/, 6],
  [/^out of memory/, 7],
  [/^attempt to write a readonly database/, 8],
  [/^interrupted/, 9],
  [/^disk I\/O error/, 10],
  [/^(database disk image is malformed|malformed database schema)/, 11],
  [/^database or disk is full/, 13],
  [/^unable to open database/, CANTOPEN],
  [/^locking protocol/, 15],
  [/^string or blob too big/, 18],
  [/^((UNIQUE|CHECK|NOT NULL|FOREIGN KEY) )?constraint failed/, 19],
  [/^cannot store \w+ value in \w+ column/, 19],
  [/^datatype mismatch/, 20],
  [/^(authorization denied|not authorized)/, AUTH],
  [/^file is not a database/, 26],
];

/**
 * Makes one kind of error out of what a driver threw.
 *
 * @param error What was thrown.
 * @param resultCode SQLite's result code, where the driver tells it.
 */
export function sqliteError(error: unknown, resultCode: unknown): SqliteError {
  if (error instanceof SqliteError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (typeof resultCode === "number" && resultCode !== 0) {
    return new SqliteError(resultCode, message, error);
  }
  // Deno, when it was not given the permission for a file.
  if (error instanceof Error && error.name === "NotCapable") {
    return new SqliteError(AUTH, message, error);
  }
  const code = MESSAGES.find(([start]) => start.test(message))?.[1] ?? 1;
  return new SqliteError(code, message, error);
}

import { SqliteError } from "../src/ports.ts";

/** Messages of SQLite by its primary result code, for drivers that pass on nothing else. */
const MESSAGES: readonly (readonly [string, number])[] = [
  ["locked", 5],
  ["busy", 5],
  ["readonly", 8],
  ["read-only", 8],
  ["disk i/o error", 10],
  ["malformed", 11],
  ["disk is full", 13],
  ["unable to open", 14],
  ["constraint", 19],
  ["append-only", 19],
  ["not a database", 26],
];

/**
 * Makes one kind of error out of what a driver threw.
 *
 * @param error What was thrown.
 * @param resultCode SQLite's result code, where the driver tells it.
 */
export function sqliteError(error: unknown, resultCode: unknown): SqliteError {
  const message = error instanceof Error ? error.message : String(error);
  const code = typeof resultCode === "number" && resultCode !== 0
    ? resultCode
    : MESSAGES.find(([part]) => message.toLowerCase().includes(part))?.[1] ?? 1;
  return new SqliteError(code, message, error);
}

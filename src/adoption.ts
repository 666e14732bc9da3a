import { AuditLogError } from "./errors.ts";
import { adoptLine, type LogRecord, NotARecord } from "./record.ts";
import { describe } from "./refusal.ts";

/**
 * The record of a line that somebody asks to adopt.
 *
 * @param position The line's position in the call.
 * @throws {AuditLogError} `INVALID_ENTRY`.
 */
export function adopted(line: string, position: number): LogRecord {
  const path = `[${position}]`;
  if (typeof line !== "string") throw notAdopted(path, `must be a line, not ${describe(line)}`);
  if (line.includes("\n")) throw notAdopted(path, "must be one line, without newline");
  if (!line.isWellFormed()) throw notAdopted(path, "must not contain lone surrogates");
  try {
    return adoptLine(line);
  } catch (error) {
    if (error instanceof NotARecord) throw notAdopted(path, error.message);
    throw error;
  }
}

/** The error for a line that cannot be adopted; its path, or `""` for the call itself, and what is wrong. */
export function notAdopted(path: string, state: string): AuditLogError {
  const message = `Cannot adopt the lines: ${path === "" ? "adopt()" : path} ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path });
}

/** The error for a line whose entry is in the log already. */
export function duplicate(entryId: string, position: number): AuditLogError {
  return new AuditLogError(
    "DUPLICATE_ENTRY",
    `Cannot adopt the lines: the entry ${entryId} is in the log already`,
    { path: `[${position}]` },
  );
}

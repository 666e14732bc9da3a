/**
 * What file systems and SQLite report, as this library's errors.
 *
 * @module
 */
import { AuditLogError, type AuditLogErrorCode } from "../errors.ts";
import { SqliteError, type SqliteRow } from "../ports.ts";

/** SQLite's primary result codes that mean something here: https://sqlite.org/rescode.html */
const SQLITE = {
  ERROR: 1,
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  CONSTRAINT: 19,
  AUTH: 23,
  NOTADB: 26,
} as const;

/** Whether another connection holds a lock that this one needs. */
export function isBusy(error: unknown): boolean {
  return error instanceof SqliteError &&
    (error.primaryCode === SQLITE.BUSY || error.primaryCode === SQLITE.LOCKED);
}

/** Whether a database cannot be used: it is none, damaged, cut, of an unknown format, its tables are gone, or it cannot be read. */
export function isRuined(error: unknown): error is SqliteError {
  return error instanceof SqliteError &&
    [SQLITE.NOTADB, SQLITE.CORRUPT, SQLITE.ERROR, SQLITE.IOERR].some((code) =>
      code === error.primaryCode
    );
}

/**
 * Makes sure that the rows which SQLite gave for a range of `seq` end within it. SQLite takes for granted that a table is in
 * order. In a damaged one it may find the same rows again and again, so that reading on behind the last of them never ends.
 *
 * @throws {SqliteError} As SQLite does where it sees that itself.
 */
export function checkEnd(rows: readonly SqliteRow[], from: number, to: number): void {
  const last = rows.at(-1)?.["seq"] as number | undefined;
  if (last === undefined || (last >= from && last < to)) return;
  throw malformed("its rows are not in order");
}

/** What SQLite says of a damaged database, where it does not see that itself. */
export function malformed(state: string): SqliteError {
  return new SqliteError(SQLITE.CORRUPT, `database disk image is malformed: ${state}`, undefined);
}

/** A larger number of a row is not exact: a driver refuses to give it, or rounds it, and whoever goes on behind it is never done. */
export const LARGEST_NUMBER: number = Number.MAX_SAFE_INTEGER;

/**
 * Makes sure of the number of a last row, which SQL has limited to {@link LARGEST_NUMBER}. No log has so many.
 *
 * @throws {SqliteError} As SQLite does for what is damaged.
 */
export function checkNumber(number: number): void {
  if (number < LARGEST_NUMBER) return;
  throw malformed(`a row has a number of ${number} or more`);
}

/** Whether there is no room on the disk. */
export function isFull(error: unknown): error is SqliteError {
  return error instanceof SqliteError && error.primaryCode === SQLITE.FULL;
}

/** Whether a file may not be opened, be it the database or one beside it. */
export function isUnopenable(error: unknown): boolean {
  return error instanceof SqliteError && error.primaryCode === SQLITE.CANTOPEN;
}

/** Whether a row was refused because its id exists. */
export function isConstraint(error: unknown): boolean {
  return error instanceof SqliteError && error.primaryCode === SQLITE.CONSTRAINT;
}

/** Whether it is now unknown what reached the disk. */
export function isIoError(error: unknown): boolean {
  return error instanceof SqliteError && error.primaryCode === SQLITE.IOERR;
}

/** What a file is that SQLite cannot take for its own, and what to do. */
export const NO_DATABASE =
  'it is no SQLite database; give another path, or backend "jsonl" for JSON lines';

const ADVICE: Partial<Record<AuditLogErrorCode, string>> = {
  PATH_NOT_FOUND: "no such file or folder; create the folder first",
  PATH_NOT_A_FILE: "it is not a file; give the name of a file",
  PERMISSION_DENIED:
    "the operating system denies access; check owner and mode of the file, of those beside it and of the folder",
  READ_ONLY:
    "the file, its folder or its file system is read-only; make it writable, or open the log with readOnly (of a SQLite log, a copy)",
  NOT_A_LOG: NO_DATABASE,
  INVALID_OPTION:
    "its path, or a name in it, is too long, or that of a file beside it would be; give a shorter one",
  LOG_BUSY: "another process holds the log's lock; try again, or raise busyTimeoutMs",
};

/**
 * The error for a fault of the operating system or of SQLite.
 *
 * @param action What was being done: `open audit.db`.
 * @param error What was thrown.
 * @param otherwise The code for a fault that has none of its own.
 */
export function faultOf(
  action: string,
  error: unknown,
  otherwise: AuditLogErrorCode,
): AuditLogError {
  if (error instanceof AuditLogError) return error;
  const code = codeOf(error) ?? otherwise;
  const message = error instanceof Error ? error.message : String(error);
  const state = isDeniedByDeno(error)
    ? `Deno denies access (${message}); allow it for the log's folder, for a log has files beside it`
    : code === "DAMAGED"
    ? `${message}; put back a backup: docs/operating.md`
    : ADVICE[code] ?? message;
  return new AuditLogError(code, `Cannot ${action}: ${state}`, {
    cause: error,
    ...(code === "INVALID_OPTION" ? { path: "path" } : {}),
  });
}

/** The error for a write that may or may not have reached the disk. */
export function unconfirmed(path: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    "SYNC_FAILED",
    `Cannot write to ${path}: the disk did not confirm the write; close the log and open it again`,
    { cause },
  );
}

/** Whether it is Deno that does not permit the use of a file, and not the operating system. */
function isDeniedByDeno(error: unknown): boolean {
  if (error instanceof SqliteError) return isDeniedByDeno(error.cause);
  return error instanceof Error && error.name === "NotCapable";
}

function codeOf(error: unknown): AuditLogErrorCode | undefined {
  if (error instanceof SqliteError) {
    switch (error.primaryCode) {
      case SQLITE.BUSY:
      case SQLITE.LOCKED:
        return "LOG_BUSY";
      case SQLITE.READONLY:
        return "READ_ONLY";
      case SQLITE.CORRUPT:
        return "DAMAGED";
      case SQLITE.NOTADB:
        return "NOT_A_LOG";
      case SQLITE.FULL:
        return "WRITE_FAILED";
      case SQLITE.PERM:
      case SQLITE.AUTH:
      case SQLITE.CANTOPEN:
        return "PERMISSION_DENIED";
    }
    return undefined;
  }
  if (isDeniedByDeno(error)) return "PERMISSION_DENIED";
  const { code } = (error ?? {}) as { code?: unknown };
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "PATH_NOT_FOUND";
    case "EISDIR":
      return "PATH_NOT_A_FILE";
    case "EACCES":
    case "EPERM":
      return "PERMISSION_DENIED";
    case "EROFS":
      return "READ_ONLY";
    case "ENAMETOOLONG":
      return "INVALID_OPTION";
  }
}

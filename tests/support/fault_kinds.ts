/**
 * The ways in which a call to the system may fail, and what a log may say then.
 *
 * @module
 */

import { type AuditLogErrorCode, SqliteError } from "@audit-log/llm";
import type { Call, Fault } from "./failing_runtime.ts";

const posix = (code: string, message: string) => (): Error =>
  Object.assign(new Error(`${code}: ${message}`), { code });
const sqlite = (code: number, message: string) => (): Error =>
  new SqliteError(code, message, undefined);
/** What a call to the file system says of a broken disk. */
export const EIO = posix("EIO", "i/o error");
const ENOSPC = posix("ENOSPC", "no space left on device");
/** What SQLite says of it. */
export const IOERR = sqlite(10, "disk I/O error");
const FULL = sqlite(13, "database or disk is full");
const BUSY = sqlite(5, "database is locked");

/** A way of failing. */
export interface FaultKind {
  readonly fault: Fault;
  /** Whether a call can fail so. */
  readonly applies: (call: Call) => boolean;
  readonly codes: readonly AuditLogErrorCode[];
  readonly reason: RegExp;
  readonly mayTear?: boolean;
  readonly persists?: boolean;
  readonly busyTimeoutMs?: number;
  /** Whether nobody may notice. */
  readonly passes?: boolean;
}

const IO_CODES = ["WRITE_FAILED", "SYNC_FAILED", "READ_FAILED"] as const;
const onFiles = ({ what }: Call): boolean => what.startsWith("file.");
const onSqlite = ({ what }: Call): boolean => what.startsWith("sqlite.");
/** Writing to a file. */
export const onAppend = ({ what }: Call): boolean => what === "file.append";
/** Another connection's lock can be in the way of what reads or writes. */
const onLocks = ({ what, about }: Call): boolean =>
  onSqlite({ what, about }) && !/open|close/.test(what) && !/PRAGMA busy|ROLLBACK/.test(about);
/** Every call. */
export const anything = (): boolean => true;
const files = { applies: onFiles, codes: IO_CODES, reason: /EIO/ };
const ioerr = { applies: onSqlite, codes: IO_CODES, reason: /I\/O|its index is being made anew/ };
const full = {
  applies: onSqlite,
  codes: ["WRITE_FAILED", "READ_FAILED"],
  reason: /full|its index is being made anew/,
} as const;
const busy = {
  applies: onSqlite,
  codes: ["LOG_BUSY"],
  reason: /locked/,
  busyTimeoutMs: 0,
} as const;
const short = {
  applies: onAppend,
  codes: ["WRITE_FAILED"],
  reason: /ENOSPC/,
  mayTear: true,
} as const;

/** The ways of failing, by what they are. */
export const FAULT_KINDS: Record<string, FaultKind> = {
  "a call to the file system fails": { ...files, fault: { done: "nothing", error: EIO } },
  "a call to the file system does its work and fails": {
    ...files,
    fault: { done: "all", error: EIO },
  },
  "a write is short": { ...short, fault: { done: "half" } },
  "a write is short and fails": { ...short, fault: { done: "half", error: ENOSPC } },
  "SQLite fails with IOERR": { ...ioerr, fault: { done: "nothing", error: IOERR } },
  "SQLite does its work and fails with IOERR": { ...ioerr, fault: { done: "all", error: IOERR } },
  "SQLite fails with FULL": { ...full, fault: { done: "nothing", error: FULL } },
  "SQLite does its work and fails with FULL": { ...full, fault: { done: "all", error: FULL } },
  "SQLite fails with BUSY": { ...busy, fault: { done: "nothing", error: BUSY } },
  "SQLite is busy for a moment": {
    fault: { done: "nothing", error: BUSY },
    applies: onLocks,
    codes: [],
    reason: /locked/,
    passes: true,
  },
  "everything fails from some call on": {
    fault: { done: "nothing", error: EIO },
    applies: anything,
    codes: IO_CODES,
    reason: /EIO/,
    persists: true,
  },
};

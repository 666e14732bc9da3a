// What operating systems and SQLite report becomes an error with a code of this library.

import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { test } from "node:test";
import { AuditLogError, type AuditLogErrorCode } from "../../src/errors.ts";
import { SqliteError } from "../../src/ports.ts";
import { faultOf, isBusy, isConstraint, isIoError, isRuined } from "../../src/stores/faults.ts";

const sqlite = (code: number): SqliteError => new SqliteError(code, `message ${code}`, undefined);
const posix = (code: string): Error => Object.assign(new Error(`${code}: message`), { code });

const FAULTS: [error: unknown, code: AuditLogErrorCode][] = [
  [posix("ENOENT"), "PATH_NOT_FOUND"],
  [posix("ENOTDIR"), "PATH_NOT_FOUND"],
  [posix("EISDIR"), "PATH_NOT_A_FILE"],
  [posix("EACCES"), "PERMISSION_DENIED"],
  [posix("EPERM"), "PERMISSION_DENIED"],
  [posix("EROFS"), "READ_ONLY"],
  [posix("ENOSPC"), "WRITE_FAILED"],
  [posix("EIO"), "WRITE_FAILED"],
  [new Error("message"), "WRITE_FAILED"],
  ["message", "WRITE_FAILED"],
  [undefined, "WRITE_FAILED"],
  [null, "WRITE_FAILED"],
  [sqlite(1), "WRITE_FAILED"],
  [sqlite(3), "PERMISSION_DENIED"],
  [sqlite(5), "LOG_BUSY"],
  [sqlite(5 | (1 << 8)), "LOG_BUSY"],
  [sqlite(6), "LOG_BUSY"],
  [sqlite(8), "READ_ONLY"],
  [sqlite(8 | (4 << 8)), "READ_ONLY"],
  [sqlite(11), "DAMAGED"],
  [sqlite(13), "WRITE_FAILED"],
  [sqlite(14), "PERMISSION_DENIED"],
  [sqlite(23), "PERMISSION_DENIED"],
  [sqlite(26), "NOT_A_LOG"],
];

for (const [error, code] of FAULTS) {
  test(`${error instanceof SqliteError ? error.resultCode : error} becomes ${code}`, () => {
    const fault = faultOf("write to a.db", error, "WRITE_FAILED");
    assertEquals(fault.code, code);
    assertStrictEquals(fault.cause, error ?? fault.cause);
    assertMatch(fault.message, /^Cannot write to a\.db: ./);
    assert(!fault.message.includes("undefined") || error === undefined);
  });
}

test("an error of this library stays as it is", () => {
  const error = new AuditLogError("LOG_REPLACED", "Cannot write: replaced");
  assertStrictEquals(faultOf("write", error, "WRITE_FAILED"), error);
});

test("what Deno denies is told as Deno tells it, and not as the operating system's doing", () => {
  const message = 'Requires read access to "a.db-wal", run again with the --allow-read flag';
  const denied = Object.assign(new Error(message), { name: "NotCapable" });
  for (const error of [denied, new SqliteError(23, message, denied)]) {
    const fault = faultOf("open a.db", error, "READ_FAILED");
    assertEquals(fault.code, "PERMISSION_DENIED");
    assertStringIncludes(fault.message, `Deno denies access (${message})`);
  }
});

test("where the system denies access, the files beside a log are to be looked at, too", () => {
  const { message } = faultOf("read a.jsonl", posix("EACCES"), "READ_FAILED");
  assertMatch(message, /; check owner and mode of the file, of those beside it and of the folder$/);
});

test("what has no code of its own keeps its message", () => {
  assertStringIncludes(faultOf("write", posix("ENOSPC"), "WRITE_FAILED").message, "ENOSPC");
});

test("SQLite's result codes are told apart, extended ones too", () => {
  const IOERR_FSYNC = 10 | (4 << 8);
  const UNIQUE = 19 | (8 << 8);
  assertEquals([5, 6, 5 | (2 << 8), 1].map((code) => isBusy(sqlite(code))), [
    true,
    true,
    true,
    false,
  ]);
  assertEquals([19, UNIQUE, 1].map((code) => isConstraint(sqlite(code))), [true, true, false]);
  assertEquals([10, IOERR_FSYNC, 13].map((code) => isIoError(sqlite(code))), [true, true, false]);
  assertEquals([11, 26, 1, IOERR_FSYNC, 14].map((code) => isRuined(sqlite(code))), [
    true,
    true,
    true,
    true,
    false,
  ]);
  for (const is of [isBusy, isConstraint, isIoError, isRuined]) {
    for (const other of [undefined, null, new Error("busy"), { resultCode: 5 }]) assert(!is(other));
  }
});

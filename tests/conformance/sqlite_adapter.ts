/**
 * What every SQLite driver does once it is adapted: `src/ports.ts` in code. An adapter proves itself by calling
 * {@link sqliteAdapterConformance}; what it cannot do, it declares.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { type SqliteAdapter, type SqliteDatabase, SqliteError } from "@audit-log/llm";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { atEnd, tempFolder } from "../support/temp.ts";
import { sqliteErrors } from "./sqlite_adapter_errors.ts";
import { sqliteFiles } from "./sqlite_adapter_files.ts";
import { sqliteStatements } from "./sqlite_adapter_statements.ts";
import { sqliteValues } from "./sqlite_adapter_values.ts";

/** What a driver can do beyond the least. */
export interface SqliteAdapterFlags {
  /** `exec()` tells the result code even where SQLite's message does not show it: RAISE in a trigger. */
  readonly execTellsCode: boolean;
  /** An integer beyond 2^53-1 in a result is an error; otherwise it is rounded. */
  readonly refusesUnsafeIntegers: boolean;
  /** The name of a file may end with white space; otherwise it is refused. */
  readonly opensAnyName: boolean;
}

/** Registers the tests of what all SQLite adapters share. */
export function sqliteAdapterConformance(
  name: string,
  adapter: SqliteAdapter,
  flags: SqliteAdapterFlags,
): void {
  sqliteValues(name, adapter, flags);
  sqliteStatements(name, adapter);
  sqliteErrors(name, adapter, flags);
  sqliteFiles(name, adapter, flags);
}

/** Opens a database; it is closed when the test ends. */
export function openDatabase(
  t: TestContext,
  adapter: SqliteAdapter,
  path = ":memory:",
  options = { readOnly: false },
): SqliteDatabase {
  const database = adapter.open(path, options);
  let open = true;
  const close = (): void => {
    if (open) database.close();
    open = false;
  };
  atEnd(t, close);
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => database.prepare(sql),
    close,
  };
}

/** A new file in a new folder, for the time of a test. */
export function newFile(t: TestContext, name = "audit.db", content = ""): string {
  const path = join(tempFolder(t), name);
  writeFileSync(path, content);
  return path;
}

/** Asserts that it throws the one error class, with this primary result code; returns the error. */
export function assertCode(code: number, action: () => unknown, what?: string): SqliteError {
  const error = assertThrows(action, what);
  assertInstanceOf(error, SqliteError, what);
  assertEquals(error.primaryCode, code, `${what ?? ""} ${error.message}`);
  return error;
}

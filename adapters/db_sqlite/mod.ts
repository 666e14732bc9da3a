/**
 * The adapter for Deno with the driver `@db/sqlite`, which calls SQLite's C library directly (FFI), instead of Deno's
 * built-in `node:sqlite`. For those who want that library: another version of SQLite, or a build of their own
 * (`DENO_SQLITE_PATH`). It needs `--allow-ffi` and, unless that path is given, downloads a native library once.
 *
 * @example
 * ```ts ignore
 * import { AuditLog } from "@audit-log/llm";
 * import { loadRuntime } from "@audit-log/llm/db-sqlite";
 *
 * const log = await AuditLog.open({ backend: "sqlite", runtime: await loadRuntime() });
 * await log.close();
 * ```
 *
 * @module
 */
import { AuditLogError } from "../../src/errors.ts";
import type { Runtime } from "../../src/ports.ts";
import { file } from "../deno/file.ts";
import { sha256 } from "../node/sha256.ts";
import { type DatabaseClass, sqliteAdapter } from "./sqlite.ts";

export { sqliteAdapter };
export type { DatabaseClass, DriverDatabase, DriverOptions, DriverStatement } from "./sqlite.ts";

/** In full, because JSR rewrites no name in a computed import. 0.12 cuts statements that are not ASCII. */
const DRIVER: string = "jsr:@db/sqlite@^0.13";

/**
 * Deno's files and the driver `@db/sqlite`, which is loaded from JSR now and not when this module is imported.
 *
 * To use a copy or a version of your own, give its class: `{ ...runtime, sqlite: sqliteAdapter(Database) }`, with the
 * `runtime` of `@audit-log/llm/deno`.
 *
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME`, when the driver cannot be loaded: this is not Deno, JSR cannot be
 * reached, `--allow-ffi` was not given, or the native library cannot be downloaded or loaded.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { loadRuntime } from "@audit-log/llm/db-sqlite";
 *
 * export async function open(path: string): Promise<AuditLog> {
 *   return await AuditLog.open({ backend: "sqlite", path, runtime: await loadRuntime() });
 * }
 * ```
 */
export async function loadRuntime(): Promise<Runtime> {
  if (!("Deno" in globalThis)) throw unsupported("it runs on Deno only; leave the option out");
  let driver: { Database: DatabaseClass };
  try {
    driver = await import(DRIVER);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unsupported(`${reason}; it needs --allow-ffi, and comes from jsr.io`, cause);
  }
  return { name: "deno", file, sqlite: sqliteAdapter(driver.Database), sha256 };
}

function unsupported(state: string, cause?: unknown): AuditLogError {
  const message = `Cannot load @db/sqlite: ${state}`;
  return new AuditLogError("UNSUPPORTED_RUNTIME", message, { cause, path: "runtime" });
}

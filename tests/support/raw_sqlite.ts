/**
 * SQLite without this library in between: what anyone else does to a log's file.
 *
 * @module
 */

import type { TestContext } from "node:test";
import { atEnd } from "./temp.ts";

/** A row, by column name. */
export type RawRow = Record<string, unknown>;

/** An open database. */
export interface RawDatabase {
  /** Runs statements without parameters. */
  exec(sql: string): void;
  /** Runs one statement and returns its rows. */
  all(sql: string, ...values: (string | number | null | Uint8Array)[]): RawRow[];
  /** Closes it. It is closed at the end of the test in any case. */
  close(): void;
}

interface Driver {
  exec(sql: string): unknown;
  prepare(sql: string): { all(...values: unknown[]): object[]; finalize?(): void };
  close(throwOnError?: boolean): void;
}

/** Opens a database with the runtime's driver, and creates it where there is none. */
export async function openRaw(t: TestContext, path: string): Promise<RawDatabase> {
  const driver = await load(path);
  let open = true;
  const close = () => {
    if (open) driver.close();
    open = false;
  };
  atEnd(t, close);
  driver.exec("PRAGMA busy_timeout = 5000");
  return {
    close,
    exec: (sql) => void driver.exec(sql),
    all(sql, ...values) {
      const statement = driver.prepare(sql);
      try {
        return statement.all(...values).map((row) => ({ ...row }));
      } finally {
        statement.finalize?.();
      }
    },
  };
}

async function load(path: string): Promise<Driver> {
  const isBun = "Bun" in globalThis;
  // Computed, so that no other runtime and no type check looks for Bun's module.
  const name = `${isBun ? "bun" : "node"}:sqlite`;
  const { Database, DatabaseSync } = await import(name);
  return isBun ? new Database(path, { create: true, readwrite: true }) : new DatabaseSync(path);
}

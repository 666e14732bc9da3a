import type { SqliteDatabase } from "../ports.ts";

/**
 * Does something in a transaction that is rolled back when it fails.
 *
 * @throws What the action or SQLite threw.
 */
export function transact<T>(database: SqliteDatabase, action: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = action();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** Undoes the transaction that is open, if there is one. */
export function rollBack(database: SqliteDatabase): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself after some errors, and then says that nothing is to be undone.
  }
}

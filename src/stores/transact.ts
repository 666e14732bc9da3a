import type { SqliteDatabase } from "../ports.ts";

/**
 * Does something in a transaction that is rolled back when it fails.
 *
 * @param begin Whether others are kept from writing at once, or the action only reads, all of it the same state.
 * @throws What the action or SQLite threw.
 */
export function transact<T>(
  database: SqliteDatabase,
  action: () => T,
  begin: "BEGIN IMMEDIATE" | "BEGIN DEFERRED" = "BEGIN IMMEDIATE",
): T {
  database.exec(begin);
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

import { type SqliteDatabase, SqliteError } from "../ports.ts";

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
  try {
    database.exec(begin);
    const result = action();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // Also when BEGIN failed: it may have begun all the same.
    rollBack(database);
    throw error;
  }
}

/** Undoes the transaction that is open, if there is one. */
export function rollBack(database: SqliteDatabase): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      return database.exec("ROLLBACK");
    } catch (error) {
      // SQLite has rolled back by itself after some errors, and then says that nothing is to be undone.
      if (error instanceof SqliteError && error.primaryCode === 1) return;
      // Else once more: a transaction that stays open keeps all others from writing.
    }
  }
}

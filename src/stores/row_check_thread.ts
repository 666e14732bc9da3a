/**
 * What the thread of a `RowChecker` does.
 *
 * @module
 */
import { Mutex } from "../mutex.ts";
import type { RowCheckerSettings, RowsChecked, Runtime, SqliteDatabase } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { checkSamePlace, PUT_DATABASE_BACK } from "./log_file.ts";
import { RowCheck } from "./row_check.ts";
import { InspectedRows } from "./row_inspector.ts";
import { CONNECTION_SQL } from "./sqlite_schema.ts";

/** Checks rows, in the order in which they are asked for. */
export class RowCheckThread {
  readonly #database: SqliteDatabase;
  readonly #check: RowCheck;
  readonly #mutex = new Mutex();

  private constructor(database: SqliteDatabase, check: RowCheck) {
    this.#database = database;
    this.#check = check;
  }

  /** Opens the database of a log that another thread has open. */
  static async open(
    { file, sqlite, sha256 }: Pick<Runtime, "file" | "sqlite" | "sha256">,
    { path, identity, busyTimeoutMs }: RowCheckerSettings,
  ): Promise<RowCheckThread> {
    const database = sqlite.open(path, { readOnly: true });
    try {
      await checkSamePlace(file, path, identity, `read ${path}`, PUT_DATABASE_BACK);
      return await whenFree(() => {
        database.exec(CONNECTION_SQL);
        const rows = new InspectedRows(database);
        return new RowCheckThread(database, new RowCheck(rows, sha256, busyTimeoutMs));
      }, busyTimeoutMs);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Checks rows; see `RowChecker.check()`. */
  check(from: number, to: number): Promise<RowsChecked | undefined> {
    // Why rows cannot be read is found out, and told, by whoever reads them instead.
    return this.#mutex.run(() => this.#check.check(from, to).catch(() => undefined));
  }

  /** Closes the database, once all is checked. */
  close(): Promise<void> {
    // deno-lint-ignore require-await -- so that what the driver throws becomes a rejection
    return this.#mutex.run(async () => this.#database.close());
  }
}

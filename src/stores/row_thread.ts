/**
 * What the thread of a `RowWriter` does.
 *
 * @module
 */
import { AuditLogError, type AuditLogErrorCode } from "../errors.ts";
import { Mutex } from "../mutex.ts";
import {
  type RowBatch,
  type RowsFailure,
  type RowsWritten,
  type RowWriterSettings,
  type Runtime,
  type SqliteAdapter,
  type SqliteDatabase,
  SqliteError,
} from "../ports.ts";
import { whenFree } from "./busy.ts";
import { checkSamePlace, PUT_DATABASE_BACK } from "./log_file.ts";
import { rowsOf } from "./row_batch.ts";
import { SqliteAppender } from "./sqlite_appender.ts";
import { LayoutGuard } from "./sqlite_layout.ts";
import { CONNECTION_SQL, synchronousSql } from "./sqlite_schema.ts";

/** Writes rows in the order in which they come. */
export class RowThread {
  readonly #database: SqliteDatabase;
  readonly #appender: SqliteAppender;
  readonly #busyTimeoutMs: number;
  readonly #mutex = new Mutex();
  /** Whether a transaction was begun. */
  #isOpen = false;
  #failure: RowsFailure | undefined;

  private constructor(
    sqlite: SqliteAdapter,
    database: SqliteDatabase,
    { path, busyTimeoutMs }: RowWriterSettings,
  ) {
    this.#database = database;
    this.#appender = new SqliteAppender(database, path, new LayoutGuard(sqlite, database, path));
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Opens the database of a log that another thread has open. */
  static async open(
    { file, sqlite }: Pick<Runtime, "file" | "sqlite">,
    settings: RowWriterSettings,
  ): Promise<RowThread> {
    const { path, identity, durability, busyTimeoutMs } = settings;
    const database = sqlite.open(path, { readOnly: false });
    try {
      await checkSamePlace(file, path, identity, `write to ${path}`, PUT_DATABASE_BACK);
      return await whenFree(() => {
        database.exec(CONNECTION_SQL);
        database.exec(synchronousSql(durability));
        return new RowThread(sqlite, database, settings);
      }, busyTimeoutMs);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Writes rows; see `RowWriter.write()`. */
  write(rows: RowBatch): Promise<RowsWritten> {
    const { slab, then } = rows;
    return this.#mutex.run(async () => {
      await this.#add(rows);
      if (then === "more") return { first: -1, slab };
      return { ...this.#end(then), slab };
    });
  }

  /** Adds rows to the transaction, and begins one if none is open. What fails undoes it, and is told when it ends. */
  async #add(rows: RowBatch): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      const added = rowsOf(rows);
      if (!this.#isOpen) {
        this.#isOpen = true;
        await whenFree(() => this.#appender.begin(), this.#busyTimeoutMs);
      }
      this.#appender.add(added);
    } catch (error) {
      this.#failure = failureOf(error);
      this.#appender.abandon(); // others wait for it
    }
  }

  #end(how: "commit" | "abandon"): Omit<RowsWritten, "slab"> {
    const failure = this.#failure;
    this.#isOpen = false;
    this.#failure = undefined;
    if (failure !== undefined) return { first: -1, failure };
    try {
      if (how === "commit") return { first: this.#appender.commit() };
      this.#appender.abandon();
      return { first: -1 };
    } catch (error) {
      return { first: -1, failure: failureOf(error) };
    }
  }

  /** Closes the database, once all is written. */
  close(): Promise<void> {
    // deno-lint-ignore require-await -- so that what the driver throws becomes a rejection
    return this.#mutex.run(async () => this.#database.close());
  }
}

function failureOf(error: unknown): RowsFailure {
  if (!(error instanceof Error)) return { message: String(error) };
  const cause = error.cause === undefined ? {} : { cause: failureOf(error.cause) };
  const { message } = error;
  if (error instanceof AuditLogError) return { code: error.code, message, ...cause };
  if (error instanceof SqliteError) return { resultCode: error.resultCode, message, ...cause };
  return { message, ...cause };
}

/** The error that a failure was made of. */
export function errorOf({ code, resultCode, message, cause }: RowsFailure): Error {
  const from = cause && errorOf(cause);
  if (resultCode !== undefined) return new SqliteError(resultCode, message, from);
  if (code === undefined) return new Error(message, { cause: from });
  return new AuditLogError(code as AuditLogErrorCode, message, { cause: from });
}

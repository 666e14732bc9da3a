/**
 * SQLite by way of `@db/sqlite`, whose types are described here by their structure, so that nothing needs JSR to check
 * or publish this library.
 *
 * @module
 */
import {
  type SqliteAdapter,
  type SqliteDatabase,
  SqliteError,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../../src/ports.ts";
import { MISUSE, sqliteError } from "../sqlite_error.ts";
import { checkCount } from "../sqlite_parameters.ts";
import { existingPath } from "../sqlite_path.ts";

/** How {@link DatabaseClass} opens a file. */
export interface DriverOptions {
  /** Refuse every write. */
  readonly: boolean;
  /** Create a missing file. */
  create: boolean;
  /** Read integers of more than 32 bits. */
  int64: boolean;
  /** Parse what SQLite's JSON functions return. */
  parseJson: boolean;
}

/** The class `Database` of `@db/sqlite`, as far as it is used here. */
export interface DatabaseClass {
  /** Opens a database. */
  new (path: string, options: DriverOptions): DriverDatabase;
}

/** An instance of {@link DatabaseClass}. */
export interface DriverDatabase {
  /** Whether it was not closed yet. */
  readonly open: boolean;
  /** Runs statements. */
  exec(sql: string): unknown;
  /** Prepares a statement. */
  prepare(sql: string): DriverStatement;
  /** Closes it, its statements too. */
  close(): void;
}

/** A statement of `@db/sqlite`. */
export interface DriverStatement {
  /** How many parameters it has. */
  readonly bindParameterCount: number;
  /** Runs it. */
  run(...parameters: SqliteValue[]): unknown;
  /** The first row. */
  value(...parameters: SqliteValue[]): unknown[] | undefined;
  /** All rows. */
  values(...parameters: SqliteValue[]): unknown[][];
  /** The names of a row's columns. */
  columnNames(): string[];
  /** Frees it; throws what its last run failed with. */
  finalize(): void;
}

/**
 * The adapter for a copy of `@db/sqlite`. An integer beyond 2^53-1 in a result is an error. Text with U+0000 is read
 * back cut.
 *
 * @param Database The class of that name which the package exports.
 */
export function sqliteAdapter(Database: DatabaseClass): SqliteAdapter {
  return {
    name: "@db/sqlite",
    open(path: string, { readOnly }: { readonly readOnly: boolean }): SqliteDatabase {
      const existing = existingPath(path);
      const options = { readonly: readOnly, create: false, int64: true, parseJson: false };
      return new FfiDatabase(told(() => new Database(existing, options)));
    },
  };
}

class FfiDatabase implements SqliteDatabase {
  readonly #database: DriverDatabase;

  constructor(database: DriverDatabase) {
    this.#database = database;
  }

  exec(sql: string): void {
    checkOpen(this.#database);
    told(() => this.#database.exec(sql));
  }

  prepare(sql: string): SqliteStatement {
    return new FfiStatement(this.#database, sql);
  }

  close(): void {
    told(() => this.#database.close());
  }
}

class FfiStatement implements SqliteStatement {
  readonly #database: DriverDatabase;
  readonly #sql: string;
  #statement: DriverStatement | undefined;
  #count: number;

  constructor(database: DriverDatabase, sql: string) {
    this.#database = database;
    this.#sql = sql;
    checkOpen(database);
    this.#statement = told(() => database.prepare(sql));
    this.#count = this.#statement.bindParameterCount;
  }

  run(...parameters: readonly SqliteValue[]): void {
    this.#use(parameters, (statement, values) => void statement.run(...values));
  }

  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined {
    return this.#use(parameters, (statement, values) => {
      const row = statement.value(...values);
      return row && rowOf(statement.columnNames(), row);
    });
  }

  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[] {
    return this.#use(parameters, (statement, values) => {
      const rows = statement.values(...values);
      const names = rows.length > 0 ? statement.columnNames() : [];
      return rows.map((row) => rowOf(names, row));
    });
  }

  #use<T>(
    parameters: readonly SqliteValue[],
    action: (statement: DriverStatement, values: SqliteValue[]) => T,
  ): T {
    checkOpen(this.#database);
    checkCount(parameters, this.#count);
    const statement = this.#statement ??= told(() => this.#database.prepare(this.#sql));
    try {
      return action(statement, parameters.map(bindable));
    } catch (error) {
      // The error has a message only, and in a trigger that may be anything. The code comes out by finalizing, which
      // fails with what the last run failed with: https://sqlite.org/c3ref/finalize.html
      this.#statement = undefined;
      throw sqliteError(error, codeOf(error) ?? codeOf(thrownBy(() => statement.finalize())));
    }
  }
}

/**
 * The driver takes each number without a fraction for a 64-bit integer, and one beyond that becomes another number. As
 * a text it becomes the right one, in a column that holds numbers and compared with such a column.
 */
function bindable(value: SqliteValue): SqliteValue {
  return typeof value === "number" && Math.abs(value) >= 2 ** 63 ? String(value) : value;
}

function rowOf(names: readonly string[], values: readonly unknown[]): SqliteRow {
  const row: Record<string, SqliteValue> = {};
  // There are more names than values right after another connection has widened a table, in `SELECT *`.
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "bigint") throw new RangeError(`the integer ${value} is beyond 2^53-1`);
    row[names[i]!] = value as SqliteValue;
  }
  return row;
}

/** The driver would use freed memory. */
function checkOpen(database: DriverDatabase): void {
  if (!database.open) throw new SqliteError(MISUSE, "the database is closed", undefined);
}

function told<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw sqliteError(error, codeOf(error));
  }
}

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
}

/** Opening, binding and finalizing tell the code. */
function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "number" ? code : undefined;
}

/**
 * SQLite by way of `bun:sqlite`, which is built into Bun.
 *
 * @module
 */
import { Database } from "bun:sqlite";
import type {
  SqliteAdapter,
  SqliteDatabase,
  SqliteRow,
  SqliteStatement,
  SqliteValue,
} from "../../src/ports.ts";
import { sqliteError } from "../sqlite_error.ts";

// The part of bun:sqlite that is used, so that no other runtime needs Bun's types.
interface BunDatabase {
  run(sql: string): unknown;
  prepare(sql: string): BunStatement;
  close(throwOnError: boolean): void;
}
interface BunStatement {
  run(...parameters: readonly SqliteValue[]): unknown;
  get(...parameters: readonly SqliteValue[]): SqliteRow | null;
  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[];
  finalize(): void;
}

/** The driver `bun:sqlite`. */
export const sqlite: SqliteAdapter = {
  name: "bun:sqlite",
  open(path: string, options: { readonly readOnly: boolean }): SqliteDatabase {
    // `strict` makes a missing parameter an error instead of NULL.
    const mode = options.readOnly ? { readonly: true } : { readwrite: true, create: false };
    return told(() =>
      new OpenDatabase(new Database(path, { ...mode, strict: true }) as unknown as BunDatabase)
    );
  },
};

class OpenDatabase implements SqliteDatabase {
  readonly #database: BunDatabase;
  readonly #statements: BunStatement[] = [];

  constructor(database: BunDatabase) {
    this.#database = database;
  }

  exec(sql: string): void {
    told(() => this.#database.run(sql));
  }

  prepare(sql: string): SqliteStatement {
    const statement = told(() => this.#database.prepare(sql));
    this.#statements.push(statement);
    return new OpenStatement(statement);
  }

  close(): void {
    // A statement that is not finalized keeps the database open, and its -wal file with it.
    for (const statement of this.#statements) statement.finalize();
    told(() => this.#database.close(true));
  }
}

class OpenStatement implements SqliteStatement {
  readonly #statement: BunStatement;

  constructor(statement: BunStatement) {
    this.#statement = statement;
  }

  run(...parameters: readonly SqliteValue[]): void {
    try {
      this.#statement.run(...parameters);
    } catch (error) {
      throw sqliteError(error, codeOf(error));
    }
  }

  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined {
    return told(() => this.#statement.get(...parameters)) ?? undefined;
  }

  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[] {
    return told(() => this.#statement.all(...parameters));
  }
}

function told<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw sqliteError(error, codeOf(error));
  }
}

function codeOf(error: unknown): unknown {
  return (error as { errno?: unknown } | null)?.errno;
}

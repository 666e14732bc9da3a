/**
 * SQLite by way of `bun:sqlite`, which is built into Bun.
 *
 * @module
 */
import process from "node:process";
import {
  type SqliteAdapter,
  type SqliteDatabase,
  SqliteError,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../../src/ports.ts";
import { startRecordChecker } from "../record_checker.ts";
import { startRowWriter } from "../row_writer.ts";
import { CANTOPEN, sqliteError } from "../sqlite_error.ts";
import { checkCount } from "../sqlite_parameters.ts";
import { existingPath } from "../sqlite_path.ts";

// The part of bun:sqlite that is used, so that no other runtime needs Bun's types.
interface BunSqlite {
  readonly Database: new (path: string, options: object) => BunDatabase;
}
interface BunDatabase {
  run(sql: string): unknown;
  prepare(sql: string): BunStatement;
  close(throwOnError: boolean): void;
}
interface BunStatement {
  readonly paramsCount: number;
  run(...parameters: readonly SqliteValue[]): unknown;
  get(...parameters: readonly SqliteValue[]): SqliteRow | null;
  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[];
  iterate(): Iterator<unknown>;
  finalize(): void;
}

/** The driver `bun:sqlite`. An integer beyond 2^53-1 in a result is rounded. */
export const sqlite: SqliteAdapter = {
  name: "bun:sqlite",
  open(path: string, options: { readonly readOnly: boolean }): SqliteDatabase {
    const existing = existingPath(path);
    if (existing !== existing.trimEnd()) {
      // Bun would open the file without the white space, which is another one.
      throw new SqliteError(
        CANTOPEN,
        "bun:sqlite cannot open a file whose name ends with white space",
        undefined,
      );
    }
    const mode = options.readOnly ? { readonly: true } : { readwrite: true, create: false };
    // Not imported: bundlers for other runtimes stumble over the name.
    const { Database } = process.getBuiltinModule("bun:sqlite") as unknown as BunSqlite;
    return told(() => new OpenDatabase(new Database(existing, mode)));
  },
  startRowWriter,
  startRecordChecker,
};

class OpenDatabase implements SqliteDatabase {
  readonly #database: BunDatabase;
  /** Held weakly: whoever prepares a statement for one use has no way to finalize it. */
  readonly #statements = new Set<WeakRef<BunStatement>>();
  readonly #collected = new FinalizationRegistry<WeakRef<BunStatement>>((statement) => {
    this.#statements.delete(statement);
  });

  constructor(database: BunDatabase) {
    this.#database = database;
  }

  exec(sql: string): void {
    told(() => this.#database.run(sql));
  }

  prepare(sql: string): SqliteStatement {
    const statement = told(() => this.#database.prepare(sql));
    const weak = new WeakRef(statement);
    this.#statements.add(weak);
    this.#collected.register(statement, weak);
    return new OpenStatement(statement);
  }

  close(): void {
    // Bun before 1.4 does not close a database that has statements, and its -wal file stays.
    for (const statement of this.#statements) statement.deref()?.finalize();
    told(() => this.#database.close(true));
  }
}

class OpenStatement implements SqliteStatement {
  readonly #statement: BunStatement;
  readonly #count: number;
  /** Kept: without it, the driver would end what it reads. */
  #staying: Iterator<unknown> | undefined;

  constructor(statement: BunStatement) {
    this.#statement = statement;
    this.#count = statement.paramsCount;
  }

  run(...parameters: readonly SqliteValue[]): void {
    checkCount(parameters, this.#count);
    try {
      this.#statement.run(...parameters);
    } catch (error) {
      throw sqliteError(error, codeOf(error));
    }
  }

  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined {
    checkCount(parameters, this.#count);
    return told(() => this.#statement.get(...parameters)) ?? undefined;
  }

  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[] {
    checkCount(parameters, this.#count);
    return told(() => this.#statement.all(...parameters));
  }

  stay(): void {
    told(() => {
      this.#staying = this.#statement.iterate();
      this.#staying.next();
    });
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

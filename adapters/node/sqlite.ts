/**
 * SQLite by way of `node:sqlite`, which is built into Node (22.13 and later) and Deno (2.2 and later).
 *
 * @module
 */
import process from "node:process";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { AuditLogError } from "../../src/errors.ts";
import type {
  SqliteAdapter,
  SqliteDatabase,
  SqliteRow,
  SqliteStatement,
  SqliteValue,
} from "../../src/ports.ts";
import { startRecordChecker } from "../record_checker.ts";
import { startRowWriter } from "../row_writer.ts";
import { sqliteError } from "../sqlite_error.ts";
import { checkCount, countParameters } from "../sqlite_parameters.ts";
import { existingPath } from "../sqlite_path.ts";

/** The driver `node:sqlite`. An integer beyond 2^53-1 in a result is an error. */
export const sqlite: SqliteAdapter = {
  name: "node:sqlite",
  open(path: string, options: { readonly readOnly: boolean }): SqliteDatabase {
    const existing = existingPath(path);
    const { DatabaseSync } = builtin();
    return told(() => new NodeDatabase(new DatabaseSync(existing, { readOnly: options.readOnly })));
  },
  startRowWriter,
  startRecordChecker,
};

/** Asked for when it is needed and not imported, so that a Node without it says what it lacks. */
function builtin(): typeof import("node:sqlite") {
  const found = process.getBuiltinModule?.("node:sqlite");
  if (found !== undefined) return found;
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    `Cannot open the database: Node ${process.versions.node} has no node:sqlite; use Node 22.13 or later`,
  );
}

class NodeDatabase implements SqliteDatabase {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  exec(sql: string): void {
    told(() => this.#database.exec(sql));
  }

  prepare(sql: string): SqliteStatement {
    return new NodeStatement(told(() => this.#database.prepare(sql)), countParameters(sql));
  }

  close(): void {
    told(() => this.#database.close());
  }
}

class NodeStatement implements SqliteStatement {
  readonly #statement: StatementSync;
  readonly #count: number;
  readonly #rowOf: (found: unknown) => SqliteRow;
  /** Kept: without it, the driver would end what it reads. */
  #staying: Iterator<unknown> | undefined;

  constructor(statement: StatementSync, count: number) {
    this.#statement = statement;
    this.#count = count;
    this.#rowOf = rowsOf(statement);
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
    const found: unknown = told(() => this.#statement.get(...parameters));
    return found === undefined ? undefined : this.#rowOf(found);
  }

  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[] {
    checkCount(parameters, this.#count);
    return told(() => this.#statement.all(...parameters)).map(this.#rowOf);
  }

  stay(): void {
    told(() => {
      this.#staying = this.#statement.iterate();
      this.#staying.next();
    });
  }
}

/** What `node:sqlite` has from Node 22.16 and 24.0 on, and not all of its types. */
interface ArrayStatement {
  setReturnArrays?(enabled: boolean): void;
  columns?(): readonly { readonly name: string }[];
}

/**
 * Has a statement give its rows as arrays, and makes objects of them: all of one shape. Each that the driver makes has a shape of its
 * own, which takes a microsecond more to make, and is slow to read.
 */
function rowsOf(statement: StatementSync): (found: unknown) => SqliteRow {
  const given = statement as unknown as ArrayStatement;
  if (given.setReturnArrays === undefined || given.columns === undefined) {
    return (found) => found as SqliteRow;
  }
  given.setReturnArrays(true);
  let names: readonly string[] | undefined;
  let empty: Record<string, SqliteValue> = {};
  return (found) => {
    const values = found as readonly SqliteValue[];
    if (names?.length !== values.length) {
      names = given.columns!().map(({ name }) => name);
      empty = Object.fromEntries(names.map((name) => [name, null]));
    }
    const row = { ...empty };
    for (let column = 0; column < names.length; column++) row[names[column]!] = values[column]!;
    return row;
  };
}

function told<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw sqliteError(error, codeOf(error));
  }
}

/** Node tells the code; Deno does so for statements only. */
function codeOf(error: unknown): unknown {
  return (error as { errcode?: unknown } | null)?.errcode;
}

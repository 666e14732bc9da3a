/**
 * Takes the place of `@db/sqlite` where it cannot be loaded: its shape and its traps, on top of `node:sqlite`. It
 * shows that the adapter knows the traps; it does not show that the driver has no others.
 *
 * @module
 */

import type {
  DatabaseClass,
  DriverDatabase,
  DriverOptions,
  DriverStatement,
} from "@audit-log/llm/db-sqlite";
import type { SqliteValue } from "@audit-log/llm";
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** What a `?` may stand in without being a parameter. */
const NO_PARAMETER = /(['"`])[^]*?\1|\[.*?\]|--.*|\/\*[^]*?(\*\/|$)/g;

/** Makes the class; needs a runtime that has `node:sqlite`. */
export async function makeStandIn(): Promise<DatabaseClass> {
  // Computed, so that Bun does not look for it.
  const name = "node:sqlite";
  const { DatabaseSync: Driver }: { DatabaseSync: typeof DatabaseSync } = await import(name);

  return class Database implements DriverDatabase {
    readonly #database: DatabaseSync;
    #open = true;

    constructor(path: string, options: DriverOptions) {
      this.#database = new Driver(path, { readOnly: options.readonly });
      if (!options.int64 || options.parseJson) throw new Error("values would be changed");
    }

    get open(): boolean {
      return this.#open;
    }

    exec(sql: string): void {
      this.#live(() => this.#database.exec(sql));
    }

    prepare(sql: string): DriverStatement {
      const statement = this.#live(() => this.#database.prepare(sql));
      const parameters = sql.replace(NO_PARAMETER, "").match(/\?/g) ?? [];
      return new Statement(statement, parameters.length, (action) => this.#live(action));
    }

    close(): void {
      this.#live(() => this.#database.close());
      this.#open = false;
    }

    /** Errors have a message only. */
    #live<T>(action: () => T): T {
      if (!this.#open) crash();
      try {
        return action();
      } catch (error) {
        throw new Error((error as Error).message, { cause: error });
      }
    }
  };
}

/** How often freed memory was used, which may end a process that uses the driver itself. */
export let usesOfFreedMemory = 0;

function crash(): void {
  usesOfFreedMemory++;
}

class Statement implements DriverStatement {
  readonly bindParameterCount: number;
  readonly #statement: StatementSync;
  readonly #live: <T>(action: () => T) => T;
  #code: unknown;
  #finalized = false;

  constructor(
    statement: StatementSync,
    parameterCount: number,
    live: <T>(action: () => T) => T,
  ) {
    this.#statement = statement;
    this.bindParameterCount = parameterCount;
    this.#live = live;
    statement.setReadBigInts(true);
  }

  run(...parameters: SqliteValue[]): void {
    this.#rows(parameters);
  }

  value(...parameters: SqliteValue[]): unknown[] | undefined {
    return this.#rows(parameters)[0];
  }

  values(...parameters: SqliteValue[]): unknown[][] {
    return this.#rows(parameters);
  }

  columnNames(): string[] {
    return this.#statement.columns().map(({ name }) => name);
  }

  finalize(): void {
    this.#finalized = true;
    if (this.#code !== undefined) throw Object.assign(new Error("failed"), { code: this.#code });
  }

  #rows(parameters: SqliteValue[]): unknown[][] {
    if (this.#finalized) crash();
    const bound = parameters.map((value) =>
      Number.isInteger(value) ? BigInt.asIntN(64, BigInt(value as number)) : value
    );
    try {
      return this.#live(() => this.#statement.all(...bound)).map((row) =>
        Object.values(row).map((value) =>
          typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value
        )
      );
    } catch (error) {
      const code = ((error as Error).cause as { errcode?: number } | undefined)?.errcode;
      if (code !== undefined) this.#code = code & 0xff;
      throw error;
    }
  }
}

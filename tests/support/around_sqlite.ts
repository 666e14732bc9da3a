/**
 * A runtime whose SQLite driver is watched: something is done before, after or instead of what it does.
 *
 * @module
 */

import type { Runtime } from "@audit-log/llm";

/** A call to the driver that has SQL. */
export interface SqlCall {
  /** The database's file. */
  readonly path: string;
  readonly sql: string;
  readonly does: "exec" | "prepare" | "run" | "get" | "all" | "stay";
}

/** Does a call, or something else. */
export type Around = <T>(call: SqlCall, action: () => T) => T;

/** The runtime, with something around its driver's calls. It starts no thread for writing, which nobody would watch. */
export function aroundSqlite(runtime: Runtime, around: Around): Runtime {
  const { name, open } = runtime.sqlite;
  return {
    ...runtime,
    sqlite: {
      name,
      open(path, options) {
        const database = open(path, options);
        return {
          exec: (sql) => around({ path, sql, does: "exec" }, () => database.exec(sql)),
          prepare(sql) {
            const statement = around(
              { path, sql, does: "prepare" },
              () => database.prepare(sql),
            );
            return {
              run: (...values) =>
                around({ path, sql, does: "run" }, () => statement.run(...values)),
              get: (...values) =>
                around({ path, sql, does: "get" }, () => statement.get(...values)),
              all: (...values) =>
                around({ path, sql, does: "all" }, () => statement.all(...values)),
              ...(statement.stay && {
                stay: () => around({ path, sql, does: "stay" }, () => statement.stay!()),
              }),
            };
          },
          close: () => database.close(),
        };
      },
    },
  };
}

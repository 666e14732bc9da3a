/**
 * What goes wrong is a SqliteError with SQLite's result code: https://sqlite.org/rescode.html
 *
 * @module
 */

import { assert, assertStringIncludes } from "@std/assert";
import type { SqliteAdapter, SqliteDatabase } from "@audit-log/llm";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { assertCode, newFile, openDatabase, type SqliteAdapterFlags } from "./sqlite_adapter.ts";

const [ERROR, BUSY, READONLY, CORRUPT, FULL, CONSTRAINT, NOTADB] = [1, 5, 8, 11, 13, 19, 26];

export function sqliteErrors(
  name: string,
  adapter: SqliteAdapter,
  flags: SqliteAdapterFlags,
): void {
  /** The ways to run a statement without parameters. */
  function ways(database: SqliteDatabase, sql: string): Record<string, () => unknown> {
    return {
      exec: () => database.exec(sql),
      run: () => database.prepare(sql).run(),
      get: () => database.prepare(sql).get(),
      all: () => database.prepare(sql).all(),
    };
  }

  function assertAllWays(code: number, database: SqliteDatabase, sql: string): void {
    for (const [way, action] of Object.entries(ways(database, sql))) {
      assertCode(code, action, `${way} of ${sql}`);
    }
  }

  test(`${name}: an error has SQLite's message and the driver's error as its cause`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)");
    for (const action of Object.values(ways(database, "INSERT INTO t VALUES (1)"))) {
      const error = assertCode(CONSTRAINT, action);
      assertStringIncludes(error.message, "UNIQUE constraint failed: t.a");
      assert(error.cause instanceof Error);
    }
  });

  test(`${name}: a mistake in SQL is 1, whatever words stand in it`, (t) => {
    const database = openDatabase(t, adapter);
    assertCode(ERROR, () => database.prepare("SELEC 1"));
    assertCode(ERROR, () => database.exec("SELECT 1; SELEC 1"));
    const words = ["database is locked", "constraint failed", "file is not a database"];
    for (const word of words) {
      assertAllWays(ERROR, database, `SELECT * FROM "${word}"`);
      assertAllWays(ERROR, database, `${word} SELECT`);
    }
  });

  test(`${name}: a lock held by another connection is 5`, (t) => {
    const path = newFile(t);
    const [holder, other] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    holder.exec("CREATE TABLE t (a)");
    const insert = other.prepare("INSERT INTO t VALUES (?)");
    holder.exec("BEGIN IMMEDIATE");
    assertAllWays(BUSY, other, "BEGIN IMMEDIATE");
    assertCode(BUSY, () => insert.run(1));
    holder.exec("COMMIT; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    assertAllWays(BUSY, other, "SELECT a FROM t");
    holder.exec("PRAGMA locking_mode = NORMAL; COMMIT; SELECT * FROM t");
    insert.run(1);
  });

  test(`${name}: writing what was opened to be read is 8`, (t) => {
    const path = newFile(t);
    openDatabase(t, adapter, path).exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    const database = openDatabase(t, adapter, path, { readOnly: true });
    assert(database.prepare("SELECT a FROM t").get() !== undefined);
    const before = readFileSync(path);
    for (const sql of ["INSERT INTO t VALUES (2)", "DELETE FROM t", "PRAGMA user_version = 1"]) {
      assertAllWays(READONLY, database, sql);
    }
    assert(before.equals(readFileSync(path)));
  });

  test(`${name}: a broken constraint is 19`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec(`CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL CHECK (b <> '')) STRICT;
      INSERT INTO t VALUES (1, 'x')`);
    for (const values of ["1, 'x'", "2, NULL", "2, ''", "2.5, 'x'", "'a', 'x'", "2, x'00'"]) {
      // A rowid that is no integer is of another kind: 20, datatype mismatch.
      const code = values.startsWith("2.5") || values.startsWith("'a'") ? 20 : CONSTRAINT;
      assertAllWays(code, database, `INSERT INTO t VALUES (${values})`);
    }
  });

  test(`${name}: what a trigger raises is 19, whatever it says`, (t) => {
    const database = openDatabase(t, adapter);
    for (const [i, kind] of ["ABORT", "FAIL", "ROLLBACK"].entries()) {
      database.exec(`CREATE TABLE t${i} (a); INSERT INTO t${i} VALUES (1);
        CREATE TRIGGER no_${kind} BEFORE DELETE ON t${i} BEGIN
          SELECT RAISE(${kind}, 'rows are locked: database disk image is malformed');
        END`);
      const { exec, ...others } = ways(database, `DELETE FROM t${i}`);
      for (const [way, action] of Object.entries(others)) assertCode(CONSTRAINT, action, way);
      assertCode(flags.execTellsCode ? CONSTRAINT : ERROR, exec!, "exec");
    }
  });

  test(`${name}: a schema that cannot be read is 11`, (t) => {
    const path = newFile(t);
    const database = openDatabase(t, adapter, path);
    database.exec("CREATE TABLE t (a)");
    database.close();
    const bytes = readFileSync(path);
    bytes.write("TABEL", bytes.indexOf("TABLE t"));
    writeFileSync(path, bytes);
    assertAllWays(CORRUPT, openDatabase(t, adapter, path), "SELECT * FROM t");
  });

  test(`${name}: a file that is no database is 26, and stays as it is`, (t) => {
    const text = "no database, but text\n".repeat(500);
    const path = newFile(t, "audit.db", text);
    for (const readOnly of [false, true]) {
      for (const sql of ["SELECT * FROM sqlite_schema", "PRAGMA user_version", "BEGIN IMMEDIATE"]) {
        for (const way of ["exec", "run", "get", "all"]) {
          // A driver may look at the file on opening, another one on its first use.
          assertCode(NOTADB, () => {
            const database = openDatabase(t, adapter, path, { readOnly });
            ways(database, sql)[way]!();
            if (readOnly) database.exec("SELECT * FROM sqlite_schema");
          }, `${way} of ${sql}`);
        }
      }
    }
    assert(readFileSync(path, "utf8") === text);
  });

  test(`${name}: a damaged database is 11`, (t) => {
    const path = newFile(t);
    const database = openDatabase(t, adapter, path);
    database.exec(`PRAGMA page_size = 1024; CREATE TABLE t (a);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
      INSERT INTO t SELECT hex(zeroblob(100)) FROM n`);
    database.close();
    writeFileSync(path, readFileSync(path).fill(0xff, 1024));
    const damaged = openDatabase(t, adapter, path);
    for (const sql of ["SELECT max(a) FROM t", "INSERT INTO t VALUES (1)"]) {
      assertAllWays(CORRUPT, damaged, sql);
    }
  });

  test(`${name}: a full database is 13`, (t) => {
    const database = openDatabase(t, adapter, newFile(t));
    database.exec("CREATE TABLE t (a); PRAGMA max_page_count = 4");
    assertAllWays(FULL, database, "INSERT INTO t VALUES (zeroblob(100000))");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    assertCode(FULL, () => insert.run("x".repeat(100_000)));
    insert.run("x");
  });

  test(`${name}: use after closing is an error`, (t) => {
    const database = openDatabase(t, adapter, newFile(t));
    database.exec("CREATE TABLE t (a)");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    const select = database.prepare("SELECT * FROM t");
    insert.run(1);
    database.close();
    const uses = [
      () => database.exec("SELECT 1"),
      () => database.prepare("SELECT 1"),
      () => insert.run(2),
      () => select.get(),
      () => select.all(),
    ];
    for (const use of uses) {
      let thrown: unknown;
      try {
        use();
      } catch (error) {
        thrown = error;
      }
      assert((thrown as Error | undefined)?.name === "SqliteError", `${use}`);
    }
  });
}

/**
 * Statements, transactions, and two connections at once.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual, assertStrictEquals } from "@std/assert";
import type { SqliteAdapter } from "@audit-log/llm";
import { test } from "node:test";
import { assertCode, newFile, openDatabase } from "./sqlite_adapter.ts";

const BUSY = 5;
const RANGE = 25;

export function sqliteStatements(name: string, adapter: SqliteAdapter): void {
  test(`${name}: a missing row is undefined, and no rows are an empty array`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec("CREATE TABLE t (a)");
    assertStrictEquals(database.prepare("SELECT a FROM t").get(), undefined);
    assertStrictEquals(database.prepare("SELECT a FROM t WHERE a = ?").get(1), undefined);
    assertEquals(database.prepare("SELECT a FROM t").all(), []);
  });

  test(`${name}: a wrong number of parameters is an error, and nothing is run`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec("CREATE TABLE t (a, b)");
    const insert = database.prepare("INSERT INTO t VALUES (?, ?) RETURNING a");
    for (const round of ["before", "after a right number was given"]) {
      for (const given of [[], [1], [1, 2, 3]]) {
        for (const method of ["run", "get", "all"] as const) {
          assertCode(
            RANGE,
            () => insert[method](...given),
            `${method} of ${given.length} ${round}`,
          );
        }
      }
      if (round === "before") insert.run(1, 2);
    }
    const select = database.prepare("SELECT count(*) AS n FROM t");
    for (const method of ["run", "get", "all"] as const) {
      assertCode(RANGE, () => select[method](1), `${method} of a statement without parameters`);
    }
    assertEquals(select.get()!["n"], 1);
  });

  test(`${name}: a question mark in a text, a name or a comment is no parameter`, (t) => {
    const database = openDatabase(t, adapter);
    const sql = `SELECT /* ? it's */ '?''?' AS "a""?", ? AS [b?], -- ? "
      '--' || ? AS \`c?\` /* ?`;
    assertEquals({ ...database.prepare(sql).get(1, "x") }, { 'a"?': "?'?", "b?": 1, "c?": "--x" });
  });

  test(`${name}: exec() runs all statements of its text`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec(`
      -- a comment; with a semicolon
      CREATE TABLE t (a TEXT);
      CREATE TRIGGER copy AFTER INSERT ON t WHEN NEW.a = 'é;' BEGIN
        INSERT INTO t VALUES ('x'); INSERT INTO t VALUES ('y');
      END;
      INSERT INTO t VALUES ('é;'); SELECT a FROM t;
    `);
    const rows = database.prepare("SELECT a FROM t ORDER BY a").all();
    assertEquals(rows.map((row) => row["a"]), ["x", "y", "é;"]);
    database.exec("PRAGMA user_version = 7");
    assertEquals({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 7 });
  });

  test(`${name}: exec() stops at the statement that fails`, (t) => {
    const database = openDatabase(t, adapter);
    assertCode(
      1,
      () => database.exec("CREATE TABLE a (x); CREATE TABLE a (x); CREATE TABLE b (x)"),
    );
    const rows = database.prepare("SELECT name FROM sqlite_schema").all();
    assertEquals(rows.map((row) => row["name"]), ["a"]);
  });

  test(`${name}: a statement can be used many times, in any order with others`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec("CREATE TABLE t (seq INTEGER PRIMARY KEY, a TEXT); BEGIN");
    const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
    const first = database.prepare("SELECT a FROM t ORDER BY seq DESC");
    const range = database.prepare("SELECT seq FROM t WHERE seq >= ? AND seq < ?");
    for (let i = 0; i < 5000; i++) {
      insert.run(i, `text ${i}`);
      if (i % 500 !== 499) continue;
      assertEquals(first.get()!["a"], `text ${i}`);
      assertEquals(range.all(i - 1, i + 5).map((row) => row["seq"]), [i - 1, i]);
    }
    database.exec("COMMIT");
    assertEquals(database.prepare("SELECT count(*) AS n FROM t").get()!["n"], 5000);
  });

  test(`${name}: a statement can be used again after it failed`, (t) => {
    const database = openDatabase(t, adapter);
    database.exec("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT");
    const insert = database.prepare("INSERT INTO t VALUES (?) RETURNING a");
    for (const method of ["run", "get", "all"] as const) {
      insert[method](1);
      for (let i = 0; i < 3; i++) assertCode(19, () => insert[method](1), method);
      assertCode(RANGE, () => insert[method](), method);
      assertEquals(insert.all(2).map((row) => row["a"]), [2]);
      database.exec("DELETE FROM t");
    }
  });

  test(`${name}: a statement stays right when another connection changes the schema`, (t) => {
    const path = newFile(t);
    const [database, other] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    database.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    const select = database.prepare("SELECT a FROM t WHERE a = ?");
    const insert = database.prepare("INSERT INTO t (a) VALUES (?)");
    assertEquals({ ...select.get(1) }, { a: 1 });
    other.exec("ALTER TABLE t ADD COLUMN b DEFAULT 2; CREATE INDEX i ON t (a)");
    insert.run(3);
    for (const a of [1, 3]) {
      assertEquals([{ ...select.get(a) }, ...select.all(a)], [{ a }, { a }]);
    }
    other.exec("DROP TABLE t");
    assertCode(1, () => select.get(1));
    assertCode(1, () => insert.run(1));
  });

  test(`${name}: a transaction sees what it wrote, and can be undone`, (t) => {
    const database = openDatabase(t, adapter, newFile(t));
    database.exec("CREATE TABLE t (a); BEGIN IMMEDIATE");
    const count = database.prepare("SELECT count(*) AS n FROM t");
    database.prepare("INSERT INTO t VALUES (?)").run("x");
    assertEquals(count.get()!["n"], 1);
    database.exec("ROLLBACK");
    assertEquals(count.get()!["n"], 0);
  });

  test(`${name}: one connection reads while another writes`, (t) => {
    const path = newFile(t);
    const [writer, reader] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    writer.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    const select = reader.prepare("SELECT a FROM t");
    writer.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)");
    assertEquals(select.all().length, 1);
    writer.exec("COMMIT");
    assertEquals(select.all().length, 2);
  });

  test(`${name}: a statement whose first row was taken holds no lock`, (t) => {
    const path = newFile(t);
    const [writer, reader] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    writer.exec("PRAGMA journal_mode = DELETE; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
    const select = reader.prepare("SELECT a FROM t WHERE a > ?");
    assertEquals(select.get(0)!["a"], 1);
    reader.prepare("SELECT a FROM t").get();
    reader.prepare("SELECT a FROM t").run();
    writer.exec("INSERT INTO t VALUES (3)");
    assertEquals(select.all(0).length, 3);
  });

  test(`${name}: a statement that stays keeps the lock for reading until its database is closed, whatever transactions end`, (t) => {
    const path = newFile(t);
    const [keeper, other] = [
      adapter.open(path, { readOnly: false }),
      openDatabase(t, adapter, path),
    ];
    const staying = keeper.prepare("SELECT 1 FROM sqlite_schema UNION ALL VALUES (2), (3)");
    if (staying.stay === undefined) {
      keeper.close();
      return t.diagnostic("it has no such statements");
    }
    staying.stay();
    const takeAll = () => other.exec("BEGIN EXCLUSIVE; ROLLBACK");
    assertCode(BUSY, takeAll);
    const [begin, end] = [keeper.prepare("BEGIN IMMEDIATE"), keeper.prepare("ROLLBACK")];
    for (let n = 0; n < 6; n++) {
      const isPrepared = n % 2 === 1;
      other.exec("BEGIN IMMEDIATE; ROLLBACK");
      if (isPrepared) begin.run();
      else keeper.exec("BEGIN IMMEDIATE");
      assertCode(BUSY, () => other.exec("BEGIN IMMEDIATE"));
      if (isPrepared) end.run();
      else keeper.exec("ROLLBACK");
      assertCode(BUSY, takeAll);
    }
    keeper.close();
    takeAll();
  });

  test(`${name}: a lock is waited for as long as busy_timeout says, which is 0 at first`, (t) => {
    const path = newFile(t);
    const [holder, waiter] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    assertEquals(waiter.prepare("PRAGMA busy_timeout").get()!["timeout"], 0);
    holder.exec("BEGIN IMMEDIATE");
    waiter.exec("PRAGMA busy_timeout = 300");
    const start = performance.now();
    assertCode(5, () => waiter.exec("BEGIN IMMEDIATE"));
    assertGreaterOrEqual(performance.now() - start, 250);
    holder.exec("COMMIT");
    waiter.exec("BEGIN IMMEDIATE; COMMIT");
  });
}

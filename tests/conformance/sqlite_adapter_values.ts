/**
 * What goes into a database comes out of it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { SqliteAdapter, SqliteRow, SqliteValue } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertCode, openDatabase, type SqliteAdapterFlags } from "./sqlite_adapter.ts";

const TEXTS: Record<string, string> = {
  "an empty text": "",
  "emoji": "👩‍👩‍👧‍👦 🇫🇷",
  "line and paragraph separators": "a\u2028b\u2029c",
  "a byte order mark": "\ufeffa\ufeff",
  "Latin-1": "é\u00a0ÿ",
  "noncharacters": "\uffff\u{10ffff}",
  "every control character but U+0000": String.fromCharCode(...Array(0xa0).keys()).slice(1),
  "quotes": `'"\`\\'`,
  "white space at both ends": " \n a \t ",
  "a number in text": "0042",
  "what looks like JSON": '{"a":[1]}',
  "1 MB of several bytes a character": "漢字と💬".repeat(80_000),
};

const INTEGERS = [
  0,
  1,
  -1,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53 - 1,
  1 - 2 ** 53,
];

const REALS = [
  ...[0, 3, 0.1, -1.5, 1 / 3, 5e-324, 1e-7, 2 ** 53, 2 ** 60, 2 ** 63, 1e21, -Number.MAX_VALUE],
  // Microseconds of the year 9999: no integer that JavaScript has exactly.
  253402300799999000,
];

const BYTES: Record<string, Uint8Array> = {
  "no bytes": new Uint8Array(),
  "a zero": new Uint8Array(1),
  "every byte": Uint8Array.from(Array(256).keys()),
  "part of a buffer": Uint8Array.from([9, 8, 7, 6, 5]).subarray(1, 4),
  "what is no UTF-8": Uint8Array.of(0xff, 0xfe, 0xc0, 0x80),
};

const BIG = 20 * 2 ** 20;

export function sqliteValues(
  name: string,
  adapter: SqliteAdapter,
  flags: SqliteAdapterFlags,
): void {
  function roundTrips(what: string, type: string, values: readonly SqliteValue[], kind: string) {
    test(`${name}: ${what} comes back as it was given`, (t) => {
      const database = openDatabase(t, adapter);
      database.exec(`CREATE TABLE t (seq INTEGER PRIMARY KEY, value ${type}) STRICT`);
      const insert = database.prepare("INSERT INTO t (value) VALUES (?)");
      for (const value of values) insert.run(value);
      const read = database.prepare("SELECT value, typeof(value) AS kind FROM t WHERE seq = ?");
      const rows = database.prepare("SELECT value FROM t WHERE seq > ? ORDER BY seq").all(0);
      values.forEach((value, i) => {
        const row = read.get(i + 1)!;
        assertEquals(row["kind"], value === null ? "null" : kind);
        for (const found of [row["value"], rows[i]!["value"]]) {
          if (value instanceof Uint8Array) {
            assert(found instanceof Uint8Array && Buffer.compare(found, value) === 0);
          } else {
            // Not assertStrictEquals(), which would print 20 MB.
            assert(Object.is(found, value), `${String(found).slice(0, 40)}`);
          }
        }
      });
    });
  }

  for (const [what, text] of Object.entries(TEXTS)) roundTrips(what, "TEXT", [text], "text");
  for (const [what, bytes] of Object.entries(BYTES)) roundTrips(what, "BLOB", [bytes], "blob");
  roundTrips("an integer up to 2^53-1", "INTEGER", INTEGERS, "integer");
  roundTrips("a finite number in a REAL column", "REAL", REALS, "real");
  for (const type of ["TEXT", "INTEGER", "REAL", "BLOB"]) {
    roundTrips(`NULL in a column of type ${type}`, type, [null], type);
  }
  roundTrips("a text of 20 MB", "TEXT", ["é" + "x".repeat(BIG)], "text");
  roundTrips("a value of 20 MB of bytes", "BLOB", [new Uint8Array(BIG).fill(0xa5)], "blob");

  test(`${name}: bytes in a row are the caller's own`, (t) => {
    const database = openDatabase(t, adapter);
    const given = Uint8Array.of(1, 2, 3);
    database.exec("CREATE TABLE t (value BLOB)");
    database.prepare("INSERT INTO t VALUES (?)").run(given);
    given.fill(0);
    const read = database.prepare("SELECT value FROM t");
    const first = read.get()!["value"] as Uint8Array;
    const second = read.get()!["value"] as Uint8Array;
    second.fill(9);
    assertEquals([...first], [1, 2, 3]);
  });

  test(`${name}: numbers are found by number, and serve as a limit`, (t) => {
    const database = openDatabase(t, adapter);
    for (const [type, values] of Object.entries({ INTEGER: INTEGERS, REAL: REALS })) {
      database.exec(`CREATE TABLE ${type}s (n ${type})`);
      const insert = database.prepare(`INSERT INTO ${type}s VALUES (?)`);
      for (const value of values) insert.run(value);
      const exact = database.prepare(`SELECT count(*) AS n FROM ${type}s WHERE n = ?`);
      const least = database.prepare(`SELECT min(n) AS n FROM ${type}s WHERE n >= ?`);
      for (const value of values) {
        assertEquals([exact.get(value)!["n"], least.get(value)!["n"]], [1, value]);
      }
    }
    assertEquals(database.prepare("SELECT n FROM REALs LIMIT ? OFFSET ?").all(2, 1).length, 2);
  });

  test(`${name}: a row has a property for each column, in their order`, (t) => {
    const database = openDatabase(t, adapter);
    const select = database.prepare('SELECT 1 AS b, NULL AS a, \'x\' AS "it\'s a ""c"""');
    for (const row of [select.get()!, select.all()[0]!]) {
      assertEquals(Object.entries(row), [["b", 1], ["a", null], ['it\'s a "c"', "x"]]);
    }
  });

  test(`${name}: what SQLite's JSON functions return is text`, (t) => {
    const database = openDatabase(t, adapter);
    const sql = `SELECT json('{"a": [1]}') AS a, json_extract('{"a":{"b":2}}', '$.a') AS b`;
    const expected: SqliteRow = { a: '{"a":[1]}', b: '{"b":2}' };
    assertEquals({ ...database.prepare(sql).get() }, expected);
    assertEquals({ ...database.prepare(sql).all()[0] }, expected);
  });

  test(`${name}: an integer beyond 2^53-1 is ${flags.refusesUnsafeIntegers ? "an error" : "rounded"}`, (t) => {
    const database = openDatabase(t, adapter);
    const select = database.prepare("SELECT 9007199254740993 AS value, 1 AS one WHERE 1 = ?");
    if (flags.refusesUnsafeIntegers) {
      assertCode(1, () => select.get(1));
      assertCode(1, () => select.all(1));
    } else {
      const found = select.get(1)!["value"];
      assert(typeof found === "number" && Math.abs(found - 2 ** 53) <= 2);
    }
    assertEquals(database.prepare("SELECT 1 AS one").get()!["one"], 1);
  });
}

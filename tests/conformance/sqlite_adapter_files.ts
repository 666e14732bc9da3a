/**
 * Which file is opened, and what is left of it.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { SqliteAdapter } from "@audit-log/llm";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { tempFolder } from "../support/temp.ts";
import { assertCode, newFile, openDatabase, type SqliteAdapterFlags } from "./sqlite_adapter.ts";

const CANTOPEN = 14;

const NAMES = [
  "a?mode=memory",
  "a#b",
  "a%20b%",
  "a b",
  " a",
  "file:a",
  "é 漢 💬.db",
  "a'b\"c`d",
  "a&b=c;d",
  "-a",
  ":memory:.db",
  ...(process.platform === "win32" ? [] : ["a\\b", "a\nb"]),
];

export function sqliteFiles(
  name: string,
  adapter: SqliteAdapter,
  flags: SqliteAdapterFlags,
): void {
  test(`${name}: a missing file is 14 and is not created`, (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "file"), "");
    symlinkSync("nowhere", join(folder, "link"));
    mkdirSync(join(folder, "folder"));
    const names = ["missing.db", "missing/a.db", "link", "folder", "file/a.db", "file\0.db"];
    for (const path of [...names.map((name) => join(folder, name)), ""]) {
      for (const readOnly of [false, true]) {
        const what = `${JSON.stringify(path)}, readOnly: ${readOnly}`;
        assertCode(CANTOPEN, () => {
          openDatabase(t, adapter, path, { readOnly }).exec("SELECT * FROM sqlite_schema");
        }, what);
      }
    }
    assertEquals(readdirSync(folder).sort(), ["file", "folder", "link"]);
    assertEquals(statSync(join(folder, "file")).size, 0);
  });

  test(`${name}: the file of that very name is opened, whatever characters are in it`, (t) => {
    for (const fileName of NAMES) {
      const path = newFile(t, fileName);
      const database = openDatabase(t, adapter, path);
      database.exec("CREATE TABLE t (a)");
      database.close();
      assertGreater(statSync(path).size, 0, fileName);
      assertEquals(readdirSync(dirname(path)), [fileName]);
    }
  });

  test(`${name}: a name that ends with white space is ${flags.opensAnyName ? "opened" : "refused"}`, (t) => {
    const path = newFile(t, "a.db");
    for (const end of [" ", "\t", "\n", "\u00a0"]) {
      writeFileSync(path + end, "");
      const create = () => openDatabase(t, adapter, path + end).exec("CREATE TABLE t (a)");
      if (flags.opensAnyName) create();
      else assertCode(CANTOPEN, create);
      assertEquals(statSync(path + end).size > 0, flags.opensAnyName);
    }
    assertEquals(statSync(path).size, 0);
  });

  test(`${name}: a relative path and a link lead to their file`, (t) => {
    const path = newFile(t);
    symlinkSync(path, `${path}.link`);
    openDatabase(t, adapter, relative(process.cwd(), path)).exec("CREATE TABLE t (a)");
    const linked = openDatabase(t, adapter, `${path}.link`);
    linked.exec("INSERT INTO t VALUES (1)");
    linked.close();
    const rows = openDatabase(t, adapter, path, { readOnly: true }).prepare("SELECT a FROM t")
      .all();
    assertEquals(rows.length, 1);
  });

  test(`${name}: :memory: is a database of its own each time`, (t) => {
    const [one, other] = [openDatabase(t, adapter), openDatabase(t, adapter)];
    one.exec("CREATE TABLE t (a)");
    assertCode(1, () => other.exec("SELECT * FROM t"));
    assert(!existsSync(":memory:"));
  });

  test(`${name}: opening and closing leaves a file as it was`, (t) => {
    const path = newFile(t);
    openDatabase(t, adapter, path).close();
    assertEquals(statSync(path).size, 0);
    assertEquals(readdirSync(dirname(path)), [basename(path)]);
  });

  test(`${name}: the last close of a WAL database leaves its one file`, (t) => {
    const path = newFile(t);
    const [one, other] = [openDatabase(t, adapter, path), openDatabase(t, adapter, path)];
    one.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
    for (const database of [one, other]) {
      const statements = Array.from({ length: 50 }, () => database.prepare("SELECT a FROM t"));
      statements[0]!.get();
      statements[1]!.all();
      database.prepare("INSERT INTO t VALUES (?)").run(3);
      assertCode(1, () => database.prepare("SELECT * FROM nothing"));
      assertCode(25, () => database.prepare("SELECT ?").get());
    }
    one.close();
    assertEquals(readdirSync(dirname(path)).length, 3);
    other.close();
    assertEquals(readdirSync(dirname(path)), [basename(path)]);
  });
}

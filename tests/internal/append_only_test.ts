// Beneath the class too, nothing offers to change or remove records.

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSettings } from "../../src/options.ts";
import { openJsonlStore } from "../../src/stores/jsonl.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { RecordTable } from "../../src/stores/record_table.ts";
import { openSqliteStore } from "../../src/stores/sqlite.ts";
import { guardSql, SCHEMA_SQL } from "../../src/stores/sqlite_schema.ts";
import { GroupCommit } from "../../src/writer.ts";
import { mutatorsOf } from "../support/mutators.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

test("what looks for mutators finds them", () => {
  class Base {
    deleteAll(): void {}
  }
  class Derived extends Base {
    static updateOne(): void {}
    setSize(): void {}
  }
  assertEquals(mutatorsOf(new Derived()).sort(), ["deleteAll", "setSize"]);
  assertEquals(mutatorsOf(Derived).sort(), ["deleteAll", "setSize", "updateOne"]);
});

test("classes beneath the log have no method that changes or removes", () => {
  for (const type of [MemoryStore, RecordTable, GroupCommit]) {
    assertEquals(mutatorsOf(type), [], type.name);
  }
});

test("stores in files have no method that changes or removes", async (t) => {
  const settings: FileSettings = {
    path: join(tempFolder(t), "log"),
    durability: "full",
    readOnly: false,
    busyTimeoutMs: 30_000,
    maxRecordBytes: 2 ** 20,
    warn: () => {},
  };
  const runtime = await currentRuntime();
  for (const [suffix, open] of [[".db", openSqliteStore], [".jsonl", openJsonlStore]] as const) {
    const store = await open(runtime, { ...settings, path: settings.path + suffix });
    assertEquals(mutatorsOf(store), [], suffix);
    await store.close();
  }
});

test("the SQL that makes the SQLite layout changes and removes nothing", () => {
  const sql = SCHEMA_SQL.replace(guardSql("audit_record"), "")
    .replace(guardSql("audit_event"), "").replace(guardSql("audit_checkpoint"), "");
  assert(sql.includes("CREATE TABLE"));
  for (const word of [/\bUPDATE\b/, /\bDELETE FROM\b/, /\bREPLACE INTO\b/, /\bDROP\b/]) {
    assert(!word.test(sql), String(word));
  }
});

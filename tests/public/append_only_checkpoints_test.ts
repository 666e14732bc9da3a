// Checkpoints in a SQLite log can be added and nothing else, through whatever connection; tiles are derived and may go.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import { original, signingKey, verifierKey } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import { BY_HAND, checkpointsOf, partsOf } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { testUnless } from "../support/skip.ts";
import { noShell } from "../support/sqlite_shell.ts";

/** A log with three checkpoints. */
async function sample(t: TestContext): Promise<{ log: AuditLog; path: string }> {
  const { path } = await original(t, "sqlite", [100, 200, 300]);
  const log = await openFile(t, {
    backend: "sqlite",
    path,
    signingKey,
    checkpoints: BY_HAND,
    durability: "relaxed",
  });
  return { log, path };
}

const insert = (how: string, number: string): string =>
  `${how} INTO audit_checkpoint (number, size, note) ` +
  `SELECT ${number}, size, 'forged' FROM audit_checkpoint WHERE number = 0`;

const TAMPERING: Record<string, string> = {
  "UPDATE of a note": "UPDATE audit_checkpoint SET note = 'forged' WHERE number = 1",
  "UPDATE of a size": "UPDATE audit_checkpoint SET size = 7 WHERE number = 2",
  "UPDATE of the key": "UPDATE audit_checkpoint SET number = 9 WHERE number = 2",
  "UPDATE of all": "UPDATE audit_checkpoint SET note = 'forged'",
  "UPDATE OR REPLACE": "UPDATE OR REPLACE audit_checkpoint SET number = 1 WHERE number = 2",
  "UPDATE OR IGNORE": "UPDATE OR IGNORE audit_checkpoint SET note = 'forged'",
  "DELETE of a checkpoint": "DELETE FROM audit_checkpoint WHERE number = 1",
  "DELETE of the last checkpoint": "DELETE FROM audit_checkpoint WHERE number = 2",
  "DELETE of all": "DELETE FROM audit_checkpoint",
  "INSERT OR REPLACE": insert("INSERT OR REPLACE", "1"),
  "INSERT OR REPLACE of the last": insert("INSERT OR REPLACE", "2"),
  "REPLACE": insert("REPLACE", "0"),
  "UPSERT": `${insert("INSERT", "1")} ON CONFLICT (number) DO UPDATE SET note = 'forged'`,
  "INSERT of a number that is taken": insert("INSERT", "1"),
  "INSERT with a gap": insert("INSERT", "4"),
  "INSERT before the first": insert("INSERT", "-1"),
  "INSERT at the largest rowid": insert("INSERT", "9223372036854775807"),
};

const ROWS = "SELECT * FROM audit_checkpoint ORDER BY number";

for (const [what, sql] of Object.entries(TAMPERING)) {
  test(`sqlite: ${what} by another connection is refused and changes no checkpoint`, async (t) => {
    const { log, path } = await sample(t);
    const before = await checkpointsOf(log);
    const raw = await openRaw(t, path);
    const rows = raw.all(ROWS);
    assertEquals(rows.map(({ number, size }) => [number, size]), [[0, 100], [1, 200], [2, 300]]);
    for (const triggers of ["OFF", "ON"]) {
      raw.exec(`PRAGMA recursive_triggers = ${triggers}`);
      assertThrows(() => raw.exec(sql));
      assertEquals(raw.all(ROWS), rows);
    }
    assertEquals(await checkpointsOf(log), before);
    assertEquals(partsOf(await log.checkpoint()).size, 300);
    assertEquals((await log.verify({ verifierKey })).ok, true);
  });
}

test("sqlite: INSERT OR IGNORE by another connection replaces no checkpoint", async (t) => {
  const { log, path } = await sample(t);
  const before = await checkpointsOf(log);
  const raw = await openRaw(t, path);
  for (const number of ["0", "2", "NULL"]) {
    try {
      raw.exec(insert("INSERT OR IGNORE", number));
    } catch {
      // Refused, which is as good.
    }
  }
  assertEquals((await checkpointsOf(log)).slice(0, 3), before);
});

test("sqlite: a log whose guard of checkpoints or tables is not as it was made is not opened", async (t) => {
  for (
    const sql of [
      "DROP TRIGGER audit_checkpoint_no_update",
      "DROP TRIGGER audit_checkpoint_no_delete",
      "DROP TRIGGER audit_checkpoint_only_append",
      "DROP TABLE audit_tile",
      "CREATE TRIGGER x AFTER INSERT ON audit_checkpoint BEGIN DELETE FROM audit_tile; END",
      "CREATE TRIGGER x BEFORE INSERT ON audit_tile BEGIN SELECT RAISE(IGNORE); END",
    ]
  ) {
    const { log, path } = await sample(t);
    await log.close();
    const raw = await openRaw(t, path);
    raw.exec(sql);
    raw.close();
    for (const options of [{ signingKey }, {}]) {
      await assertRefused(() => openFile(t, { backend: "sqlite", path, ...options }), "DAMAGED");
    }
  }
});

testUnless(
  noShell,
  "sqlite: the sqlite3 shell can read the checkpoints and cannot change them",
  async (t) => {
    const { log, path } = await sample(t as TestContext);
    const before = await checkpointsOf(log);
    const sizes = spawnSync("sqlite3", [path, "SELECT size FROM audit_checkpoint"], {
      encoding: "utf8",
    });
    assertEquals(sizes.stdout, "100\n200\n300\n", sizes.stderr);
    for (const sql of Object.values(TAMPERING)) {
      const { status, stderr } = spawnSync("sqlite3", [path, sql], { encoding: "utf8" });
      assert(status !== 0 && stderr !== "", sql);
    }
    assertEquals(await checkpointsOf(log), before);
  },
);

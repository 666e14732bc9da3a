// What somebody does to the database of a log who writes into its schema, too: what no statement could have done.

import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { AuditLog } from "@audit-log/llm";
import { findings, original, signingKey, verified, verifierKey } from "../support/altered.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { foreignLine, interaction, START_MS } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const noShell = spawnSync("sqlite3", ["--version"]).status === 0
  ? undefined
  : "there is no sqlite3 program";

/** Runs statements with `sqlite3`, which lets the schema be written. */
function runShell(path: string, ...statements: string[]): void {
  const input = [".dbconfig defensive off", "PRAGMA writable_schema = ON;", ...statements];
  const { stderr } = spawnSync("sqlite3", [path], { input: input.join("\n"), encoding: "utf8" });
  assertEquals(stderr, "");
}

for (const backend of FILE_BACKENDS) {
  testUnless(
    noShell,
    `${backend}: an index without the entries that are out of order in time, which hides entries from those who ask by time, is found`,
    async (t) => {
      const path = join(tempFolder(t as TestContext), "log");
      const options = { backend, path, signingKey, checkpoints: BY_HAND, clock: () => START_MS };
      const log = await AuditLog.open(options);
      await log.recordAll([interaction(), interaction()]);
      const earlier = "2026-01-01T00:00:00+00:00";
      await log.adopt([foreignLine({ timestamp: earlier, entry_id: "earlier" })]);
      await log.record(interaction());
      await log.checkpoint();
      await log.close();
      assertEquals((await verified({ backend, path })).ok, true);
      const table = backend === "sqlite" ? "audit_record" : "line";
      const name = `${table}_lag`;
      runShell(
        backend === "sqlite" ? path : `${path}-index`,
        `CREATE TEMP TABLE before AS SELECT sql FROM sqlite_schema WHERE name = '${name}';`,
        `DROP INDEX ${name};`,
        `CREATE INDEX ${name} ON ${table} (lag_us) WHERE lag_us > 1e18;`,
        `UPDATE main.sqlite_schema SET sql = (SELECT sql FROM before) WHERE name = '${name}';`,
      );
      const opened = await openFile(t as TestContext, { backend, path });
      const since = new Date(START_MS);
      assertEquals((await opened.query({ since })).length, 1); // of three
      assertEquals(findings(await opened.verify({ verifierKey })), ["record 2"]);
    },
  );
}

const NULLS: Record<string, { table: string; column: string; where: string; finds: string[] }> = {
  "a record": {
    table: "audit_record",
    column: "record",
    where: "seq = 5",
    finds: ["checkpoint", "record 5", "tile 5"],
  },
  "a name": {
    table: "audit_record",
    column: "user",
    where: "seq = 5",
    finds: ["record 5"],
  },
  "a checkpoint": {
    table: "audit_checkpoint",
    column: "note",
    where: "number = 0",
    finds: ["checkpoint"],
  },
  "a tile": { table: "audit_tile", column: "hashes", where: "number = 0", finds: ["tile 0"] },
  "a tile's root": { table: "audit_tile", column: "root", where: "number = 0", finds: ["tile"] },
};

for (const [what, { table, column, where, finds }] of Object.entries(NULLS)) {
  testUnless(noShell, `sqlite: ${what} that became NULL is found`, async (t) => {
    const log = await original(t as TestContext, "sqlite", [300]);
    const schema = `main.sqlite_schema`;
    runShell(
      log.path,
      `CREATE TEMP TABLE before AS SELECT * FROM ${schema} WHERE tbl_name = '${table}';`,
      ...[`${table}_no_update`, `${table}_only_append`]
        .map((name) => `DROP TRIGGER IF EXISTS ${name};`),
      `UPDATE ${schema} SET sql = replace(sql, '${column} TEXT NOT NULL', '${column} TEXT') WHERE name = '${table}';`,
      `UPDATE ${schema} SET sql = replace(sql, '${column} BLOB NOT NULL', '${column} BLOB') WHERE name = '${table}';`,
      "PRAGMA writable_schema = RESET;",
      `UPDATE ${table} SET ${column} = NULL WHERE ${where};`,
      ".dbconfig defensive off",
      "PRAGMA writable_schema = ON;",
      `DELETE FROM ${schema} WHERE tbl_name = '${table}';`,
      `INSERT INTO ${schema} SELECT * FROM before;`,
    );
    const report = await verified(log);
    assertEquals(findings(report), finds, JSON.stringify(report.faults, null, 2));
    const opened = await openFile(t as TestContext, { backend: "sqlite", path: log.path });
    assertEquals(await opened.count(), 300);
  });
}

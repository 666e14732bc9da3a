// What somebody does to the database of a log who writes into its schema, too: what no statement could have done.

import { assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { AuditLog } from "@audit-log/llm";
import {
  alterTables,
  findings,
  original,
  signingKey,
  verified,
  verifierKey,
} from "../support/altered.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { foreignLine, interaction, interactions, START_MS } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { openRaw, type RawDatabase } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { testUnless } from "../support/skip.ts";
import { noShell } from "../support/sqlite_shell.ts";
import { tempFolder } from "../support/temp.ts";

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

/** The indexes that queries believe without a look at the rows, by table. */
const BELIEVED: Record<"sqlite" | "jsonl", Record<string, readonly string[]>> = {
  sqlite: {
    audit_record: ["user", "model", "user_model", "entry_id"],
    audit_event: ["event", "subject"],
  },
  jsonl: { line: ["user", "model", "user_model", "entry_id"], event: ["event", "subject"] },
};

for (const backend of FILE_BACKENDS) {
  for (const [table, names] of Object.entries(BELIEVED[backend])) {
    for (const name of names) {
      const index = `${table}_${name}`;
      testUnless(
        noShell,
        `${backend}: an index with an entry of a row that is not there, which queries would believe, is found: ${index}`,
        async (t) => {
          const path = join(tempFolder(t as TestContext), "log");
          const options = { backend, path, signingKey, checkpoints: BY_HAND } as const;
          const log = await AuditLog.open(options);
          await log.begin({ model: "m", inputText: "in" });
          await log.recordAll([interaction(), interaction()]);
          await log.checkpoint();
          await log.close();
          assertEquals((await verified({ backend, path })).ok, true);

          const schema = "main.sqlite_schema";
          const change = name === "subject" ? ", event = 'call.end'" : "";
          runShell(
            backend === "sqlite" ? path : `${path}-index`,
            `CREATE TEMP TABLE guards AS SELECT * FROM ${schema} WHERE type = 'trigger' AND tbl_name = '${table}';`,
            `CREATE TEMP TABLE hidden AS SELECT * FROM ${schema} WHERE name = '${index}';`,
            `DELETE FROM ${schema} WHERE type = 'trigger' AND tbl_name = '${table}';`,
            "PRAGMA writable_schema = RESET;",
            `CREATE TEMP TABLE ghost AS SELECT * FROM ${table} LIMIT 1;`,
            `UPDATE ghost SET seq = 900${change};`,
            table.endsWith("event") ? "" : "UPDATE ghost SET entry_id = 'ghost';",
            `INSERT INTO ${table} SELECT * FROM ghost;`,
            ".dbconfig defensive off",
            "PRAGMA writable_schema = ON;",
            `DELETE FROM ${schema} WHERE name = '${index}';`,
            "PRAGMA writable_schema = RESET;",
            `DELETE FROM ${table} WHERE seq = 900;`,
            ".dbconfig defensive off",
            "PRAGMA writable_schema = ON;",
            `INSERT INTO ${schema} SELECT * FROM hidden UNION ALL SELECT * FROM guards;`,
          );
          const opened = await openFile(t as TestContext, { backend, path });
          if (name === "subject") assertEquals(await opened.unfinished(), []); // of one
          const { faults } = await opened.verify({ verifierKey });
          assertEquals(faults.map(({ kind }) => kind), ["record"]);
          assertMatch(
            faults[0]!.message,
            new RegExp(`the index ${index} has entries of no record`),
          );
        },
      );
    }
  }
}

testUnless(noShell, "jsonl: an end of a call that no line has is found", async (t) => {
  const path = join(tempFolder(t as TestContext), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.begin({ model: "m", inputText: "in" });
  await log.close();
  runShell(
    `${path}-index`,
    "INSERT INTO event SELECT 900, 'call.end', subject FROM event;",
  );
  const opened = await openFile(t as TestContext, { backend: "jsonl", path });
  assertEquals(await opened.unfinished(), []); // of one
  const { faults } = await opened.verify();
  assertEquals(faults.length, 1);
  assertMatch(faults[0]!.message, /beside the file, event has a row with the number 900/);
});

testUnless(
  noShell,
  "jsonl: an index that finds entries by a name of nobody is found",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const log = await AuditLog.open({ backend: "jsonl", path });
    await log.record(interaction({ user: "alice" }));
    await log.close();
    const schema = "main.sqlite_schema";
    const write = [".dbconfig defensive off", "PRAGMA writable_schema = ON;"];
    const show = [
      `DELETE FROM ${schema} WHERE tbl_name = 'name';`,
      `INSERT INTO ${schema} SELECT * FROM before;`,
      "PRAGMA writable_schema = RESET;",
    ];
    const hide = [
      ...write,
      `UPDATE ${schema} SET sql = replace(sql, ' UNIQUE', '') WHERE name = 'name';`,
      `DELETE FROM ${schema} WHERE name = 'sqlite_autoindex_name_1';`,
      "PRAGMA writable_schema = RESET;",
    ];
    runShell(
      `${path}-index`,
      `CREATE TEMP TABLE before AS SELECT * FROM ${schema} WHERE tbl_name = 'name';`,
      "CREATE TEMP TABLE alice AS SELECT * FROM name WHERE text = 'alice';",
      ...hide,
      "DELETE FROM name WHERE text = 'alice';",
      ...write,
      ...show,
      "INSERT INTO name SELECT id, 'mallory' FROM alice;",
      ...hide,
      "UPDATE name SET text = 'alice' WHERE text = 'mallory';",
      ...write,
      ...show,
    );
    const opened = await openFile(t as TestContext, { backend: "jsonl", path });
    assertEquals(await opened.count({ user: "mallory" }), 1); // of none
    assertEquals((await opened.verify()).ok, false);
  },
);

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a log with a number of an entry that was damaged is refused when it is to be signed`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await AuditLog.open({ backend, path });
    await log.recordAll(interactions(40));
    await log.close();
    const damage = (raw: RawDatabase, table: string) =>
      raw.exec(`UPDATE ${table} SET seq = 100000000000 WHERE seq = 39`);
    if (backend === "sqlite") await alterTables(t, { path }, (raw) => damage(raw, "audit_record"));
    else {
      const raw = await openRaw(t, `${path}-index`);
      damage(raw, "line");
      raw.close();
    }
    await assertRefused(() => openFile(t, { backend, path, signingKey }), "DAMAGED");
    const report = await verified({ backend, path });
    assertEquals([report.ok, report.size], [false, 40]);
  });
}

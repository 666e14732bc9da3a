// What holds of the upgrade of a SQLite log from whichever earlier version of the format, and of the statistics that the present one has.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, type AuditWarning, SqliteError } from "@audit-log/llm";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { openFile } from "../support/backends.ts";
import { cli } from "../support/cli.ts";
import { interaction } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** The layout of a database, without regard to white space. */
async function layoutOf(t: TestContext, path: string): Promise<string[]> {
  const raw = await openRaw(t, path);
  const rows = raw.all("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name");
  const statistics = raw.all("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY idx")
    .filter((row) => row["tbl"] === "audit_record");
  raw.close();
  return [...rows, ...statistics].map((row) => Object.values(row).join(" ").replace(/\s+/g, " "));
}

for (const version of [1, 2, 3]) {
  /** A copy of a log of that version. */
  const copied = (t: TestContext): string => {
    const path = join(tempFolder(t), "audit.db");
    copyFileSync(new URL(`../testdata/format_${version}/audit.db`, import.meta.url), path);
    return path;
  };

  test(`the layout of a log that was upgraded from version ${version} is that of a new one`, async (t) => {
    const path = copied(t);
    const raw = await openRaw(t, path);
    raw.all("ANALYZE"); // somebody may have had statistics made
    raw.close();
    await (await openFile(t, { backend: "sqlite", path })).close();
    const fresh = join(tempFolder(t), "new.db");
    await (await openFile(t, { backend: "sqlite", path: fresh })).close();
    assertEquals(await layoutOf(t, path), await layoutOf(t, fresh));
  });

  test(`a log of version ${version} is not upgraded when it is only read`, async (t) => {
    const path = copied(t);
    const before = readFileSync(path);
    const error = await assertRefused(
      () => AuditLog.open({ backend: "sqlite", path, readOnly: true }),
      "UNSUPPORTED_FORMAT",
    );
    assertMatch(
      error.message,
      /: it has the layout of an earlier version; .* copy it, and .*-wal /,
    );
    assertStringIncludes(error.message, "never a record");
    assertEquals(readFileSync(path).equals(before), true);
    // What it says to do.
    assertStringIncludes(error.message, "audit-log import - --log COPY < /dev/null");
    const copy = copied(t);
    assertEquals((await cli(["import", "-", "--log", copy], { input: "" })).code, 0);
    const linesOf = async (path: string) => {
      const raw = await openRaw(t, path);
      return raw.all("SELECT record FROM audit_record ORDER BY seq").map(({ record }) => record);
    };
    assertEquals(await linesOf(copy), await linesOf(path));
    assertEquals((await cli(["verify", "--log", copy])).code, 0);
  });

  /** Where SQLite sorts what an upgrade puts into indexes, if a fault does not keep it from that; and where it does so afterwards. */
  const sortedIn = async (t: TestContext, fault: (where: string) => void = () => {}) => {
    const path = copied(t);
    const places: string[] = [];
    let set = "";
    const runtime = aroundSqlite(await currentRuntime(), (call, action) => {
      set = / temp_store = (\w+)/.exec(call.sql)?.[1] ?? set;
      if (call.does === "exec" && call.sql.includes("CREATE INDEX audit_record_user ")) {
        places.push(set);
        fault(set);
      }
      return action();
    });
    const log = await openFile(t, { backend: "sqlite", path, runtime });
    assertEquals((await log.verify()).faults, []);
    return { places, afterwards: set, count: await log.count({ events: "all" }) };
  };

  test(`the upgrade from version ${version} sorts in files, so that memory does not grow with the log`, async (t) => {
    const { places, afterwards } = await sortedIn(t);
    assertEquals([places, afterwards], [["FILE"], "MEMORY"]);
  });

  test(`the upgrade from version ${version} sorts in memory where no file can be made`, async (t) => {
    const { places, afterwards, count } = await sortedIn(t, (where) => {
      // As SQLite says where no folder for temporary files can be written to.
      if (where === "FILE") throw new SqliteError(6410, "disk I/O error", undefined);
    });
    assertEquals([places, afterwards], [["FILE", "MEMORY"], "MEMORY"]);
    assertEquals(count, (await sortedIn(t)).count);
  });

  test(`a log of version ${version} whose layout was changed is refused, and left as it was`, async (t) => {
    const path = copied(t);
    const raw = await openRaw(t, path);
    raw.all("DROP TRIGGER audit_record_no_delete");
    raw.close();
    const before = readFileSync(path);
    const warnings: AuditWarning[] = [];
    const onWarning = (warning: AuditWarning) => void warnings.push(warning);
    await assertRefused(() => AuditLog.open({ backend: "sqlite", path, onWarning }), "DAMAGED");
    assertEquals(readFileSync(path).equals(before), true);
    assertEquals(warnings, []);
  });
}

test("a log whose statistics were dropped or made anew opens as before", async (t) => {
  const path = join(tempFolder(t), "audit.db");
  const log = await openFile(t, { backend: "sqlite", path });
  await log.record(interaction({ user: "alice" }));
  await log.close();
  for (const sql of ["DROP TABLE sqlite_stat1", "ANALYZE"]) {
    const raw = await openRaw(t, path);
    raw.all(sql);
    raw.close();
    const again = await openFile(t, { backend: "sqlite", path });
    assertEquals((await again.query({ user: "alice" })).length, 1);
    assert((await again.verify()).ok);
    await again.close();
  }
});

test("other tools that ask for a user walk an index", async (t) => {
  const path = join(tempFolder(t), "audit.db");
  await (await openFile(t, { backend: "sqlite", path })).close();
  const raw = await openRaw(t, path);
  const planOf = (where: string) =>
    raw.all(`EXPLAIN QUERY PLAN SELECT * FROM audit_log WHERE ${where} ORDER BY seq DESC LIMIT 10`)
      .map((row) => String(row["detail"])).join("; ");
  assertMatch(planOf("user = 'alice'"), /INDEX audit_record_user \(ANY\(<expr>\) AND user=\?/);
  assertMatch(
    planOf("user = 'alice' AND model = 'gpt-4o'"),
    /INDEX audit_record_user_model \(ANY\(<expr>\) AND user=\? AND model=\?/,
  );
  raw.close();
});

// What one record alone costs: nothing is asked again that cannot have changed.

import { assertEquals, assertRejects } from "@std/assert";
import { AuditLog, AuditLogError, SqliteError } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { inputs, interaction } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

test("sqlite: where the log ends is asked once, and again after another wrote or a write failed", async (t) => {
  const path = join(tempFolder(t), "log");
  let asked = 0;
  let fails = false;
  const runtime = aroundSqlite(await currentRuntime(), ({ sql, does }, action) => {
    if (does === "get" && sql.includes("ORDER BY seq DESC")) asked++;
    if (fails && sql.startsWith("INSERT") && does === "run") {
      throw new SqliteError(13, "full", null);
    }
    return action();
  });
  const log = await AuditLog.open({ backend: "sqlite", path, runtime });
  const other = await AuditLog.open({ backend: "sqlite", path });
  let count = 0;
  const record = (by: AuditLog) => by.record(interaction({ inputText: String(count++) }));
  const asksFor = async (action: () => Promise<unknown>) => {
    asked = 0;
    await action();
    return asked;
  };
  assertEquals(await asksFor(() => record(log)), 1);
  for (let n = 0; n < 3; n++) assertEquals(await asksFor(() => record(log)), 0);
  await record(other);
  assertEquals(await asksFor(() => record(log)), 1);
  assertEquals(await asksFor(() => record(log)), 0);
  fails = true;
  await assertRejects(() => log.record(interaction()), AuditLogError, "full");
  fails = false;
  assertEquals(await asksFor(() => record(log)), 1);
  assertEquals(inputs(await log.query()), Array.from({ length: count }, (_, n) => String(n)));
  assertEquals((await log.verify()).faults, []);
  for (const handle of [log, other]) await handle.close();
});

test("jsonl: a handle keeps the lock for reading, so that each record takes the one for writing alone", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  const other = await AuditLog.open({ backend: "jsonl", path });
  const raw = await openRaw(t, `${path}-lock`);
  raw.exec("PRAGMA busy_timeout = 0");
  const isKept = () => {
    try {
      raw.exec("BEGIN EXCLUSIVE; ROLLBACK");
      return false;
    } catch {
      return true;
    }
  };
  for (const handle of [log, other, log]) {
    await handle.record(interaction());
    assertEquals(isKept(), true);
  }
  await log.close();
  assertEquals(isKept(), true);
  await other.record(interaction());
  await other.close();
  assertEquals(isKept(), false);
});

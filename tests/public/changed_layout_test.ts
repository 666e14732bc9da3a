// A SQLite log whose triggers, view or tables are not as they were made: nothing is recorded in it, but it can be asked and verified.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { test, type TestContext } from "node:test";
import type { AuditWarning } from "@audit-log/llm";
import { findings, original, signingKey, verifierKey } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";

/** Does something to a log that nobody has open. */
async function changed(t: TestContext, ...statements: string[]): Promise<{ path: string }> {
  const log = await original(t, "sqlite", [300]);
  const raw = await openRaw(t, log.path);
  for (const sql of statements) raw.exec(sql);
  raw.close();
  return log;
}

const GUARDS: Record<string, { sql: string; says: string }> = {
  "a guard of records": {
    sql: "DROP TRIGGER audit_record_no_update",
    says: "audit_record_no_update is missing",
  },
  "a guard of checkpoints": {
    sql: "DROP TRIGGER audit_checkpoint_no_delete",
    says: "audit_checkpoint_no_delete is missing",
  },
  "a guard of events": {
    sql: "DROP TRIGGER audit_event_only_append; " +
      "CREATE TRIGGER audit_event_only_append BEFORE INSERT ON audit_event BEGIN SELECT 1; END",
    says: "audit_event_only_append is not as this library made it",
  },
  "the view": { sql: "DROP VIEW audit_log", says: "audit_log is missing" },
  "somebody's trigger": {
    sql: "CREATE TRIGGER x AFTER INSERT ON audit_checkpoint BEGIN DELETE FROM audit_tile; END",
    says: "the trigger x is not this library's",
  },
};

for (const [what, { sql, says }] of Object.entries(GUARDS)) {
  test(`sqlite: a log with ${what} changed is read and verified, and not written to`, async (t) => {
    const { path } = await changed(t, sql);
    for (const options of [{}, { signingKey }]) {
      const error = await assertRefused(
        () => openFile(t, { backend: "sqlite", path, ...options }),
        "DAMAGED",
      );
      assertStringIncludes(error.message, says);
    }
    const warnings: AuditWarning[] = [];
    const onWarning = (warning: AuditWarning): unknown => warnings.push(warning);
    const opened = await openFile(t, { backend: "sqlite", path, readOnly: true, onWarning });
    assertEquals(warnings.map(({ code }) => code), ["LAYOUT_CHANGED"]);
    assertStringIncludes(warnings[0]!.message, says);
    assertEquals((await opened.query({ limit: 500 })).length, 300);
    const report = await opened.verify({ verifierKey });
    assertEquals(findings(report), ["layout"]);
    assertStringIncludes(report.faults[0]!.message, says);
    assertEquals([report.ok, report.checked.covered], [false, 300]);
  });
}

test("sqlite: what was altered while a guard was away is told beside the guard that is missing", async (t) => {
  const { path } = await changed(
    t,
    "DROP TRIGGER audit_record_no_update",
    "UPDATE audit_record SET record = replace(record, 'alice', 'mallo'), user = 'mallo' WHERE seq = 7",
  );
  const opened = await openFile(t, { backend: "sqlite", path, readOnly: true });
  const report = await opened.verify({ verifierKey });
  assertEquals(findings(report), ["checkpoint", "layout", "tile 7"]);
});

for (const sql of ["DROP TABLE audit_tile", "DROP INDEX audit_record_user"]) {
  test(`sqlite: a log whose tables or indexes are not all there is not read either: ${sql}`, async (t) => {
    const { path } = await changed(t, sql);
    const error = await assertRefused(
      () => openFile(t, { backend: "sqlite", path, readOnly: true }),
      "DAMAGED",
    );
    assertMatch(error.message, /audit_(tile|record_user) is missing/);
  });
}

test("sqlite: verify() tells of a guard that went missing beneath an open log", async (t) => {
  const { path } = await changed(t);
  const opened = await openFile(t, { backend: "sqlite", path });
  assertEquals((await opened.verify({ verifierKey })).ok, true);
  const raw = await openRaw(t, path);
  raw.exec("DROP TRIGGER audit_record_no_delete");
  raw.close();
  assertEquals(findings(await opened.verify({ verifierKey })), ["layout"]);
});

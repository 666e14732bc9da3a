// What somebody does to a SQLite log from outside, its triggers out of the way, is found and named, or the report says
// that it could not be seen.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import { alterTables, findings, original, verified, verifierKey } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import { partsOf } from "../support/notes.ts";
import { testUnless } from "../support/skip.ts";
import { ALTERATIONS, doAlter } from "../support/sqlite_alterations.ts";
import { noShell } from "../support/sqlite_shell.ts";

for (const [what, alteration] of Object.entries(ALTERATIONS)) {
  const { finds, finds280 = [], unknown, says } = alteration;
  test(`sqlite: ${what}: ${finds.length === 0 ? "is not seen without a kept checkpoint" : "is found"}`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => doAlter(alteration, raw, log.notes));
    const report = await verified(log);
    assertEquals(findings(report), finds.toSorted(), JSON.stringify(report.faults, null, 2));
    assertEquals([report.ok, report.faultCount], [finds.length === 0, finds.length]);
    if (unknown !== undefined) {
      assert(report.unknown.some((one) => unknown.test(one)), `${report.unknown}`);
    }
    if (says !== undefined) assert(report.faults.some(({ message }) => says.test(message)));
    for (const { kind, index, entryId, message } of report.faults) {
      if (kind === "tile" && index === 5) assertEquals(entryId, log.ids[5]);
      if (index !== undefined) assertMatch(message, new RegExp(`\\b${index}\\b`));
    }

    const remembered = log.notes[1]!;
    assertEquals(partsOf(remembered).size, 280);
    const withIt = await verified(log, { verifierKey, checkpoint: remembered });
    assertEquals(findings(withIt), [...finds, ...finds280].sort());
    assertEquals(withIt.checked.remembered, 1);
    assert(!withIt.unknown.some((sentence) => sentence.startsWith("No checkpoint was given")));
  });
}

for (
  const [index, columns] of Object.entries({
    user: "seq >> 14, user",
    user_model: "seq >> 14, user, model",
  })
) {
  testUnless(
    noShell,
    `sqlite: an index that leaves out an entry, and so hides it from those who ask, is found: ${index}`,
    async (t) => {
      const log = await original(t as TestContext, "sqlite", [20]);
      const name = `audit_record_${index}`;
      const { stderr } = spawnSync("sqlite3", [log.path], {
        input: [
          ".dbconfig defensive off",
          "PRAGMA writable_schema = ON;",
          `CREATE TEMP TABLE before AS SELECT sql FROM sqlite_schema WHERE name = '${name}';`,
          `DROP INDEX ${name};`,
          `CREATE INDEX ${name} ON audit_record (${columns}) WHERE seq <> 5;`,
          `UPDATE main.sqlite_schema SET sql = (SELECT sql FROM before) WHERE name = '${name}';`,
        ].join("\n"),
        encoding: "utf8",
      });
      assertEquals(stderr, "");
      const opened = await openFile(t as TestContext, { backend: "sqlite", path: log.path });
      const filter = index === "user" ? { user: "alice" } : { user: "alice", model: "m" };
      assertEquals((await opened.query(filter)).length, 19);
      assertEquals(findings(await opened.verify({ verifierKey })), ["record 5"]);
    },
  );
}

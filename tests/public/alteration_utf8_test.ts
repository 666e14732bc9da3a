// Drivers put U+FFFD in the place of what is not UTF-8. Where a record has it, too, what is kept beside the record is looked at
// by its bytes: queries would not find it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { alterTables, findings, verified } from "../support/altered.ts";
import { interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { tempFolder } from "../support/temp.ts";

for (const column of ["user", "model"] as const) {
  for (const backend of ["sqlite", "jsonl"] as const) {
    test(`${backend}: a ${column} that is no UTF-8, and reads as the one of the record does, is found`, async (t) => {
      const path = join(tempFolder(t), "log");
      const log = await AuditLog.open({ backend, path });
      await log.recordAll(interactions(3, { [column]: "a\ufffd" }));
      await log.close();
      assertEquals((await verified({ backend, path })).ok, true);
      if (backend === "sqlite") {
        await alterTables(
          t,
          { path },
          (raw) =>
            raw.exec(`UPDATE audit_record SET ${column} = CAST(x'61ff' AS TEXT) WHERE seq = 1`),
        );
      } else {
        const raw = await openRaw(t, `${path}-index`);
        raw.exec("UPDATE name SET text = CAST(x'61ff' AS TEXT) WHERE text = 'a' || char(65533)");
        raw.close();
      }
      const report = await verified({ backend, path });
      const found = backend === "sqlite" ? ["record 1"] : ["record 0", "record 1", "record 2"];
      assertEquals(findings(report), found, JSON.stringify(report.faults));
      assertMatch(report.faults[0]!.message, new RegExp(column));
    });
  }
}

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`${backend}: the subject of an event that is no UTF-8, and reads as that of the record does, is found`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await AuditLog.open({ backend, path });
    const [first] = await log.recordAll(interactions(2));
    const annotation = await log.annotate(first!.entryId, { name: "score" });
    const line = (await log.line(annotation.entryId))!;
    await log.adopt([
      line.replaceAll(first!.entryId, "a\ufffd").replace(/"entry_id":"[^"]*"/, '"entry_id":"b"'),
    ]);
    await log.close();
    assertEquals((await verified({ backend, path })).ok, true);
    const events = backend === "sqlite" ? "audit_event" : "event";
    const change = `UPDATE ${events} SET subject = CAST(x'61ff' AS TEXT) WHERE seq = 3`;
    if (backend === "sqlite") {
      await alterTables(t, { path }, (raw) => raw.exec(change));
    } else {
      const raw = await openRaw(t, `${path}-index`);
      raw.exec(change);
      raw.close();
    }
    assertEquals(findings(await verified({ backend, path })), ["record 3"]);
  });
}

test("jsonl: an id in the index that is no UTF-8, and reads as that of the record does, is found", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  const [first] = await log.recordAll(interactions(3));
  const line = (await log.line(first!.entryId))!;
  await log.adopt([line.replace(first!.entryId, "a\ufffd")]);
  await log.recordAll(interactions(1)); // opening looks at the ids of the first and the last
  await log.close();
  assertEquals((await verified({ backend: "jsonl", path })).ok, true);
  const raw = await openRaw(t, `${path}-index`);
  raw.exec("UPDATE line SET entry_id = CAST(x'61ff' AS TEXT) WHERE seq = 3");
  raw.close();
  assertEquals(findings(await verified({ backend: "jsonl", path })), ["record 3"]);
});

const FOREIGN = { user: "a\x02b", model: "c" };

for (
  const [what, change] of [
    ["the user", "UPDATE name SET text = 'x' WHERE text LIKE 'a%'"],
    ["the model", "UPDATE name SET text = 'x' WHERE text = 'c'"],
    ["the id", "UPDATE line SET entry_id = 'x' WHERE seq = 1"],
    ["whether it is canonical", "UPDATE line SET canonical = 1 WHERE seq = 1"],
    ["whether it is canonical, as neither", "UPDATE line SET canonical = 5 WHERE seq = 1"],
    [
      "where one name ends",
      "UPDATE name SET text = CASE text WHEN 'c' THEN 'b' || char(2) || 'c' ELSE 'a' END",
    ],
  ] as const
) {
  test(`jsonl: of a line that another program wrote, ${what} is compared, too`, async (t) => {
    const path = join(tempFolder(t), "log");
    const line = (id: number) => ({
      ...FOREIGN,
      entry_id: `id-${id}`,
      timestamp: "2026-01-01T00:00:00Z",
      input_text: "in",
      output_text: "out",
      cost_usd: null,
      latency_ms: 1,
      metadata: {},
    });
    const lines = [0, 1, 2].map((id) => JSON.stringify(line(id), null, " ").replaceAll("\n", ""));
    writeFileSync(path, lines.map((text) => `${text}\n`).join(""));
    await (await AuditLog.open({ backend: "jsonl", path })).close();
    assertEquals((await verified({ backend: "jsonl", path })).ok, true);
    const raw = await openRaw(t, `${path}-index`);
    raw.exec(change);
    raw.close();
    const report = await verified({ backend: "jsonl", path });
    assert(findings(report).includes("record 1"), JSON.stringify(report.faults));
  });
}

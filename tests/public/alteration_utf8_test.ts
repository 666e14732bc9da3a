// Drivers put U+FFFD in the place of what is not UTF-8. Where a record has it, too, what is kept beside the record is looked at
// by its bytes: queries would not find it.

import { assertEquals, assertMatch } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
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

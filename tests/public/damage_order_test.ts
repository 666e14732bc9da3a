// SQLite takes for granted that a table is in order. Where a page of it leads back to what was read already, reading ends all the same.

import { assert, assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { attempt } from "../support/examined.ts";
import { interaction } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { tempFolder } from "../support/temp.ts";

const COUNT = 400;
/** Kind of a page that leads to others, of a table; https://sqlite.org/fileformat2.html#b_tree_pages */
const INSIDE = 5;

test("sqlite: reading ends in a table whose pages lead back to what was read already", async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, "log");
  const log = await AuditLog.open({ backend: "sqlite", path });
  const outputText = "out ".repeat(200);
  await log.recordAll(Array.from({ length: COUNT }, () => interaction({ outputText })));
  await log.close();
  const raw = await openRaw(t, path);
  const [{ page }] = raw.all(
    "SELECT rootpage AS page FROM sqlite_schema WHERE name = 'audit_record'",
  ) as [{ page: number }];
  const [{ page_size: size }] = raw.all("PRAGMA page_size") as [{ page_size: number }];
  raw.close();
  const bytes = readFileSync(path);
  const root = (page - 1) * size;
  assertEquals(bytes[root], INSIDE);
  const cells = bytes.readUInt16BE(root + 3);
  const last = bytes.readUInt32BE(root + 8);
  assert(cells > 10);
  let found = 0;
  for (let cell = 0; cell < cells; cell++) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32BE(last, root + bytes.readUInt16BE(root + 12 + 2 * cell));
    const copy = join(folder, `log ${cell}`);
    writeFileSync(copy, damaged);
    const opened = await AuditLog.open({ backend: "sqlite", path: copy, readOnly: true });
    for (const order of ["asc", "desc"] as const) {
      const read = await attempt(async () => {
        let lines = 0;
        // No more than there could be if each page led to all others.
        for await (const _ of opened.lines({ order })) assert(++lines < COUNT * cells, "endless");
      });
      if ("error" in read) found++;
    }
    const verified = await attempt(() => opened.verify());
    assert("error" in verified || !verified.value.ok);
    await opened.close();
  }
  assert(found > 0);
});

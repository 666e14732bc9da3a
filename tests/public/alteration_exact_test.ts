// What somebody puts into the database of a log that not every driver gives as it is: numbers that JavaScript rounds, texts
// with U+0000, at which some cut. It is found, or the log is refused, by all of them alike.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  alterTables,
  findings,
  type Original,
  original,
  signingKey,
  verified,
  verifierKey,
} from "../support/altered.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { tempFolder } from "../support/temp.ts";

const SMALLEST = "-9223372036854775808";
const LARGEST = "9223372036854775807";
/** The first that is not exact. */
const ROUNDED = "9007199254740992";

/** A copy of the entry 5, with an id of its own, that is as it should be but for its number. */
const forge = (seq: string) =>
  "INSERT INTO audit_record SELECT " +
  `${seq}, instant_us, lag_us, canonical, 'forged', timestamp, user, model, cost_usd, latency_ms, ` +
  "replace(record, entry_id, 'forged') FROM audit_record WHERE seq = 5";
const repeat = (number: string) =>
  `INSERT INTO audit_checkpoint SELECT ${number}, size, note FROM audit_checkpoint WHERE number = 2`;

for (
  const [sql, finds] of [
    [forge(SMALLEST), ["record 300"]],
    [forge(`-${ROUNDED}`), ["record 300"]],
    [`INSERT INTO audit_event VALUES (${SMALLEST}, 'annotation', NULL)`, ["record 300"]],
    [`INSERT INTO audit_event VALUES (${LARGEST}, 'annotation', NULL)`, ["record 300"]],
    [repeat(SMALLEST), ["checkpoint"]],
    [repeat(ROUNDED), ["checkpoint"]],
    [repeat(LARGEST), ["checkpoint"]],
    [`UPDATE audit_checkpoint SET size = ${LARGEST} WHERE number = 2`, ["checkpoint"]],
    ["UPDATE audit_checkpoint SET note = note || char(0) || 'x' WHERE number = 2", ["checkpoint"]],
  ] as const
) {
  test(`sqlite: ${sql}: is found`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => raw.exec(sql));
    const report = await verified(log);
    assertEquals(findings(report), [...finds], JSON.stringify(report.faults, null, 2));
  });
}

for (const number of ["9007199254740991", ROUNDED, LARGEST]) {
  test(`sqlite: a log with an entry ${number} is refused as damaged`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => raw.exec(forge(number)));
    for (const readOnly of [true, false]) {
      await assertRefused(
        () => openFile(t, { backend: "sqlite", path: log.path, readOnly }),
        "DAMAGED",
      );
    }
  });

  test(`sqlite: an entry ${number} that is put into an open log keeps it from being verified`, async (t) => {
    const log = await original(t, "sqlite");
    const opened = await openFile(t, { backend: "sqlite", path: log.path });
    await alterTables(t, log, (raw) => raw.exec(forge(number)));
    await assertRefused(() => opened.verify(), "DAMAGED");
    await assertRefused(() => opened.record(interaction()), "DAMAGED");
  });
}

for (const backend of FILE_BACKENDS) {
  const [side, table] = backend === "sqlite" ? ["", "audit_"] : ["-index", ""];

  const alter = (t: TestContext, { path }: Pick<Original, "path">, sql: string) =>
    alterTables(t, { path: path + side }, (raw) => raw.exec(sql));

  test(`${backend}: a tile whose number no tile has keeps nobody from signing and proving`, async (t) => {
    const log = await original(t, backend);
    for (const number of [SMALLEST, "-1", ROUNDED, LARGEST]) {
      await alter(
        t,
        log,
        `INSERT INTO ${table}tile VALUES (0, ${number}, zeroblob(32), zeroblob(8192))`,
      );
    }
    assertEquals((await verified(log)).ok, true);
    const opened = await openFile(t, { backend, path: log.path, signingKey });
    await opened.record(interaction());
    await opened.checkpoint();
    await opened.prove(log.ids[5]!);
    assertEquals((await opened.verify({ verifierKey, checkpoint: [...log.notes] })).faults, []);
  });

  for (const column of ["event", "subject"]) {
    test(`${backend}: a U+0000 behind the ${column} of an event, which hides a call's end, is found`, async (t) => {
      const path = join(tempFolder(t), "log");
      const log = await AuditLog.open({ backend, path, signingKey, checkpoints: BY_HAND });
      const call = await log.begin({ model: "m", inputText: "in" });
      await call.complete({ outputText: "out" });
      await log.checkpoint();
      await log.close();
      assertEquals((await verified({ backend, path })).faults, []);
      const change = `${column} = ${column} || char(0) WHERE event = 'call.end'`;
      await alter(t, { path }, `UPDATE ${table}event SET ${change}`);
      const report = await verified({ backend, path });
      assertEquals([...new Set(findings(report))], ["record 1"], JSON.stringify(report.faults));
    });
  }
}

for (
  const sql of [
    `INSERT INTO line SELECT ${SMALLEST}, instant_us, lag_us, canonical, user, model, offset, length, 'x' FROM line WHERE seq = 5`,
    `INSERT INTO line SELECT -1, instant_us, lag_us, canonical, user, model, offset, length, 'x' FROM line WHERE seq = 5`,
    `INSERT INTO event VALUES (${LARGEST}, 'annotation', NULL)`,
    "UPDATE line SET entry_id = entry_id || char(0) WHERE seq = 5",
  ]
) {
  test(`jsonl: in the index, ${sql}: is found`, async (t) => {
    const log = await original(t, "jsonl");
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    const { faults } = await verified(log);
    assert(faults.length > 0);
    assertEquals(faults.filter(({ kind }) => kind !== "record"), []);
  });
}

test("jsonl: an entry that is made unreadable where no checkpoint covers it, and hidden in the index, too, is found", async (t) => {
  const log = await original(t, "jsonl");
  const opened = await AuditLog.open({ backend: "jsonl", path: log.path });
  await opened.recordAll([interaction(), interaction()]);
  await opened.close();
  const lines = readFileSync(log.path, "utf8").split("\n");
  writeFileSync(log.path, lines.with(300, lines[300]!.replace("{", "[")).join("\n"));
  const raw = await openRaw(t, `${log.path}-index`);
  raw.exec("DELETE FROM line WHERE seq = 300; UPDATE line SET seq = 300 WHERE seq = 301");
  raw.close();
  const report = await verified(log);
  assertEquals([report.size, findings(report)], [301, ["record 301"]]);
  assertMatch(report.faults[0]!.message, /other lines that are no records than the file/);
});

for (
  const sql of [
    "UPDATE line SET length = 1000000000000 WHERE seq = 5",
    "UPDATE line SET offset = 1 WHERE seq = 5",
    "UPDATE line SET length = 1000000000000 WHERE seq = 299",
    "UPDATE covered SET to_offset = 0",
    "DELETE FROM covered",
    `INSERT INTO line SELECT ${ROUNDED}, instant_us, lag_us, canonical, user, model, offset, length, 'x' FROM line WHERE seq = 5`,
  ]
) {
  test(`jsonl: an index after ${sql} is made anew when it is asked`, async (t) => {
    const log = await original(t, "jsonl");
    const before = readFileSync(log.path);
    const raw = await openRaw(t, `${log.path}-index`);
    raw.exec(sql);
    raw.close();
    const opened = await openFile(t, { backend: "jsonl", path: log.path });
    const ids = async () => (await opened.query()).map(({ entryId }) => entryId);
    const found = await ids().catch(async (error) => {
      await assertRefused(() => Promise.reject(error), "DAMAGED");
      return await ids();
    });
    assertEquals(found, [...log.ids]);
    assertEquals((await opened.verify({ verifierKey, checkpoint: [...log.notes] })).faults, []);
    assertEquals(readFileSync(log.path), before);
  });
}

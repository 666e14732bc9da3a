// There is no way to change or remove an entry: not on the class, not beneath it, and not through another
// connection to its SQLite file, which refuses by itself.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { BACKENDS, openFile, placeFor } from "../support/backends.ts";
import { allLines, interaction } from "../support/interaction.ts";
import { mutatorsOf } from "../support/mutators.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

test("the class has no method that changes or removes", () => {
  assertEquals(mutatorsOf(AuditLog), []);
});

for (const backend of BACKENDS) {
  test(`${backend}: a log has no method that changes or removes`, async (t) => {
    const log = await placeFor(backend)(t).open();
    assertEquals(mutatorsOf(log), []);
  });
}

/** A log of three entries; `record` stands for a copy of the first one with another user. */
async function sample(t: TestContext): Promise<{ log: AuditLog; path: string; ids: string[] }> {
  const path = join(tempFolder(t), "audit.db");
  const log = await openFile(t, { backend: "sqlite", path });
  const users = ["alice", "bob", "alice"];
  const entries = await log.recordAll(users.map((user) => interaction({ user })));
  return { log, path, ids: entries.map(({ entryId }) => entryId) };
}

const COLUMNS = "seq, instant_us, lag_us, canonical, entry_id, timestamp, user, model, record";
const insert = (how: string, seq: string, id: string): string =>
  `${how} INTO audit_record (${COLUMNS}) ` +
  `SELECT ${seq}, instant_us, lag_us, canonical, ${id}, timestamp, 'eve', model, record ` +
  "FROM audit_record WHERE seq = 0";
const id = (seq: number): string => `(SELECT entry_id FROM audit_record WHERE seq = ${seq})`;
const upsert = (target: string, seq: string, id: string): string =>
  `${insert("INSERT", seq, id)} ON CONFLICT (${target}) DO UPDATE SET user = 'eve'`;

const TAMPERING: Record<string, string> = {
  "UPDATE of a column": "UPDATE audit_record SET user = 'eve' WHERE seq = 1",
  "UPDATE of the record": "UPDATE audit_record SET record = '{}' WHERE seq = 2",
  "UPDATE of all": "UPDATE audit_record SET user = 'eve'",
  "UPDATE of the key": "UPDATE audit_record SET seq = 9 WHERE seq = 2",
  "UPDATE OR REPLACE": "UPDATE OR REPLACE audit_record SET seq = 1 WHERE seq = 2",
  "UPDATE OR IGNORE": "UPDATE OR IGNORE audit_record SET user = 'eve'",
  "DELETE of an entry": "DELETE FROM audit_record WHERE seq = 1",
  "DELETE of the last entry": "DELETE FROM audit_record WHERE seq = 2",
  "DELETE of all": "DELETE FROM audit_record",
  "INSERT OR REPLACE by seq": insert("INSERT OR REPLACE", "1", "'new'"),
  "INSERT OR REPLACE of the last row": insert("INSERT OR REPLACE", "2", id(2)),
  "INSERT OR REPLACE of the last seq": insert("INSERT OR REPLACE", "2", "'new'"),
  "INSERT OR REPLACE by entry_id": insert("INSERT OR REPLACE", "3", id(0)),
  "INSERT OR REPLACE of the last entry_id": insert("INSERT OR REPLACE", "3", id(2)),
  "REPLACE": insert("REPLACE", "0", "'new'"),
  "REPLACE without a seq": insert("REPLACE", "NULL", id(0)),
  "UPSERT by seq": upsert("seq", "1", "'new'"),
  "UPSERT by entry_id": upsert("entry_id", "3", id(1)),
  "UPSERT of the last row": upsert("entry_id", "2", id(2)),
  "INSERT of a seq that is taken": insert("INSERT", "1", "'new'"),
  "INSERT of an entry_id that is taken": insert("INSERT", "3", id(1)),
  "INSERT with a gap": insert("INSERT", "4", "'new'"),
  "INSERT before the first": insert("INSERT", "-1", "'new'"),
  "INSERT at the largest rowid": insert("INSERT", "9223372036854775807", "'new'"),
  "UPDATE through the view": "UPDATE audit_log SET user = 'eve'",
  "DELETE through the view": "DELETE FROM audit_log",
  "INSERT through the view": "INSERT INTO audit_log (user) VALUES ('eve')",
  "REPLACE through the view": "REPLACE INTO audit_log (seq, user) VALUES (0, 'eve')",
};

for (const [what, sql] of Object.entries(TAMPERING)) {
  test(`sqlite: ${what} by another connection is refused and changes nothing`, async (t) => {
    const { log, path } = await sample(t);
    const before = await allLines(log);
    const raw = await openRaw(t, path);
    const rows = raw.all("SELECT * FROM audit_record");
    for (const triggers of ["OFF", "ON"]) {
      raw.exec(`PRAGMA recursive_triggers = ${triggers}`);
      assertThrows(() => raw.exec(sql));
      assertEquals(raw.all("SELECT * FROM audit_record"), rows);
    }
    assertEquals(await allLines(log), before);
    await log.record(interaction());
    assertEquals(await log.count(), 4);
  });
}

const EVENT_TAMPERING: Record<string, string> = {
  "UPDATE": "UPDATE audit_event SET event = 'annotation'",
  "UPDATE of the subject": "UPDATE audit_event SET subject = 'x' WHERE seq = 4",
  "DELETE": "DELETE FROM audit_event WHERE seq = 3",
  "INSERT of one that hides an interaction":
    "INSERT INTO audit_event VALUES (5, 'annotation', NULL)",
  "INSERT of one that an interaction does not have":
    "INSERT INTO audit_event VALUES (5, 'call.end', 'x')",
  "INSERT for an earlier entry": "INSERT INTO audit_event VALUES (1, 'gap', NULL)",
  "INSERT for an entry to come": "INSERT INTO audit_event VALUES (6, 'gap', NULL)",
  "REPLACE": "REPLACE INTO audit_event VALUES (4, 'annotation', NULL)",
  "UPSERT":
    "INSERT INTO audit_event VALUES (4, 'call.end', 'x') ON CONFLICT DO UPDATE SET subject = 'x'",
};

for (const [what, sql] of Object.entries(EVENT_TAMPERING)) {
  test(`sqlite: ${what} in the table of events is refused and changes nothing`, async (t) => {
    const { log, path } = await sample(t);
    await (await log.begin({ model: "m", inputText: "call" })).complete({ outputText: "" });
    await log.record(interaction());
    const raw = await openRaw(t, path);
    const rows = raw.all("SELECT * FROM audit_event");
    assertEquals(rows.length, 2);
    for (const triggers of ["OFF", "ON"]) {
      raw.exec(`PRAGMA recursive_triggers = ${triggers}`);
      assertThrows(() => raw.exec(sql));
      assertEquals(raw.all("SELECT * FROM audit_event"), rows);
    }
    await log.begin({ model: "m", inputText: "another" });
    assertEquals([await log.count(), await log.count({ events: "all" })], [5, 7]);
    assert((await log.verify()).ok);
  });
}

test("sqlite: INSERT OR IGNORE by another connection cannot replace anything", async (t) => {
  const { log, path } = await sample(t);
  const before = await allLines(log);
  const raw = await openRaw(t, path);
  for (
    const sql of [insert("INSERT OR IGNORE", "1", "'new'"), insert("INSERT OR IGNORE", "3", id(1))]
  ) {
    try {
      raw.exec(sql);
    } catch {
      // Refused, which is as good.
    }
  }
  assertEquals(await allLines(log), before);
});

test("sqlite: one statement cannot take back what an earlier transaction added", async (t) => {
  const { log, path } = await sample(t);
  const raw = await openRaw(t, path);
  raw.exec("BEGIN IMMEDIATE");
  assertThrows(() => raw.exec("DELETE FROM audit_record"));
  raw.exec("COMMIT");
  assertEquals(await log.count(), 3);
});

const BY_USER = "SELECT user, count(*) FROM audit_log GROUP BY user";

test("sqlite: any SQL tool can count entries by user", async (t) => {
  const { path } = await sample(t);
  const raw = await openRaw(t, path);
  assertEquals(raw.all(BY_USER).map((row) => Object.values(row)), [["alice", 2], ["bob", 1]]);
});

test("sqlite: any SQL tool sees the nine columns of the Python class", async (t) => {
  const { log, path } = await sample(t);
  const { entryId, timestamp } = await log.record({
    model: "gpt",
    user: "李雷",
    inputText: "\u2028 in",
    outputText: "out\n",
    costUsd: 0.25,
    latencyMs: 3,
    metadata: { tags: ["é"], n: 1.5 },
  });
  const raw = await openRaw(t, path);
  const columns = "entry_id, timestamp, user, model, input_text, output_text, cost_usd, " +
    "latency_ms, metadata";
  const [row] = raw.all(`SELECT ${columns} FROM audit_log WHERE entry_id = ?`, entryId);
  assertEquals({ ...row, metadata: JSON.parse(String(row!["metadata"])) }, {
    entry_id: entryId,
    timestamp,
    user: "李雷",
    model: "gpt",
    input_text: "\u2028 in",
    output_text: "out\n",
    cost_usd: 0.25,
    latency_ms: 3,
    metadata: { tags: ["é"], n: 1.5 },
  });
});

const hasShell = spawnSync("sqlite3", ["--version"]).status === 0;

testUnless(
  hasShell ? undefined : "there is no sqlite3 program",
  "sqlite: the sqlite3 shell can read the log while it is open",
  async (t) => {
    const { path } = await sample(t as TestContext);
    const { stdout, stderr } = spawnSync("sqlite3", [path, BY_USER], { encoding: "utf8" });
    assertEquals(stdout, "alice|2\nbob|1\n", stderr);
  },
);

testUnless(
  hasShell ? undefined : "there is no sqlite3 program",
  "sqlite: the sqlite3 shell cannot change the log",
  async (t) => {
    const { log, path } = await sample(t as TestContext);
    const before = await allLines(log);
    for (const sql of Object.values(TAMPERING)) {
      const { status, stderr } = spawnSync("sqlite3", [path, sql], { encoding: "utf8" });
      assert(status !== 0 && stderr !== "", sql);
    }
    assertEquals(await allLines(log), before);
  },
);

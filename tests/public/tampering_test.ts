// What others do to a log beneath an open handle, or before it is opened.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { AuditLog, type AuditWarning, generateSigningKey, SqliteError } from "@audit-log/llm";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { openFile } from "../support/backends.ts";
import { FailingRuntime } from "../support/failing_runtime.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

for (const left of [0, 1, 2]) {
  test(`jsonl: a file that was cut to ${left} and a half lines beneath an open log keeps what comes after`, async (t) => {
    const path = join(tempFolder(t), "log");
    const warnings: AuditWarning[] = [];
    const log = await AuditLog.open({
      backend: "jsonl",
      path,
      onWarning: (warning) => warnings.push(warning),
    });
    for (let i = 0; i < 4; i++) await log.record(interaction());
    await log.query();
    const lines = fs.readFileSync(path, "utf8").split("\n");
    fs.truncateSync(path, [...lines.slice(0, left), lines[left]!.slice(0, 20)].join("\n").length);
    const entry = await log.record(interaction());
    assertEquals((await log.get(entry.entryId))?.entryId, entry.entryId);
    assertEquals(await log.count(), left + 1);
    assertEquals(log.size, left + 1);
    assert(warnings.some(({ code }) => code === "INDEX_REBUILT"));
    await log.close();
    const again = await AuditLog.open({ backend: "jsonl", path });
    assertEquals((await again.query()).at(-1), entry);
    assertEquals((await again.info()).unreadable?.count, 1);
    await again.close();
  });
}

for (const damage of ["garbage", "nothing"]) {
  test(`jsonl: an index that becomes ${damage} beneath an open log costs no record`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await AuditLog.open({ backend: "jsonl", path });
    const given = [await log.record(interaction())];
    await log.query();
    const other = await AuditLog.open({ backend: "jsonl", path }); // keeps the pages from being remembered
    given.push(await other.record(interaction()));
    await other.close();
    for (const suffix of ["", "-wal"]) {
      const file = `${path}-index${suffix}`;
      if (!fs.existsSync(file)) continue;
      fs.writeFileSync(file, damage === "nothing" ? "" : "x".repeat(fs.statSync(file).size));
    }
    for (let i = 0; i < 3; i++) given.push(await log.record(interaction()));
    assertEquals(await log.query(), given);
    await log.close().catch(() => {}); // what is left of the index may not close
    const again = await AuditLog.open({ backend: "jsonl", path });
    assertEquals(await again.query(), given);
    await again.close();
  });
}

test("jsonl: a lock that is freed but reported as stuck makes no record fail or come twice", async (t) => {
  const runtime = aroundSqlite(await currentRuntime(), ({ path, sql, does }, action) => {
    const result = action();
    if (sql === "ROLLBACK" && does !== "prepare" && path.endsWith("-lock")) {
      throw new SqliteError(1, "stuck", null);
    }
    return result;
  });
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path, runtime });
  const given = [];
  for (let i = 0; i < 3; i++) given.push(await log.record(interaction()));
  assertEquals(await log.query(), given);
  assertEquals(fs.readFileSync(path, "utf8").split("\n").length, 4);
  await log.close();
});

test("jsonl: a lock that is not freed at the first attempt keeps nobody out", async (t) => {
  let failures = 0;
  const runtime = aroundSqlite(await currentRuntime(), ({ path, sql, does }, action) => {
    if (sql !== "ROLLBACK" || does !== "run" || !path.endsWith("-lock")) return action();
    failures++;
    throw new SqliteError(10, "disk I/O error", null);
  });
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path, runtime });
  const other = await openFile(t, { backend: "jsonl", path, busyTimeoutMs: 0 });
  const given = [];
  for (let i = 0; i < 4; i++) given.push(await (i % 2 === 0 ? log : other).record(interaction()));
  assertEquals(await other.query(), given);
  assert(failures > 0);
});

test("jsonl: while the index of a large file is made, others write", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  const megabyte = "x".repeat(2 ** 20);
  for (let i = 0; i < 80; i++) await log.record({ ...interaction(), outputText: megabyte });
  for (const suffix of ["", "-wal", "-shm"]) fs.rmSync(`${path}-index${suffix}`, { force: true });
  const opening = AuditLog.open({ backend: "jsonl", path });
  const meanwhile = await log.record(interaction());
  const other = await opening;
  assertEquals(await other.count(), 81);
  assertEquals((await other.query({ order: "desc", limit: 1 }))[0], meanwhile);
  assertEquals(await log.count(), 81);
  await other.close();
  await log.close();
});

test("jsonl: a program that knows nothing of the lock hides no entry", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  const first = await log.record(interaction());
  const other = (await log.line(first.entryId))!.replace(first.entryId, "other");
  fs.appendFileSync(path, `${other}\n`);
  const second = await log.record(interaction());
  assertEquals(
    (await log.query()).map(({ entryId }) => entryId),
    [first.entryId, "other", second.entryId],
  );
  await log.close();
});

for (
  const [what, sql] of Object.entries({
    "leaves out lines": "BEFORE INSERT ON line BEGIN SELECT RAISE(IGNORE)",
    "leaves out events": "BEFORE INSERT ON EVENT BEGIN SELECT RAISE(IGNORE)",
    "refuses lines": "BEFORE INSERT ON line BEGIN SELECT RAISE(ABORT, 'no')",
  })
) {
  test(`jsonl: an index with a trigger that ${what} is made anew`, async (t) => {
    const path = join(tempFolder(t), "log");
    await (await AuditLog.open({ backend: "jsonl", path })).close();
    const raw = await openRaw(t, `${path}-index`);
    raw.exec(`CREATE TRIGGER x ${sql}; END`);
    raw.close();
    const warnings: string[] = [];
    const onWarning = ({ code }: AuditWarning) => void warnings.push(code);
    const log = await AuditLog.open({ backend: "jsonl", path, onWarning });
    await log.begin({ model: "m", inputText: "in" });
    assertEquals((await log.unfinished()).length, 1);
    assertEquals((await log.verify()).ok, true);
    await log.close();
    assertEquals(warnings, ["INDEX_REBUILT"]);
  });
}

test("jsonl: an index of another version is made anew, and answers the same", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  for (const user of ["alice", "bob", "alice"]) await log.record(interaction({ user }));
  const asked = async (log: AuditLog) => [await log.query(), await log.query({ user: "alice" })];
  const answers = await asked(log);
  await log.close();
  for (const difference of [-1, 1]) {
    const raw = await openRaw(t, `${path}-index`);
    const [row] = raw.all("PRAGMA user_version");
    raw.exec(`PRAGMA user_version = ${Number(row!["user_version"]) + difference}`);
    raw.close();
    const warnings: string[] = [];
    const onWarning = ({ code }: AuditWarning) => void warnings.push(code);
    const again = await AuditLog.open({ backend: "jsonl", path, onWarning });
    assertEquals(await asked(again), answers);
    assertEquals((await again.verify()).ok, true);
    await again.close();
    assertEquals(warnings, ["INDEX_REBUILT"]);
  }
});

test("jsonl: where an index that does not fit cannot be removed, as on Windows while somebody has it open, one in memory takes its place", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  const first = await log.record(interaction());
  await log.close();
  const garbage = "x".repeat(4096);
  fs.writeFileSync(`${path}-index`, garbage);
  const { runtime } = new FailingRuntime(
    await currentRuntime(),
    ({ what }) =>
      what === "file.remove"
        ? { done: "nothing", error: () => Object.assign(new Error("EBUSY"), { code: "EBUSY" }) }
        : undefined,
  );
  const entries = [first];
  for (let n = 0; n < 2; n++) {
    const warnings: string[] = [];
    const onWarning = ({ code, message }: AuditWarning) => void warnings.push(code, message);
    const again = await openFile(t, { backend: "jsonl", path, runtime, onWarning });
    assertEquals(await again.query(), entries);
    entries.push(await again.record(interaction()));
    assertEquals((await again.verify()).ok, true);
    await again.close();
    assertEquals([warnings.length, warnings[0]], [2, "INDEX_REBUILT"]);
    assertStringIncludes(warnings[1]!, "one in memory takes its place");
    assertEquals(fs.readFileSync(`${path}-index`, "utf8"), garbage);
  }
});

for (
  const [what, body] of Object.entries({
    "drops rows": "SELECT RAISE(IGNORE)",
    "puts others in their place":
      "INSERT INTO audit_record SELECT NEW.seq, NEW.instant_us, 0, 1, NEW.entry_id, NEW.timestamp, 'eve', NEW.model, NULL, " +
      'NULL, replace(NEW.record, \'"user":"\', \'"user":"eve\'); SELECT RAISE(IGNORE)',
  })
) {
  test(`sqlite: a trigger that ${what} silently fails record(), and refuses the next open`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await AuditLog.open({ backend: "sqlite", path });
    await log.record(interaction());
    // Until another thread writes what are many.
    while ((await log.info()).writing !== "another thread") await log.recordAll(interactions(600));
    const { size } = log;
    const raw = await openRaw(t, path);
    raw.exec(
      `CREATE TRIGGER x BEFORE INSERT ON audit_record WHEN NEW.user <> 'eve' BEGIN ${body}; END`,
    );
    for (const count of [1, 2000]) {
      const error = await assertRefused(() => log.recordAll(interactions(count)), "WRITE_FAILED");
      assertStringIncludes(error.message, "the trigger x is not this library's");
    }
    assertEquals([log.size, await log.count()], [size, size]);
    raw.exec("DROP TRIGGER x");
    for (const count of [1, 2000]) await log.recordAll(interactions(count));
    raw.exec("CREATE TABLE notes (text); CREATE VIEW users AS SELECT DISTINCT user FROM audit_log");
    for (const count of [1, 2000]) await log.recordAll(interactions(count));
    assertEquals((await log.verify()).faults, []);
    raw.exec("CREATE TRIGGER x BEFORE INSERT ON audit_record BEGIN SELECT RAISE(IGNORE); END");
    await log.close();
    await assertRefused(() => AuditLog.open({ backend: "sqlite", path }), "DAMAGED");
    raw.exec("DROP TRIGGER x");
    raw.close();
    await (await AuditLog.open({ backend: "sqlite", path })).close();
  });
}

test("sqlite: a trigger that drops events or checkpoints silently fails what is written", async (t) => {
  const path = join(tempFolder(t), "log");
  const { signingKey } = await generateSigningKey("acme.example/chat");
  const log = await AuditLog.open({ backend: "sqlite", path, signingKey, checkpoints: BY_HAND });
  const begin = () => log.begin({ model: "m", inputText: "in" });
  await begin();
  await log.checkpoint();
  const raw = await openRaw(t, path);
  for (const table of ["audit_event", "audit_checkpoint", "audit_tile"]) {
    raw.exec(`CREATE TRIGGER x BEFORE INSERT ON ${table} BEGIN SELECT RAISE(IGNORE); END`);
    for (const write of [begin, () => log.checkpoint()]) {
      const error = await assertRefused(write, "WRITE_FAILED");
      assertStringIncludes(error.message, "trigger");
    }
    raw.exec("DROP TRIGGER x");
  }
  raw.close();
  await begin();
  await log.checkpoint();
  assertEquals((await log.unfinished()).length, 2);
  assertEquals(await log.count({ events: "all" }), 2);
  assertEquals((await log.verify()).ok, true);
  await log.close();
});

for (
  const [what, alter] of Object.entries({
    "a trigger whose table is written in capitals":
      "CREATE TRIGGER x BEFORE INSERT ON AUDIT_RECORD BEGIN SELECT RAISE(IGNORE); END",
    "a guard with a comment that goes on where its condition stood": (guard: string) =>
      guard.replace(/--[^]*(?=BEGIN)/, (text) => `${text.replaceAll("\n", " ")}\n`),
    "a guard with such a comment that has a carriage return in it": (guard: string) =>
      guard.replace(/--[^]*(?=BEGIN)/, (text) => `${text.replaceAll("\n", "\r")}\n`),
  })
) {
  test(`sqlite: a log with ${what} is not opened`, async (t) => {
    const path = join(tempFolder(t), "log");
    await (await AuditLog.open({ backend: "sqlite", path })).close();
    const raw = await openRaw(t, path);
    if (typeof alter === "string") raw.exec(alter);
    else {
      const name = "audit_event_only_append";
      const [guard] = raw.all(`SELECT sql FROM sqlite_schema WHERE name = '${name}'`);
      const altered = alter(String(guard!["sql"]));
      raw.exec(`DROP TRIGGER ${name}`);
      raw.exec(altered);
    }
    raw.close();
    await assertRefused(() => AuditLog.open({ backend: "sqlite", path }), "DAMAGED");
  });
}

test("sqlite: tables and indexes of others may be beside the log's", async (t) => {
  const path = join(tempFolder(t), "log");
  await (await AuditLog.open({ backend: "sqlite", path })).close();
  const raw = await openRaw(t, path);
  raw.exec("CREATE TABLE notes (text); CREATE INDEX by_cost ON audit_record (cost_usd)");
  raw.close();
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.record(interaction());
  assertEquals(await log.count(), 1);
  await log.close();
});

test("sqlite: a file of one byte is no database, and stays", async (t) => {
  const path = join(tempFolder(t), "log");
  fs.writeFileSync(path, "x");
  await assertRefused(() => AuditLog.open({ backend: "sqlite", path }), "NOT_A_LOG");
  assertEquals(fs.readFileSync(path, "utf8"), "x");
});

test('sqlite: the path ":memory:" is refused, as nothing would be kept', async () => {
  await assertRefused(
    () => AuditLog.open({ backend: "sqlite", path: ":memory:" }),
    "INVALID_OPTION",
  );
});

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`${backend}: a log stays the same when the current folder changes`, async (t) => {
    const before = process.cwd();
    t.after(() => process.chdir(before));
    const [folder, elsewhere] = [tempFolder(t), tempFolder(t)];
    process.chdir(folder);
    const log = await AuditLog.open({ backend, path: "log" });
    process.chdir(elsewhere);
    await log.record(interaction());
    assertEquals(await log.count(), 1);
    await log.close();
    assertEquals(fs.readdirSync(elsewhere), []);
    assert(fs.existsSync(join(folder, "log")));
  });
}

// Files of the Python class open as they are, and lose nothing.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type AuditEntry, AuditLogError, type AuditWarning } from "@audit-log/llm";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { allLines, inputs, interaction, type Line } from "../support/interaction.ts";
import { openRaw, type RawRow } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

type Backend = typeof FILE_BACKENDS[number];

const fixture = (name: string) => new URL(`../testdata/python_class/${name}`, import.meta.url);
const FIXTURES: Record<Backend, URL> = {
  sqlite: fixture("audit.db"),
  jsonl: fixture("audit.jsonl"),
};

/** A copy of the Python class's file. */
function copied(t: TestContext, backend: Backend): string {
  const path = join(tempFolder(t), "audit");
  copyFileSync(FIXTURES[backend], path);
  return path;
}

/** What the file holds, read without this library. */
async function expected(t: TestContext, backend: Backend): Promise<AuditEntry[]> {
  if (backend === "jsonl") {
    const lines = readFileSync(FIXTURES.jsonl, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => entryOf(JSON.parse(line)));
  }
  const raw = await openRaw(t, copied(t, backend));
  return raw.all("SELECT * FROM audit_log ORDER BY rowid").map((row) =>
    entryOf({ ...row, metadata: JSON.parse(String(row["metadata"])) } as unknown as Line)
  );
}

function entryOf(line: Line): AuditEntry {
  return {
    entryId: line.entry_id,
    timestamp: line.timestamp,
    user: line.user,
    model: line.model,
    inputText: line.input_text,
    outputText: line.output_text,
    costUsd: line.cost_usd,
    latencyMs: line.latency_ms,
    metadata: line.metadata as AuditEntry["metadata"],
  };
}

for (const backend of FILE_BACKENDS) {
  test(`${backend}: all 60 entries of the Python class's file are there, equal and in order`, async (t) => {
    const wanted = await expected(t, backend);
    assertEquals(wanted.length, 60);
    const log = await openFile(t, { backend, path: copied(t, backend) });
    assertEquals(log.size, 60);
    assertEquals(await log.query(), wanted);
    for (const entry of wanted) assertEquals(await log.get(entry.entryId), entry);
  });

  test(`${backend}: entries of the Python class are found by every filter`, async (t) => {
    const wanted = await expected(t, backend);
    const log = await openFile(t, { backend, path: copied(t, backend) });
    for (const user of new Set(wanted.map(({ user }) => user))) {
      const own = wanted.filter((entry) => entry.user === user);
      assertEquals(await log.query({ user }), own);
      assertEquals(await log.count({ user }), own.length);
    }
    for (const model of new Set(wanted.map(({ model }) => model))) {
      assertEquals(await log.query({ model }), wanted.filter((entry) => entry.model === model));
    }
    const { timestamp, entryId } = wanted[29]!;
    const since = inputs(await log.query({ since: timestamp }));
    assertEquals(since, inputs(wanted.filter((entry) => entry.timestamp >= timestamp)));
    assertEquals(inputs(await log.query({ after: entryId })), inputs(wanted.slice(30)));
    const { metadata } = wanted.find(({ metadata }) => Object.keys(metadata).length > 1)!;
    const same = wanted.filter((entry) =>
      JSON.stringify(entry.metadata) === JSON.stringify(metadata)
    );
    assertEquals(await log.query({ metadata }), same);
  });

  test(`${backend}: a file of the Python class is continued, and opens again`, async (t) => {
    const wanted = inputs(await expected(t, backend));
    const path = copied(t, backend);
    for (let times = 1; times <= 3; times++) {
      const log = await openFile(t, { backend, path });
      await log.record(interaction({ inputText: `new ${times}`, user: "alice" }));
      wanted.push(`new ${times}`);
      assertEquals(inputs(await log.query()), wanted);
      assertEquals((await log.query({ user: "alice", order: "desc", limit: 1 }))[0]!.model, "m");
      await log.close();
    }
  });

  test(`${backend}: two processes that open a file of the Python class at once both read it whole`, async (t) => {
    const path = copied(t, backend);
    const command = scriptCommand("open_log.ts", backend, path, "open");
    const results = await Promise.all([1, 2, 3].map(() => runProgram(command)));
    for (const { stdout, stderr } of results) assertEquals(stdout, '{"size":60}\n', stderr);
    const log = await openFile(t, { backend, path });
    assertEquals(await log.query(), await expected(t, backend));
  });

  test(`${backend}: a file of the Python class moves to another log byte for byte`, async (t) => {
    const from = await openFile(t, { backend, path: copied(t, backend) });
    const lines = await allLines(from);
    const to = await openFile(t, { backend: "sqlite", path: join(tempFolder(t), "log") });
    await to.adopt(lines);
    assertEquals(await allLines(to), lines);
    assertEquals(await to.query(), await expected(t, backend));
  });
}

test("jsonl: the Python class's file keeps its bytes, and new lines follow them", async (t) => {
  const path = copied(t, "jsonl");
  const before = readFileSync(path);
  const log = await openFile(t, { backend: "jsonl", path });
  await log.query({ user: "alice" });
  assertEquals(readFileSync(path).equals(before), true);
  assertEquals(await allLines(log), before.toString().split("\n").slice(0, -1));
  const { entryId } = await log.record(interaction());
  const after = readFileSync(path);
  assertEquals(after.subarray(0, before.length).equals(before), true);
  assertEquals(after.subarray(before.length).toString(), `${await log.line(entryId)}\n`);
});

test("jsonl: opening the Python class's file warns of nothing", async (t) => {
  const warnings: AuditWarning[] = [];
  const path = copied(t, "jsonl");
  await openFile(t, { backend: "jsonl", path, onWarning: (warning) => warnings.push(warning) });
  assertEquals(warnings, []);
});

for (const readOnly of [false, true]) {
  test(`sqlite: what another process upgrades while it is looked at is taken for nothing else, readOnly ${readOnly}`, async (t) => {
    const path = copied(t, "sqlite");
    const other = await openRaw(t, path);
    other.exec("PRAGMA busy_timeout = 0");
    let refused = 0;
    const runtime = aroundSqlite(await currentRuntime(), (call, action) => {
      const result = action();
      if (call.path === path && call.sql === "PRAGMA application_id" && call.does === "get") {
        try {
          other.exec("ALTER TABLE audit_log RENAME TO audit_log_python");
        } catch {
          refused++;
        }
      }
      return result;
    });
    const opening = openFile(t, { backend: "sqlite", path, readOnly, runtime });
    if (readOnly) {
      const error = await assertRejects(() => opening, AuditLogError);
      assertEquals(error.code, "UNSUPPORTED_FORMAT");
    } else assertEquals((await opening).size, 60);
    assert(refused > 0);
  });
}

/** All rows of the Python class's table. */
async function rowsOf(t: TestContext, path: string, table: string): Promise<RawRow[]> {
  const raw = await openRaw(t, path);
  const rows = raw.all(`SELECT rowid, * FROM ${table} ORDER BY rowid`);
  raw.close();
  return rows;
}

test("sqlite: the Python class's table is kept as it was, and the upgrade is told once", async (t) => {
  const path = copied(t, "sqlite");
  const before = await rowsOf(t, path, "audit_log");
  const warnings: string[] = [];
  for (let times = 0; times < 2; times++) {
    const onWarning = ({ code }: AuditWarning) => warnings.push(code);
    const log = await openFile(t, { backend: "sqlite", path, onWarning });
    await log.close();
  }
  assertEquals(warnings, ["UPGRADED"]);
  assertEquals(await rowsOf(t, path, "audit_log_python"), before);
});

test("sqlite: a view that somebody made of the Python class's table shows new entries, too", async (t) => {
  const path = copied(t, "sqlite");
  const raw = await openRaw(t, path);
  raw.exec("CREATE VIEW per_user AS SELECT user, count(*) AS n FROM audit_log GROUP BY user");
  const before = raw.all("SELECT * FROM per_user");
  raw.close();
  const log = await openFile(t, { backend: "sqlite", path });
  await log.record(interaction({ user: "\u{10ffff}" })); // the last of all users
  await log.close();
  const again = await openRaw(t, path);
  assertEquals(again.all("SELECT * FROM per_user"), [...before, { user: "\u{10ffff}", n: 1 }]);
});

test("sqlite: the table that the Python class left refuses to be changed", async (t) => {
  const path = copied(t, "sqlite");
  await (await openFile(t, { backend: "sqlite", path })).close();
  const before = await rowsOf(t, path, "audit_log_python");
  const raw = await openRaw(t, path);
  const copy = (how: string) =>
    `${how} INTO audit_log_python SELECT entry_id, timestamp, 'eve', model, input_text, output_text, ` +
    "cost_usd, latency_ms, metadata FROM audit_log_python WHERE rowid = 1";
  for (
    const sql of [
      "UPDATE audit_log_python SET user = 'eve'",
      "DELETE FROM audit_log_python",
      copy("INSERT OR REPLACE"),
      copy("REPLACE"),
      `${copy("INSERT")} ON CONFLICT (entry_id) DO UPDATE SET user = 'eve'`,
    ]
  ) {
    assertThrows(() => raw.exec(sql), sql);
  }
  raw.close();
  assertEquals(await rowsOf(t, path, "audit_log_python"), before);
});

test("sqlite: columns and view of an upgraded file agree with its records", async (t) => {
  const path = copied(t, "sqlite");
  const before = await rowsOf(t, path, "audit_log");
  await (await openFile(t, { backend: "sqlite", path })).close();
  const names = "entry_id, timestamp, user, model, input_text, output_text, cost_usd, latency_ms";
  const raw = await openRaw(t, path);
  const after = raw.all(`SELECT seq + 1 AS rowid, ${names}, metadata FROM audit_log ORDER BY seq`);
  const parsed = (rows: RawRow[]) =>
    rows.map((row) => ({ ...row, metadata: JSON.parse(String(row["metadata"])) }));
  assertEquals(parsed(after), parsed(before));
  assert(raw.all("PRAGMA integrity_check").length === 1);
});

test("sqlite: odd values of the Python class survive the upgrade", async (t) => {
  const path = join(tempFolder(t), "audit.db");
  const raw = await openRaw(t, path);
  raw.exec(`CREATE TABLE audit_log (entry_id TEXT PRIMARY KEY, timestamp TEXT NOT NULL,
    user TEXT NOT NULL, model TEXT NOT NULL, input_text TEXT NOT NULL, output_text TEXT NOT NULL,
    cost_usd REAL, latency_ms REAL, metadata TEXT)`);
  const metadata = [
    '{"big": 12345678901234567890, "exact": 0.10}',
    '{"cost": NaN}',
    null,
    "[1, 2]",
    '{"a":\n1}',
    "",
  ];
  for (const [n, text] of metadata.entries()) {
    raw.all(
      "INSERT INTO audit_log VALUES (?, '2026-01-01T00:00:00+00:00', '', 'a' || char(0) || 'b', " +
        "'x' || char(0) || 'y', ?, 1e-7, 3, ?)",
      `${n}`,
      "\u2028💬",
      text,
    );
  }
  raw.close();
  const log = await openFile(t, { backend: "sqlite", path });
  const entries = await log.query();
  const unreadable = (text: string) => ({ "audit.unreadable_metadata": text });
  assertEquals(entries.map(({ metadata }) => metadata), [
    { big: 12345678901234567890, exact: 0.1 },
    unreadable('{"cost": NaN}'),
    {},
    unreadable("[1, 2]"),
    { a: 1 },
    unreadable(""),
  ]);
  for (const { user, model, inputText, outputText, costUsd, latencyMs } of entries) {
    assertEquals([user, model, inputText, outputText], ["", "a\0b", "x\0y", "\u2028💬"]);
    assertEquals([costUsd, latencyMs], [1e-7, 3]);
  }
  const [line] = await allLines(log);
  assert(line!.includes('{"big": 12345678901234567890, "exact": 0.10}'), line);
});

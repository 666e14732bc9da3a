// Options and queries that are not what they should be: nothing is ignored.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { AuditLog, type AuditWarning } from "@audit-log/llm";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { tempFolder } from "../support/temp.ts";

const WRONG_OPTIONS: [path: string, options: unknown][] = [
  ["", null],
  ["", "sqlite"],
  ["", 1],
  ["backend", { backend: "postgres" }],
  ["backend", { backend: "SQLite" }],
  ["backend", { backend: "" }],
  ["backend", { backend: null }],
  ["backend", { backend: {} }],
  ["path", { path: "audit.db" }],
  ["readOnly", { backend: "memory", readOnly: true }],
  ["pth", { backend: "sqlite", pth: "x" }],
  ["Path", { backend: "jsonl", Path: "x" }],
  ["Symbol(s)", { [Symbol("s")]: 1 }],
  ["clock", { clock: 5 }],
  ["onWarning", { onWarning: "log" }],
  ...[0, -1, 1.5, NaN, "10", 2 ** 30 + 1, null].map((
    maxRecordBytes,
  ): [string, unknown] => ["maxRecordBytes", { maxRecordBytes }]),
  ...[0, -1, 1.5, NaN, "10", Infinity, null].map((
    maxQueueBytes,
  ): [string, unknown] => ["maxQueueBytes", { maxQueueBytes }]),
];

/** Those of a backend in a file; its path is added. */
const WRONG_FILE_OPTIONS: [path: string, options: Record<string, unknown>][] = [
  ["path", { path: "" }],
  ["path", { path: "a\0b" }],
  ["path", { path: 7 }],
  ["path", { path: null }],
  ["path", { path: new URL("file:///tmp/x") }],
  ["durability", { durability: "none" }],
  ["durability", { durability: true }],
  ["readOnly", { readOnly: "yes" }],
  ["readOnly", { readOnly: 1 }],
  ["busyTimeoutMs", { busyTimeoutMs: -1 }],
  ["busyTimeoutMs", { busyTimeoutMs: Infinity }],
  ["readonly", { readonly: true }],
];

const WRONG_QUERIES: [path: string, query: unknown][] = [
  ["", null],
  ["", []],
  ["", "alice"],
  ["", 5],
  ["", new Map([["user", "alice"]])],
  ["metadata", { metadata: new Map([["session", "s"]]) }],
  ["metadata", { metadata: new URLSearchParams("session=s") }],
  ["metadata", { metadata: { [Symbol("session")]: "s" } }],
  ["usr", { usr: "alice" }],
  ["User", { user: "alice", User: "alice" }],
  ["entryId", { entryId: "x" }],
  ["Symbol(s)", { [Symbol("s")]: 1 }],
  ...["user", "model", "text"].flatMap((name): [string, unknown][] =>
    ["", 1, null, {}, ["alice"], "\ud800", "x".repeat(300) + "\ud800"].map((
      value,
    ) => [name, { [name]: value }])
  ),
  ...["since", "until"].flatMap((name): [string, unknown][] =>
    [
      "",
      "yesterday",
      "2026",
      "2026-1-1",
      "2026-02-30",
      "2026-13-01",
      "2026-01-01T24:00:00",
      "2026-01-01T00:00:60Z",
      "2026-01-01T00",
      "2026-01-01T00:00:00z",
      "2026-01-01T00:00:00+24:00",
      "2026-01-01T00:00:00 Z",
      " 2026-01-01",
      "20260101T000000Z",
      "1767225600000",
      1767225600000,
      null,
      {},
      new Date(NaN),
    ].map((value) => [name, { [name]: value }])
  ),
  ["since", { since: "2026-01-02", until: "2026-01-01" }],
  ["since", { since: "2026-01-01T00:00:00.000001Z", until: new Date("2026-01-01") }],
  ["metadata", { metadata: null }],
  ["metadata", { metadata: [] }],
  ["metadata", { metadata: "x" }],
  ['metadata["a"]', { metadata: { a: undefined } }],
  ['metadata["a"]', { metadata: { a: NaN } }],
  ['metadata["a"]', { metadata: { a: new Date() } }],
  ['metadata["a b"]', { metadata: { "a b": [1n] } }],
];

/** Those that count() does not know. */
const WRONG_ORDERS: [path: string, query: unknown][] = [
  ["order", { order: "newest" }],
  ["order", { order: null }],
  ["after", { after: 5 }],
  ["after", { after: null }],
  ...[-1, 1.5, NaN, "5", null, 2 ** 53, -Infinity].map((
    limit,
  ): [string, unknown] => ["limit", { limit }]),
];

const show = (value: unknown): string =>
  typeof value === "object" && value !== null
    ? `{ ${Reflect.ownKeys(value).map((key) => `${String(key)}: ${told(value, key)}`).join(", ")} }`
    : String(value);
const told = (object: object, key: string | symbol): string => {
  const value: unknown = Reflect.get(object, key);
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null && !(value instanceof Date)
    ? show(value)
    : String(value);
};

for (const [index, [path, options]] of WRONG_OPTIONS.entries()) {
  test(`open() refuses the options ${index}: ${show(options)}`, async () => {
    await assertRefused(() => AuditLog.open(options as never), "INVALID_OPTION", path);
  });
}

for (const backend of ["sqlite", "jsonl"] as const) {
  for (const [path, options] of WRONG_FILE_OPTIONS) {
    test(`${backend}: open() refuses ${show(options)} and creates nothing`, async (t) => {
      const file = join(tempFolder(t), "log");
      await assertRefused(
        () => AuditLog.open({ backend, path: file, ...options } as never),
        "INVALID_OPTION",
        path,
      );
      assertEquals(existsSync(file), false);
    });
  }
}

for (const [index, [path, query]] of [...WRONG_QUERIES, ...WRONG_ORDERS].entries()) {
  test(`query() refuses ${index}: ${show(query)}`, async () => {
    const log = await AuditLog.open();
    await log.record(interaction());
    await assertRefused(() => log.query(query as never), "INVALID_QUERY", path);
  });
}

test("count() refuses what query() refuses, and order, cursor and limit too", async () => {
  const log = await AuditLog.open();
  const more: [string, unknown][] = [["order", { order: "asc" }], ["limit", { limit: 1 }]];
  for (const [path, query] of [...WRONG_QUERIES, ...WRONG_ORDERS, ...more]) {
    await assertRefused(() => log.count(query as never), "INVALID_QUERY", path);
  }
});

test("get() and line() refuse what is no text", async () => {
  const log = await AuditLog.open();
  for (const id of [undefined, null, 5, {}]) {
    await assertRefused(() => log.get(id as never), "INVALID_QUERY", "entryId");
    await assertRefused(() => log.line(id as never), "INVALID_QUERY", "entryId");
  }
});

test("an option or filter that is misspelt is told together with those that are known", async () => {
  const log = await AuditLog.open();
  const query = await assertRefused(() => log.query({ usr: "a" } as never), "INVALID_QUERY");
  assertStringIncludes(query.message, "user, model, since, until, metadata");
  const open = await assertRefused(() => AuditLog.open({ file: "x" } as never), "INVALID_OPTION");
  assertStringIncludes(open.message, "backend");
  assertStringIncludes(open.message, "path");
});

test("options and filters whose value is undefined count as absent", async () => {
  const log = await AuditLog.open(
    { backend: undefined, path: undefined, clock: undefined } as never,
  );
  assertEquals(log.backend, "memory");
  await log.record(interaction());
  const query = { user: undefined, since: undefined, metadata: undefined, limit: undefined };
  assertEquals((await log.query({ ...query, order: undefined, after: undefined })).length, 1);
});

test("open() without options is a log in memory", async () => {
  const log = await AuditLog.open();
  assertEquals([log.backend, log.size], ["memory", 0]);
});

test("a clock that says no time is refused when something is recorded", async () => {
  const times = [NaN, -1, Infinity, 253_402_300_800_000, 1n, "5", new Date(5), undefined];
  for (const time of times) {
    const log = await AuditLog.open({ clock: () => time as number });
    await assertRefused(() => log.record(interaction()), "INVALID_OPTION", "clock");
    assertEquals(log.size, 0);
  }
});

test("warnings go to onWarning and to info()", async (t) => {
  const warnings: AuditWarning[] = [];
  const log = await AuditLog.open({
    backend: "sqlite",
    path: join(tempFolder(t), "log"),
    onWarning: (warning) => warnings.push(warning),
  });
  assertEquals((await log.info()).warnings, warnings);
  await log.close();
});

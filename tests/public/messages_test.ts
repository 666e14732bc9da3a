// What somebody is told who makes a mistake that types would have shown: what is wrong, where, and what to do.

import { AuditLog, AuditLogError, generateSigningKey, withAuditContext } from "@audit-log/llm";
import { CostTracker } from "@audit-log/llm/cost";
import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { interaction } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

/** What is given where something else was asked for. */
// deno-lint-ignore no-explicit-any
type Wrong = any;

const mistakes: [
  what: string,
  act: (log: AuditLog) => unknown,
  code: string,
  path: string | undefined,
  says: string,
][] = [
  [
    "a path in place of open()'s options",
    () => AuditLog.open("audit.db" as Wrong),
    "INVALID_OPTION",
    "",
    'the options are an object such as { backend: "sqlite", path: "audit.db" }, not a string',
  ],
  [
    "an array in place of open()'s options",
    () => AuditLog.open([] as Wrong),
    "INVALID_OPTION",
    "",
    "not an array",
  ],
  [
    "a constructor in place of open()",
    () => new (AuditLog as Wrong)({ backend: "memory" }),
    "INVALID_OPTION",
    undefined,
    "Cannot open the log: it is opened by await AuditLog.open(), not by new",
  ],
  [
    "a path that is a URL",
    () => AuditLog.open({ backend: "sqlite", path: new URL("file:///audit.db") as Wrong }),
    "INVALID_OPTION",
    "path",
    "path must be the name of a file, a string, not a class instance",
  ],
  [
    "a number of bytes that is a text",
    () => AuditLog.open({ maxRecordBytes: "1MB" as Wrong }),
    "INVALID_OPTION",
    "maxRecordBytes",
    "maxRecordBytes must be an integer from 1 to 268435455, not a string",
  ],
  [
    "a number of bytes that is negative",
    () => AuditLog.open({ maxRecordBytes: -1 }),
    "INVALID_OPTION",
    "maxRecordBytes",
    "maxRecordBytes must be an integer from 1 to 268435455, not -1",
  ],
  [
    "the name of a runtime",
    () => AuditLog.open({ backend: "sqlite", path: "audit.db", runtime: "node" as Wrong }),
    "INVALID_OPTION",
    "runtime",
    "runtime must be that of an adapter, such as @audit-log/llm/node; leave it out to have it found",
  ],
  [
    "an object in place of recordAll()'s entries",
    (log) => log.recordAll({} as Wrong),
    "INVALID_ENTRY",
    "",
    "Cannot record the entries: recordAll() takes an array of entries, not an object",
  ],
  [
    "metadata with a key of this project's",
    (log) => log.record(interaction({ metadata: { "audit.team": "red" } })),
    "INVALID_ENTRY",
    'metadata["audit.team"]',
    'metadata["audit.team"] is reserved, as all keys that start with "audit." are; choose another name',
  ],
  [
    "context with a key of this project's",
    () => withAuditContext({ metadata: { "audit.team": "red" } }, () => {}),
    "INVALID_OPTION",
    'metadata["audit.team"]',
    'is reserved, as all keys that start with "audit." are; choose another name',
  ],
  [
    "a negative limit",
    (log) => log.query({ limit: -1 }),
    "INVALID_QUERY",
    "limit",
    "limit must be an integer >= 0, not -1; leave it out for all",
  ],
  [
    "a limit that is a text",
    (log) => log.query({ limit: "5" as Wrong }),
    "INVALID_QUERY",
    "limit",
    "limit must be an integer >= 0, not a string",
  ],
  [
    "an order by another name",
    (log) => log.query({ order: "newest" as Wrong }),
    "INVALID_QUERY",
    "order",
    'order must be "asc", oldest first, or "desc", newest first',
  ],
  [
    "a cursor of another log",
    (log) => log.query({ after: "nobody" }),
    "CURSOR_NOT_FOUND",
    "after",
    'after "nobody" is no entry of it; give the entryId of one',
  ],
  [
    "null in place of a query of lines",
    (log) => log.lines(null as Wrong).next(),
    "INVALID_QUERY",
    "",
    "a query must be a plain object, not null",
  ],
  [
    "a text in place of a query of lines",
    (log) => log.lines("alice" as Wrong).next(),
    "INVALID_QUERY",
    "",
    "a query must be a plain object, not a string",
  ],
  [
    "events asked of unfinished()",
    (log) => log.unfinished({ events: "all" } as Wrong),
    "INVALID_QUERY",
    "events",
    "events is not a filter; known are user, model, since, until, metadata",
  ],
  [
    "the outcome of calls, asked for as on the command line",
    (log) => log.query({ outcome: "failed" } as Wrong),
    "INVALID_QUERY",
    "outcome",
    'outcome is not a filter; did you mean metadata: { "audit.outcome": "..." }?',
  ],
  [
    "a misspelt option of get()",
    async (log) =>
      log.get((await log.record(interaction())).entryId, { annotation: true } as Wrong),
    "INVALID_QUERY",
    "annotation",
    "Cannot get the entry: annotation is not an option of get(); known are annotations",
  ],
  [
    "an option of get() that is no boolean",
    (log) => log.get("nobody", { annotations: "yes" } as Wrong),
    "INVALID_QUERY",
    "annotations",
    "annotations must be true or false, not a string",
  ],
  [
    "a name for a key with a space",
    () => generateSigningKey("my log"),
    "INVALID_KEY",
    undefined,
    "the name contains a space; take a URL without its scheme, such as acme.example/chat",
  ],
  [
    "a scope of costs without a function",
    () => new CostTracker().scope("qa", undefined as Wrong),
    "INVALID_OPTION",
    "fn",
    "fn must be a function",
  ],
];

for (const [what, act, code, path, says] of mistakes) {
  test(`a message says what to do about ${what}`, async () => {
    const log = await AuditLog.open();
    let told: unknown;
    try {
      await act(log);
    } catch (error) {
      told = error;
    }
    await log.close();
    assertInstanceOf(told, AuditLogError);
    assertEquals([told.code, told.path], [code, path]);
    assertStringIncludes(told.message, says);
  });
}

test("a runtime that lacks a part is refused before a file is made", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const opened = AuditLog.open({ backend: "sqlite", path, runtime: { file: {} } as Wrong });
  const told = await opened.catch((error: unknown) => error);
  assertInstanceOf(told, AuditLogError);
  assertEquals(told.path, "runtime");
});

test("a message says what to do about a damaged file", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.record(interaction());
  await log.close();
  truncateSync(path, 20_000);
  const told = await AuditLog.open({ backend: "sqlite", path }).catch((error: unknown) => error);
  assertInstanceOf(told, AuditLogError);
  assertEquals(told.code, "DAMAGED");
  assertStringIncludes(told.message, "; put back a backup: docs/operating.md");
});

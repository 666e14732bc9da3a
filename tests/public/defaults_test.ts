// What holds where nothing is said.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openFile } from "../support/backends.ts";
import { scriptCommand } from "../support/child.ts";
import { inputs, interaction, interactions } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const FILES = {
  sqlite: ["audit_log.db"],
  jsonl: ["audit_log.jsonl", "audit_log.jsonl-index", "audit_log.jsonl-lock"],
};

for (const [backend, files] of Object.entries(FILES)) {
  // In a process of its own, because the name is relative to the folder that a process runs in.
  test(`${backend}: a log without a path is ${files[0]} in the current folder`, async (t) => {
    const cwd = tempFolder(t);
    const [program, ...args] = scriptCommand("open_default.ts", backend);
    const { status, stderr } = spawnSync(program!, args, { cwd, encoding: "utf8" });
    assertEquals(status, 0, stderr);
    assertEquals(readdirSync(cwd).sort(), files);
    const path = join(cwd, files[0]!);
    const log = await openFile(t, { backend: backend as "sqlite" | "jsonl", path, readOnly: true });
    assertEquals(inputs(await log.query()), ["in"]);
  });
}

test("a record has up to 16 MiB", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const most = 16 * 2 ** 20;
  await log.record(interaction({ inputText: "x".repeat(most - 400) }));
  const { message } = await assertRefused(
    () => log.record(interaction({ inputText: "x".repeat(most) })),
    "ENTRY_TOO_LARGE",
  );
  assertStringIncludes(message, `the limit is ${most}`);
  assertEquals(log.size, 1);
});

test("a log in memory encodes a record when its line is asked for, and not before", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const { stringify } = JSON;
  atEnd(t, () => JSON.stringify = stringify);
  let encoded = 0;
  JSON.stringify = (...given: [unknown]) => {
    encoded++;
    return stringify(...given);
  };
  for (const entry of interactions(100, { metadata: { a: ["b"] } })) await log.record(entry);
  const entries = await log.query();
  const count = await log.count({ model: "m" });
  const before = encoded;
  await log.line(entries[0]!.entryId);
  JSON.stringify = stringify;
  assertEquals([entries.length, count, before], [100, 100, 0]);
  assertEquals(encoded > 0, true); // else it is not by this that records are encoded
});

// On POSIX systems, closing a file frees all locks that the process has on it, those of SQLite in another thread among them.
// Who has lost its locks is not seen by another process: that one takes itself for the last when it closes the log, and
// removes the WAL which is still being written to. (SQLite itself is on its guard against that since 3.51.)

import { assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey, type Runtime } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interactions } from "../support/interaction.ts";
import { partsOf } from "../support/notes.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

for (const backend of FILE_BACKENDS) {
  test(`${backend}: the files that SQLite locks are opened by nothing else`, async (t) => {
    const path = join(tempFolder(t), "log");
    const runtime = await currentRuntime();
    const [opened, locked] = [new Set<string>(), new Set<string>()];
    const spied: Runtime = {
      ...runtime,
      file: {
        ...runtime.file,
        open: (path, mode) => {
          opened.add(path);
          return runtime.file.open(path, mode);
        },
      },
      sqlite: {
        ...runtime.sqlite,
        open: (path, options) => {
          if (path !== ":memory:") locked.add(path);
          return runtime.sqlite.open(path, options);
        },
      },
    };
    const { signingKey, verifierKey } = await generateSigningKey("acme.example/locks");
    for (let times = 0; times < 2; times++) {
      const log = await AuditLog.open({ backend, path, signingKey, runtime: spied });
      await log.recordAll(interactions(300));
      await log.checkpoint();
      assertEquals((await log.verify({ verifierKey })).ok, true);
      await log.query();
      await log.info();
      await log.close();
    }
    const reader = await AuditLog.open({ backend, path, readOnly: true, runtime: spied });
    assertEquals(await reader.count(), 600);
    await reader.close();
    const files = backend === "sqlite" ? [path] : [`${path}-index`, `${path}-lock`];
    assertEquals([...locked].sort(), files);
    assertEquals([...locked].filter((path) => opened.has(path)), []);
  });
}

test("a JSONL log without new tiles is signed while another writes its index", async (t) => {
  const path = join(tempFolder(t), "log");
  const { signingKey } = await generateSigningKey("acme.example/locks");
  // However long it takes, it is no pause in which lines would be put into the index.
  const { setTimeout } = globalThis;
  atEnd(t, () => void (globalThis.setTimeout = setTimeout));
  globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout;
  const log = await openFile(t, { backend: "jsonl", path, signingKey, busyTimeoutMs: 0 });
  await log.recordAll(interactions(300));
  await log.checkpoint();
  await log.recordAll(interactions(3));
  const other = (await currentRuntime()).sqlite.open(`${path}-index`, { readOnly: false });
  atEnd(t, () => other.close());
  other.exec("BEGIN IMMEDIATE");
  assertEquals(partsOf(await log.checkpoint()).size, 303);
  other.exec("ROLLBACK");
  globalThis.setTimeout = setTimeout;
});

// The lock of a JSONL log while its file is opened: others may have the file for themselves, or put another in its place.

import { assertEquals, assertRejects } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FileLock } from "../../src/stores/file_lock.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const TIMEOUT_MS = 10_000;

test("whoever has the lock's file for themselves is waited for when it is opened", async (t) => {
  const path = join(tempFolder(t), "lock");
  const raw = await openRaw(t, path);
  raw.exec("BEGIN EXCLUSIVE");
  let isHeld = true;
  const runtime = aroundSqlite(await currentRuntime(), (_call, action) => {
    try {
      return action();
    } catch (error) {
      if (isHeld) raw.exec("ROLLBACK");
      isHeld = false;
      throw error;
    }
  });
  const lock = await FileLock.open(runtime, path, TIMEOUT_MS);
  assertEquals(isHeld, false);
  assertEquals(await lock.run(() => Promise.resolve("done")), "done");
  lock.close();
});

test("a lock's file that was replaced right after it was opened keeps nobody out, and is told", async (t) => {
  const path = join(tempFolder(t), "lock");
  const real = await currentRuntime();
  const runtime = {
    ...real,
    sqlite: {
      ...real.sqlite,
      open: (path: string, options: { readonly readOnly: boolean }) => {
        const database = real.sqlite.open(path, options);
        rmSync(path);
        writeFileSync(path, "");
        return database;
      },
    },
  };
  const lock = await FileLock.open(runtime, path, TIMEOUT_MS);
  const error = await assertRejects(() => lock.run(() => Promise.resolve()), AuditLogError);
  assertEquals(error.code, "LOG_REPLACED");
  lock.close();
});

// On a quick disk, a record or two are synced by the calling thread, which is sooner done than two threads have met. Nobody stands still for
// a slow one, or for many records.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, AuditLogError } from "@audit-log/llm";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { aroundFiles } from "../support/around_files.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { openFile } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** Opens a log on a disk that takes so long; `told` is who waited for it each time: the calling thread, or another. */
async function openOn(
  t: TestContext,
  disk: { wait: () => void },
  durability: "full" | "relaxed" = "full",
): Promise<{ log: AuditLog; told: ("calling" | "another")[] }> {
  const told: ("calling" | "another")[] = [];
  const runtime = aroundFiles(await currentRuntime(), (file) => ({
    sync() {
      told.push("another");
      disk.wait();
      return Promise.resolve();
    },
    atOnce: {
      ...file.atOnce!,
      sync() {
        told.push("calling");
        disk.wait();
      },
    },
  }));
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path, runtime, durability });
  atEnd(t, () => log.close());
  told.length = 0;
  return { log, told };
}

const QUICK = { wait() {} };

const SLOW = {
  /** Takes some milliseconds. */
  wait() {
    const start = performance.now();
    while (performance.now() - start < 3);
  },
};

test("jsonl: once the disk has shown that it is quick, few records are synced at once", async (t) => {
  const { log, told } = await openOn(t, QUICK);
  for (let n = 0; n < 50; n++) await log.record(interaction());
  await Promise.all(Array.from({ length: 16 }, () => log.record(interaction())));
  assertEquals(told.length, 51);
  assertEquals(told[0], "another");
  assert(told.filter((who) => who === "calling").length > 25, `${told}`);
});

test("jsonl: a disk that is slow once is waited for by the calling thread all the same", async (t) => {
  const disk = { ...QUICK };
  const { log, told } = await openOn(t, disk);
  while (told.at(-1) !== "calling") await log.record(interaction());
  told.length = 0;
  for (let n = 0; n < 6; n++) {
    disk.wait = n === 2 ? SLOW.wait : QUICK.wait;
    await log.record(interaction());
  }
  assertEquals(told, Array(6).fill("calling"));
});

test("jsonl: a slow disk is waited for by another thread", async (t) => {
  const { log, told } = await openOn(t, SLOW);
  for (let n = 0; n < 10; n++) await log.record(interaction());
  assertEquals(told, Array(10).fill("another"));
});

test("jsonl: a disk that becomes slow is waited for by the calling thread twice", async (t) => {
  const disk = { ...QUICK };
  const { log, told } = await openOn(t, disk);
  while (told.at(-1) !== "calling") await log.record(interaction());
  disk.wait = SLOW.wait;
  for (let n = 0; n < 5; n++) await log.record(interaction());
  assertEquals(told.slice(-3), Array(3).fill("another"));
});

test("jsonl: many records are synced by another thread", async (t) => {
  const { log, told } = await openOn(t, QUICK);
  while (told.at(-1) !== "calling") await log.record(interaction());
  for (let n = 0; n < 5; n++) await log.recordAll(interactions(17));
  assertEquals(told.slice(-5), Array(5).fill("another"));
});

test("jsonl: nothing is synced where durability is relaxed", async (t) => {
  const { log, told } = await openOn(t, QUICK, "relaxed");
  for (let n = 0; n < 5; n++) await log.record(interaction());
  assertEquals(told, []);
});

test("jsonl: where a disk tells of an error once, to whoever asks first, nothing that it lost is acknowledged", async (t) => {
  let asked = 0;
  let isBroken = true;
  const runtime = aroundFiles(await currentRuntime(), () => ({
    async sync() {
      // What is asked while the first is at work is answered before it.
      const isFirst = ++asked === 1;
      for (let turn = 0; isFirst && turn < 100; turn++) await setImmediate();
      if (!isBroken) return;
      isBroken = false;
      throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    },
  }));
  const log = await openFile(t, { backend: "jsonl", path: join(tempFolder(t), "log"), runtime });
  // Two batches, of which the second is written while the disk is at work on the first.
  const records = Array.from({ length: 1024 }, () => log.record(interaction()));
  for (const result of await Promise.allSettled(records)) {
    assert(result.status === "rejected" && result.reason instanceof AuditLogError);
    assertEquals(result.reason.code, "SYNC_FAILED");
  }
  assertEquals(asked, 1);
});

test("jsonl: whoever opens an index has SQLite empty the disk's own cache with it, as macOS must be told", async (t) => {
  const path = join(tempFolder(t), "log");
  const said: string[] = [];
  const runtime = aroundSqlite(await currentRuntime(), (call, action) => {
    if (call.path === `${path}-index` && call.does === "exec") said.push(call.sql);
    return action();
  });
  for (const what of ["made", "opened"]) {
    said.length = 0;
    const log = await AuditLog.open({ backend: "jsonl", path, runtime });
    await log.record(interaction());
    await log.close();
    assert(said.some((sql) => sql.includes("PRAGMA checkpoint_fullfsync = ON")), what);
  }
});

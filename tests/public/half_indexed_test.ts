// The index beside a JSONL log takes a large group in parts; who reads in between sees the group whole or not at all.

import { assertEquals } from "@std/assert";
import { AuditLog, type AuditLogError } from "@audit-log/llm";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const COUNT = 1100;

const reads: Record<string, (log: AuditLog) => Promise<number>> = {
  "count()": (log) => log.count(),
  "query()": async (log) => (await log.query()).length,
  "verify()": async (log) => (await log.verify()).size,
};

for (const [name, read] of Object.entries(reads)) {
  test(`jsonl: ${name} sees no half of a group that another writer is putting into the index`, async (t) => {
    const path = join(tempFolder(t), "log");
    const cells = new Int32Array(new SharedArrayBuffer(12));
    const raise = (cell: number) => {
      Atomics.store(cells, cell, 1);
      Atomics.notify(cells, cell);
    };
    let isDue = false;
    // verify() asks for the size twice before it reads the records: each time it looks what is covered thrice.
    let looks = name === "verify()" ? 7 : 1;
    // When this handle has seen that nothing is new, another writer is quick.
    const meanwhile = () => {
      isDue = false;
      raise(0);
      Atomics.wait(cells, 1, 0);
    };
    const runtime = aroundSqlite(await currentRuntime(), ({ sql, does }, action) => {
      const result = action();
      if (isDue && does === "get" && sql.includes("FROM covered") && --looks === 0) meanwhile();
      return result;
    });
    const log = await AuditLog.open({ backend: "jsonl", path, runtime });
    atEnd(t, () => log.close());
    await log.record(interaction());
    assertEquals(await log.count(), 1);

    const program = new URL("../support/half_indexed.ts", import.meta.url);
    const worker = new Worker(program, { workerData: [path, COUNT, cells] });
    atEnd(t, () => worker.terminate());
    await once(worker, "message");
    isDue = true;
    const size = await read(log);
    assertEquals([isDue, size], [false, 1]);
    raise(2);
    await once(worker, "message");
    assertEquals(await read(log), COUNT + 1);
  });
}

const ANEW = "DELETE FROM line; DELETE FROM event; DELETE FROM unreadable; DELETE FROM tile; " +
  "UPDATE covered SET to_offset = 0";

for (const [name, read] of Object.entries(reads)) {
  test(`jsonl: ${name} sees all, or says why not, when another process empties the index in the middle of it`, async (t) => {
    const path = join(tempFolder(t), "log");
    let left = Infinity;
    let isWriting = false; // nobody else can then
    const runtime = aroundSqlite(await currentRuntime(), ({ sql, does }, action) => {
      const result = action();
      if (/^(?:BEGIN|COMMIT|ROLLBACK)/.test(sql)) isWriting = sql.startsWith("BEGIN");
      // It has just seen that the index has all.
      const looks = does === "get" && sql.includes("FROM covered") && !isWriting;
      if (looks && left-- === 0) raw.exec(`BEGIN IMMEDIATE; ${ANEW}; COMMIT`);
      return result;
    });
    const log = await AuditLog.open({ backend: "jsonl", path, runtime });
    atEnd(t, () => log.close());
    await log.recordAll(interactions(COUNT));
    assertEquals(await read(log), COUNT);
    const raw = await openRaw(t, `${path}-index`);
    // Each time that it looks, until it looks no more.
    let isOver = false;
    for (let look = 0; !isOver; look++) {
      left = look;
      const size = await read(log).catch((error) => {
        if ((error as AuditLogError).code === "READ_FAILED") return COUNT; // and so it says
        throw error;
      });
      assertEquals(size, COUNT, `look ${look}`);
      isOver = left >= 0;
      left = Infinity;
    }
  });
}

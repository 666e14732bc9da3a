// Batches on their way to the thread that writes to SQLite: a batch that fails while the disk is at the one before.

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { RowBatch, RowsWritten } from "../../src/ports.ts";
import type { LogRecord } from "../../src/record.ts";
import { AsideWriter } from "../../src/stores/aside_writer.ts";
import { interactions } from "../support/interaction.ts";
import { recordsOf } from "../support/records.ts";

/** A writer whose disk takes the first batch for as long as it is told to; the second fails. */
async function slowDisk() {
  const disk = Promise.withResolvers<void>();
  const waits = [disk.promise];
  let batches = 0;
  const thread = {
    write({ slab }: RowBatch): Promise<RowsWritten> {
      const failure = { resultCode: 13, message: "database or disk is full" };
      return Promise.resolve(
        batches++ === 1 ? { first: -1, failure, slab } : { first: batches - 1, slab },
      );
    },
    close: () => Promise.resolve(),
  };
  const writer = new AsideWriter(
    () => Promise.resolve(thread),
    () => Promise.reject(new Error("the thread was not lost")),
    async () => await waits.shift(),
  );
  await writer.takes(512);
  const records = await recordsOf({ entries: interactions(1) });
  const ended: string[] = [];
  const append = async (name: string, given: readonly LogRecord[] = records) => {
    try {
      await writer.append(given);
    } finally {
      ended.push(name);
    }
  };
  return { writer, disk, ended, append };
}

test("what is behind a batch that fails is not acknowledged before what is ahead of it", async () => {
  const { disk, ended, append } = await slowDisk();
  const first = append("first");
  await assertRejects(() => append("second"), Error, "full");
  const third = append("third");
  for (let turns = 0; turns < 10; turns++) await setImmediate();
  assertEquals(ended, ["second"]);
  disk.resolve();
  await Promise.all([first, third]);
  assertEquals(ended, ["second", "first", "third"]);
});

// It would look again and again, at once, and never let the event loop tell that the disk is done.
test("who waits for all batches lets the event loop go on, when one fails before those ahead of it", async () => {
  const { writer, disk, ended, append } = await slowDisk();
  const first = append("first");
  await assertRejects(() => append("second"), Error, "full");
  const idle = writer.idle().then(() => ended.push("idle"));
  for (let turns = 0; turns < 10; turns++) await setImmediate();
  assertEquals(ended, ["second"]);
  disk.resolve();
  await Promise.all([first, idle]);
  assertEquals(ended, ["second", "first", "idle"]);
});

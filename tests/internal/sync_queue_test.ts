// A disk tells of an error once, to whoever asks first: syncs of a file follow one another, by whichever thread they wait.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import type { OpenFile } from "../../src/ports.ts";
import { SyncQueue } from "../../src/stores/sync_queue.ts";

/** A file that is only synced; `asked` says by whom. */
class SyncedFile implements OpenFile {
  readonly asked: string[] = [];
  /** What ends each sync by another thread. */
  readonly ends: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  atOnceFails: unknown;
  readonly atOnce = {
    stat: never,
    append: never,
    sync: () => {
      this.asked.push("at once");
      if (this.atOnceFails !== undefined) throw this.atOnceFails;
    },
  };
  stat = never;
  read = never;
  append = never;
  close = never;

  sync(): Promise<void> {
    this.asked.push("aside");
    return new Promise((resolve, reject) => this.ends.push({ resolve, reject }));
  }

  /** Resolves once so many syncs by another thread have begun. */
  async begun(count: number): Promise<void> {
    while (this.ends.length < count) await Promise.resolve();
  }
}

function never(): never {
  throw new Error("not asked for");
}

test("a sync at once is over when it returns", () => {
  const file = new SyncedFile();
  const queue = new SyncQueue(file);
  assertEquals([queue.syncAtOnce(), queue.syncAtOnce()], [undefined, undefined]);
  assertEquals(file.asked, ["at once", "at once"]);
  assertEquals(queue.isSettled, true);
});

test("behind a sync that is under way, none is done at once", async () => {
  const file = new SyncedFile();
  const queue = new SyncQueue(file);
  const first = queue.sync();
  assertEquals(queue.isSettled, false);
  const second = queue.syncAtOnce();
  await file.begun(1);
  assertEquals(file.asked, ["aside"]);
  file.ends[0]!.resolve();
  await first;
  await file.begun(2);
  file.ends[1]!.resolve();
  await second;
  assertEquals(file.asked, ["aside", "aside"]);
  assertEquals(queue.isSettled, true);
});

for (const where of ["at once", "aside"] as const) {
  test(`after a sync ${where} that failed, all fail with its error, and the disk is asked no more`, async () => {
    const file = new SyncedFile();
    const queue = new SyncQueue(file);
    const error = new Error("EIO: i/o error");
    file.atOnceFails = error;
    const failed = where === "at once" ? queue.syncAtOnce()! : queue.sync();
    if (where === "aside") {
      await file.begun(1);
      file.ends[0]!.reject(error);
    }
    for (const synced of [failed, queue.syncAtOnce()!, queue.sync(), queue.settled]) {
      assertStrictEquals(await assertRejects(() => synced), error);
    }
    assertEquals(file.asked, [where]);
    assertEquals(queue.isSettled, false);
  });
}

test("a file that can do nothing at once is synced by another thread", async () => {
  const file = new SyncedFile();
  const queue = new SyncQueue({ ...file, sync: () => file.sync(), atOnce: undefined });
  const synced = queue.syncAtOnce();
  await file.begun(1);
  file.ends[0]!.resolve();
  await synced;
  assertEquals(file.asked, ["aside"]);
});

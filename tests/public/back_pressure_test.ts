// Callers who await no record, and so could fill the memory with what waits for the disk.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, type AuditLogError, type LogRecord } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { ArrayStore } from "../support/array_store.ts";
import { BACKENDS, FILE_BACKENDS, openFile, placeFor } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** A store whose appends end when they are told to, and fail when they are told to. */
class SlowStore extends ArrayStore {
  #next = Promise.withResolvers<void>();
  fault: unknown;
  begun = 0;

  override async append(records: readonly LogRecord[]): Promise<number> {
    this.begun++;
    await this.#next.promise;
    this.#next = Promise.withResolvers();
    if (this.fault !== undefined) throw this.fault;
    return await super.append(records);
  }

  end(): void {
    this.#next.resolve();
  }
}

/** Whether a promise has settled by the time that the event loop has turned. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => settled = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  return settled;
}

const LARGE = interaction({ inputText: "x".repeat(10_000) });

for (const fault of [undefined, new Error("it failed")]) {
  test(`ready waits while too much waits, also for writes that ${fault ? "fail" : "succeed"}`, async (t) => {
    const store = new SlowStore();
    const log = await AuditLog.open({ backend: store, maxQueueBytes: 60_000 });
    atEnd(t, () => log.close());
    assert(await isSettled(log.ready));
    const recorded: Promise<unknown>[] = [];
    const add = () => recorded.push(log.record(LARGE).catch((error: AuditLogError) => error));
    add();
    add();
    assert(await isSettled(log.ready));
    for (let n = 0; n < 4; n++) add();
    const waiting = [log.ready, log.ready];
    assert(!await isSettled(Promise.race(waiting)));
    store.fault = fault;
    store.end();
    await Promise.all(recorded.slice(0, 2));
    // The other four are under way now: that is what waits, too.
    assert(!await isSettled(Promise.race(waiting)));
    assertEquals(store.begun, 2);
    store.end();
    await Promise.all([...waiting, ...recorded]);
    assertEquals(store.size, fault === undefined ? 6 : 0);
  });
}

test("who awaits ready before each record has no more waiting than the bound and one", async (t) => {
  const store = new SlowStore();
  const log = await AuditLog.open({ backend: store, maxQueueBytes: 1_000_000 });
  atEnd(t, () => log.close());
  let [recorded, most] = [0, 0];
  const recording: Promise<unknown>[] = [];
  const producing = (async () => {
    for (; recorded < 1000; recorded++) {
      await log.ready;
      recording.push(log.record(LARGE));
    }
  })();
  let running = true;
  const ending = producing.then(() => Promise.all(recording)).then(() => running = false);
  while (running) {
    most = Math.max(most, recorded - store.size);
    store.end();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await ending;
  assertEquals(store.size, 1000);
  assert(most > 40 && most <= 51, `${most}`);
});

for (const backend of BACKENDS) {
  test(`${backend}: ready is at once when all is written, and when the log is closed`, async (t) => {
    const log = await placeFor(backend)(t).open({ maxQueueBytes: 1 });
    await log.ready;
    await log.record(interaction());
    await log.ready;
    await log.close();
    await log.ready;
  });
}

for (const backend of FILE_BACKENDS) {
  test(`${backend}: what is recorded by way of ready and never awaited is in the log, in order`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await openFile(t, { backend, path, maxQueueBytes: 50_000 });
    const errors: unknown[] = [];
    for (const entry of interactions(3000)) {
      await log.ready;
      log.record(entry).catch((error) => errors.push(error));
    }
    await log.close();
    const again = await openFile(t, { backend, path });
    assertEquals(errors, []);
    const texts = (await again.query()).map(({ inputText }) => inputText);
    assertEquals(texts, interactions(3000).map(({ inputText }) => inputText));
  });
}

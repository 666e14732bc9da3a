// The group-commit queue, over a store that fails on command.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import { AuditLogError, type AuditLogErrorCode } from "../../src/errors.ts";
import type { LogRecord } from "../../src/record.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { GroupCommit } from "../../src/writer.ts";
import { foreignLine, interactions } from "../support/interaction.ts";
import { recordsOf } from "../support/records.ts";

/** A store that notes its appends, takes a turn for each, and fails those that it is told to. */
class FaultyStore extends MemoryStore {
  readonly batches: string[][] = [];
  faults = new Map<number, unknown>();
  running = 0;
  /** Called when an append begins. */
  begun: () => void = () => {};

  override async append(records: readonly LogRecord[]): Promise<number> {
    assertEquals(++this.running, 1, "two appends at once");
    const fault = this.faults.get(this.batches.length);
    this.batches.push(records.map(({ entry }) => entry.inputText));
    this.begun();
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.running--;
    if (fault !== undefined) throw fault;
    return await super.append(records);
  }
}

function failure(code: AuditLogErrorCode): AuditLogError {
  return new AuditLogError(code, `Cannot append: ${code}`);
}

async function outcomes(promises: Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => result.status === "fulfilled" ? "ok" : result.reason.code);
}

const one = (writer: GroupCommit, record: LogRecord): Promise<string> =>
  writer.add([record], 100, record.entry.inputText);

test("calls of one turn share a batch, those that come meanwhile share the next", async () => {
  const store = new FaultyStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(9) });
  const first = records.slice(0, 4).map((record) => one(writer, record));
  await Promise.resolve();
  await Promise.resolve();
  const second = records.slice(4).map((record) => one(writer, record));
  assertEquals(await Promise.all([...first, ...second]), [..."012345678"]);
  assertEquals(store.batches, [["0", "1", "2", "3"], ["4", "5", "6", "7", "8"]]);
});

test("one caller alone gets a batch of his own each time", async () => {
  const store = new FaultyStore();
  const writer = new GroupCommit(store);
  for (const record of await recordsOf({ entries: interactions(3) })) await one(writer, record);
  assertEquals(store.batches, [["0"], ["1"], ["2"]]);
});

for (let failing = 0; failing < 5; failing++) {
  test(`when append ${failing} fails, exactly its records are rejected, with its error`, async () => {
    const store = new FaultyStore();
    const error = failure("WRITE_FAILED");
    store.faults.set(failing, error);
    const writer = new GroupCommit(store);
    const records = await recordsOf({ entries: interactions(10) });
    const settled: PromiseSettledResult<string>[] = [];
    for (let start = 0; start < 10; start += 2) {
      const two = records.slice(start, start + 2).map((record) => one(writer, record));
      settled.push(...await Promise.allSettled(two));
    }
    for (const [n, result] of settled.entries()) {
      if (n >> 1 === failing) assertStrictEquals((result as PromiseRejectedResult).reason, error);
      else assertEquals((result as PromiseFulfilledResult<string>).value, `${n}`);
    }
    assertEquals(store.size, 8);
  });
}

test("a failed append does not hold up what waits behind it", async () => {
  const store = new FaultyStore();
  store.faults.set(0, failure("WRITE_FAILED"));
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(4) });
  const first = records.slice(0, 2).map((record) => one(writer, record));
  await Promise.resolve();
  await Promise.resolve();
  const second = records.slice(2).map((record) => one(writer, record));
  assertEquals(await outcomes([...first, ...second]), ["WRITE_FAILED", "WRITE_FAILED", "ok", "ok"]);
});

for (const code of ["SYNC_FAILED", "LOG_REPLACED"] as const) {
  test(`after ${code} everything that waits and everything later is refused`, async () => {
    const store = new FaultyStore();
    const error = failure(code);
    store.faults.set(1, error);
    const writer = new GroupCommit(store);
    const records = await recordsOf({ entries: interactions(4) });
    const adding = [one(writer, records[0]!)];
    await adding[0];
    const begun = new Promise<void>((resolve) => store.begun = resolve);
    adding.push(one(writer, records[1]!));
    await begun;
    adding.push(one(writer, records[2]!));
    assertEquals(await outcomes(adding), ["ok", code, "LOG_FAILED"]);
    assertEquals(await outcomes([one(writer, records[3]!)]), ["LOG_FAILED"]);
    const [refused] = await Promise.allSettled([one(writer, records[3]!)]);
    assertStrictEquals((refused as PromiseRejectedResult).reason.cause, error);
    assertEquals(store.batches, [["0"], ["1"]]);
    await writer.drained();
  });
}

test("an id that is in the log rejects its own group and no other of the batch", async () => {
  const store = new FaultyStore();
  const writer = new GroupCommit(store);
  const lines = ["a", "b", "c", "d"].map((entry_id) => foreignLine({ entry_id }));
  const [a, b, c, d] = await recordsOf({ lines });
  await one(writer, a!);
  const adding = [
    one(writer, b!),
    writer.add([c!, a!], 1, "c and a"),
    one(writer, d!),
    one(writer, b!),
  ];
  assertEquals(await outcomes(adding), ["ok", "DUPLICATE_ENTRY", "ok", "DUPLICATE_ENTRY"]);
  assertEquals(store.size, 3);
  assertEquals(await store.indexOf(c!.entry.entryId), undefined);
});

test("a group is never split, whatever its size, and batches have a bound", async () => {
  const store = new FaultyStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(6000) });
  await Promise.all([
    writer.add(records.slice(0, 3000), 1, undefined),
    ...records.slice(3000, 5500).map((record) => one(writer, record)),
    writer.add(records.slice(5500), 1, undefined),
  ]);
  const sizes = store.batches.map((batch) => batch.length);
  assertEquals(sizes[0], 3000);
  assert(sizes.slice(1).every((size) => size <= 1024), `${sizes}`);
  assertEquals(store.batches.flat(), records.map(({ entry }) => entry.inputText));
  assert(store.batches.some((batch) => batch.at(-1) === "5999" && batch.includes("5500")));
});

test("batches are bounded by the length of their lines", async () => {
  const store = new FaultyStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(4) });
  await Promise.all(records.map((record) => writer.add([record], 0.4 * 2 ** 20, undefined)));
  assertEquals(store.batches, [["0", "1"], ["2", "3"]]);
});

/** A store that takes two batches at once, and ends each when it is told to. */
class OverlappingStore extends MemoryStore {
  readonly overlapsFrom = 512;
  readonly sizes: number[] = [];
  readonly ends: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  /** Called when an append begins. */
  begun: () => void = () => {};

  override append(records: readonly LogRecord[]): number | Promise<number> {
    this.sizes.push(records.length);
    this.begun();
    return new Promise((resolve, reject) => this.ends.push({ resolve: () => resolve(0), reject }));
  }

  /** Resolves once this many appends have begun. */
  async appends(count: number): Promise<void> {
    while (this.sizes.length < count) await new Promise<void>((resolve) => this.begun = resolve);
  }
}

/** Lets everything happen that waits for nothing else. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("a full batch begins while another is on its way, a third one waits", async () => {
  const store = new OverlappingStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(1600) });
  const adding = records.map((record) => one(writer, record));
  await store.appends(2);
  await settle();
  assertEquals(store.sizes, [512, 512]);
  store.ends[0]!.resolve();
  await store.appends(3);
  assertEquals(store.sizes, [512, 512, 512]);
  store.ends[1]!.resolve();
  store.ends[2]!.resolve();
  await store.appends(4);
  assertEquals(store.sizes[3], 64);
  store.ends[3]!.resolve();
  assertEquals(await Promise.all(adding), records.map(({ entry }) => entry.inputText));
});

test("what is no full batch waits for the one that is on its way", async () => {
  const store = new OverlappingStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(600) });
  const first = records.slice(0, 10).map((record) => one(writer, record));
  await store.appends(1);
  const second = records.slice(10, 300).map((record) => one(writer, record));
  await settle();
  assertEquals(store.sizes, [10]);
  const third = records.slice(300).map((record) => one(writer, record));
  await store.appends(2);
  assertEquals(store.sizes, [10, 512]);
  store.ends.forEach(({ resolve }) => resolve());
  await store.appends(3);
  store.ends[2]!.resolve();
  await Promise.all([...first, ...second, ...third]);
});

test("no batch begins behind one with adopted records, whose groups may be given again", async () => {
  const store = new OverlappingStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(1600), lines: [foreignLine({})] });
  const adding = [records.at(-1)!, ...records.slice(0, -1)].map((record) => one(writer, record));
  await store.appends(1);
  await settle();
  assertEquals(store.sizes, [512]);
  store.ends[0]!.resolve();
  await store.appends(3);
  assertEquals(store.sizes, [512, 512, 512]);
  store.ends.forEach(({ resolve }) => resolve());
  await store.appends(4);
  store.ends[3]!.resolve();
  await Promise.all(adding);
});

test("when the first of two batches fails its sync, the second is what the store says, the rest is refused", async () => {
  const store = new OverlappingStore();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(1100) });
  const adding = outcomes(records.map((record) => one(writer, record)));
  await store.appends(2);
  store.ends[0]!.reject(failure("SYNC_FAILED"));
  store.ends[1]!.reject(failure("SYNC_FAILED"));
  const codes = await adding;
  assertEquals(codes.slice(0, 1024), Array(1024).fill("SYNC_FAILED"));
  assertEquals(codes.slice(1024), Array(76).fill("LOG_FAILED"));
  assertEquals(store.sizes.length, 2);
  await writer.drained();
});

/** A store that takes a batch while another is on its way, and answers for all but the first as it is told to. */
class AnsweringStore extends OverlappingStore {
  answers: (() => number | Promise<number>)[] = [];

  override append(records: readonly LogRecord[]): number | Promise<number> {
    const appending = super.append(records);
    return this.answers[this.sizes.length - 2]?.() ?? appending;
  }
}

test("a batch that the store answers for at once is told behind the one that is on its way", async () => {
  const store = new AnsweringStore();
  store.answers = [() => 512];
  const told: number[] = [];
  const writer = new GroupCommit(store, (first) => told.push(first));
  const records = await recordsOf({ entries: interactions(1024) });
  const acknowledged: string[] = [];
  const adding = records.map(async (record) => acknowledged.push(await one(writer, record)));
  await store.appends(2);
  await settle();
  assertEquals([acknowledged, told], [[], []]);
  store.ends[0]!.resolve();
  await Promise.all(adding);
  assertEquals(acknowledged, records.map(({ entry }) => entry.inputText));
  assertEquals(told, [0, 512]);
});

for (const how of ["rejects", "throws"] as const) {
  test(`behind a batch that fails (the store ${how}), another is told behind the one that is on its way`, async () => {
    const store = new AnsweringStore();
    const fail = (): never => {
      throw failure("WRITE_FAILED");
    };
    store.answers = [
      how === "throws" ? fail : () => Promise.reject(failure("WRITE_FAILED")),
      () => 512,
    ];
    const told: number[] = [];
    const writer = new GroupCommit(store, (first) => told.push(first));
    const records = await recordsOf({ entries: interactions(1536) });
    const settled: string[] = [];
    const adding = records.map((record) =>
      one(writer, record).then((text) => settled.push(text), () => settled.push("failed"))
    );
    await store.appends(2);
    await settle();
    store.ends[0]!.resolve();
    await Promise.all(adding);
    assertEquals(told, [0, 512]);
    assertEquals(
      settled.filter((text) => text !== "failed"),
      [
        ...records.slice(0, 512),
        ...records.slice(1024),
      ].map(({ entry }) => entry.inputText),
    );
  });
}

test("groups that are given to the store again, one by one, are told behind the batch that is on its way", async () => {
  const store = new AnsweringStore();
  const ofTwo = () => Promise.reject(failure("DUPLICATE_ENTRY"));
  store.answers = [ofTwo, ...Array.from({ length: 512 }, (_, n) => () => 512 + n)];
  const told: number[] = [];
  const writer = new GroupCommit(store, (first) => told.push(first));
  const records = await recordsOf({ entries: interactions(1024) });
  const settled: string[] = [];
  const adding = records.map(async (record) => settled.push(await one(writer, record)));
  await store.appends(2);
  await settle();
  store.ends[0]!.resolve();
  await Promise.all(adding);
  assertEquals(settled, records.map(({ entry }) => entry.inputText));
  assertEquals(told, [0, ...Array.from({ length: 512 }, (_, n) => 512 + n)]);
});

test("drained() waits for what fails too, and for what is added meanwhile; it never rejects", async () => {
  const store = new FaultyStore();
  store.faults.set(0, failure("WRITE_FAILED"));
  const writer = new GroupCommit(store);
  const [first, second] = await recordsOf({ entries: interactions(2) });
  await writer.drained();
  let settled = 0;
  const failing = one(writer, first!).catch(() => settled++);
  const draining = writer.drained();
  await Promise.resolve();
  await Promise.resolve();
  const succeeding = one(writer, second!).then(() => settled++);
  await draining;
  assertEquals(settled, 2);
  await Promise.all([failing, succeeding, writer.drained()]);
});

test("a store that throws at once, or something that is no error, rejects all the same", async () => {
  class Throwing extends MemoryStore {
    override append(): never {
      throw "no error";
    }
  }
  const writer = new GroupCommit(new Throwing());
  const [record] = await recordsOf({ entries: interactions(1) });
  const [result] = await Promise.allSettled([one(writer, record!)]);
  assertEquals((result as PromiseRejectedResult).reason, "no error");
  await writer.drained();
});

/** A store that has nothing to wait for, and fails the appends that it is told to. */
class QuickStore extends MemoryStore {
  readonly batches: string[][] = [];
  faults = new Map<number, unknown>();

  override append(records: readonly LogRecord[]): number {
    const fault = this.faults.get(this.batches.length);
    this.batches.push(records.map(({ entry }) => entry.inputText));
    if (fault !== undefined) throw fault;
    return this.appendNow(records);
  }
}

test("a store that has nothing to wait for settles each batch at once, in order, and rejects exactly what failed", async () => {
  const store = new QuickStore();
  store.faults.set(1, failure("WRITE_FAILED"));
  const written: number[] = [];
  const writer = new GroupCommit(store, (first, records) => written.push(first, records.length));
  const records = await recordsOf({ entries: interactions(7) });
  assertEquals(
    await outcomes(records.slice(0, 3).map((record) => one(writer, record))),
    [
      ..."012",
    ].map(() => "ok"),
  );
  assertEquals(await outcomes([one(writer, records[3]!)]), ["WRITE_FAILED"]);
  assertEquals(
    await Promise.all(records.slice(4).map((record) => one(writer, record))),
    [..."456"],
  );
  assertEquals(store.batches, [["0", "1", "2"], ["3"], ["4", "5", "6"]]);
  assertEquals(written, [0, 3, 3, 3]);
  await writer.drained();
});

test("after a sync that failed at once, what waits and what comes later is refused", async () => {
  const store = new QuickStore();
  store.faults.set(0, failure("SYNC_FAILED"));
  const writer = new GroupCommit(store);
  const [first, second] = await recordsOf({ entries: interactions(2) });
  assertEquals(await outcomes([one(writer, first!)]), ["SYNC_FAILED"]);
  assertEquals(await outcomes([one(writer, second!)]), ["LOG_FAILED"]);
  assertEquals(store.batches, [["0"]]);
});

test("an id that is in the log rejects its own group, with a store that has nothing to wait for, too", async () => {
  const store = new QuickStore();
  const writer = new GroupCommit(store);
  const lines = ["a", "b"].map((entry_id) => foreignLine({ entry_id }));
  const [a, b] = await recordsOf({ lines });
  await one(writer, a!);
  store.faults.set(1, failure("DUPLICATE_ENTRY")).set(2, failure("DUPLICATE_ENTRY"));
  assertEquals(await outcomes([one(writer, a!), one(writer, b!)]), ["DUPLICATE_ENTRY", "ok"]);
});

test("callers of a store that has nothing to wait for leave others their turn", async () => {
  const writer = new GroupCommit(new QuickStore());
  const [record] = await recordsOf({ entries: interactions(1) });
  let isOver = false;
  const timer = setTimeout(() => isOver = true, 1);
  // Without turns, nothing but promises would run, and this would never end.
  const deadline = performance.now() + 20_000;
  while (!isOver && performance.now() < deadline) await one(writer, record!);
  clearTimeout(timer);
  assert(isOver);
});

test("a long queue in a store that has nothing to wait for leaves others their turn between batches", async () => {
  let busyUntil = 0;
  class SlowDisk extends QuickStore {
    override append(records: readonly LogRecord[]): number {
      // As a disk that keeps the thread.
      for (busyUntil = performance.now() + 5; performance.now() < busyUntil;);
      return super.append(records);
    }
  }
  const store = new SlowDisk();
  const writer = new GroupCommit(store);
  const records = await recordsOf({ entries: interactions(40) });
  const all = Promise.all(records.map((record) => writer.add([record], 2 ** 20, undefined)));
  const seen: number[] = [];
  const timer = setInterval(() => seen.push(store.batches.length), 1);
  await all;
  clearInterval(timer);
  assertEquals(store.batches.length, 40);
  assert(seen.some((batches) => batches > 0 && batches < 40), `${seen}`);
});

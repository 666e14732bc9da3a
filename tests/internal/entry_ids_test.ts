// Ids are those of the package uuid, made faster.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { parse, v7, validate, version } from "uuid";
import { EntryClock } from "../../src/clock.ts";
import { EntryIds } from "../../src/entry_ids.ts";

const START_MS = Date.parse("2026-11-25T07:00:00Z");

/** The counter and the random bytes of an id, by the layout of uuid's `v7()`. */
function partsOf(id: string): { counter: number; random: Uint8Array } {
  const bytes = parse(id);
  const random = new Uint8Array(16);
  random.set(bytes.subarray(10), 10);
  const counter = (bytes[6]! & 0x0f) * 2 ** 28 + bytes[7]! * 2 ** 20 +
    (bytes[8]! & 0x3f) * 2 ** 14 + bytes[9]! * 2 ** 6 + (bytes[10]! >>> 2);
  return { counter, random };
}

test("an id is the one that uuid makes of the same time, counter and random bytes", () => {
  const ids = new EntryIds();
  const times = [0, 255, 256, 2 ** 16 - 1, 2 ** 16, 2 ** 32 - 1, 2 ** 32, 2 ** 40 - 1, 2 ** 40];
  times.push(...Array.from({ length: 20 }, (_, n) => START_MS + n), 253_402_300_799_999);
  for (const milliseconds of times) {
    const made = [ids.first(milliseconds), ...Array.from({ length: 300 }, () => ids.next())];
    for (const id of made) {
      const { counter, random } = partsOf(id);
      assertEquals(id, v7({ msecs: milliseconds, seq: counter, random }));
      assert(validate(id) && version(id) === 7);
    }
  }
});

test("ids of one millisecond count up by one and differ in their random bits", () => {
  const ids = new EntryIds();
  const made = [ids.first(START_MS), ...Array.from({ length: 2000 }, () => ids.next())];
  const counters = made.map((id) => partsOf(id).counter);
  assertEquals(counters, counters.map((_, index) => counters[0]! + index));
  assertEquals([...made].sort(), made);
  assertEquals(new Set(made.map((id) => id.slice(-8))).size, made.length);
});

test("two handles do not start with the same counter", () => {
  const counters = Array.from(
    { length: 50 },
    () => partsOf(new EntryIds().first(START_MS)).counter,
  );
  assertEquals(new Set(counters).size, counters.length);
});

test("the time zero is a time", () => {
  const clock = new EntryClock(() => 0);
  assertEquals(clock.next().timestamp, "1970-01-01T00:00:00.000Z");
  assert(clock.next().entryId < clock.next().entryId);
});

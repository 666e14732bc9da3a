// Whoever waits for a lock looks again so soon that a killed holder costs no more than some milliseconds, however long it has
// waited before.

import { assertEquals, assertRejects } from "@std/assert";
import { test, type TestContext } from "node:test";
import { SqliteError } from "../../src/ports.ts";
import { whenFree } from "../../src/stores/busy.ts";
import { atEnd } from "../support/temp.ts";

/** What a lock that is freed may cost whoever waits for it, milliseconds. A second is promised; several may wait in turn. */
const LONGEST_MS = 10;

/** Takes the clocks away: a pause is over at once, and the longest that could have been chosen is noted. */
function pauses(t: TestContext): number[] {
  const { setTimeout, Math: { random } } = globalThis;
  const asked: number[] = [];
  atEnd(t, () => {
    globalThis.setTimeout = setTimeout;
    Math.random = random;
  });
  globalThis.setTimeout = ((then: () => void, ms: number) => {
    asked.push(ms);
    queueMicrotask(then);
  }) as typeof setTimeout;
  Math.random = () => 1;
  return asked;
}

const busy = () => new SqliteError(5, "database is locked", undefined);

test("who waits for a lock, for however long, pauses for ten milliseconds at most", async (t) => {
  const asked = pauses(t);
  let held = 1000;
  const result = await whenFree(() => {
    if (held-- > 0) throw busy();
    return "free";
  }, Infinity);
  assertEquals([result, asked.length], ["free", 1000]);
  assertEquals([asked[0], Math.max(...asked)], [1, LONGEST_MS]);
});

test("who finds a lock free, or meets another error, does not pause", async (t) => {
  const asked = pauses(t);
  assertEquals(await whenFree(() => "free", Infinity), "free");
  const fails = () => {
    throw new SqliteError(10, "disk I/O error", undefined);
  };
  await assertRejects(() => whenFree(fails, Infinity), SqliteError, "disk I/O");
  assertEquals(asked, []);
});

test("who has no time to wait tries once", async (t) => {
  const asked = pauses(t);
  let attempts = 0;
  const held = () => {
    attempts++;
    throw busy();
  };
  await assertRejects(() => whenFree(held, 0), SqliteError, "locked");
  assertEquals([attempts, asked], [1, []]);
});

test("a clock that is set forward ends no waiting for a lock", async (t) => {
  pauses(t);
  const { now } = Date;
  atEnd(t, () => void (Date.now = now));
  let held = 3;
  const result = await whenFree(() => {
    Date.now = () => now() + 3_600_000;
    if (held-- > 0) throw busy();
    return "free";
  }, 30_000);
  assertEquals(result, "free");
});

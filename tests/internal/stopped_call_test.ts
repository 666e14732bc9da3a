// How long a log is kept open for a call that was stopped.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { holdIfStopped } from "../../capture/shared/stopped_call.ts";

/** Holds a call, and tells what of it is held, and what was let go. */
function holding(stop: AbortController) {
  const held: Promise<void>[] = [];
  const told: string[] = [];
  const ending = holdIfStopped({
    hold(work) {
      held.push(work);
      return work.then(() => void told.push("let go"));
    },
  }, stop.signal);
  return { held, told, ending };
}

test("a call that is not stopped holds nothing, and leaves nothing with its signal", () => {
  const stop = new AbortController();
  const { held, ending } = holding(stop);
  ending();
  stop.abort();
  assertEquals(held, []);
});

test("a call is held from when it is stopped on, until its end", async () => {
  const stop = new AbortController();
  const { held, told, ending } = holding(stop);
  assertEquals(held.length, 0);
  stop.abort();
  assertEquals([held.length, told], [1, []]);
  ending();
  await held[0];
  await Promise.resolve();
  assertEquals(told, ["let go"]);
});

test("a call that was stopped before it began is held, too", () => {
  const stop = new AbortController();
  stop.abort();
  const { held, ending } = holding(stop);
  assertEquals(held.length, 1);
  ending();
});

test("a call whose client never says that it has ended is not held for ever", async () => {
  const stop = new AbortController();
  const { held, told } = holding(stop);
  stop.abort();
  const alive = setInterval(() => {}, 1000); // nothing else would keep the process
  await held[0];
  clearInterval(alive);
  await Promise.resolve();
  assertEquals(told, ["let go"]);
});

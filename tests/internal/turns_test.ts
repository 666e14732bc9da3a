// Long work lets timers and sockets through.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { Turns } from "../../src/turns.ts";
import { atEnd } from "../support/temp.ts";

test("turns are due after some work, whatever the clock on the wall is set to meanwhile", (t) => {
  const { now } = Date;
  atEnd(t, () => void (Date.now = now));
  const turns = new Turns();
  assertEquals(turns.areDue, false);
  Date.now = () => now() - 3_600_000;
  const started = performance.now();
  while (!turns.areDue) assert(performance.now() - started < 10_000, "they never are");
});

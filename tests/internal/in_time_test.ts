// What somebody else is to answer, and may never.

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { inTime } from "../../src/in_time.ts";

test("an answer that does not come in time is an error, and one that does is given on", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const late = () => new Error("It is late");
  await assertRejects(() => inTime(promise, 1, late, true), Error, "It is late");
  resolve("late");
  assertEquals(await inTime(promise, 60_000, late, true), "late");
  const failed = Promise.reject(new Error("It failed"));
  await assertRejects(() => inTime(failed, 60_000, late, true), Error, "It failed");
});

// A signer that never answers.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { inTime } from "../../src/transparency/signing.ts";
import { assertRefused } from "../support/refused.ts";

test("signatures that do not come in time are an error, and those that do are given on", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await assertRefused(() => inTime(promise, 1), "INVALID_KEY");
  resolve("late");
  assertEquals(await inTime(promise, 60_000), "late");
  await assertRefused(() => inTime(new Promise(() => {}), 1), "INVALID_KEY");
});

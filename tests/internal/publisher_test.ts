// Publishing checkpoints: what fails is tried again without being asked, and what is passed over is told.

import { assertEquals, assertMatch } from "@std/assert";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Publisher } from "../../src/transparency/publisher.ts";
import type { AuditWarning } from "../../src/warning.ts";
import { Gate } from "../support/notes.ts";
import { atEnd } from "../support/temp.ts";

test("what could not be published is tried again after a pause, until it can, though nothing else happens", async (t) => {
  const warnings: AuditWarning[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let attempts = 0;
  const publish = (note: string): void => {
    if (++attempts < 4) throw new Error("the share is away");
    resolve(note);
  };
  const publisher = new Publisher(publish, (warning) => warnings.push(warning), 1);
  atEnd(t, () => publisher.close());
  // The pauses take some milliseconds together; this ends the test where nobody tries again, and keeps the process alive.
  const limit = setTimeout(() => reject(new Error("it was not tried again")), 10_000);
  atEnd(t, () => clearTimeout(limit));
  publisher.add("note");
  assertEquals(await promise, "note");
  assertEquals(warnings.map(({ code }) => code), Array(3).fill("PUBLISH_FAILED"));
});

test("of more than a hundred checkpoints that wait the oldest are passed over, which is told once until all are published", async (t) => {
  const warnings: AuditWarning[] = [];
  const published: string[] = [];
  let gate = new Gate();
  const publish = async (note: string): Promise<void> => {
    await gate.passed;
    published.push(note);
  };
  const publisher = new Publisher(publish, (warning) => warnings.push(warning));
  atEnd(t, () => publisher.close());
  atEnd(t, () => gate.open());
  const add = (from: number, to: number): void => {
    for (let n = from; n < to; n++) publisher.add(`${n}`);
  };
  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, n) => `${from + n}`);

  add(0, 100);
  assertEquals(warnings, []);
  add(100, 150);
  assertEquals(warnings.map(({ code }) => code), ["PUBLISH_FAILED"]);
  assertMatch(warnings[0]!.message, /^More than 100 checkpoints wait .* passed over .* in the log/);
  gate.open();
  await setImmediate();
  // The first was under way.
  assertEquals(published, ["0", ...numbers(50, 150)]);

  gate = new Gate();
  add(150, 250);
  assertEquals(warnings.length, 1);
  add(250, 260);
  assertEquals(warnings.length, 2);
  gate.open();
  await publisher.close();
  assertEquals(published.slice(101), ["150", ...numbers(160, 260)]);
  assertEquals(warnings.length, 2);
});

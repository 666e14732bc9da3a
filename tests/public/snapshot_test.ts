// record() copies plain data at once and calls nothing of the caller's.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, type NewEntry } from "@audit-log/llm";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

test("what happens to the given objects after record() changes nothing", async () => {
  const log = await AuditLog.open();
  const tags = ["a"];
  const nested = { deep: { n: 1 } };
  const given = { ...interaction({ user: "alice" }), metadata: { tags, nested } };
  const recording = log.record(given);
  tags.push("b");
  nested.deep.n = 2;
  Object.assign(given, { user: "eve", model: "other", inputText: "other", metadata: {} });
  const entry = await recording;
  const [read] = await log.query();
  for (const { user, model, inputText, metadata } of [entry, read!]) {
    assertEquals([user, model, inputText], ["alice", "m", "in"]);
    assertEquals(metadata, { tags: ["a"], nested: { deep: { n: 1 } } });
  }
  assert(!Object.isFrozen(tags) && !Object.isFrozen(given.metadata), "the caller's were frozen");
});

test("what happens to the given array after recordAll() changes nothing", async () => {
  const log = await AuditLog.open();
  const entries = [interaction({ inputText: "0" }), interaction({ inputText: "1" })];
  const recording = log.recordAll(entries);
  entries.length = 0;
  assertEquals((await recording).map(({ inputText }) => inputText), ["0", "1"]);
});

test("record() calls no toJSON, no accessor, no toString and no valueOf", async () => {
  const called: string[] = [];
  const note = (name: string) => () => {
    called.push(name);
    return 1;
  };
  const log = await AuditLog.open();
  const accessor = (name: string) => ({ get: note(name), enumerable: true });
  const inMetadata = Object.defineProperty({}, "a", accessor("metadata accessor"));
  await assertRefused(
    () => log.record(Object.defineProperty({ ...interaction() }, "user", accessor("accessor"))),
    "INVALID_ENTRY",
    "user",
  );
  for (const name of ["toJSON", "toString", "valueOf"]) {
    const value = { [name]: note(name) };
    await assertRefused(
      () => log.record(interaction({ metadata: { value } })),
      "INVALID_ENTRY",
      `metadata.value.${name}`,
    );
  }
  await assertRefused(() => log.record(interaction({ metadata: inMetadata })), "INVALID_ENTRY");
  const iterable = [1, 2];
  Object.defineProperty(iterable, Symbol.iterator, { value: note("iterator") });
  await assertRefused(() => log.record(interaction({ metadata: { iterable } })), "INVALID_ENTRY");
  assertEquals(called, []);
});

test("record() takes a value under the name toJSON", async () => {
  const log = await AuditLog.open();
  const metadata = { toJSON: "text", constructor: 1, hasOwnProperty: null };
  const { entryId } = await log.record(interaction({ metadata }));
  assertEquals((await log.get(entryId))!.metadata, metadata as never);
  assertEquals(JSON.parse((await log.line(entryId))!).metadata, metadata);
});

test("what is inherited is no field, and no property of metadata", async () => {
  const log = await AuditLog.open();
  const entry: NewEntry = Object.create(interaction());
  await assertRefused(() => log.record(entry), "INVALID_ENTRY", "");
});

test("objects without a prototype are taken", async () => {
  const log = await AuditLog.open();
  const metadata = Object.assign(Object.create(null), { a: Object.create(null) });
  const entry = Object.assign(Object.create(null), interaction({ metadata }));
  assertEquals((await log.record(entry)).metadata, { a: {} });
});

test("an object may stand in several places", async () => {
  const log = await AuditLog.open();
  const shared = { n: 1 };
  const metadata = { a: shared, b: [shared, shared] };
  assertEquals((await log.record(interaction({ metadata }))).metadata, metadata);
});

test("a property whose value is undefined counts as absent", async () => {
  const log = await AuditLog.open();
  const metadata = { a: undefined, b: { c: undefined, d: 1 } };
  assertEquals((await log.record(interaction({ metadata }))).metadata, { b: { d: 1 } });
});

test("plain values of another realm are taken, its class instances are not", async () => {
  const log = await AuditLog.open();
  const foreign = (code: string) => runInContext(`(${code})`, createContext({}));
  const metadata = foreign("{ a: [1, { b: [] }], c: {} }");
  assertEquals((await log.record(interaction({ metadata }))).metadata, {
    a: [1, { b: [] }],
    c: {},
  });
  const entry = foreign("{ model: 'm', inputText: 'in', outputText: 'out' }");
  assertEquals((await log.record(entry)).model, "m");
  for (
    const code of ["new Date(0)", "new Map()", "new (class A {})", "new (class extends Array {})"]
  ) {
    await assertRefused(
      () => log.record(interaction({ metadata: { v: foreign(code) } })),
      "INVALID_ENTRY",
      "metadata.v",
    );
  }
});

for (const count of [2, 32, 33, 100]) {
  test(`${count} keys of metadata are kept in UTF-16 order, in whatever order they come`, async () => {
    const inOrder = Array.from({ length: count }, (_, n) => `k${n}`).sort();
    const log = await AuditLog.open();
    for (let turn = 1; turn <= 20; turn++) {
      // A stride that visits all, another order each turn; the last one is backwards.
      const keys = inOrder.map((_, n) => inOrder[(n * (101 * turn)) % count]!);
      if (turn === 20) keys.sort().reverse();
      const metadata = Object.fromEntries(keys.map((key) => [key, key]));
      const entry = await log.record({ ...interaction(), metadata });
      assertEquals(Object.keys(entry.metadata), [...new Set(keys)].sort());
      assertEquals(Object.values(entry.metadata), [...new Set(keys)].sort());
    }
    await log.close();
  });
}

// A log moves from any backend to any other by its lines, and they stay the same bytes.

import { assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { test } from "node:test";
import { ArrayStore } from "../support/array_store.ts";
import { BACKENDS, type MakePlace, placeFor } from "../support/backends.ts";
import { allLines, foreignLine, inputs, interaction } from "../support/interaction.ts";

const PLACES: [string, MakePlace][] = [
  ...BACKENDS.map((backend): [string, MakePlace] => [backend, placeFor(backend)]),
  ["custom store", () => ({ open: () => AuditLog.open({ backend: new ArrayStore() }) })],
];

async function fill(log: AuditLog): Promise<void> {
  await log.adopt([foreignLine({ entry_id: "first", metadata: { n: 1 } })]);
  await log.recordAll([
    interaction({ inputText: "\0\ud800\u2028💬", metadata: { "10": -0, "9": [1e-7, null] } }),
    interaction({ user: "alice", costUsd: 0.1, latencyMs: 2 ** 53 - 1 }),
    interaction({ inputText: "x".repeat(100_000), metadata: { "\0": "\udc00", n: 1 } }),
  ]);
  await log.adopt([foreignLine({ entry_id: "late", timestamp: "1999-12-31 23:59:59" })]);
}

for (const [from, fromPlace] of PLACES) {
  for (const [to, toPlace] of PLACES) {
    test(`a log copied from ${from} to ${to} has the same lines and gives the same answers`, async (t) => {
      const source = await fromPlace(t).open();
      await fill(source);
      const target = await toPlace(t).open();
      for await (const line of source.lines()) await target.adopt([line]);
      const lines = await allLines(source);
      assertEquals(await allLines(target), lines);
      assertEquals(await target.query(), await source.query());
      for (const query of [{ user: "alice" }, { metadata: { n: 1 } }, { since: "2020-01-01" }]) {
        assertEquals(inputs(await target.query(query)), inputs(await source.query(query)));
        assertEquals(await target.count(query), await source.count(query));
      }
      const whole = await toPlace(t).open();
      await whole.adopt(lines);
      assertEquals(await allLines(whole), lines);
    });
  }
}

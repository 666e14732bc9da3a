/**
 * Answers that come in many parts: streams, what they see, how they end.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { AuditEntry, AuditLog, AuditQuery } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { inputs, interaction, interactions } from "../support/interaction.ts";

/** More than any store reads at a time. */
const MANY = 3000;

async function collect(stream: AsyncIterable<AuditEntry>): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for await (const entry of stream) entries.push(entry);
  return entries;
}

async function fill(log: AuditLog): Promise<AuditEntry[]> {
  return await log.recordAll(
    interactions(MANY).map((entry, n) => ({
      ...entry,
      user: n % 3 === 0 ? "third" : "other",
      // Rare, so that whole pages hold none of them.
      metadata: n % 1000 === 999 ? { rare: true } : {},
    })),
  );
}

export function pagingConformance(name: string, place: MakePlace): void {
  test(`${name}: a long answer is the same from query() and stream(), in both orders`, async (t) => {
    const log = await place(t).open();
    const all = await fill(log);
    const after = all[1234]!.entryId;
    const wanted: [AuditQuery, AuditEntry[]][] = [
      [{}, all],
      [{ user: "third" }, all.filter(({ user }) => user === "third")],
      [{ metadata: { rare: true } }, [all[999]!, all[1999]!, all[2999]!]],
      [{ metadata: { rare: true }, after }, [all[1999]!, all[2999]!]],
      [{ after, limit: 1500 }, all.slice(1235, 2735)],
    ];
    for (const [query, expected] of wanted) {
      assertEquals(inputs(await log.query(query)), inputs(expected));
      assertEquals(inputs(await collect(log.stream(query))), inputs(expected));
      if (query.after !== undefined) continue;
      const reversed = inputs(expected.toReversed());
      assertEquals(inputs(await collect(log.stream({ ...query, order: "desc" }))), reversed);
    }
    assertEquals(await log.count({ metadata: { rare: true } }), 3);
    assertEquals(await log.count({ user: "third" }), MANY / 3);
  });

  for (const order of ["asc", "desc"] as const) {
    test(`${name}: a stream ${order} does not see what is recorded while it goes on`, async (t) => {
      const log = await place(t).open();
      const all = inputs(await fill(log));
      const seen: string[] = [];
      for await (const { inputText } of log.stream({ order })) {
        if (seen.length % 500 === 0) await log.record(interaction({ inputText: "late" }));
        seen.push(inputText);
      }
      assertEquals(seen, order === "asc" ? all : all.toReversed());
      assertEquals(await log.count(), MANY + MANY / 500);
    });
  }

  test(`${name}: a stream sees what is in the log when its first entry is asked for`, async (t) => {
    const log = await place(t).open();
    const stream = log.stream();
    await log.record(interaction({ inputText: "before the first" }));
    const first = await stream.next();
    await log.record(interaction({ inputText: "after the first" }));
    assertEquals(first.value?.inputText, "before the first");
    assertEquals((await stream.next()).done, true);
  });

  test(`${name}: a stream that is left early holds nothing up`, async (t) => {
    const log = await place(t).open();
    await fill(log);
    for await (const _ of log.stream()) break;
    for await (const _ of log.lines({ order: "desc" })) break;
    const stream = log.stream();
    await stream.next();
    await stream.return();
    assertEquals((await stream.next()).done, true);
    await log.record(interaction());
    assertEquals(log.size, MANY + 1);
    await log.close();
  });

  test(`${name}: several streams at once do not disturb each other`, async (t) => {
    const log = await place(t).open();
    const all = inputs(await fill(log));
    const streams = [log.stream(), log.stream({ order: "desc" }), log.stream({ user: "third" })];
    const [asc, desc, third] = await Promise.all(streams.map(collect));
    assertEquals(inputs(asc!), all);
    assertEquals(inputs(desc!), all.toReversed());
    assertEquals(inputs(third!), all.filter((_, n) => n % 3 === 0));
  });

  test(`${name}: reading while recording gives whole calls of recordAll(), never a part`, async (t) => {
    const log = await place(t).open();
    const writing = Array.from({ length: 50 }, () => log.recordAll(interactions(7)));
    for (let reads = 0; reads < 20; reads++) {
      const [count, entries] = await Promise.all([log.count(), log.query()]);
      assert(count % 7 === 0, `${count} is not a multiple of 7`);
      assert(entries.length % 7 === 0, `${entries.length} is not a multiple of 7`);
    }
    await Promise.all(writing);
    assertEquals(log.size, 350);
  });
}

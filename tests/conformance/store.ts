/**
 * What every `LogStore` does. Whoever writes one proves it by calling {@link storeConformance}, beside
 * `logConformance` for a log on top of it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LogRecord, type LogStore, type Selection } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { foreignLine, interaction, interactions, steadyClock } from "../support/interaction.ts";
import { recordsOf } from "../support/records.ts";
import { assertRefused } from "../support/refused.ts";
import { atEnd } from "../support/temp.ts";

/** Makes an empty store for the time of a test, which closes it. */
export type MakeStore = (t: TestContext) => LogStore | Promise<LogStore>;

const ALL: Selection = {
  user: undefined,
  model: undefined,
  sinceUs: undefined,
  untilUs: undefined,
  metadata: [],
  text: undefined,
  events: "all",
  subject: undefined,
  order: "asc",
  afterIndex: undefined,
  limit: Infinity,
};

/** Records with times that run backwards here and there, some of them in a form of their own. */
function sample(): Promise<LogRecord[]> {
  return recordsOf({
    clock: steadyClock(),
    entries: Array.from({ length: 20 }, (_, n) =>
      interaction({
        inputText: `${n}`,
        user: n % 3 === 0 ? "alice" : "bob",
        model: n % 4 === 0 ? "gpt" : "claude",
        metadata: { n: n % 2, text: "\0\ud800\u2028" },
      })),
    lines: Array.from({ length: 10 }, (_, n) =>
      foreignLine({
        entry_id: `foreign ${n}`,
        user: "alice",
        timestamp: `2026-01-31T08:00:0${9 - n}.000001+00:00`,
        metadata: { n: n % 2 },
      })),
  });
}

/** Selections, each with what it means. */
const SELECTIONS: [Partial<Selection>, (record: LogRecord) => boolean][] = [
  [{}, () => true],
  [{ user: "alice" }, ({ entry }) => entry.user === "alice"],
  [{ model: "gpt" }, ({ entry }) => entry.model === "gpt"],
  [{ user: "alice", model: "gpt" }, ({ entry: { user, model } }) => user + model === "alicegpt"],
  [{ user: "nobody" }, () => false],
  [
    { metadata: [{ key: "n", json: "1", needle: '"n":1' }] },
    ({ entry }) => entry.metadata["n"] === 1,
  ],
  [{ text: "7" }, ({ entry }) => (entry.inputText + entry.outputText).includes("7")],
  [{ text: "nowhere" }, () => false],
];

async function linesOf(store: LogStore, selection: Partial<Selection>): Promise<string[]> {
  const found: string[] = [];
  for await (const chunk of store.read({ ...ALL, ...selection })) {
    for (const { line } of chunk) found.push(line);
  }
  return found;
}

export function storeConformance(name: string, make: MakeStore): void {
  async function open(t: TestContext): Promise<LogStore> {
    const store = await make(t);
    atEnd(t, () => store.close());
    return store;
  }

  test(`${name}: a new store is empty and tells what it is`, async (t) => {
    const store = await open(t);
    assert(typeof store.kind === "string" && store.kind !== "");
    assertEquals(typeof await store.info(), "object");
    assertEquals([store.size, await store.count(ALL)], [0, 0]);
    assertEquals(await linesOf(store, {}), []);
    assertEquals(await store.indexOf("x"), undefined);
  });

  test(`${name}: records come back as they were appended, each at its index`, async (t) => {
    const store = await open(t);
    const records = await sample();
    await store.append(records.slice(0, 1));
    await store.append(records.slice(1));
    assertEquals(store.size, records.length);
    let index = 0;
    for await (const chunk of store.read(ALL)) {
      for (const read of chunk) {
        const record = records[index]!;
        assertEquals(read.line, record.line);
        assertEquals(read.entry, record.entry);
        assertEquals(read.instantUs, record.instantUs);
        assertEquals(read.canonical, record.canonical);
        assertEquals(await store.indexOf(record.entry.entryId), index++);
      }
    }
    assertEquals(index, records.length);
  });

  test(`${name}: a selection's filters, order, cursor and limit all hold`, async (t) => {
    const store = await open(t);
    const records = await sample();
    await store.append(records);
    const spans = [[undefined, undefined], [5, undefined], [undefined, 9], [3, 7]] as const;
    const first = records[0]!.instantUs;
    for (const [filter, holds] of SELECTIONS) {
      for (const [since, until] of spans) {
        const sinceUs = since === undefined ? undefined : first + since * 1e6;
        const untilUs = until === undefined ? undefined : first + until * 1e6;
        const isIn = (record: LogRecord) =>
          holds(record) && record.instantUs >= (sinceUs ?? -Infinity) &&
          record.instantUs <= (untilUs ?? Infinity);
        for (const afterIndex of [undefined, -1, 0, 12, records.length - 1]) {
          for (const limit of [Infinity, 2]) {
            const selection = { ...filter, sinceUs, untilUs, afterIndex, limit };
            const asc = records.slice((afterIndex ?? -1) + 1).filter(isIn).slice(0, limit);
            await check(store, { ...selection, order: "asc" }, asc);
            const desc = records.slice(0, Math.max(0, afterIndex ?? Infinity)).filter(isIn)
              .reverse().slice(0, limit);
            await check(store, { ...selection, order: "desc" }, desc);
          }
        }
      }
    }
  });

  test(`${name}: an id that is in the log is refused, and all records of the call with it`, async (t) => {
    const store = await open(t);
    // Adopted ones: ids that a log gives itself are new.
    const lines = ["a", "b", "c", "d"].map((entry_id) => foreignLine({ entry_id }));
    const [first, second, third, fourth] = await recordsOf({ lines });
    await store.append([first!, second!]);
    for (const records of [[first!], [third!, second!], [third!, fourth!, third!]]) {
      await assertRefused(async () => await store.append(records), "DUPLICATE_ENTRY");
    }
    assertEquals(store.size, 2);
    assertEquals(await store.indexOf(third!.entry.entryId), undefined);
    await store.append([fourth!, third!]);
    const expected = [first, second, fourth, third].map((record) => record!.line);
    assertEquals(await linesOf(store, {}), expected);
  });

  test(`${name}: the end of a call that others may end is refused where there is one`, async (t) => {
    const store = await open(t);
    const end = (entry_id: string, call: string) =>
      foreignLine({ entry_id, metadata: { "audit.event": "call.end", "audit.call": call } });
    const given = await recordsOf({ lines: [end("1", "a"), end("2", "a"), end("3", "b")] });
    const [one, other, ofAnother] = given.map(({ entry, instantUs }) =>
      LogRecord.ofEntry(entry, instantUs, true)
    );
    await store.append([one!]);
    for (const records of [[other!], [ofAnother!, other!], given.slice(1, 2).concat(other!)]) {
      await assertRefused(async () => await store.append(records), "DUPLICATE_ENTRY");
    }
    assertEquals(store.size, 1);
    await store.append([ofAnother!]);
    assertEquals((await linesOf(store, {})).length, 2);
  });

  test(`${name}: what is read while an append is under way has none or all of it`, async (t) => {
    const store = await open(t);
    const records = await recordsOf({ entries: interactions(1000) });
    for (let start = 0; start < records.length; start += 100) {
      const appending = store.append(records.slice(start, start + 100));
      const [count, read] = await Promise.all([store.count(ALL), linesOf(store, {})]);
      for (const seen of [count, read.length]) {
        assert(seen === start || seen === start + 100, `${seen} at ${start}`);
      }
      await appending;
    }
  });

  test(`${name}: a read sees the log as it was when its first chunk was asked for`, async (t) => {
    const store = await open(t);
    const records = await recordsOf({ entries: interactions(2100) });
    await store.append(records.slice(0, 1000));
    for (const order of ["asc", "desc"] as const) {
      const before = store.size;
      let seen = 0;
      for await (const chunk of store.read({ ...ALL, order })) {
        if (seen === 0) await store.append(records.slice(before, before + 500));
        assert(chunk.length > 0, "an empty chunk");
        seen += chunk.length;
      }
      assertEquals(seen, before);
      assertEquals(store.size, before + 500);
    }
  });

  test(`${name}: a read that is left early holds nothing up`, async (t) => {
    const store = await open(t);
    const records = await recordsOf({ entries: interactions(1100) });
    await store.append(records.slice(0, 1000));
    for await (const _ of store.read(ALL)) break;
    const reading = store.read({ ...ALL, order: "desc" })[Symbol.asyncIterator]();
    await reading.next();
    await store.append(records.slice(1000));
    await reading.return?.();
    assertEquals(await store.count(ALL), 1100);
  });
}

async function check(store: LogStore, selection: Partial<Selection>, expected: LogRecord[]) {
  const about = JSON.stringify(selection);
  assertEquals(await linesOf(store, selection), expected.map(({ line }) => line), about);
  if (selection.limit === Infinity) {
    assertEquals(await store.count({ ...ALL, ...selection }), expected.length, about);
  }
}

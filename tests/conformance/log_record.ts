/**
 * Recording, and reading back what was recorded.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertMatch, assertStrictEquals } from "@std/assert";
import type { AuditEntry } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { inputs, interaction, interactions, START_MS } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

const FULL = {
  model: "gpt-4o",
  inputText: "What is the capital of France?",
  outputText: "Paris.",
  user: "alice",
  costUsd: 0.003,
  latencyMs: 250,
  metadata: { session: "abc123", "gen_ai.usage.input_tokens": 7, tags: ["a", { b: null }] },
};

const TEXTS: Record<string, string> = {
  "an empty text": "",
  "U+0000 at both ends and inside": "\0a\0b\0",
  "a lone high surrogate": "a\ud800",
  "a lone low surrogate": "\udc00b",
  "surrogates in the wrong order": "\udc00\ud800",
  "U+2028, U+2029 and U+0085": "a\u2028b\u2029c\u0085",
  "emoji": "👩‍👩‍👧‍👦 🇫🇷",
  "every control character": String.fromCharCode(...Array(0xa0).keys()),
  "quotes and backslashes": '"\\"\\\\u0041 \\n',
  "line ends of all kinds": "\n\r\n\r\ta\n",
  "a byte order mark and U+FFFD": "\ufeffa\ufffd\uffff",
  "text in two normal forms": "é e\u0301",
  "what looks like a record": '{"cost_usd":1,"entry_id":"x"}\n{"user":"eve"}',
  "1 MB of several bytes a character": "漢字と💬".repeat(60_000),
  "1 MB on one line": "x".repeat(2 ** 20),
};

const NUMBERS = [0, 1e-7, 2 ** 53 - 1, 0.1, 5e-324, 4503599627370495.5, 1 / 3, 1e20 / 7e19];

export function recordConformance(name: string, place: MakePlace): void {
  test(`${name}: record() returns the nine fields as they were given`, async (t) => {
    const log = await place(t).open({ clock: () => START_MS });
    const { entryId, timestamp, ...rest } = await log.record(FULL);
    assertEquals(rest, FULL);
    assertEquals(timestamp, "2026-01-31T08:00:00.000Z");
    assertMatch(entryId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assertEquals(parseInt(entryId.replace("-", "").slice(0, 12), 16), START_MS);
  });

  test(`${name}: what is not given has its default`, async (t) => {
    const log = await place(t).open();
    const least = { model: "m", inputText: "", outputText: "" };
    const absent = { user: undefined, costUsd: undefined, latencyMs: null, metadata: undefined };
    for (const entry of [await log.record(least), await log.record({ ...least, ...absent })]) {
      const { user, costUsd, latencyMs, metadata } = entry;
      assertEquals({ user, costUsd, latencyMs, metadata }, {
        user: "anonymous",
        costUsd: null,
        latencyMs: null,
        metadata: {},
      });
    }
  });

  test(`${name}: an entry reads back equal by every way of reading, deeply frozen`, async (t) => {
    const log = await place(t).open();
    const recorded = await log.record(FULL);
    const streamed: AuditEntry[] = [];
    for await (const entry of log.stream()) streamed.push(entry);
    const got = await log.get(recorded.entryId);
    for (const entry of [recorded, ...await log.query(), ...streamed, got]) {
      assertEquals(entry, recorded);
      assertEquals(Object.keys(entry!).length, 9);
      assertDeeplyFrozen(entry);
    }
  });

  for (const [what, text] of Object.entries(TEXTS)) {
    test(`${name}: ${what} reads back unchanged`, async (t) => {
      const log = await place(t).open();
      const metadata = { text, [text]: [text] };
      const entry = await log.record(interaction({ inputText: text, outputText: text, metadata }));
      const [read] = await log.query();
      for (const { inputText, outputText, metadata } of [entry, read!]) {
        assert(inputText === text && outputText === text, "a text was changed");
        assert(metadata["text"] === text, "a text in metadata was changed");
        assert(JSON.stringify(metadata[text]) === JSON.stringify([text]), "a key was changed");
      }
      const line = await log.line(entry.entryId);
      assert(!line!.includes("\n") && line!.isWellFormed());
      assert(JSON.parse(line!).input_text === text);
    });
  }

  test(`${name}: numbers read back exactly, and -0 as 0`, async (t) => {
    const log = await place(t).open();
    for (const number of [...NUMBERS, -0]) {
      const metadata = { number, negative: -number };
      await log.record(interaction({ costUsd: number, latencyMs: number, metadata }));
    }
    const entries = await log.query();
    for (const [position, number] of [...NUMBERS, 0].entries()) {
      const { costUsd, latencyMs, metadata } = entries[position]!;
      assertStrictEquals(costUsd, number);
      assertStrictEquals(latencyMs, number);
      assertStrictEquals(metadata["number"], number);
      assertStrictEquals(metadata["negative"], number === 0 ? 0 : -number);
    }
  });

  test(`${name}: keys that look like integers keep their values`, async (t) => {
    const log = await place(t).open();
    const metadata = { b: 1, "10": "ten", "9": "nine", a: { "2": 2, "1": 1 }, "": "empty" };
    const { entryId } = await log.record(interaction({ metadata }));
    assertEquals((await log.get(entryId))!.metadata, metadata);
    const line = await log.line(entryId);
    assert(
      line!.includes(
        '"metadata":{"":"empty","10":"ten","9":"nine","a":{"1":1,"2":2},"b":1},"model"',
      ),
      line,
    );
  });

  test(`${name}: ids always increase and times never decrease, whatever the clock does`, async (t) => {
    const times = [5000, 5000, 3000, 5001.9, 0, 5001, 9000, 8999];
    let at = 0;
    const log = await place(t).open({ clock: () => times[at++]! });
    const entries = await log.recordAll(interactions(times.length));
    assertEquals(
      entries.map(({ timestamp }) => Date.parse(timestamp)),
      [5000, 5000, 5000, 5001, 5001, 5001, 9000, 9000],
    );
    for (let i = 1; i < entries.length; i++) {
      assertGreater(entries[i]!.entryId, entries[i - 1]!.entryId);
    }
  });

  test(`${name}: entries are in the log in the order of concurrent calls`, async (t) => {
    const log = await place(t).open();
    const all = interactions(2500);
    const early = all.slice(0, 2000).map((entry) => log.record(entry));
    await early[3];
    const late = all.slice(2000).map((entry) => log.record(entry));
    const recorded = await Promise.all([...early, ...late]);
    assertEquals(inputs(recorded), inputs(await log.query()));
    assertEquals(inputs(recorded), all.map(({ inputText }) => inputText));
    assertEquals(log.size, 2500);
  });

  test(`${name}: recordAll() records in the given order, between calls before and after`, async (t) => {
    const log = await place(t).open();
    const before = log.record(interaction({ inputText: "before" }));
    const all = log.recordAll(interactions(3));
    const after = log.record(interaction({ inputText: "after" }));
    const order = inputs([await before, ...await all, await after]);
    assertEquals(order, ["before", "0", "1", "2", "after"]);
    assertEquals(inputs(await log.query()), order);
  });

  test(`${name}: recordAll() with one entry at fault records none`, async (t) => {
    const log = await place(t).open();
    const entries = [...interactions(2), interaction({ metadata: { a: [NaN] } })];
    await assertRefused(() => log.recordAll(entries), "INVALID_ENTRY", "[2].metadata.a[0]");
    assertEquals(log.size, 0);
    assertEquals(await log.query(), []);
  });

  test(`${name}: recordAll() of nothing does nothing`, async (t) => {
    const log = await place(t).open();
    assertEquals(await log.recordAll([]), []);
    assertEquals(log.size, 0);
  });

  test(`${name}: user and model have up to 256 characters, of whatever length in UTF-16`, async (t) => {
    const log = await place(t).open();
    for (const field of ["user", "model"] as const) {
      for (const character of ["x", "é", "💬"]) {
        const name = character.repeat(256);
        const entry = await log.record(interaction({ [field]: name }));
        assertEquals(entry[field], name);
        assertEquals(await log.count({ [field]: name }), 1);
        const tooLong = interaction({ [field]: name + character });
        await assertRefused(() => log.record(tooLong), "INVALID_ENTRY", field);
      }
    }
    assertEquals(log.size, 6);
  });

  test(`${name}: size counts every entry as soon as it is acknowledged`, async (t) => {
    const log = await place(t).open();
    assertEquals(log.size, 0);
    for (let size = 1; size <= 3; size++) {
      await log.record(interaction());
      assertEquals(log.size, size);
    }
    await log.recordAll(interactions(4));
    assertEquals(log.size, 7);
    assertEquals((await log.info()).size, 7);
  });

  test(`${name}: a record of exactly maxRecordBytes is taken, one byte more is not`, async (t) => {
    const { open } = place(t);
    const log = await open({ maxRecordBytes: 1000 });
    const { entryId } = await log.record(interaction({ inputText: "" }));
    const room = 1000 - new TextEncoder().encode(await log.line(entryId)).length;
    const texts = {
      one: ["x".repeat(room), "x".repeat(room + 1)],
      two: ["é".repeat(room >> 1) + "x".repeat(room % 2), "é".repeat(room >> 1) + "xx"],
      six: ["\0".repeat(Math.floor(room / 6)), "\0".repeat(Math.floor(room / 6) + 1)],
    };
    for (const [fits, tooLong] of Object.values(texts)) {
      await log.record(interaction({ inputText: fits! }));
      await assertRefused(
        () => log.record(interaction({ inputText: tooLong! })),
        "ENTRY_TOO_LARGE",
      );
    }
    assertEquals(log.size, 4);
  });
}

function assertDeeplyFrozen(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  assert(Object.isFrozen(value));
  for (const child of Object.values(value)) assertDeeplyFrozen(child);
}

/**
 * The filter `metadata`: equality of JSON values on top-level keys.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { foreignLine, inputs, interaction } from "../support/interaction.ts";

/** Values that all differ. */
const VALUES: unknown[] = [
  ...[0, 1, 10, 12, -1, 1.5, 1e-7, 2 ** 53 - 1, true, false, null],
  ...["", "1", "true", "null", "a", "A", "é", "e\u0301", "\0", "\ud800", "\ufffd", '"', "\\", "%"],
  ...[[], [1], [1, 2], [2, 1], [[1]], ["1"], [null]],
  ...[{}, { v: 1 }, { v: "1" }, { a: 1, b: 2 }, { "10": 1, "9": 2 }, { a: { b: [] } }],
];

/** Other ways to write a value: they are equal to it. */
const EQUAL: [unknown, unknown][] = [
  [-0, 0],
  [1.0, 1],
  [0.1e-6, 1e-7],
  ["\u0041", "A"],
  [{ b: 2, a: 1 }, { a: 1, b: 2 }],
  [{ "9": 2, "10": 1 }, { "10": 1, "9": 2 }],
  [{ a: 1, b: 2, c: undefined }, { a: 1, b: 2 }],
];

/** Keys that are awkward in JSON, in SQL or in objects. */
const KEYS = ["v", "10", "9", "", "a.b", "$", '"', "\\", "'", "é", "\0", "\ud800", "constructor"];

export function metadataConformance(name: string, place: MakePlace): void {
  test(`${name}: each metadata value is found by itself alone`, async (t) => {
    const log = await place(t).open();
    await log.recordAll([
      interaction({ inputText: "absent", metadata: { w: 1, x: { v: 1 }, y: '"v":1' } }),
      ...VALUES.map((v, n) =>
        interaction({ inputText: `${n}`, outputText: '"v":1', metadata: { a: 0, v, z: [1] } })
      ),
    ]);
    for (const [n, v] of VALUES.entries()) {
      assertEquals(inputs(await log.query({ metadata: { v } })), [`${n}`], JSON.stringify(v));
      assertEquals(await log.count({ metadata: { v } }), 1);
    }
  });

  test(`${name}: metadata values are equal whatever the way to write them`, async (t) => {
    const log = await place(t).open();
    for (const [index, [given, wanted]] of EQUAL.entries()) {
      const inputText = `${index}`;
      const key = `k${index}`;
      await log.record(interaction({ inputText, metadata: { [key]: given } }));
      for (const value of [given, wanted]) {
        assertEquals(inputs(await log.query({ metadata: { [key]: value } })), [inputText]);
      }
    }
  });

  for (const key of KEYS) {
    test(`${name}: the metadata key ${JSON.stringify(key)} is found, at the top only`, async (t) => {
      const log = await place(t).open();
      await log.record(interaction({ inputText: "found", metadata: { [key]: "x" } }));
      await log.record(interaction({ inputText: "nested", metadata: { nested: { [key]: "x" } } }));
      await log.record(interaction({ inputText: "other", metadata: { [`${key}_`]: "x" } }));
      await log.record(interaction({ inputText: "text", metadata: { text: `"${key}":"x"` } }));
      assertEquals(inputs(await log.query({ metadata: { [key]: "x" } })), ["found"]);
      assertEquals(await log.query({ metadata: { [key]: "y" } }), []);
    });
  }

  test(`${name}: the metadata key __proto__ of an adopted line is found, and only there`, async (t) => {
    const log = await place(t).open();
    const line = (id: string, metadata: string) =>
      foreignLine({ entry_id: id, input_text: id }).replace("{}}", `${metadata}}`);
    await log.adopt([line("found", '{"__proto__": {}}'), line("other", "{}")]);
    const metadata = JSON.parse('{"__proto__": {}}');
    assertEquals(inputs(await log.query({ metadata })), ["found"]);
    assertEquals(await log.count({ metadata }), 1);
  });

  test(`${name}: an empty metadata filter asks for nothing`, async (t) => {
    const log = await place(t).open();
    await log.record(interaction());
    assertEquals(await log.count({ metadata: {} }), 1);
    assertEquals((await log.query({ metadata: {} })).length, 1);
  });

  test(`${name}: metadata of lines in a form of their own is found by its value`, async (t) => {
    const log = await place(t).open();
    const line = foreignLine({ input_text: "n", metadata: {} });
    const forms = ['{"v": 1.0}', '{ "v":1e0 }', '{"\\u0076": 1}', '{"v":1}', '{"v": "1"}'];
    await log.adopt(forms.map((form, n) =>
      line.replace("{}}", `${form}}`)
        .replace('"n"', `"${n}"`)
        .replace(/"entry_id": "[^"]*"/, `"entry_id": "${n}"`)
    ));
    assertEquals(inputs(await log.query({ metadata: { v: 1 } })), ["0", "1", "2", "3"]);
    assertEquals(inputs(await log.query({ metadata: { v: "1" } })), ["4"]);
    assertEquals(await log.count({ metadata: { v: 1 } }), 4);
  });
}

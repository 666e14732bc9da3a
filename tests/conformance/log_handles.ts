/**
 * Logs that last: opened again, and by several handles at once.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import {
  allLines,
  foreignLine,
  inputs,
  interaction,
  interactions,
} from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

export function handlesConformance(name: string, place: MakePlace): void {
  test(`${name}: a log that is opened again gives the same lines and answers`, async (t) => {
    const { open } = place(t);
    const log = await open();
    await log.recordAll(interactions(1500, { metadata: { a: ["\0", "\ud800", "💬"] } }));
    await log.adopt([foreignLine({ entry_id: "python", user: "bob" })]);
    await log.record(interaction({ inputText: "last", user: "bob" }));
    const lines = await allLines(log);
    const entries = await log.query();
    await log.close();
    for (let times = 0; times < 2; times++) {
      const again = await open();
      assertEquals(again.size, 1502);
      assertEquals(await allLines(again), lines);
      assertEquals(await again.query(), entries);
      assertEquals(inputs(await again.query({ user: "bob" })), ["in", "last"]);
      assertEquals((await again.get(entries[7]!.entryId))?.inputText, "7");
      assertEquals((await again.info()).warnings, []);
      await again.close();
    }
  });

  test(`${name}: a log that is opened again goes on where it ended`, async (t) => {
    const { open } = place(t);
    const first = await open();
    const before = await first.record(interaction({ inputText: "0" }));
    await first.close();
    const second = await open();
    const after = await second.record(interaction({ inputText: "1" }));
    assertGreater(after.entryId, before.entryId);
    assertEquals(inputs(await second.query()), ["0", "1"]);
    await assertRefused(
      () => second.adopt([foreignLine({ entry_id: before.entryId })]),
      "DUPLICATE_ENTRY",
    );
  });

  test(`${name}: an empty log that is opened again is empty`, async (t) => {
    const { open } = place(t);
    await (await open()).close();
    const log = await open();
    assertEquals(await log.query(), []);
    await log.record(interaction());
    assertEquals(log.size, 1);
  });

  test(`${name}: a handle sees what another one has acknowledged`, async (t) => {
    const { open } = place(t);
    const [writer, reader] = [await open(), await open()];
    for (let size = 1; size <= 5; size++) {
      const { entryId } = await writer.record(interaction({ inputText: `${size}` }));
      assertEquals(await reader.count(), size);
      assertEquals(reader.size, size);
      assertEquals((await reader.query({ order: "desc", limit: 1 }))[0]!.entryId, entryId);
      assertEquals((await reader.get(entryId))?.inputText, `${size}`);
      assertEquals(inputs(await reader.query({ user: "anonymous" })).length, size);
      assertEquals((await reader.query({ after: entryId })).length, 0);
    }
    await reader.record(interaction({ inputText: "6" }));
    assertEquals(inputs(await writer.query()), ["1", "2", "3", "4", "5", "6"]);
    assertEquals(writer.size, 6);
  });

  test(`${name}: handles that record at once keep all, each one's in its order`, async (t) => {
    const { open } = place(t);
    const handles = await Promise.all([open(), open(), open()]);
    await Promise.all(
      handles.flatMap((log, user) =>
        interactions(200, { user: `${user}` }).map((entry) => log.record(entry))
      ),
    );
    for (const log of handles) {
      assertEquals(await log.count(), 600);
      for (const user of ["0", "1", "2"]) {
        const expected = interactions(200).map(({ inputText }) => inputText);
        assertEquals(inputs(await log.query({ user })), expected);
      }
    }
    const [first, ...others] = await Promise.all(handles.map(allLines));
    for (const other of others) assertEquals(other, first);
  });

  test(`${name}: of two handles that adopt one id, the second is refused`, async (t) => {
    const { open } = place(t);
    const [first, second] = [await open(), await open()];
    await first.adopt([foreignLine({ entry_id: "a" })]);
    await assertRefused(
      () => second.adopt([foreignLine({ entry_id: "b" }), foreignLine({ entry_id: "a" })]),
      "DUPLICATE_ENTRY",
    );
    assertEquals(await second.count(), 1);
  });

  test(`${name}: of several handles that end the calls of a dead process, each gets the one end`, async (t) => {
    const { open } = place(t);
    const handles = [
      await open(),
      await open(),
      await open({ redact: (entry) => Promise.resolve(entry) }),
    ];
    const [dead] = handles;
    for (let n = 0; n < 30; n++) await dead!.begin({ model: "m", inputText: `${n}` });
    const found = await Promise.all(handles.map((log) => log.unfinished()));
    const ended = await Promise.all(
      found.map((calls) =>
        Promise.all(calls.map(async (call) => (await call.fail(new Error("it died"))).entryId))
      ),
    );
    assertEquals(ended[0]!.length, 30);
    for (const ids of ended) assertEquals(ids, ended[0]);
    for (const log of handles) {
      assertEquals([await log.count(), (await log.unfinished()).length], [30, 0]);
    }
  });

  test(`${name}: closing one handle leaves the others open`, async (t) => {
    const { open } = place(t);
    const [first, second] = [await open(), await open()];
    await first.record(interaction({ inputText: "0" }));
    await first.close();
    await second.record(interaction({ inputText: "1" }));
    assertEquals(inputs(await second.query()), ["0", "1"]);
  });
}

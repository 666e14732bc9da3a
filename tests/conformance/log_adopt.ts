/**
 * Taking over lines of other logs.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { allLines, foreignLine, inputs, interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

const line = (id: string) => foreignLine({ entry_id: id, input_text: id });
const [before, after] = foreignLine().split('"cost_usd": null');
const withCost = (cost: string) => `${before}"cost_usd": ${cost}${after}`;

/** Lines that are no record. */
const MALFORMED: Record<string, string> = {
  "nothing": "",
  "white space": "  ",
  "no JSON": "{",
  "JSON of something else": "[]",
  "null": "null",
  "an object without keys": "{}",
  "a line cut in half": line("x").slice(0, 100),
  "a key too few": foreignLine().replace(', "metadata": {}', ""),
  "a key too many": foreignLine().replace("{", '{"more": 1, '),
  "a key twice": foreignLine().replace("{", '{"user": "eve", '),
  "a key twice, once escaped": foreignLine().replace("{", '{"\\u0075ser": "eve", '),
  "a key twice in metadata": foreignLine().replace("{}", '{"a": {"b": 1, "b": 2}}'),
  "a text that is a number": foreignLine().replace('"alice"', "1"),
  "a cost that is a text": withCost('"1"'),
  "a cost that is too large for a number": withCost("1e999"),
  "a cost that Python calls NaN": withCost("NaN"),
  "a cost with a leading zero": withCost("01"),
  "metadata that is an array": foreignLine().replace("{}", "[]"),
  "metadata that is null": foreignLine().replace("{}", "null"),
  "metadata nested a thousand levels": foreignLine().replace(
    "{}",
    `{"a": ${"[".repeat(1000)}${"]".repeat(1000)}}`,
  ),
  "a timestamp that is no time": foreignLine({ timestamp: "yesterday" }),
  "a timestamp on the 30th of February": foreignLine({ timestamp: "2026-02-30T00:00:00Z" }),
  "a newline inside": foreignLine().replace(", ", ",\n"),
  "a newline at the end": `${foreignLine()}\n`,
  "a lone surrogate that is not escaped": foreignLine().replace('"in"', '"\ud800"'),
  "an id with a lone surrogate, escaped": foreignLine({ entry_id: "\ud800" }),
  "a user with a lone surrogate, escaped": foreignLine({ user: "\ud800" }),
  "a model with a lone surrogate, escaped": foreignLine({ model: "\ud800" }),
  "two records": foreignLine() + foreignLine(),
  "a byte order mark": `\ufeff${foreignLine()}`,
};

/** Lines of records in forms that this library does not write. */
const FOREIGN: Record<string, string> = {
  "Python's form": foreignLine({ metadata: { tags: ["a"], n: 1.5 } }),
  "a number that is more exact than a double": withCost("0.10000000000000000000000000000000001"),
  "an integer beyond 2^53": withCost("9007199254740993"),
  "a negative cost": withCost("-1e-3"),
  "numbers in other forms": withCost("1.50E+2"),
  "escapes that are not needed": foreignLine().replace('"in"', '"\\u0069\\/n\\u2028"'),
  "U+0000 and lone surrogates, escaped": foreignLine().replace('"in"', '"\\u0000\\ud800"'),
  "U+2028 as it is": foreignLine({ input_text: "\u2028" }),
  "tabs and carriage returns between": foreignLine().replaceAll(": ", " :\t") + "\r",
  "an empty user": foreignLine({ user: "" }),
  "a user of 1,000 characters": foreignLine({ user: "x".repeat(1000) }),
  "a user with control characters": foreignLine({ user: "a\u0000b\tc" }),
  "an id that is no UUID": foreignLine({ entry_id: "1" }),
  "a time without a zone": foreignLine({ timestamp: "2026-01-31 08:00:00" }),
  "reserved metadata": foreignLine({ metadata: { "audit.x": 1 } }),
  "metadata nested 500 levels": foreignLine().replace(
    "{}",
    `{"a": ${"[".repeat(500)}${"]".repeat(500)}}`,
  ),
  "a quote after a backslash": foreignLine({ input_text: '\\"', metadata: { '\\":': ':"' } }),
};

export function adoptConformance(name: string, place: MakePlace): void {
  for (const [what, foreign] of Object.entries(FOREIGN)) {
    test(`${name}: adopt() keeps ${what} byte for byte`, async (t) => {
      const log = await place(t).open();
      const [entry] = await log.adopt([foreign]);
      const parsed = JSON.parse(foreign);
      assertEquals(await log.line(parsed.entry_id), foreign);
      assertEquals(await allLines(log), [foreign]);
      const [read] = await log.query();
      assertEquals(read, entry);
      assertEquals(read, {
        entryId: parsed.entry_id,
        timestamp: parsed.timestamp,
        user: parsed.user,
        model: parsed.model,
        inputText: parsed.input_text,
        outputText: parsed.output_text,
        costUsd: parsed.cost_usd,
        latencyMs: parsed.latency_ms,
        metadata: parsed.metadata,
      });
    });
  }

  for (const [what, malformed] of Object.entries(MALFORMED)) {
    test(`${name}: adopt() refuses ${what}, and the good lines with it`, async (t) => {
      const log = await place(t).open();
      await assertRefused(
        () => log.adopt([line("a"), line("b"), malformed]),
        "INVALID_ENTRY",
        "[2]",
      );
      assertEquals(log.size, 0);
      assertEquals(await log.query(), []);
    });
  }

  test(`${name}: lines that were to be adopted before the log is closed are adopted`, async (t) => {
    const log = await place(t).open();
    const adopting = log.adopt([line("a"), line("b")]);
    const closing = log.close();
    await assertRefused(() => log.adopt([line("c")]), "LOG_CLOSED");
    await Promise.all([adopting, closing]);
    assertEquals(log.size, 2);
  });

  test(`${name}: adopt() refuses what is no array of texts`, async (t) => {
    const log = await place(t).open();
    for (const lines of [undefined, null, line("a"), { 0: line("a"), length: 1 }]) {
      await assertRefused(() => log.adopt(lines as never), "INVALID_ENTRY", "");
    }
    for (const wrong of [undefined, null, 1, { line: line("a") }]) {
      await assertRefused(() => log.adopt([line("a"), wrong as never]), "INVALID_ENTRY", "[1]");
    }
    // deno-lint-ignore no-sparse-arrays -- the hole is the point
    await assertRefused(() => log.adopt([line("a"), , line("b")] as never), "INVALID_ENTRY", "[1]");
    assertEquals(log.size, 0);
  });

  test(`${name}: adopt() refuses an id that is in the log, and all lines of the call with it`, async (t) => {
    const log = await place(t).open();
    const own = await log.record(interaction({ inputText: "own" }));
    await log.adopt([line("a")]);
    for (const id of ["a", own.entryId]) {
      await assertRefused(
        () => log.adopt([line("b"), line("c"), line(id)]),
        "DUPLICATE_ENTRY",
        "[2]",
      );
    }
    assertEquals(inputs(await log.query()), ["own", "a"]);
    assertEquals(await log.get("b"), undefined);
    await log.adopt([line("b")]);
    assertEquals(inputs(await log.query()), ["own", "a", "b"]);
  });

  test(`${name}: adopt() refuses an id that is in the call twice`, async (t) => {
    const log = await place(t).open();
    await assertRefused(
      () => log.adopt([line("a"), line("b"), line("a")]),
      "DUPLICATE_ENTRY",
      "[2]",
    );
    assertEquals(log.size, 0);
  });

  test(`${name}: of calls of adopt() with one id at once, one succeeds and disturbs no other`, async (t) => {
    const log = await place(t).open();
    const results = await Promise.allSettled([
      log.adopt([line("a")]),
      log.adopt([line("b"), line("a")]),
      log.record(interaction({ inputText: "own" })),
      log.adopt([line("c")]),
    ]);
    assertEquals(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled"],
    );
    assertEquals(inputs(await log.query()).toSorted(), ["a", "c", "own"]);
  });

  test(`${name}: adopt() of nothing does nothing`, async (t) => {
    const log = await place(t).open();
    assertEquals(await log.adopt([]), []);
    assertEquals(log.size, 0);
  });

  test(`${name}: adopted and recorded entries are in the log in the order of the calls`, async (t) => {
    const log = await place(t).open();
    const old = foreignLine({ entry_id: "old", input_text: "old", timestamp: "1999-01-01" });
    const far = foreignLine({ entry_id: "far", input_text: "far", timestamp: "2999-01-01" });
    await log.adopt([far]);
    const own = await log.record(interaction({ inputText: "own" }));
    await log.adopt([old]);
    assertEquals(inputs(await log.query()), ["far", "own", "old"]);
    assertEquals(inputs(await log.query({ order: "desc", limit: 1 })), ["old"]);
    assertEquals(inputs(await log.query({ until: own.timestamp })), ["own", "old"]);
    assertEquals(inputs(await log.query({ since: "2000-01-01", order: "desc" })), ["own", "far"]);
    assertEquals(inputs(await log.query({ after: "far" })), ["own", "old"]);
  });

  test(`${name}: adopt() refuses a line longer than maxRecordBytes, whatever makes it long`, async (t) => {
    const log = await place(t).open({ maxRecordBytes: 5000 });
    const long = "x".repeat(5000);
    const lines = [
      foreignLine({ input_text: long }),
      foreignLine({ user: long }),
      foreignLine({ model: long }),
      foreignLine({ entry_id: long }),
      foreignLine({ metadata: { [long]: 1 } }),
      foreignLine() + " ".repeat(5000),
    ];
    for (const tooLong of lines) {
      await assertRefused(() => log.adopt([line("a"), tooLong]), "ENTRY_TOO_LARGE");
    }
    assertEquals(log.size, 0);
  });

  test(`${name}: names that only look alike once decoded are told apart`, async (t) => {
    const log = await place(t).open();
    const users = ["\ufffd", "a\0b", "a", "a\0"];
    const idOf = (user: string): string => `id ${user.replaceAll("\0", "%")}`;
    await log.adopt(
      users.map((user) => foreignLine({ user, entry_id: idOf(user), input_text: user })),
    );
    for (const user of ["\ufffd", "a"]) {
      assertEquals(inputs(await log.query({ user })), [user]);
      assertEquals(await log.count({ user }), 1);
    }
    for (const user of users) assertEquals((await log.get(idOf(user)))?.inputText, user);
    assert(log.size === users.length);
  });
}

/**
 * Queries: filters alone and together, order, limit, cursor.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { AuditEntry, AuditFilter, AuditLog, AuditQuery } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import {
  foreignLine,
  inputs,
  interaction,
  interactions,
  START_MS,
  steadyClock,
} from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

const at = (seconds: number): Date => new Date(START_MS + seconds * 1000);

/** Filters, each with what it means, said in another way. */
const FILTERS: Record<string, [AuditFilter, (entry: AuditEntry) => boolean]> = {
  user: [{ user: "bob" }, ({ user }) => user === "bob"],
  model: [{ model: "gpt" }, ({ model }) => model === "gpt"],
  since: [{ since: at(9) }, ({ timestamp }) => timestamp >= at(9).toISOString()],
  until: [{ until: at(40) }, ({ timestamp }) => timestamp <= at(40).toISOString()],
  metadata: [{ metadata: { n: 1 } }, ({ metadata }) => metadata["n"] === 1],
  "two metadata keys": [
    { metadata: { n: 0, s: "x" } },
    ({ metadata }) => metadata["n"] === 0 && metadata["s"] === "x",
  ],
  text: [{ text: "6" }, ({ inputText }) => inputText.includes("6")],
  "a user that is nobody": [{ user: "nobody" }, () => false],
  "a span before all": [{ until: at(-1) }, () => false],
};

const USERS = ["alice", "bob", "李雷", "anonymous", "bob"];
const MODELS = ["gpt", "claude", "gpt", "gpt"];

/** A log of 60 entries, a second apart. */
async function sample(t: TestContext, place: MakePlace): Promise<AuditLog> {
  const log = await place(t).open({ clock: steadyClock() });
  await log.recordAll(Array.from({ length: 60 }, (_, n) =>
    interaction({
      inputText: `${n}`,
      user: USERS[n % USERS.length]!,
      model: MODELS[n % MODELS.length]!,
      metadata: n % 7 === 6 ? {} : { n: n % 3, s: n % 2 === 0 ? "x" : "y" },
    })));
  return log;
}

export function queryConformance(name: string, place: MakePlace): void {
  test(`${name}: query() without filters returns all, oldest first`, async (t) => {
    const log = await sample(t, place);
    assertEquals(inputs(await log.query()), interactions(60).map(({ inputText }) => inputText));
    assertEquals(await log.count(), 60);
  });

  const filters = Object.entries(FILTERS);
  for (const [index, [first, [filter, holds]]] of filters.entries()) {
    test(`${name}: filter ${first}, alone and with each other one`, async (t) => {
      const log = await sample(t, place);
      const all = await log.query();
      await checkFilter(log, filter, all.filter(holds));
      for (const [, [other, otherHolds]] of filters.slice(index + 1)) {
        const both = { ...filter, ...other };
        both.metadata = { ...filter.metadata, ...other.metadata };
        if (bothNameMetadata(filter, other) || isBackwards(both)) continue;
        await checkFilter(log, both, all.filter((entry) => holds(entry) && otherHolds(entry)));
      }
    });
  }

  test(`${name}: all filters together`, async (t) => {
    const log = await sample(t, place);
    const all = await log.query();
    const wanted = ["user", "model", "since", "until", "metadata", "text"].map((key) =>
      FILTERS[key]!
    );
    const query = Object.assign({}, ...wanted.map(([filter]) => filter));
    const expected = all.filter((entry) => wanted.every(([, holds]) => holds(entry)));
    assertEquals(expected.length > 0, true);
    await checkFilter(log, query, expected);
  });

  test(`${name}: names are compared exactly`, async (t) => {
    const log = await place(t).open();
    const names = ["a", "A", "a ", "ａ", "é", "e\u0301", "%", "a%", "_", "'", '"', "1", "💬"];
    for (const user of names) await log.record(interaction({ user, model: user, inputText: user }));
    for (const user of names) {
      assertEquals(inputs(await log.query({ user })), [user]);
      assertEquals(inputs(await log.query({ model: user })), [user]);
      assertEquals(inputs(await log.query({ user, model: user })), [user]);
    }
    assertEquals(await log.query({ user: "1.0" }), []);
  });

  test(`${name}: a text is looked for in input and output, character by character`, async (t) => {
    const log = await place(t).open();
    const texts = [
      "a",
      "A",
      "é",
      "e\u0301",
      "%",
      "_",
      '"',
      "\\",
      '\\"',
      "\n",
      "\\n",
      "\0",
      "\u2028",
      "\x7f",
      "💬",
      "李雷",
    ];
    const inOne: [input: string, output: string][] = [
      ...texts.map((text): [string, string] => [`<${text}>`, ""]),
      ...texts.map((text): [string, string] => ["", `<${text}>`]),
      ["\ud83d", "\udcac"], // halves of one of these characters
    ];
    for (const [inputText, outputText] of inOne) {
      // Neither names nor metadata are texts.
      const metadata = Object.fromEntries(texts.map((text) => [`<${text}>`, `<${text}>`]));
      await log.record(interaction({ inputText, outputText, user: "<a>", metadata }));
    }
    await log.adopt(
      texts.map((text, n) =>
        foreignLine({ entry_id: `${n}`, input_text: `<${text}>`, output_text: "" })
      ),
    );
    const all = await log.query();
    for (const text of [...texts.map((text) => `<${text}>`), ...texts]) {
      const holds = ({ inputText, outputText }: AuditEntry) =>
        inputText.includes(text) || outputText.includes(text);
      await checkFilter(log, { text }, all.filter(holds));
    }
  });

  test(`${name}: limit takes the first of the chosen order`, async (t) => {
    const log = await sample(t, place);
    for (const query of [{}, { user: "bob" }, { metadata: { n: 1 } }] as AuditQuery[]) {
      const all = inputs(await log.query(query));
      for (const limit of [0, 1, 2, all.length - 1, all.length, all.length + 1, 2 ** 53 - 1]) {
        const asc = await log.query({ ...query, limit });
        assertEquals(inputs(asc), all.slice(0, limit));
        const desc = await log.query({ ...query, limit, order: "desc" });
        assertEquals(inputs(desc), all.toReversed().slice(0, limit));
      }
    }
  });

  test(`${name}: after goes on behind an entry, in both orders, with all other filters`, async (t) => {
    const log = await sample(t, place);
    const all = await log.query();
    for (const position of [0, 1, 30, 58, 59]) {
      const after = all[position]!.entryId;
      for (const [filter, holds] of [[{}, () => true], ...Object.values(FILTERS)] as const) {
        const behind = all.slice(position + 1).filter(holds);
        assertEquals(inputs(await log.query({ ...filter, after })), inputs(behind));
        const before = all.slice(0, position).filter(holds).toReversed();
        const query = { ...filter, after, order: "desc" } as const;
        assertEquals(inputs(await log.query(query)), inputs(before));
        assertEquals(inputs(await log.query({ ...query, limit: 2 })), inputs(before.slice(0, 2)));
      }
    }
  });

  test(`${name}: going from page to page by after gives each entry once`, async (t) => {
    const log = await sample(t, place);
    for (const order of ["asc", "desc"] as const) {
      const expected = inputs(await log.query({ model: "gpt", order }));
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await log.query({ model: "gpt", order, after, limit: 7 });
        if (page.length === 0) break;
        seen.push(...inputs(page));
        after = page.at(-1)!.entryId;
      }
      assertEquals(seen, expected);
    }
  });

  test(`${name}: a cursor that is not in the log is refused`, async (t) => {
    const log = await sample(t, place);
    for (const after of ["", "x", "00000000-0000-7000-8000-000000000000", "\0", "\ud800"]) {
      await assertRefused(() => log.query({ after }), "CURSOR_NOT_FOUND", "after");
      await assertRefused(() => log.query({ after, limit: 0 }), "CURSOR_NOT_FOUND", "after");
      await assertRefused(() => log.stream({ after }).next(), "CURSOR_NOT_FOUND", "after");
    }
  });

  test(`${name}: an empty log answers every query with nothing`, async (t) => {
    const log = await place(t).open();
    for (const [filter] of [[{}], ...Object.values(FILTERS)] as const) {
      assertEquals(await log.query(filter), []);
      assertEquals(await log.query({ ...filter, order: "desc", limit: 3 }), []);
      assertEquals(await log.count(filter), 0);
    }
  });

  test(`${name}: get() and line() find an entry by its id and nothing else`, async (t) => {
    const log = await sample(t, place);
    const all = await log.query();
    for (const position of [0, 1, 31, 59]) {
      const { entryId } = all[position]!;
      assertEquals(await log.get(entryId), all[position]);
      const line = JSON.parse((await log.line(entryId))!);
      assertEquals([line.entry_id, line.input_text], [entryId, `${position}`]);
      assertEquals(await log.get(entryId.toUpperCase()), undefined);
    }
    for (const id of ["", "x", "\0", "\ud800", `${all[0]!.entryId}\0`]) {
      assertEquals(await log.get(id), undefined);
      assertEquals(await log.line(id), undefined);
    }
  });

  test(`${name}: lines() yields canonical lines of what stream() yields`, async (t) => {
    const log = await sample(t, place);
    for (const query of [{}, { user: "bob", order: "desc", limit: 3 }] as AuditQuery[]) {
      const fromLines: string[] = [];
      for await (const line of log.lines(query)) {
        const keys = Object.keys(JSON.parse(line));
        assertEquals(keys, keys.toSorted());
        fromLines.push(JSON.parse(line).input_text);
      }
      assertEquals(fromLines, inputs(await log.query(query)));
    }
  });
}

function bothNameMetadata(a: AuditFilter, b: AuditFilter): boolean {
  return a.metadata !== undefined && b.metadata !== undefined;
}

function isBackwards({ since, until }: AuditFilter): boolean {
  return since !== undefined && until !== undefined && since > until;
}

async function checkFilter(
  log: AuditLog,
  filter: AuditFilter,
  expected: AuditEntry[],
): Promise<void> {
  const about = JSON.stringify(filter);
  assertEquals(inputs(await log.query(filter)), inputs(expected), about);
  assertEquals(
    inputs(await log.query({ ...filter, order: "desc" })),
    inputs(expected.toReversed()),
    about,
  );
  assertEquals(await log.count(filter), expected.length, about);
}

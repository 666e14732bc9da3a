// Whatever is recorded and asked, backends in files answer as the one in memory does.

import { assertEquals } from "@std/assert";
import type { AuditLog, AuditQuery, NewEntry } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { FILE_BACKENDS, type LogPlace, placeFor } from "../support/backends.ts";
import { allLines, foreignLine, START_MS } from "../support/interaction.ts";
import { check } from "../support/property.ts";

/** Something done to a log. */
type Step =
  | { do: "record"; entries: NewEntry[] }
  | { do: "recordAll"; entries: NewEntry[] }
  | { do: "adopt"; times: (number | string)[]; user: string }
  | { do: "reopen" }
  | { do: "query"; query: AuditQuery; afterPosition: number | undefined };

const oddText = fc.constantFrom(
  "",
  "\0",
  "\ud800",
  "\udc00a",
  "\u2028",
  '"\\',
  "💬",
  '"a":1',
  "\ufeff",
);
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), oddText);
const user = fc.constantFrom("alice", "bob", "李雷");
const model = fc.constantFrom("gpt", "claude");
const key = fc.constantFrom("a", "b", "10", "9", "", "\0", "\ud800");
const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -0, 1, 10, 0.1, 1e-7, "1", 2 ** 53 - 1),
  text,
  fc.double({ min: -1000, max: 1000, noNaN: true }),
);
const value = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 2 }),
  fc.dictionary(key, leaf, { maxKeys: 2 }),
);
const metadata = fc.dictionary(key, value, { maxKeys: 3 });
const amount = fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1e9, noNaN: true }));

const entry: fc.Arbitrary<NewEntry> = fc.record({
  user,
  model,
  inputText: text,
  outputText: text,
  costUsd: amount,
  latencyMs: amount,
  metadata,
});

const seconds = fc.integer({ min: -5, max: 60 });
const time = fc.oneof(
  { weight: 6, arbitrary: seconds },
  fc.constantFrom("0000-01-01", "9999-12-31T23:59:59.999999Z", "2255-06-06T00:00:00.000001Z"),
);
const timeOf = (given: number | string): string =>
  typeof given === "string" ? given : new Date(START_MS + given * 1000).toISOString();
const bound = time.map(timeOf);

const query: fc.Arbitrary<AuditQuery> = fc.record({
  user,
  model,
  since: bound,
  until: bound,
  metadata: fc.oneof(
    fc.constantFrom<Record<string, unknown>>({}, { a: 1 }, { b: "1" }, { a: null }),
    fc.dictionary(key, leaf, { maxKeys: 1 }),
  ),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.nat(5),
}, { requiredKeys: [] }).map(({ since, until, ...rest }) => {
  if (since === undefined || until === undefined) return { since, until, ...rest };
  return { ...rest, since: timeOf(since), until: since < until ? until : since };
});

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("record"), entries: fc.array(entry, { maxLength: 4 }) }),
  fc.record({ do: fc.constant("recordAll"), entries: fc.array(entry, { maxLength: 4 }) }),
  fc.record({ do: fc.constant("adopt"), times: fc.array(time, { maxLength: 4 }), user }),
  fc.record({ do: fc.constant("reopen") }),
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("query"),
      query,
      afterPosition: fc.option(fc.nat(12), { nil: undefined }),
    }),
  },
) as fc.Arbitrary<Step>;

/** A log that steps are done to; it tells what it answered. Ids and their order are its own. */
class Walker {
  readonly #place: LogPlace;
  readonly #reopens: boolean;
  #log: AuditLog | undefined;
  #adopted = 0;
  #now = START_MS;

  constructor(place: LogPlace, reopens: boolean) {
    this.#place = place;
    this.#reopens = reopens;
  }

  async #open(): Promise<AuditLog> {
    return this.#log ??= await this.#place.open({ clock: () => this.#now += 700 });
  }

  async take(step: Step): Promise<unknown> {
    const log = await this.#open();
    switch (step.do) {
      case "record":
        return (await Promise.all(step.entries.map((entry) => log.record(entry)))).map(withoutId);
      case "recordAll":
        return (await log.recordAll(step.entries)).map(withoutId);
      case "adopt":
        return await log.adopt(step.times.map((time) =>
          foreignLine({
            entry_id: `adopted ${this.#adopted++}`,
            timestamp: timeOf(time),
            user: step.user,
            metadata: { a: 1 },
          })
        ));
      case "reopen":
        if (!this.#reopens) return;
        await log.close();
        this.#log = undefined;
        return;
      case "query":
        return await this.#query(log, step);
    }
  }

  async #query(log: AuditLog, step: Step & { do: "query" }): Promise<unknown> {
    const { order: _order, limit: _limit, ...filter } = step.query;
    const after = step.afterPosition === undefined
      ? undefined
      : (await log.query({ limit: step.afterPosition + 1 })).at(-1)?.entryId;
    const entries = await log.query({ ...step.query, after });
    return [entries.map(withoutId), await log.count(filter), log.size];
  }

  async close(): Promise<string[]> {
    const log = await this.#open();
    const lines = await allLines(log);
    await log.close();
    return lines.map((line) => line.replace(/"entry_id":"[^"]*",/, ""));
  }
}

const withoutId = <T extends { entryId: string }>({ entryId: _, ...rest }: T) => rest;

for (const backend of FILE_BACKENDS) {
  test(
    `${backend} answers as memory does, whatever is recorded and asked`,
    { timeout: 300_000 },
    async (t) => {
      await check(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
          const model = new Walker(placeFor("memory")(t), false);
          const real = new Walker(placeFor(backend)(t), true);
          for (const step of steps) assertEquals(await real.take(step), await model.take(step));
          assertEquals(await real.close(), await model.close());
        }),
        60,
      );
    },
  );
}

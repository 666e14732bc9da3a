// Whatever is recorded and asked, backends in files answer as the one in memory does.

import { assert, assertEquals } from "@std/assert";
import type {
  AuditCall,
  AuditLog,
  AuditQuery,
  CallOutcome,
  NewAnnotation,
  NewCall,
  NewEntry,
  NewGap,
} from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { FILE_BACKENDS, type LogPlace, placeFor } from "../support/backends.ts";
import { allLines, foreignLine, START_MS } from "../support/interaction.ts";
import { check } from "../support/property.ts";

/** Something done to a log. Calls and entries are told by a number, which is taken modulo how many there are. */
type Step =
  | { do: "record"; entries: NewEntry[] }
  | { do: "recordAll"; entries: NewEntry[] }
  | { do: "adopt"; times: (number | string)[]; user: string }
  | { do: "begin"; calls: NewCall[]; begin: boolean }
  | { do: "end"; call: number; as: "complete" | "fail" | "abort"; text: string; told: CallOutcome }
  | { do: "resume"; call: number; query: AuditQuery }
  | { do: "annotate"; entry: number; annotation: NewAnnotation }
  | { do: "gap"; gap: NewGap }
  | { do: "get"; entry: number }
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
    fc.constantFrom(...["call.begin", "call.end", "annotation"].map((e) => ({ "audit.event": e }))),
    fc.constantFrom(...["completed", "failed"].map((o) => ({ "audit.outcome": o }))),
    fc.dictionary(key, leaf, { maxKeys: 1 }),
  ),
  text: fc.oneof(fc.constantFrom("a", '"', "\\", "💬"), text).filter((text) =>
    text !== "" && text.isWellFormed()
  ),
  events: fc.constantFrom("interactions" as const, "all" as const),
  annotations: fc.boolean(),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.nat(5),
}, { requiredKeys: [] }).map(({ since, until, ...rest }) => {
  if (since === undefined || until === undefined) return { since, until, ...rest };
  return { ...rest, since: timeOf(since), until: since < until ? until : since };
});

const format = fc.constantFrom(undefined, "text" as const, "json" as const);
const call: fc.Arbitrary<NewCall> = fc.record(
  { user, model, inputText: text, metadata, inputFormat: format },
  { requiredKeys: ["model", "inputText"] },
);
const tokens = fc.nat(1000);
const told: fc.Arbitrary<CallOutcome> = fc.record({
  costUsd: amount,
  latencyMs: amount,
  metadata,
  outputFormat: format,
  usage: fc.record({ inputTokens: tokens, reasoningTokens: tokens }, { requiredKeys: [] }),
}, { requiredKeys: ["latencyMs"] }); // else it is that of this machine
const annotation: fc.Arbitrary<NewAnnotation> = fc.record({
  name: fc.constantFrom("relevance", "模"),
  score: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  label: text,
  explanation: text,
  user,
  metadata,
}, { requiredKeys: ["name"] });
const gap: fc.Arbitrary<NewGap> = fc.record({
  lost: fc.integer({ min: 1, max: 9 }),
  calls: fc.array(fc.constantFrom("a", "b.c", "0-1"), { maxLength: 2 }),
  reasons: fc.dictionary(
    fc.constantFrom("WRITE_FAILED", "LOG_BUSY"),
    fc.integer({ min: 1, max: 9 }),
  ),
  user,
  metadata,
}, { requiredKeys: ["lost"] });

const events: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("begin" as const),
      calls: fc.array(call, { maxLength: 4 }),
      begin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      call: fc.nat(20),
      as: fc.constantFrom("complete" as const, "fail" as const, "abort" as const),
      text,
      told,
    }),
  },
  fc.record({ do: fc.constant("resume" as const), call: fc.nat(20), query }),
  fc.record({ do: fc.constant("annotate" as const), entry: fc.nat(30), annotation }),
  fc.record({ do: fc.constant("gap" as const), gap }),
  fc.record({ do: fc.constant("get" as const), entry: fc.nat(30) }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: events },
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

/** Where ids are, which differ from log to log. */
const ID_KEYS = ["entryId", "audit.call", "audit.ref"];
const IDS = /"(entry_id|audit\.call|audit\.ref)":"([^"]*)"/g;

/** A log that steps are done to; it tells what it answered, with names in place of its ids. */
class Walker {
  readonly #place: LogPlace;
  readonly #reopens: boolean;
  #log: AuditLog | undefined;
  #adopted = 0;
  #now = START_MS;
  /** All calls that were begun, ended ones too. */
  #calls: AuditCall[] = [];
  readonly #ended = new Set<string>();
  /** Names for ids, in the order in which they were seen. */
  readonly #names = new Map<string, string>();

  constructor(place: LogPlace, reopens: boolean) {
    this.#place = place;
    this.#reopens = reopens;
  }

  async #open(): Promise<AuditLog> {
    // Syncs take most of the time, and nothing here depends on them.
    const settings = this.#reopens ? { durability: "relaxed" } : {};
    return this.#log ??= await this.#place.open({ clock: () => this.#now += 700, ...settings });
  }

  async take(step: Step): Promise<unknown> {
    const log = await this.#open();
    switch (step.do) {
      case "record":
        return (await Promise.all(step.entries.map((entry) => log.record(entry)))).map(this.#plain);
      case "recordAll":
        return (await log.recordAll(step.entries)).map(this.#plain);
      case "adopt":
        return await log.adopt(step.times.map((time) =>
          foreignLine({
            entry_id: `adopted ${this.#adopted++}`,
            timestamp: timeOf(time),
            user: step.user,
            metadata: { a: 1 },
          })
        ));
      case "begin": {
        const { calls, begin } = step;
        const begun = await Promise.all(calls.map((call) => log.begin(call, { begin })));
        this.#calls.push(...begun);
        return begun.map(({ entry }) => entry && this.#plain(entry));
      }
      case "end":
        return await this.#end(step);
      case "resume":
        return await this.#resume(log, step);
      case "annotate": {
        const entryId = await this.#idAt(log, step.entry);
        return entryId && this.#plain(await log.annotate(entryId, step.annotation));
      }
      case "gap":
        return this.#plain(await log.recordGap(step.gap));
      case "get": {
        const entryId = await this.#idAt(log, step.entry);
        if (entryId === undefined) return;
        const found = await log.get(entryId, { annotations: true });
        return [this.#plain(found!), this.#plain((await log.get(entryId))!)];
      }
      case "reopen":
        if (this.#reopens) {
          await log.close();
          this.#log = undefined;
        }
        return await this.#comeBack();
      case "query":
        return await this.#query(log, step);
    }
  }

  /** Takes up the calls that are unfinished, as another process would; those that left no trace are gone. */
  async #comeBack(): Promise<void> {
    const left = await (await this.#open()).unfinished();
    const known = new Map(left.map((call) => [call.callId, call]));
    this.#calls = this.#calls.map((call) => known.get(call.callId) ?? call)
      .filter(({ callId }) => known.has(callId) || this.#ended.has(callId));
  }

  async #end({ call: number, as, text, told }: Step & { do: "end" }): Promise<unknown> {
    const call = this.#calls[number % this.#calls.length];
    if (call === undefined) return;
    const remains = { ...told, partialOutput: text };
    try {
      const entry = as === "complete"
        ? await call.complete({ ...told, outputText: text })
        : as === "fail"
        ? await call.fail(new TypeError("x"), remains)
        : await call.abort(remains);
      this.#ended.add(call.callId);
      return this.#plain(entry);
    } catch (error) {
      const { code } = error as { code?: unknown };
      assertEquals([code, this.#ended.has(call.callId)], ["CALL_ENDED", true], `${error}`);
      return code;
    }
  }

  /** Ends a call that is unfinished, as another process would, by another object than that which began it. */
  async #resume(log: AuditLog, { call: number, query }: Step & { do: "resume" }): Promise<unknown> {
    const { user, model, since, until, metadata, text } = query;
    const some = await log.unfinished({ user, model, since, until, metadata, text });
    const all = await log.unfinished();
    const call = all[number % all.length];
    if (call !== undefined) {
      await call.abort({ latencyMs: 1 });
      this.#calls = this.#calls.filter(({ callId }) => callId !== call.callId);
    }
    return [some, all, await log.unfinished()].map((calls) =>
      calls.map(({ entry }) => this.#plain(entry!))
    );
  }

  async #idAt(log: AuditLog, number: number): Promise<string | undefined> {
    if (log.size === 0) return;
    const position = number % log.size;
    return (await log.query({ events: "all", limit: position + 1 })).at(-1)?.entryId;
  }

  async #query(log: AuditLog, step: Step & { do: "query" }): Promise<unknown> {
    const { order: _order, limit: _limit, annotations: _annotations, ...filter } = step.query;
    const after = step.afterPosition === undefined
      ? undefined
      : (await log.query({ limit: step.afterPosition + 1, events: "all" })).at(-1)?.entryId;
    const query = { ...step.query, after };
    const entries = await log.query(query);
    const streamed: unknown[] = [];
    for await (const entry of log.stream(query)) streamed.push(entry);
    assertEquals(streamed, entries);
    const pages = await this.#pages(log, { ...filter, order: step.query.order });
    return [entries.map(this.#plain), pages, await log.count(filter), log.size];
  }

  /** All that a query asks for, by pages of two. */
  async #pages(log: AuditLog, query: AuditQuery): Promise<unknown[]> {
    const all: unknown[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await log.query({ ...query, after, limit: 2 });
      all.push(...page.map(this.#plain));
      if (page.length < 2) return all;
      after = page.at(-1)!.entryId;
    }
  }

  readonly #plain = (entry: object): unknown =>
    JSON.parse(
      JSON.stringify(entry),
      (key, value) =>
        ID_KEYS.includes(key) && typeof value === "string" ? this.#nameOf(value) : value,
    );

  #nameOf(id: string): string {
    const name = this.#names.get(id) ?? `id ${this.#names.size}`;
    this.#names.set(id, name);
    return name;
  }

  async close(): Promise<string[]> {
    const log = await this.#open();
    const lines = await allLines(log);
    assert((await log.verify()).ok);
    const all = await log.query({ events: "all" });
    const callsOf = (event: string) =>
      all.filter(({ metadata }) => metadata["audit.event"] === event)
        .map(({ metadata }) => metadata["audit.call"]);
    const ended = new Set(callsOf("call.end"));
    assertEquals(callsOf("call.end").length, ended.size, "a call ended twice");
    assertEquals(
      (await log.unfinished()).map(({ callId }) => callId),
      callsOf("call.begin").filter((callId) => !ended.has(callId)) as string[],
    );
    await log.close();
    return lines.map((line) =>
      line.replace(IDS, (_, key, id) => `${JSON.stringify(key)}:${this.#nameOf(id)}`)
    );
  }
}

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

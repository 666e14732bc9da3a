/**
 * Calls with a beginning and an end, and what queries make of them.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { AuditCall, AuditEntry, AuditLog } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { allLines, inputs, interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

const ASKED = { model: "gpt", inputText: "Hi", user: "alice", metadata: { session: "s" } };

/** What this project says of an entry. */
function auditOf({ metadata }: AuditEntry): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith("audit.")));
}

const texts = (calls: readonly AuditCall[]): string[] => calls.map(({ entry }) => entry!.inputText);

export function callsConformance(name: string, place: MakePlace): void {
  test(`${name}: begin() writes an entry of its own before the call, and complete() the interaction`, async (t) => {
    const log = await place(t).open();
    const call = await log.begin({ ...ASKED, inputFormat: "text" });
    const [begun] = await log.query({ events: "all" });
    assertEquals(call.entry, begun);
    assertEquals(call.callId, begun!.entryId);
    assertEquals([begun!.inputText, begun!.outputText, begun!.user], ["Hi", "", "alice"]);
    assertEquals([begun!.costUsd, begun!.latencyMs], [null, null]);
    assertEquals(begun!.metadata["session"], "s");
    assertEquals(auditOf(begun!), {
      "audit.call": call.callId,
      "audit.event": "call.begin",
      "audit.input.format": "text",
    });
    assertEquals(await log.query(), []);

    const ended = await call.complete({
      outputText: "{}",
      outputFormat: "json",
      usage: { inputTokens: 8, outputTokens: 2, cacheReadTokens: 0 },
      costUsd: 0.5,
      latencyMs: 12,
      metadata: { more: 1 },
    });
    assertEquals(await log.query(), [ended]);
    assertEquals(await log.get(ended.entryId), ended);
    assertEquals(await log.get(begun!.entryId), begun);
    const { entryId: _, timestamp: __, ...fields } = ended;
    assertEquals(fields, {
      user: "alice",
      model: "gpt",
      inputText: "Hi",
      outputText: "{}",
      costUsd: 0.5,
      latencyMs: 12,
      metadata: {
        "audit.call": call.callId,
        "audit.event": "call.end",
        "audit.input.format": "text",
        "audit.outcome": "completed",
        "audit.output.format": "json",
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.input_tokens": 8,
        "gen_ai.usage.output_tokens": 2,
        more: 1,
        session: "s",
      },
    });
    assert((await log.verify()).ok);
  });

  test(`${name}: a call that fails or is aborted keeps what came of it, and says so`, async (t) => {
    const log = await place(t).open();
    class QuotaError extends Error {
      readonly status = 429;
    }
    const failing = await log.begin(ASKED);
    const failed = await failing.fail(new QuotaError("too much for key sk-abcdefghijkl"), {
      partialOutput: "Hel",
    });
    assertEquals([failed.outputText, failed.metadata["audit.outcome"]], ["Hel", "failed"]);
    assertEquals(failed.metadata["error.type"], "QuotaError");
    assertEquals(failed.metadata["error.message"], "too much for key [secret]");
    assertEquals(failed.metadata["http.response.status_code"], 429);
    const aborted = await (await log.begin(ASKED)).abort();
    assertEquals([aborted.outputText, aborted.metadata["audit.outcome"]], ["", "aborted"]);
    for (const thrown of [undefined, null, 1, "text", {}, Object.create(null)]) {
      const entry = await (await log.begin(ASKED)).fail(thrown);
      assertEquals(entry.metadata["audit.outcome"], "failed");
      assertEquals(typeof entry.metadata["error.type"], "string");
    }
    // The time that it took, where nobody says otherwise.
    assert(failed.latencyMs! >= 0);
    assertEquals("gen_ai.usage.input_tokens" in failed.metadata, false);
  });

  test(`${name}: with begin: false a call is one entry, written at its end`, async (t) => {
    const log = await place(t).open();
    const call = await log.begin(ASKED, { begin: false });
    assertEquals(call.entry, undefined);
    assertEquals(log.size, 0);
    const ended = await call.complete({ outputText: "out" });
    assertEquals(log.size, 1);
    assertEquals(ended.metadata["audit.call"], call.callId);
    assertEquals(await log.query(), [ended]);
    assertEquals(await log.unfinished(), []);
  });

  test(`${name}: no call begins in a log that was closed, be an entry written at its beginning or not`, async (t) => {
    const log = await place(t).open();
    await log.close();
    for (const begin of [true, false]) {
      await assertRefused(() => log.begin(ASKED, { begin }), "LOG_CLOSED");
    }
  });

  test(`${name}: a call ends once; an end that could not be written can be tried again`, async (t) => {
    const log = await place(t).open();
    const call = await log.begin(ASKED);
    await assertRefused(
      () => call.complete({ outputText: "x", costUsd: NaN }),
      "INVALID_ENTRY",
      "costUsd",
    );
    const ending = call.complete({ outputText: "x" });
    await assertRefused(() => call.abort(), "CALL_ENDED");
    await ending;
    await assertRefused(() => call.fail(new Error("late")), "CALL_ENDED");
    assertEquals(await log.count({ events: "all" }), 2);
  });

  test(`${name}: a call that two have resumed has the end of who comes first`, async (t) => {
    const log = await place(t).open();
    await log.begin(ASKED);
    const [one] = await log.unfinished();
    const [other] = await log.unfinished();
    const end = await one!.complete({ outputText: "x" });
    assertEquals(await other!.fail(new Error("nobody ended it")), end);
    await assertRefused(() => other!.abort(), "CALL_ENDED");
    assertEquals(await log.query({ events: "all" }), [one!.entry!, end]);
  });

  test(`${name}: a call that two have resumed has one end, also when both end it at a time`, async (t) => {
    const log = await place(t).open();
    for (let n = 0; n < 3; n++) await log.begin(ASKED);
    // All look before one ends what it found.
    const found = await Promise.all([1, 2, 3].map(() => log.unfinished()));
    const end = (calls: AuditCall[]): Promise<AuditEntry[]> =>
      Promise.all(calls.map((call) => call.fail(new Error("it died"))));
    const [first, ...others] = await Promise.all(found.map(end));
    assertEquals(first!.length, 3);
    for (const other of others) assertEquals(other, first);
    assertEquals(await log.count(), 3);
  });

  test(`${name}: close() waits for the ends that it was asked for before, also of one call by two`, async (t) => {
    const log = await place(t).open();
    await log.begin(ASKED);
    const [[one], [other]] = [await log.unfinished(), await log.unfinished()];
    const ends = [one!.fail(new Error("a")), other!.fail(new Error("b"))];
    await log.close();
    const [first, second] = await Promise.all(ends);
    assertEquals(second, first);
  });

  test(`${name}: what a call came to is copied before its end returns, also when it is written later`, async (t) => {
    const redact = <T>(entry: T): Promise<T> => Promise.resolve(entry);
    const log = await place(t).open({ redact });
    const begun = await log.begin(ASKED);
    await log.begin(ASKED);
    const resumed = (await log.unfinished()).at(-1)!;
    for (const call of [begun, resumed]) {
      const metadata = { tags: ["a"] };
      const remains = { metadata, outputFormat: "text" as "text" | "json", asked: {} };
      const ending = call.abort(remains);
      metadata.tags.push("b");
      Object.assign(remains, {
        outputFormat: "nonsense",
        asked: { inputText: "?", inputFormat: "x" },
      });
      const entry = await ending;
      assertEquals(entry.metadata["tags"], ["a"]);
      assertEquals(entry.metadata["audit.output.format"], "text");
      assertEquals(entry.metadata["audit.input.format"], undefined);
    }
  });

  test(`${name}: what is asked is copied before begin() returns`, async (t) => {
    const log = await place(t).open();
    const metadata = { tags: ["a"] };
    const beginning = log.begin({ ...ASKED, metadata });
    metadata.tags.push("b");
    const entry = await (await beginning).complete({ outputText: "" });
    assertEquals(entry.metadata["tags"], ["a"]);
  });

  test(`${name}: begin() and the ends of calls refuse what they do not know`, async (t) => {
    const log = await place(t).open();
    const begin = (call: object, options?: object) => () => log.begin(call as never, options);
    await assertRefused(begin({ ...ASKED, outputText: "" }), "INVALID_ENTRY", "outputText");
    await assertRefused(begin({ ...ASKED, model: "" }), "INVALID_ENTRY", "model");
    await assertRefused(begin({ ...ASKED, inputFormat: "xml" }), "INVALID_ENTRY", "inputFormat");
    await assertRefused(begin({ ...ASKED, metadata: [] }), "INVALID_ENTRY", "metadata");
    await assertRefused(
      begin({ ...ASKED, metadata: { "audit.event": "x" } }),
      "INVALID_ENTRY",
      'metadata["audit.event"]',
    );
    await assertRefused(begin(ASKED, { begin: 1 }), "INVALID_ENTRY", "begin");
    await assertRefused(begin(ASKED, { start: true }), "INVALID_ENTRY", "start");
    const call = await log.begin(ASKED);
    const complete = (result: object) => () => call.complete(result as never);
    await assertRefused(complete({}), "INVALID_ENTRY");
    await assertRefused(complete({ outputText: "", text: "" }), "INVALID_ENTRY", "text");
    for (const inputTokens of [-1, 1.5, NaN, "1"]) {
      await assertRefused(
        complete({ outputText: "", usage: { inputTokens } }),
        "INVALID_ENTRY",
        "usage.inputTokens",
      );
    }
    await assertRefused(
      complete({ outputText: "", usage: { tokens: 1 } }),
      "INVALID_ENTRY",
      "usage.tokens",
    );
    await assertRefused(
      complete({ outputText: "", metadata: { "audit.call": "forged" } }),
      "INVALID_ENTRY",
      'metadata["audit.call"]',
    );
    assertEquals(log.size, 1);
  });

  test(`${name}: what was asked may become known at the end only, but for who asked`, async (t) => {
    const log = await place(t).open();
    const call = await log.begin({ ...ASKED, inputFormat: "text" });
    const asked = { model: "gpt-5", inputText: "[]", metadata: { session: "t", more: 1 } };
    const end = (outcome: object) => call.complete({ outputText: "", ...outcome } as never);
    for (const [path, wrong] of [["asked", 1], ["asked.user", { user: "bob" }]] as const) {
      await assertRefused(() => end({ asked: wrong }), "INVALID_ENTRY", path);
    }
    const wrong = { inputText: "", inputFormat: "xml" };
    await assertRefused(() => end({ asked: wrong }), "INVALID_ENTRY", "asked.inputFormat");
    const reserved = { metadata: { "audit.call": "another" } };
    await assertRefused(() => end({ asked: reserved }), "INVALID_ENTRY");
    const ended = await end({ asked: { ...asked, inputFormat: "json" }, metadata: { more: 2 } });
    assertEquals([ended.user, ended.model, ended.inputText], ["alice", "gpt-5", "[]"]);
    const { session, more, "audit.input.format": format } = ended.metadata;
    assertEquals([session, more, format], ["t", 2, "json"]);
    const [begun] = await log.query({ events: "all" });
    assertEquals([begun!.model, begun!.inputText], ["gpt", "Hi"]);
    assertEquals(await log.unfinished(), []);
    const other = await (await log.begin({ ...ASKED, inputFormat: "text" }))
      .abort({ asked: { metadata: { more: 3 } } });
    assertEquals([other.model, other.inputText], ["gpt", "Hi"]);
    assertEquals([other.metadata["more"], other.metadata["audit.input.format"]], [3, "text"]);
  });

  test(`${name}: unfinished() gives the calls that began and did not end, and ends them`, async (t) => {
    const log = await place(t).open();
    const calls: AuditCall[] = [];
    for (let n = 0; n < 200; n++) {
      calls.push(await log.begin({ ...ASKED, inputText: `${n}`, user: n % 2 ? "bob" : "alice" }));
    }
    await Promise.all(
      calls.filter((_, n) => n % 5 !== 0).map((call) => call.complete({ outputText: "" })),
    );
    const left = Array.from({ length: 40 }, (_, n) => `${n * 5}`);
    assertEquals(texts(await log.unfinished()), left);
    assertEquals(
      texts(await log.unfinished({ user: "bob" })),
      left.filter((text) => Number(text) % 2 === 1),
    );
    assertEquals(await log.unfinished({ user: "carol" }), []);
    const [first] = await log.unfinished();
    const ended = await first!.fail(new Error("died"));
    assertEquals([ended.inputText, ended.latencyMs, ended.user], ["0", null, "alice"]);
    assertEquals(ended.metadata["session"], "s");
    assertEquals(ended.metadata["audit.call"], calls[0]!.callId);
    assertEquals(texts(await log.unfinished()), left.slice(1));
    await assertRefused(() => log.unfinished({ usr: "x" } as never), "INVALID_QUERY", "usr");
  });

  test(`${name}: queries return interactions; events: "all" returns everything`, async (t) => {
    const log = await mixed(t, place);
    const all = await log.query({ events: "all" });
    assertEquals(all.length, log.size);
    const isInteraction = ({ metadata }: AuditEntry) =>
      metadata["audit.event"] === undefined || metadata["audit.event"] === "call.end";
    const wanted = all.filter(isInteraction);
    assertNotEquals(wanted.length, all.length);
    assertEquals(await log.query(), wanted);
    assertEquals(await log.query({ order: "desc" }), wanted.toReversed());
    assertEquals(await log.count(), wanted.length);
    assertEquals(await log.count({ events: "all" }), all.length);
    for (const user of ["alice", "bob"]) {
      const theirs = (entry: AuditEntry) => entry.user === user;
      assertEquals(await log.query({ user }), wanted.filter(theirs));
      assertEquals(await log.query({ user, limit: 3 }), wanted.filter(theirs).slice(0, 3));
      assertEquals(await log.count({ user }), wanted.filter(theirs).length);
      assertEquals(await log.count({ user, events: "all" }), all.filter(theirs).length);
      const both = (entry: AuditEntry) => theirs(entry) && entry.model === "m";
      assertEquals(await log.query({ user, model: "m" }), wanted.filter(both));
      assertEquals(await log.count({ user, model: "m" }), wanted.filter(both).length);
    }
    const after = all[5]!.entryId;
    assertEquals(await log.query({ after }), all.slice(6).filter(isInteraction));
    assertEquals(
      await log.query({ metadata: { n: 1 } }),
      wanted.filter(({ metadata }) => metadata["n"] === 1),
    );
    assertEquals(
      await log.count({ metadata: { n: 1 } }),
      (await log.query({ metadata: { n: 1 } })).length,
    );
    const streamed: AuditEntry[] = [];
    for await (const entry of log.stream()) streamed.push(entry);
    assertEquals(streamed, wanted);
    await assertRefused(() => log.query({ events: "some" as "all" }), "INVALID_QUERY", "events");
  });

  test(`${name}: lines() gives all entries, so that a copy has the events too`, async (t) => {
    const log = await mixed(t, place);
    const lines = await allLines(log);
    assertEquals(lines.length, log.size);
    const copy = await place(t).open();
    await copy.adopt(lines);
    assertEquals(await copy.query(), await log.query());
    assertEquals(await copy.query({ events: "all" }), await log.query({ events: "all" }));
    assertEquals(texts(await copy.unfinished()), texts(await log.unfinished()));
    assertEquals((await copy.verify()).root, (await log.verify()).root);
    const some: string[] = [];
    for await (const line of log.lines({ events: "interactions" })) some.push(line);
    assertEquals(some.length, await log.count());
  });

  test(`${name}: what another program wrote is an interaction, whatever its metadata says`, async (t) => {
    const log = await place(t).open();
    const [entry] = await log.adopt([
      '{ "cost_usd": null, "entry_id": "x-1", "input_text": "", "latency_ms": null, "metadata": ' +
      '{"audit.event": "annotation", "audit.ref": "y"}, "model": "m", "output_text": "", ' +
      '"timestamp": "2026-11-22T13:48:15+00:00", "user": "u" }',
    ]);
    assertEquals(await log.query(), [entry]);
    assertEquals(await log.count(), 1);
    assert((await log.verify()).ok);
  });
}

/** A log with entries of all kinds. */
async function mixed(t: TestContext, place: MakePlace): Promise<AuditLog> {
  const log = await place(t).open();
  for (let n = 0; n < 12; n++) {
    const user = n % 3 === 0 ? "bob" : "alice";
    const plain = await log.record(
      interaction({ inputText: `${n}`, user, metadata: { n: n % 4 } }),
    );
    const call = await log.begin({ model: "m", inputText: `c${n}`, user, metadata: { n: n % 4 } });
    if (n % 4 !== 3) await call.complete({ outputText: "out" });
    if (n % 5 === 0) await log.annotate(plain.entryId, { name: "quality", score: n, user });
  }
  await log.recordGap({ lost: 2, user: "bob" });
  assertEquals(inputs(await log.query({ user: "bob", model: "-" })), []);
  return log;
}

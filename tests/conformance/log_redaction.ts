/**
 * Redaction before anything is written.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type RedactableEntry, type Redactor, withAuditContext } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { allLines, foreignLine, inputs, interaction } from "../support/interaction.ts";
import { assertRefused, checkRefusal } from "../support/refused.ts";

const SECRET = "s3cret";

/** Replaces a word in the texts and at the top level of metadata. */
function scrubbed(
  entry: RedactableEntry,
  found: (kind: string, count?: number) => void,
): RedactableEntry {
  const scrub = (text: string): string => {
    const count = text.split(SECRET).length - 1;
    if (count > 0) found("word", count);
    return text.replaceAll(SECRET, "[word]");
  };
  return {
    ...entry,
    inputText: scrub(entry.inputText),
    outputText: scrub(entry.outputText),
    metadata: Object.fromEntries(
      Object.entries(entry.metadata).map(([key, value]) => [
        key,
        typeof value === "string" ? scrub(value) : value,
      ]),
    ),
  };
}

const redactor: Redactor = { name: "scrubber", version: "1.2.3", redact: scrubbed };

export function redactionConformance(name: string, place: MakePlace): void {
  test(`${name}: a redactor sees each entry before anything is written, and the entry says so`, async (t) => {
    const log = await place(t).open({ redact: redactor });
    const entry = await log.record(
      interaction({
        inputText: `${SECRET} ${SECRET}`,
        outputText: SECRET,
        metadata: { note: SECRET, n: 1 },
      }),
    );
    assertEquals([entry.inputText, entry.outputText], ["[word] [word]", "[word]"]);
    assertEquals(entry.metadata, {
      "audit.redaction": { counts: { word: 4 }, name: "scrubber", version: "1.2.3" },
      n: 1,
      note: "[word]",
    });
    const clean = await log.record(interaction());
    assertEquals(clean.metadata["audit.redaction"], {
      counts: {},
      name: "scrubber",
      version: "1.2.3",
    });
    await log.recordAll([interaction({ inputText: SECRET }), interaction()]);
    const gap = await log.recordGap({ lost: 1, metadata: { note: SECRET } });
    assertEquals(gap.metadata["note"], "[word]");
    const call = await log.begin({ model: "m", inputText: SECRET });
    assertEquals(call.entry!.inputText, "[word]");
    await call.fail(new Error(`no ${SECRET}`), { partialOutput: SECRET });
    await log.annotate(entry.entryId, { name: "x", explanation: SECRET });
    for (const line of await allLines(log)) assert(!line.includes(SECRET), line);
    assert((await log.verify()).ok);
  });

  test(`${name}: an asynchronous redactor keeps the order of the calls, and close() waits for it`, async (t) => {
    const answers: (() => void)[] = [];
    const log = await place(t).open({
      redact: function slow(entry) {
        if (entry.inputText.startsWith("fast")) return entry;
        return new Promise((resolve) => answers.push(() => resolve(entry)));
      },
    });
    const writes = ["0", "fast 1", "2", "fast 3"].map((inputText) =>
      log.record(interaction({ inputText }))
    );
    const group = log.recordAll([interaction({ inputText: "4" }), interaction({ inputText: "5" })]);
    assertEquals(answers.length, 4); // all are asked at once
    for (const answer of answers.toReversed()) answer();
    const closing = log.close();
    const entries = await Promise.all(writes);
    entries.push(...await group);
    await closing;
    assertEquals(inputs(entries), ["0", "fast 1", "2", "fast 3", "4", "5"]);
    const ids = entries.map(({ entryId }) => entryId);
    assertEquals(ids, ids.toSorted());
    assertEquals(entries[0]!.metadata["audit.redaction"], { counts: {}, name: "slow" });
  });

  const failures: [string, Redactor["redact"]][] = [
    ["throws", () => {
      throw new Error(`it saw ${SECRET}`);
    }],
    ["rejects", () => Promise.reject(new Error(`it saw ${SECRET}`))],
    ["gives nothing back", () => undefined as never],
    ["gives back what cannot be recorded", (entry) => ({ ...entry, inputText: 1 as never })],
    ["gives back a field that it does not know", (entry) => ({ ...entry, extra: 1 })],
    ["sets what is reserved", (entry) => ({ ...entry, metadata: { "audit.event": "gap" } })],
    ["tells a count that is none", (entry, found) => {
      found("x", -1);
      return entry;
    }],
  ];
  for (const [what, redact] of failures) {
    test(`${name}: when the redactor ${what}, nothing of the entry is recorded, or its texts are withheld`, async (t) => {
      const entry = interaction({
        inputText: SECRET,
        outputText: SECRET,
        user: SECRET,
        costUsd: 1,
        metadata: {
          note: SECRET,
          phone: 5_550_123,
          [SECRET]: 1,
          [`gen_ai.${SECRET}`]: 1,
          "gen_ai.usage.input_tokens": 3,
          "gen_ai.response.model": SECRET,
        },
      });
      const log = await place(t).open({ redact });
      const error = await assertRefused(() => log.record(entry), "REDACTION_FAILED");
      assert(!error.message.includes(SECRET));
      await assertRefused(() => log.recordAll([entry]), "REDACTION_FAILED");
      await assertRefused(() => log.begin({ model: "m", inputText: SECRET }), "REDACTION_FAILED");
      assertEquals(log.size, 0);
      const lost = { lost: 2, calls: ["c-1"], reasons: { REDACTION_FAILED: 2 } };
      const said = { user: SECRET, metadata: { note: SECRET, tokens: 3 } };
      const gap = await withAuditContext(
        { metadata: { around: SECRET } },
        () => log.recordGap({ ...lost, ...said }),
      );
      const { "audit.redaction": how, ...told } = gap.metadata;
      assertEquals(told, { "audit.event": "gap", "audit.gap": lost });
      assertEquals([gap.user, (how as { withheld?: boolean }).withheld], ["withheld", true]);
      for (const line of await allLines(log)) assert(!line.includes(SECRET), line);
      assert((await log.verify()).ok);
      await log.close();

      const withholding = await place(t).open({ redact, onRedactionFailure: "withhold" });
      const kept = await withholding.record(entry);
      assertEquals([kept.inputText, kept.outputText, kept.user, kept.costUsd], [
        "",
        "",
        "withheld",
        1,
      ]);
      const { "audit.redaction": about, ...others } = kept.metadata;
      assertEquals(others, { "gen_ai.usage.input_tokens": 3 });
      assertEquals((about as { withheld?: boolean }).withheld, true);
      for (const line of await allLines(withholding)) {
        assert(!line.includes(SECRET) && !line.includes("5550123"), line);
      }
    });
  }

  test(`${name}: where texts are withheld, those of a call and of what is said of it are, too, wherever they stand`, async (t) => {
    let isBroken = false;
    const log = await place(t).open({
      onRedactionFailure: "withhold",
      redact(entry) {
        if (isBroken) throw new Error(`it saw ${SECRET}`);
        return entry;
      },
    });
    const clean = await log.record(interaction());
    isBroken = true;
    const asked = { model: "m", inputText: SECRET, user: SECRET, metadata: { note: SECRET, n: 1 } };
    const finish = { "gen_ai.response.finish_reasons": [SECRET], "gen_ai.response.id": SECRET };
    const said = { metadata: { ...finish, more: { text: SECRET } }, usage: { inputTokens: 3 } };
    const error = Object.assign(new TypeError(`no ${SECRET}`), {
      name: `${SECRET}Error`,
      code: SECRET,
      status: 429,
      cause: new Error(SECRET),
    });
    const [completed, failed, aborted, once] = [
      await log.begin(asked),
      await log.begin(asked),
      await log.begin(asked),
      await log.begin(asked, { begin: false }),
    ];
    const learned = { model: "m2", inputText: SECRET, metadata: { note: SECRET } };
    await completed.complete({ ...said, outputText: SECRET, asked: learned });
    await failed.fail(error, { ...said, partialOutput: SECRET });
    await aborted.abort({ ...said, partialOutput: SECRET });
    await once.fail(SECRET, said);
    await log.annotate(clean.entryId, {
      name: SECRET,
      score: 0.5,
      label: SECRET,
      explanation: SECRET,
      user: SECRET,
      metadata: { "error.type": SECRET, note: SECRET },
    });
    for (const line of await allLines(log)) assert(!line.includes(SECRET), line);
    const [, ...entries] = await log.query({ events: "all" });
    assertEquals(
      entries.map(({ model, user, metadata }) => [metadata["audit.event"], model, user]),
      [
        ...Array(3).fill(["call.begin", "m", "withheld"]),
        ["call.end", "m2", "withheld"],
        ...Array(3).fill(["call.end", "m", "withheld"]),
        ["annotation", entries.at(-1)!.model, "withheld"],
      ],
    );
    // What the log says of its own, and numbers, are told: without them nobody could tell how a call ended, or what it cost.
    assertEquals(
      entries.slice(3, 7).map(({ metadata }) => metadata["audit.outcome"]),
      ["completed", "failed", "aborted", "failed"],
    );
    assertEquals(entries[3]!.metadata["gen_ai.usage.input_tokens"], 3);
    assertEquals(entries.at(-1)!.metadata["audit.ref"], clean.entryId);
    assertEquals(await log.unfinished(), []);
    assert((await log.verify()).ok);
  });

  test(`${name}: a redactor that gives no answer in time has failed, and what it says later is ignored`, async (t) => {
    const stay = setInterval(() => {}, 2 ** 30); // the time that a redactor has does not keep the process
    t.after(() => clearInterval(stay));
    for (const onRedactionFailure of ["refuse", "withhold"] as const) {
      const late: (() => void)[] = [];
      const log = await place(t).open({
        onRedactionFailure,
        redactionTimeoutMs: 1,
        redact: (entry, found) =>
          entry.inputText !== SECRET && entry.user !== SECRET
            ? entry
            : new Promise((resolve) => late.push(() => (found("late"), resolve(entry)))),
      });
      const entry = interaction({ inputText: SECRET, user: SECRET });
      const recording = [log.record(entry), log.record(interaction({ inputText: "behind" }))];
      const [first, second] = await Promise.allSettled(recording);
      assertEquals(second!.status, "fulfilled");
      if (first!.status === "rejected") {
        checkRefusal(first!.reason, "REDACTION_FAILED");
        assertStringIncludes(first!.reason.cause.message, "1 ms");
      }
      assertEquals(first!.status, onRedactionFailure === "refuse" ? "rejected" : "fulfilled");
      await log.recordGap({ lost: 1, user: SECRET });
      const call = await log.begin({ model: "m", inputText: "Hi" });
      await call.complete({ outputText: "" });
      const closing = log.record(entry).catch(() => {});
      for (const answer of late.splice(0, 2)) answer();
      for (const line of await allLines(log)) assert(!line.includes(SECRET), line);
      await log.close();
      await closing;
      for (const answer of late) answer();
    }
  });

  test(`${name}: what a redactor is at work on counts for ready, until it is written or refused`, async (t) => {
    const answers: PromiseWithResolvers<void>[] = [];
    const log = await place(t).open({
      maxQueueBytes: 60_000,
      redact: async (entry) => {
        const answer = Promise.withResolvers<void>();
        answers.push(answer);
        await answer.promise;
        return entry;
      },
    });
    let isReady = false;
    const look = async (): Promise<boolean> => {
      isReady = false;
      void log.ready.then(() => isReady = true);
      await new Promise((resolve) => setTimeout(resolve, 0));
      return isReady;
    };
    const large = interaction({ inputText: "x".repeat(10_000) });
    const first = [log.record(large), log.record(large)];
    assertEquals(await look(), true);
    const others = [log.record(large), log.recordAll([large, large])];
    const settled = Promise.allSettled(others);
    assertEquals(await look(), false);
    const { ready } = log;
    for (const { resolve } of answers.slice(0, 2)) resolve();
    await Promise.all(first);
    assertEquals(await look(), false);
    for (const { reject } of answers.slice(2)) reject(new Error("it failed"));
    await settled;
    await ready;
    assertEquals([await look(), log.size], [true, 2]);
  });

  test(`${name}: a mistake in an entry is told before the redactor is asked`, async (t) => {
    let asked = 0;
    const log = await place(t).open({
      redact: (entry) => {
        asked++;
        return entry;
      },
    });
    await assertRefused(() => log.record(interaction({ costUsd: -1 })), "INVALID_ENTRY", "costUsd");
    await assertRefused(
      () => log.recordAll([interaction(), interaction({ model: "" })]),
      "INVALID_ENTRY",
      "[1].model",
    );
    assertEquals([asked, log.size], [0, 0]);
  });

  test(`${name}: of several entries, the one that cannot be redacted is named`, async (t) => {
    const fails = ({ inputText }: { inputText: string }): never => {
      throw new Error(inputText);
    };
    for (const wait of [false, true]) {
      const log = await place(t).open({
        redact: (entry) => {
          if (entry.inputText !== "bad") return wait ? Promise.resolve(entry) : entry;
          return wait ? Promise.resolve(entry).then(fails) : fails(entry);
        },
      });
      const texts = ["good", "bad", "good"];
      await assertRefused(
        () => log.recordAll(texts.map((inputText) => interaction({ inputText }))),
        "REDACTION_FAILED",
        "[1]",
      );
    }
  });

  test(`${name}: what is recorded is what the redactor gave when it gave it`, async (t) => {
    const shared = { ...interaction(), user: "u", costUsd: null, latencyMs: null, metadata: {} };
    const log = await place(t).open({
      redact: async ({ inputText }) => {
        if (inputText === "two") await new Promise((resolve) => setTimeout(resolve, 0));
        return Object.assign(shared, { inputText });
      },
    });
    await log.recordAll(["one", "two"].map((inputText) => interaction({ inputText })));
    assertEquals(inputs(await log.query()), ["one", "two"]);
  });

  test(`${name}: when one of several is refused, no other rejection is left alone`, async (t) => {
    let asked = 0;
    const log = await place(t).open({
      redact: () => {
        if (asked++ === 0) return Promise.reject(new Error("the first"));
        throw new Error("the second");
      },
    });
    await assertRefused(() => log.recordAll([interaction(), interaction()]), "REDACTION_FAILED");
    await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled one would be told now
    assertEquals([asked, log.size], [2, 0]);
  });

  test(`${name}: lines are adopted behind what was recorded before, and need not wait for what comes later`, async (t) => {
    let adopting: Promise<unknown> = Promise.resolve();
    const log = await place(t).open({
      redact: {
        name: "slow",
        redact: (entry) =>
          entry.inputText === "later"
            ? adopting.then(() => entry)
            : Promise.resolve().then(() => entry),
      },
      redactionTimeoutMs: 2000, // else later ones would hold it up
    });
    const before = log.record(interaction({ inputText: "before" }));
    adopting = log.adopt([foreignLine({ input_text: "adopted" })]);
    await Promise.all([before, log.record(interaction({ inputText: "later" })), adopting]);
    assertEquals(inputs(await log.query()), ["before", "adopted", "later"]);
  });

  test(`${name}: redact and onRedactionFailure are checked when the log is opened`, async (t) => {
    const wrong = ["x", {}, { name: "x" }, { name: "", redact: scrubbed }, null];
    for (const redact of wrong) {
      await assertRefused(
        () => place(t).open({ redact: redact as never }),
        "INVALID_OPTION",
        "redact",
      );
    }
    const error = await assertRefused(
      () => place(t).open({ onRedactionFailure: "keep" as never }),
      "INVALID_OPTION",
      "onRedactionFailure",
    );
    assertStringIncludes(error.message, "withhold");
    for (const redactionTimeoutMs of [0, 1.5, Infinity, 2 ** 31, "1", null]) {
      await assertRefused(
        () => place(t).open({ redactionTimeoutMs: redactionTimeoutMs as never }),
        "INVALID_OPTION",
        "redactionTimeoutMs",
      );
    }
  });
}

/**
 * Verifying logs that nobody has altered: what is checked, what is said of it, and what cannot be known.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { generateSigningKey } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import {
  allLines,
  foreignLine,
  interaction,
  interactions,
  steadyClock,
} from "../support/interaction.ts";
import { BY_HAND, partsOf, rootOfLines, withOther } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
const stranger = await generateSigningKey("acme.example/chat");

const NO_KEY =
  /^No verifier key was given: whether the checkpoints were signed by the log is not known\.$/;
const NO_CHECKPOINT = /^No checkpoint was given that was kept elsewhere: .* cannot be seen\.$/;
const UNCOVERED = (count: number, size: number) =>
  new RegExp(
    `^The last ${count} of ${size} entries ${
      count === 1 ? "is" : "are"
    } covered by no checkpoint .* cannot be seen\\.$`,
  );
const NEVER_RECORDED = /^Calls that were never recorded leave no trace\.$/;

/** Holds if there is one sentence for each pattern, in their order. */
function assertSentences(sentences: readonly string[], patterns: readonly RegExp[]): void {
  assertEquals(sentences.length, patterns.length, sentences.join("\n"));
  for (const [n, pattern] of patterns.entries()) assertMatch(sentences[n]!, pattern);
}

/** Lines such as other programs write, each of which something is special about. */
const FOREIGN = [
  { user: "a\0b", model: "\0" },
  { user: "\0", model: "a\0b" },
  { user: "", model: "" },
  { user: "é💬\u2028", model: "x".repeat(1000) },
  { timestamp: "9999-12-31T23:59:59.999999Z" },
  { timestamp: "0001-01-01T00:00:00.000001Z" },
  { timestamp: "2500-06-15T12:00:00.123457+05:30" },
  { timestamp: "2026-01-31 08:00" },
  { cost_usd: 1e308, latency_ms: 5e-324 },
  { cost_usd: -0.1, latency_ms: 2 ** 60 },
  { input_text: "\0\ud800", metadata: { "audit.x": "\0", a: [[{}]] } },
].map((fields, n) => foreignLine({ entry_id: `foreign ${n}`, ...fields }));

export function verifyConformance(name: string, place: MakePlace): void {
  test(`${name}: verify() tells when a checkpoint that was given was signed, if the log has none`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND, clock: steadyClock() });
    await log.recordAll(interactions(3));
    const checkpoint = await log.checkpoint();
    const copy = await place(t).open();
    for await (const line of log.lines()) await copy.adopt([line]);
    const { ok, checked } = await copy.verify({ verifierKey, checkpoint });
    const signedAt = new Date(partsOf(checkpoint).times[0]! * 1000).toISOString();
    assertEquals([ok, checked.signedAt], [true, signedAt]);
    // Without the key, nobody knows who said so.
    assertEquals((await copy.verify({ checkpoint })).checked.signedAt, undefined);
  });

  test(`${name}: verify() finds nothing wrong with long records among short ones`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const short = interactions(5);
    for (const length of [1_100_000, 600_000, 2_500_000]) {
      await log.recordAll(short);
      await log.record(interaction({ outputText: "x".repeat(length) }));
    }
    await log.recordAll([...short, ...interactions(300)]);
    await log.checkpoint();
    const { ok, faults, root } = await log.verify({ verifierKey });
    assertEquals([ok, faults], [true, []]);
    assertEquals(root, rootOfLines(await allLines(log)));
  });

  test(`${name}: verify() tells what was checked, with a key and a checkpoint that was kept`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND, clock: steadyClock() });
    await log.recordAll(interactions(300));
    const remembered = await log.checkpoint();
    await log.recordAll(interactions(300));
    const checkpoint = await log.checkpoint();
    const report = await log.verify({ verifierKey, checkpoint: [remembered, checkpoint] });
    const { root, times } = partsOf(checkpoint);
    assertEquals({ ...report, unknown: [] }, {
      ok: true,
      size: 600,
      root,
      checked: {
        entries: 600,
        tiles: 2,
        checkpoints: 2,
        checkpointsKept: 2,
        signatures: 2,
        remembered: 2,
        covered: 600,
        coveredByRemembered: 600,
        signedAt: new Date(times[0]! * 1000).toISOString(),
      },
      faults: [],
      faultCount: 0,
      unknown: [],
    });
    assertSentences(report.unknown, [NEVER_RECORDED]);
    assert(Object.isFrozen(report) && Object.isFrozen(report.checked));
  });

  test(`${name}: verify() says what it cannot know`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(3));
    const checkpoint = await log.checkpoint();
    assertSentences((await log.verify()).unknown, [NO_KEY, NO_CHECKPOINT, NEVER_RECORDED]);
    const withKey = await log.verify({ verifierKey });
    assertSentences(withKey.unknown, [NO_CHECKPOINT, NEVER_RECORDED]);
    const withCheckpoint = await log.verify({ checkpoint });
    assertSentences(withCheckpoint.unknown, [NO_KEY, NEVER_RECORDED]);
    assertEquals([withCheckpoint.checked.signatures, withCheckpoint.checked.signedAt], [
      0,
      undefined,
    ]);
    await log.recordAll(interactions(2));
    const { ok, unknown, checked } = await log.verify({ verifierKey, checkpoint });
    assertSentences(unknown, [UNCOVERED(2, 5), NEVER_RECORDED]);
    assertEquals([ok, checked.covered], [true, 3]);
  });

  test(`${name}: of a log without a checkpoint verify() knows little, and says so`, async (t) => {
    const log = await place(t).open();
    for (const size of [0, 4]) {
      await log.recordAll(interactions(size));
      const { ok, unknown, checked, root } = await log.verify();
      const uncovered = size === 0 ? [] : [UNCOVERED(4, 4)];
      assertSentences(unknown, [NO_KEY, NO_CHECKPOINT, ...uncovered, NEVER_RECORDED]);
      assertEquals([ok, checked.entries, checked.checkpoints, checked.covered], [true, size, 0, 0]);
      assertEquals(root, rootOfLines(await allLines(log)));
    }
  });

  test(`${name}: verify() finds nothing wrong with lines of other programs`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.record(interaction());
    await log.adopt(FOREIGN);
    for (const line of FOREIGN) {
      await log.adopt([line.replace('"foreign ', '"again ')]);
      await log.record(interaction());
    }
    await log.checkpoint();
    const report = await log.verify({ verifierKey });
    assertEquals(report.faults, []);
    assertEquals([report.ok, report.size], [true, 1 + 3 * FOREIGN.length]);
    assertEquals(report.root, rootOfLines(await allLines(log)));
  });

  test(`${name}: verify() while others record and sign finds nothing wrong`, async (t) => {
    const log = await place(t).open({
      signingKey,
      checkpoints: { everyEntries: 50, everyMs: Infinity },
    });
    await log.recordAll(interactions(500));
    let recording = true;
    const recorded = (async () => {
      for (let n = 0; n < 40; n++) await log.recordAll(interactions(20));
      recording = false;
    })();
    do {
      const { faults, size } = await log.verify({ verifierKey });
      assertEquals(faults, []);
      assert(size >= 500);
    } while (recording);
    await recorded;
    assertEquals((await log.verify({ verifierKey })).size, 1300);
  });

  test(`${name}: verify() tells how far it is, and ends where the log does`, async (t) => {
    const log = await place(t).open();
    await log.recordAll(interactions(2500, { outputText: "x".repeat(1000) }));
    const seen: [done: number, total: number][] = [];
    await log.verify({ onProgress: (done, total) => seen.push([done, total]) });
    assertEquals(seen.at(-1), [2500, 2500]);
    assert(seen.length > 1, "told but once");
    assert(seen.every(([done, total], n) => total === 2500 && done > (seen[n - 1]?.[0] ?? 0)));
    const failure = new Error("no progress");
    const onProgress = () => {
      throw failure;
    };
    assertEquals(await log.verify({ onProgress }).catch((error) => error), failure);
    await log.record(interaction());
  });

  test(`${name}: verify() changes nothing`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(300));
    const note = await log.checkpoint();
    const lines = await allLines(log);
    const [first, second] = [await log.verify({ verifierKey }), await log.verify({ verifierKey })];
    assertEquals(first, second);
    assertEquals(await allLines(log), lines);
    assertEquals(partsOf(await log.checkpoint()).root, partsOf(note).root);
  });

  test(`${name}: verify() refuses options that it does not know, and what is no key or checkpoint`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.record(interaction());
    const checkpoint = await log.checkpoint();
    const wrong: [path: string, options: unknown][] = [
      ["", null],
      ["", verifierKey],
      ["verifierkey", { verifierkey: verifierKey }],
      ["checkpoints", { verifierKey, checkpoints: checkpoint }],
      ["verifierKey", { verifierKey: 1 }],
      ["verifierKey", { verifierKey: [verifierKey, null] }],
      ["checkpoint", { checkpoint: new Uint8Array(1) }],
      ["checkpoint", { checkpoint: [checkpoint, 1] }],
      ["onProgress", { onProgress: true }],
    ];
    for (const [path, options] of wrong) {
      await assertRefused(() => log.verify(options as never), "INVALID_OPTION", path);
    }
    for (const key of ["", "x", signingKey, `${verifierKey}\n`, withOther(verifierKey, 25)]) {
      const { message } = await assertRefused(
        () => log.verify({ verifierKey: key }),
        "INVALID_KEY",
      );
      assert(!message.includes(signingKey.slice(-20)), message);
    }
    const crlf = checkpoint.replaceAll("\n", "\r\n");
    for (const note of ["", "x", checkpoint.slice(0, -1), crlf, `${checkpoint}\n`]) {
      await assertRefused(() => log.verify({ checkpoint: note }), "INVALID_NOTE");
      await assertRefused(() => log.verify({ checkpoint: note, verifierKey }), "INVALID_NOTE");
    }
  });

  test(`${name}: a given checkpoint that the given key did not sign is refused`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.record(interaction());
    const checkpoint = await log.checkpoint();
    const altered = checkpoint.replace("\n1\n", "\n2\n");
    await assertRefused(() => log.verify({ verifierKey, checkpoint: altered }), "NOT_VERIFIED");
    const other = { verifierKey: stranger.verifierKey, checkpoint };
    await assertRefused(() => log.verify(other), "NOT_VERIFIED");
    const { faults } = await log.verify({ verifierKey: stranger.verifierKey });
    assertEquals(faults.map(({ kind }) => kind), ["signature"]);
    assertStringIncludes(faults[0]!.message, "none of the keys given has signed it");
  });

  test(`${name}: a given checkpoint of another log is found not to be this one's`, async (t) => {
    const [log, other] = [
      await place(t).open({ signingKey, checkpoints: BY_HAND }),
      await place(t).open({ signingKey, checkpoints: BY_HAND }),
    ];
    await log.recordAll(interactions(5));
    await other.recordAll(interactions(5));
    await log.checkpoint();
    const checkpoint = await other.checkpoint();
    const { ok, faults } = await log.verify({ verifierKey, checkpoint });
    assertEquals([ok, faults.length, faults[0]?.kind], [false, 1, "remembered"]);
    await other.recordAll(interactions(5));
    const longer = await log.verify({ verifierKey, checkpoint: await other.checkpoint() });
    assertEquals(longer.faults.map(({ kind, index }) => [kind, index]), [["remembered", 5]]);
    assertMatch(longer.faults[0]!.message, /signed for 10 entries, and the log has no more than 5/);
  });

  test(`${name}: of given checkpoints that say the same, the first is named, once`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const other = await place(t).open({ signingKey, checkpoints: BY_HAND });
    for (const each of [log, other]) await each.recordAll(interactions(5));
    const checkpoint = await other.checkpoint();
    const { faults, unknown, checked } = await log.verify({
      verifierKey,
      checkpoint: [checkpoint, checkpoint],
    });
    assertEquals(checked.remembered, 2);
    const said = [...faults.map(({ message }) => message), ...unknown];
    const named = said.flatMap((sentence) => /^The checkpoint \d /.exec(sentence) ?? []);
    assertEquals(named, ["The checkpoint 1 ", "The checkpoint 1 "]);
  });

  test(`${name}: a checkpoint that is not kept in the log covers it as well, and that it is not is said`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(5));
    const checkpoint = await log.checkpoint();
    const moved = await place(t).open();
    await moved.adopt(await allLines(log));
    const { ok, checked, unknown } = await moved.verify({ verifierKey, checkpoint });
    assertEquals([ok, checked.covered, checked.checkpoints], [true, 5, 0]);
    assertSentences(unknown, [
      /^The checkpoint 1 that was given is not among those of the log: .* is not known\.$/,
      NEVER_RECORDED,
    ]);
  });
}

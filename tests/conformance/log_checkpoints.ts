/**
 * Checkpoints that are asked for.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { generateSigningKey, verifyProof } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { allLines, interaction, interactions, START_MS } from "../support/interaction.ts";
import {
  BY_HAND,
  checkpointsOf,
  Gathering,
  partsOf,
  rootOfLines,
  SetClock,
} from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";

const ORIGIN = "acme.example/chat";

export function checkpointConformance(name: string, place: MakePlace): void {
  test(`${name}: a log can be signed, proven and verified as its description shows`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
    const published = new Gathering<string>();
    const log = await place(t).open({
      signingKey,
      checkpoints: { everyEntries: 1000, everyMs: 60_000, publish: published.add },
    });
    const first = await log.record(interaction({ inputText: "first" }));
    const remembered = await log.checkpoint();
    await log.recordAll(interactions(9));
    const checkpoint = await log.checkpoint();
    const proof = await log.prove(first.entryId);
    const record = (await log.line(first.entryId))!;
    const proven = await verifyProof({ record, proof, verifierKey });
    assertEquals([proven.origin, proven.index, proven.size], [ORIGIN, 0, 10]);
    assertEquals(proven.signedBy, [verifierKey]);
    assertMatch(await log.proveConsistency(1), /^([A-Za-z0-9+/]{43}=\n){4}$/);
    const report = await log.verify({ verifierKey, checkpoint: remembered });
    assertEquals([report.ok, report.size, report.faults], [true, 10, []]);
    assertEquals(report.root, partsOf(checkpoint).root);
    assertEquals(report.unknown, ["Calls that were never recorded leave no trace."]);
    assertEquals(await published.until(({ length }) => length === 2), [remembered, checkpoint]);
  });

  test(`${name}: a checkpoint says how many entries there are, and the root of their tree`, async (t) => {
    const { signingKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    let size = 0;
    for (const more of [0, 1, 1, 5, 248, 1, 1, 1, 254, 3]) {
      await log.recordAll(interactions(more));
      size += more;
      const { origin, root, ...rest } = partsOf(await log.checkpoint());
      assertEquals([origin, rest.size, rest.signatures.length], [ORIGIN, size, 2]);
      assertEquals(root, rootOfLines(await allLines(log)));
    }
    assertEquals(size, 515);
  });

  test(`${name}: a checkpoint covers what was acknowledged, however many record meanwhile`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const sizes: number[] = [];
    let acknowledged = 0;
    await Promise.all(
      interactions(40).map(async (entry, n) => {
        await log.record(entry);
        acknowledged++;
        if (n % 4 > 0) return;
        const before = acknowledged;
        const { size } = partsOf(await log.checkpoint());
        assert(size >= before, `${size} of ${before}`);
        sizes.push(size);
      }),
    );
    assertEquals(sizes, sizes.toSorted((a, b) => a - b));
    const { ok, checked } = await log.verify({ verifierKey });
    assertEquals([ok, checked.checkpoints, checked.signatures], [true, 10, 10]);
  });

  test(`${name}: checkpoints() gives them all, in the order in which they were made`, async (t) => {
    const { signingKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    assertEquals(await checkpointsOf(log), []);
    const made: string[] = [];
    for (let n = 0; n < 5; n++) {
      made.push(await log.checkpoint());
      if (n % 2 === 0) await log.record(interaction());
      assertEquals(await checkpointsOf(log), made);
    }
    for await (const note of log.checkpoints()) {
      assertEquals(note, made[0]);
      break;
    }
  });

  test(`${name}: checkpoints() end with LOG_CLOSED when the log is closed, begun or not`, async (t) => {
    const { signingKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    for (let n = 0; n < 3; n++) await log.checkpoint();
    const [begun, other] = [log.checkpoints(), log.checkpoints()];
    await begun.next();
    await log.close();
    for (const notes of [begun, other]) await assertRefused(() => notes.next(), "LOG_CLOSED");
  });

  test(`${name}: of two checkpoints of the same entries, the second says that it is later`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
    const clock = new SetClock(START_MS + 999);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND, clock: clock.read });
    await log.recordAll(interactions(3));
    const start = START_MS / 1000;
    const notes = [await log.checkpoint()];
    clock.now += 60_000;
    notes.push(await log.checkpoint());
    // A clock that is set back takes back nothing that was said.
    clock.now = START_MS - 3_600_000;
    notes.push(await log.checkpoint());
    const times = notes.map((note) => partsOf(note).times);
    assertEquals(times, [[start], [start + 60], [start + 60]]);
    assertEquals(notes[1], notes[2]);
    const [first, second] = notes.map((note) => note.split("\n"));
    assertEquals(first!.filter((line, n) => line !== second![n]).length, 1);
    assertEquals(first!.findIndex((line, n) => line !== second![n]), 5);
    const { checked } = await log.verify({ verifierKey });
    assertEquals(checked.signedAt, new Date((start + 60) * 1000).toISOString());
  });

  test(`${name}: without a signingKey no checkpoint is made, and the rest works`, async (t) => {
    const log = await place(t).open();
    const { entryId } = await log.record(interaction());
    const error = await assertRefused(() => log.checkpoint(), "SIGNING_KEY_NEEDED");
    assertMatch(error.message, /generateSigningKey/);
    await assertRefused(() => log.prove(entryId), "NO_CHECKPOINT");
    assertEquals(await log.proveConsistency(0), "");
    assertEquals(await log.proveConsistency(1), "");
    assertEquals(await checkpointsOf(log), []);
    const report = await log.verify();
    assertEquals([report.ok, report.size, report.checked.covered], [true, 1, 0]);
    assertEquals(report.root, rootOfLines(await allLines(log)));
    await log.close();
  });

  test(`${name}: a closed log signs, proves and verifies nothing`, async (t) => {
    const { signingKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey });
    const { entryId } = await log.record(interaction());
    await log.close();
    await assertRefused(() => log.checkpoint(), "LOG_CLOSED");
    await assertRefused(() => log.prove(entryId), "LOG_CLOSED");
    await assertRefused(() => log.proveConsistency(0), "LOG_CLOSED");
    await assertRefused(() => log.verify(), "LOG_CLOSED");
    await assertRefused(() => checkpointsOf(log), "LOG_CLOSED");
  });

  test(`${name}: what is under way when the log is closed ends whole`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const [first] = await log.recordAll(interactions(300));
    await log.checkpoint();
    const asked = [log.checkpoint(), log.verify({ verifierKey }), log.proveConsistency(7)] as const;
    const proving = log.prove(first!.entryId).catch(({ code }) => code as string);
    await log.close();
    const [note, report, proof] = await Promise.all(asked);
    assertEquals([partsOf(note).size, report.ok, report.size], [300, true, 300]);
    assert(proof !== "");
    const outcome = await proving;
    assert(outcome === "LOG_CLOSED" || outcome.startsWith("c2sp.org/"), outcome);
  });
}

/**
 * Checkpoints that a log signs by itself: by count, by time, on close.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AuditWarning,
  type CheckpointOptions,
  generateSigningKey,
  signerFrom,
} from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { interaction, interactions, START_MS, steadyClock } from "../support/interaction.ts";
import {
  BY_HAND,
  checkpointsOf,
  Gate,
  Gathering,
  type NoteParts,
  partsOf,
  sizesOf,
} from "../support/notes.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");

export function scheduleConformance(name: string, place: MakePlace): void {
  /** A log that signs by itself, and what it hands to whoever publishes. */
  async function signing(t: TestContext, checkpoints: CheckpointOptions, clock?: () => number) {
    const published = new Gathering<string>();
    let now = START_MS;
    const log = await place(t).open({
      signingKey,
      clock: clock ?? (() => now),
      checkpoints: { ...BY_HAND, publish: published.add, ...checkpoints },
    });
    const sizes = () => published.all.map((note) => partsOf(note).size);
    /** Lets time pass. */
    const pass = (ms: number) => now += ms;
    return { log, published, sizes, pass };
  }

  test(`${name}: a checkpoint is signed after so many entries, and not before`, async (t) => {
    const { log, published, sizes } = await signing(t, { everyEntries: 10 });
    for (const entry of interactions(9)) await log.record(entry);
    assertEquals(await checkpointsOf(log), []);
    await log.record(interaction());
    await published.until(({ length }) => length === 1);
    for (const entry of interactions(9)) await log.record(entry);
    await log.recordAll(interactions(25));
    await published.until(({ length }) => length === 2);
    await log.close();
    assertEquals(sizes(), [10, 44]);
  });

  test(`${name}: a checkpoint that is asked for counts as one`, async (t) => {
    const { log, published, sizes } = await signing(t, { everyEntries: 10 });
    for (let round = 0; round < 3; round++) {
      await log.recordAll(interactions(9));
      await log.checkpoint();
    }
    await log.recordAll(interactions(10));
    await published.until(({ length }) => length === 4);
    await log.close();
    assertEquals(sizes(), [9, 18, 27, 37]);
  });

  test(`${name}: what is recorded while a checkpoint is signed is covered by the next`, async (t) => {
    const [begun, gate] = [new Gate(), new Gate()];
    const signer = await signerFrom(signingKey);
    const published = new Gathering<string>();
    const log = await place(t).open({
      signingKey: {
        ...signer,
        async sign(bytes) {
          begun.open();
          await gate.passed;
          return await signer.sign(bytes);
        },
      },
      checkpoints: { ...BY_HAND, everyEntries: 3, publish: published.add },
    });
    await log.recordAll(interactions(3));
    await begun.passed;
    await log.recordAll(interactions(3));
    gate.open();
    const notes = await published.until(({ length }) => length === 2);
    assertEquals(notes.map((note) => partsOf(note).size), [3, 6]);
  });

  test(`${name}: checkpoints are signed by time, also when nothing is recorded`, async (t) => {
    const { log, published } = await signing(t, { everyMs: 1 }, steadyClock());
    const [first, second, third] = (await published.until(({ length }) => length >= 3))
      .map((note) => note.split("\n"));
    // What is said is the same; only when differs.
    for (const [one, other] of [[first, second], [second, third]]) {
      const differing = one!.map((_, n) => n).filter((n) => one![n] !== other![n]);
      assertEquals(differing, [5]);
    }
    const times = published.all.map((note) => partsOf(note).times[0]!);
    assert(times.every((time, n) => n === 0 || time > times[n - 1]!), `${times}`);
    await log.record(interaction());
    await published.until((all) => partsOf(all.at(-1)!).size === 1);
    const { ok, checked } = await log.verify({ verifierKey });
    assert(ok && checked.checkpoints >= 4);
  });

  test(`${name}: a last checkpoint is signed and handed on when the log is closed`, async (t) => {
    const { log, sizes } = await signing(t, { onClose: true });
    await log.recordAll(interactions(4));
    const recording = log.record(interaction());
    await log.close();
    await recording;
    assertEquals(sizes(), [5]);
  });

  test(`${name}: closing signs also when nothing was recorded, so that silence shows`, async (t) => {
    const idle = await signing(t, { onClose: true });
    await idle.log.close();
    assertEquals(idle.sizes(), [0]);
    const { log, published, pass } = await signing(t, { onClose: true });
    await log.recordAll(interactions(4));
    await log.checkpoint();
    pass(3_600_000);
    await Promise.all([log.close(), log.close()]);
    const [first, last] = published.all.map(partsOf) as [NoteParts, NoteParts];
    assertEquals(published.all.length, 2);
    assertEquals([first.size, last.size, first.root], [4, 4, last.root]);
    assertEquals(last.times[0]! - first.times[0]!, 3600);
  });

  test(`${name}: closing signs nothing that was just signed`, async (t) => {
    const { log, sizes, pass } = await signing(t, { onClose: true });
    await log.recordAll(interactions(4));
    await log.checkpoint();
    pass(999);
    await log.close();
    assertEquals(sizes(), [4]);
  });

  test(`${name}: by default a log signs when it is closed`, async (t) => {
    const published = new Gathering<string>();
    const log = await place(t).open({ signingKey, checkpoints: { publish: published.add } });
    await log.recordAll(interactions(4));
    assertEquals(await sizesOf(log), []);
    await log.close();
    assertEquals(published.all.map((note) => partsOf(note).size), [4]);
  });

  for (const onClose of [true, false]) {
    test(`${name}: what closes while a checkpoint is signed waits for it, onClose ${onClose}`, async (t) => {
      const [begun, gate] = [new Gate(), new Gate()];
      const signer = await signerFrom(signingKey);
      const published = new Gathering<string>();
      const warnings: AuditWarning[] = [];
      const sign = async (bytes: Uint8Array) => {
        begun.open();
        await gate.passed;
        return await signer.sign(bytes);
      };
      const log = await place(t).open({
        signingKey: { ...signer, sign },
        checkpoints: { everyEntries: 2, everyMs: Infinity, onClose, publish: published.add },
        onWarning: (warning) => warnings.push(warning),
      });
      await log.recordAll(interactions(2));
      await begun.passed;
      await log.record(interaction());
      const closing = log.close();
      let isClosed = false;
      void closing.then(() => isClosed = true);
      await new Promise((resolve) => setTimeout(resolve, 0));
      assertEquals(isClosed, false);
      gate.open();
      await closing;
      assertEquals(published.all.map((note) => partsOf(note).size), onClose ? [2, 3] : [2]);
      assertEquals(warnings, []);
    });
  }
}

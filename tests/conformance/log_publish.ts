/**
 * Handing checkpoints to somebody else: never in the way of whoever records.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { type AuditWarning, generateSigningKey } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, Gate, Gathering } from "../support/notes.ts";

const { signingKey } = await generateSigningKey("acme.example/chat");

export function publishConformance(name: string, place: MakePlace): void {
  test(`${name}: what fails to be published is told, and tried again with the next`, async (t) => {
    const warnings = new Gathering<AuditWarning>();
    const published: string[] = [];
    let failing = true;
    const log = await place(t).open({
      signingKey,
      onWarning: warnings.add,
      checkpoints: {
        ...BY_HAND,
        publish(note) {
          if (failing) throw new Error("the share is away");
          published.push(note);
        },
      },
    });
    const notes = [await log.checkpoint()];
    await warnings.until(({ length }) => length === 1);
    await log.record(interaction());
    notes.push(await log.checkpoint());
    await warnings.until(({ length }) => length === 2);
    for (const { code, message } of warnings.all) {
      assertEquals(code, "PUBLISH_FAILED");
      assertMatch(message, /the share is away/);
    }
    assertEquals((await log.info()).warnings, warnings.all);
    failing = false;
    notes.push(await log.checkpoint());
    await log.close();
    assertEquals(published, notes);
    assertEquals(warnings.all.length, 2);
  });

  test(`${name}: closing tries once more, and tells what could not be published`, async (t) => {
    for (const succeeds of [true, false]) {
      const warnings = new Gathering<AuditWarning>();
      const published: string[] = [];
      let failing = true;
      const log = await place(t).open({
        signingKey,
        onWarning: warnings.add,
        checkpoints: {
          ...BY_HAND,
          publish: (note) =>
            failing ? Promise.reject("a text") : Promise.resolve(void published.push(note)),
        },
      });
      const note = await log.checkpoint();
      await warnings.until(({ length }) => length === 1);
      failing = !succeeds;
      await log.close();
      assertEquals(published, succeeds ? [note] : []);
      assertEquals(warnings.all.length, succeeds ? 1 : 3);
      if (!succeeds) {
        assertMatch(
          warnings.all[2]!.message,
          /^1 checkpoint could not be published before .*; it is in the log alone: publish it/,
        );
      }
    }
  });

  test(`${name}: one checkpoint is published at a time, in their order`, async (t) => {
    let running = 0;
    const published = new Gathering<string>();
    const gates = [new Gate(), new Gate(), new Gate()];
    const log = await place(t).open({
      signingKey,
      checkpoints: {
        ...BY_HAND,
        async publish(note) {
          assertEquals(++running, 1);
          published.add(note);
          await gates[published.all.length - 1]!.passed;
          running--;
        },
      },
    });
    const notes: string[] = [];
    for (let n = 0; n < 3; n++) {
      // Nobody who records or signs waits for it.
      await log.record(interaction());
      notes.push(await log.checkpoint());
      assertEquals(published.all, notes.slice(0, 1));
    }
    for (const [n, gate] of gates.entries()) {
      await published.until(({ length }) => length === n + 1);
      gate.open();
    }
    await log.close();
    assertEquals(published.all, notes);
  });

  test(`${name}: what publishes finds the checkpoint in the log`, async (t) => {
    const seen = new Gathering<boolean>();
    const log = await place(t).open({
      signingKey,
      checkpoints: {
        ...BY_HAND,
        async publish(note) {
          seen.add((await checkpointsOf(log)).at(-1) === note);
        },
      },
    });
    await log.record(interaction());
    await log.checkpoint();
    assertEquals(await seen.until(({ length }) => length === 1), [true]);
  });

  test(`${name}: a function for warnings that throws hurts nobody`, async (t) => {
    let told = 0;
    const tellings = new Gathering<number>();
    const log = await place(t).open({
      signingKey,
      onWarning() {
        tellings.add(++told);
        throw new Error("nobody is to be told");
      },
      checkpoints: { ...BY_HAND, publish: () => Promise.reject(new Error("away")) },
    });
    await log.record(interaction());
    await log.checkpoint();
    await tellings.until(({ length }) => length === 1);
    await log.record(interaction());
    await log.checkpoint();
    await log.close();
    assertEquals(log.size, 2);
  });
}

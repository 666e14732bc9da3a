/**
 * Logs that last, signed by several handles, one after the other or at once.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type AuditWarning,
  generateSigningKey,
  type Signer,
  signerFrom,
  verifyProof,
} from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { allLines, interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, Gate, Gathering, partsOf, rootOfLines, sizesOf } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";

const ORIGIN = "acme.example/chat";
const key = await generateSigningKey(ORIGIN);
const next = await generateSigningKey(ORIGIN);
const other = await generateSigningKey("acme.example/other");
const { signingKey, verifierKey } = key;

export function signingHandlesConformance(name: string, place: MakePlace): void {
  test(`${name}: a signed log that is opened again goes on from its last checkpoint`, async (t) => {
    const { open } = place(t);
    let size = 0;
    const remembered: string[] = [];
    for (const more of [3, 252, 1, 0, 1, 300, 700]) {
      const log = await open({ signingKey, checkpoints: BY_HAND });
      await log.recordAll(interactions(more));
      size += more;
      const note = await log.checkpoint();
      remembered.push(note);
      assertEquals(partsOf(note).root, rootOfLines(await allLines(log)));
      const report = await log.verify({ verifierKey, checkpoint: remembered });
      assertEquals(report.faults, []);
      assertEquals([report.size, report.checked.covered], [size, size]);
      assertEquals(report.checked.tiles, Math.floor(size / 256));
      assertEquals(report.checked.checkpoints, remembered.length);
      await log.close();
    }
  });

  test(`${name}: another key than that of the last checkpoint is refused, and nothing is changed`, async (t) => {
    const { open } = place(t);
    const log = await open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(3));
    await log.checkpoint();
    await log.close();
    const both = [other.signingKey, { ...await signerFrom(other.signingKey), keyId: 5 }];
    for (const wrong of [next.signingKey, other.signingKey, both]) {
      const error = await assertRefused(
        () => open({ signingKey: wrong }),
        "KEY_MISMATCH",
        "signingKey",
      );
      const label = verifierKey.split("+").slice(0, 2).join("+");
      assertStringIncludes(error.message, `signed by ${label}, and the signing key is `);
    }
    const again = await open({ signingKey, checkpoints: BY_HAND });
    assertEquals([again.size, await sizesOf(again)], [3, [3]]);
  });

  test(`${name}: a key is changed by signing with both once`, async (t) => {
    const { open } = place(t);
    const keys = [signingKey, [signingKey, next.signingKey], next.signingKey];
    for (const signingKey of keys) {
      const log = await open({ signingKey, checkpoints: BY_HAND });
      await log.record(interaction());
      await log.checkpoint();
      await log.close();
    }
    await assertRefused(() => open({ signingKey }), "KEY_MISMATCH");
    const log = await open();
    const report = await log.verify({ verifierKey: [verifierKey, next.verifierKey] });
    assertEquals([report.faults, report.checked.signatures], [[], 3]);
    // The first was signed before the new key was there.
    const withNew = await log.verify({ verifierKey: next.verifierKey });
    assertEquals(withNew.faults.map(({ kind }) => kind), ["signature"]);
  });

  test(`${name}: a handle signs no more when its key was changed by another`, async (t) => {
    const { open } = place(t);
    const old = await open({ signingKey, checkpoints: BY_HAND });
    await old.record(interaction());
    await old.checkpoint();
    const both = await open({ signingKey: [signingKey, next.signingKey], checkpoints: BY_HAND });
    await both.checkpoint();
    await old.checkpoint(); // its key has signed the last, too
    const later = await open({ signingKey: next.signingKey, checkpoints: BY_HAND }).catch(() => {});
    assertEquals(later, undefined);
    await both.record(interaction());
    await both.checkpoint();
    const renewed = await open({ signingKey: next.signingKey, checkpoints: BY_HAND });
    await renewed.checkpoint();
    await old.record(interaction());
    await assertRefused(() => old.checkpoint(), "KEY_MISMATCH", "signingKey");
    await renewed.checkpoint();
    assertEquals((await sizesOf(renewed)).length, 6);
  });

  test(`${name}: of two keys for a new log, the first that signs is its own`, async (t) => {
    const { open } = place(t);
    const one = await open({ signingKey, checkpoints: BY_HAND });
    const two = await open({ signingKey: other.signingKey, checkpoints: BY_HAND });
    await one.record(interaction());
    await one.checkpoint();
    await assertRefused(() => two.checkpoint(), "KEY_MISMATCH", "signingKey");
    assertEquals((await one.verify({ verifierKey })).faults, []);
  });

  test(`${name}: a log with checkpoints is recorded to without a key, and signed again later`, async (t) => {
    const { open } = place(t);
    const signed = await open({ signingKey });
    await signed.recordAll(interactions(300));
    await signed.close();
    const warnings: AuditWarning[] = [];
    const plain = await open({ onWarning: (warning) => warnings.push(warning) });
    assertEquals(warnings.map(({ code }) => code), ["NOT_SIGNED"]);
    const [first] = await plain.recordAll(interactions(600));
    await assertRefused(() => plain.checkpoint(), "SIGNING_KEY_NEEDED");
    await assertRefused(() => plain.prove(first!.entryId), "NO_CHECKPOINT");
    assertEquals((await plain.verify({ verifierKey })).checked.covered, 300);
    await plain.close();
    const again = await open({ signingKey, checkpoints: BY_HAND });
    const { size, root } = partsOf(await again.checkpoint());
    assertEquals([size, root], [900, rootOfLines(await allLines(again))]);
    const [record, proof] = [await again.line(first!.entryId), await again.prove(first!.entryId)];
    assertEquals((await verifyProof({ record: record!, proof, verifierKey })).index, 300);
    assertEquals((await again.verify({ verifierKey })).faults, []);
  });

  test(`${name}: what was recorded without a key is signed as soon as there is enough of it`, async (t) => {
    const { open } = place(t);
    const plain = await open();
    await plain.recordAll(interactions(20));
    await plain.close();
    const published = new Gathering<string>();
    await open({
      signingKey,
      checkpoints: { ...BY_HAND, everyEntries: 20, publish: published.add },
    });
    const [note] = await published.until(({ length }) => length === 1);
    assertEquals(partsOf(note!).size, 20);
  });

  test(`${name}: a handle without a key proves what is covered, and that the log has grown`, async (t) => {
    const { open } = place(t);
    const signed = await open({ signingKey, checkpoints: BY_HAND });
    const entries = await signed.recordAll(interactions(700));
    await signed.checkpoint();
    const plain = await open();
    for (const index of [0, 255, 256, 511, 512, 699]) {
      const { entryId } = entries[index]!;
      const [record, proof] = [await plain.line(entryId), await plain.prove(entryId)];
      assertEquals((await verifyProof({ record: record!, proof, verifierKey })).index, index);
      assertEquals(proof, await signed.prove(entryId));
    }
    assertEquals(await plain.proveConsistency(300), await signed.proveConsistency(300));
    await signed.recordAll(interactions(5));
    assertEquals(await plain.proveConsistency(300, 705), await signed.proveConsistency(300, 705));
  });

  test(`${name}: handles that record and sign at once never contradict each other`, async (t) => {
    const { open } = place(t);
    const checkpoints = { everyEntries: 7, everyMs: Infinity };
    const handles = await Promise.all([1, 2, 3].map(() => open({ signingKey, checkpoints })));
    const remembered: string[] = [];
    await Promise.all(handles.map(async (log, user) => {
      for (let n = 0; n < 40; n++) {
        await log.recordAll(interactions(1 + n % 5, { user: `${user}` }));
        if (n % 8 === 0) remembered.push(await log.checkpoint());
      }
    }));
    for (const log of handles) {
      const { faults, size, checked } = await log.verify({ verifierKey, checkpoint: remembered });
      assertEquals(faults, []);
      assertEquals([size, checked.remembered], [360, 15]);
    }
    for (const log of handles) await log.close();
    const log = await open();
    const sizes = await sizesOf(log);
    assertEquals(sizes, sizes.toSorted((a, b) => a - b));
    const { faults, checked } = await log.verify({ verifierKey, checkpoint: remembered });
    assertEquals([faults, checked.covered], [[], 360]);
  });

  test(`${name}: a checkpoint that another handle's has overtaken is made anew`, async (t) => {
    const { open } = place(t);
    const [begun, gate] = [new Gate(), new Gate()];
    const signer = await signerFrom(signingKey);
    const slow: Signer = {
      ...signer,
      async sign(bytes) {
        begun.open();
        await gate.passed;
        return await signer.sign(bytes);
      },
    };
    const held = await open({ signingKey: slow, checkpoints: BY_HAND });
    const quick = await open({ signingKey, checkpoints: BY_HAND });
    await held.recordAll(interactions(3));
    const making = held.checkpoint();
    await begun.passed;
    const { entryId } = await quick.record(interaction());
    assertEquals(partsOf(await quick.checkpoint()).size, 4);
    gate.open();
    assertEquals(partsOf(await making).size, 4);
    assertEquals(await sizesOf(held), [4, 4]);
    const plain = await open();
    assert((await plain.prove(entryId)).includes("\nindex 3\n"));
    assertEquals((await held.verify({ verifierKey })).faults, []);
  });
}

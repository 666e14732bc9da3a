/**
 * What signs a log: keys, signers of the caller's own, and what goes wrong with them.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type AuditWarning,
  generateSigningKey,
  type Signer,
  signerFrom,
  verifyProof,
} from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, Gathering, partsOf, sizesOf } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";

const ORIGIN = "acme.example/chat";
const key = await generateSigningKey(ORIGIN);
const next = await generateSigningKey(ORIGIN);
const other = await generateSigningKey("acme.example/other");
/** As a KMS has it: it signs, and tells no more of its key than its name and id. */
const { name: origin, keyId, sign } = await signerFrom(key.signingKey);
const kms: Signer = { name: origin, keyId, sign };

export function signerConformance(name: string, place: MakePlace): void {
  test(`${name}: a signer that keeps its verifier key to itself signs without a time`, async (t) => {
    const log = await place(t).open({ signingKey: kms, checkpoints: BY_HAND });
    const { entryId } = await log.record(interaction());
    const note = await log.checkpoint();
    assertEquals(partsOf(note), {
      ...partsOf(note),
      times: [],
      signatures: [note.split("\n")[4]!],
    });
    assert(note.split("\n")[4]!.startsWith(`\u2014 ${ORIGIN} `));
    const record = (await log.line(entryId))!;
    const { verifierKey } = key;
    await verifyProof({ record, proof: await log.prove(entryId), verifierKey });
    const { ok, checked, unknown } = await log.verify({ verifierKey, checkpoint: note });
    assertEquals([ok, checked.signatures, checked.signedAt], [true, 1, undefined]);
    assert(
      unknown.some((sentence) =>
        /^1 of the 1 checkpoint .* does not state when it /.test(sentence)
      ),
    );
  });

  test(`${name}: a signer that tells its verifier key signs with a time`, async (t) => {
    const signer = await signerFrom(key.signingKey);
    const log = await place(t).open({ signingKey: signer, checkpoints: BY_HAND });
    assertEquals(partsOf(await log.checkpoint()).times.length, 1);
    assertEquals((await log.verify({ verifierKey: key.verifierKey })).ok, true);
  });

  test(`${name}: while a key is changed both sign, and either verifies`, async (t) => {
    const signingKey = [key.signingKey, next.signingKey];
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const { entryId } = await log.record(interaction());
    const note = await log.checkpoint();
    const { signatures, times } = partsOf(note);
    assertEquals([signatures.length, times.length], [4, 2]);
    const proof = await log.prove(entryId);
    const record = (await log.line(entryId))!;
    const both = [key.verifierKey, next.verifierKey];
    for (const verifierKey of [key.verifierKey, next.verifierKey, both]) {
      assertEquals((await log.verify({ verifierKey, checkpoint: note })).faults, []);
      const { signedBy } = await verifyProof({ record, proof, verifierKey });
      assertEquals(signedBy, [verifierKey].flat());
    }
    assertEquals((await log.verify({ verifierKey: other.verifierKey })).ok, false);
  });

  test(`${name}: when the signer throws, checkpoint() does, and recording goes on`, async (t) => {
    const failure = new Error("the KMS is away");
    let away = true;
    const signer: Signer = {
      ...kms,
      sign: (bytes) => away ? Promise.reject(failure) : sign(bytes),
    };
    const log = await place(t).open({ signingKey: signer, checkpoints: BY_HAND });
    const { entryId } = await log.record(interaction());
    assertStrictEquals(await assertRejects(() => log.checkpoint()), failure);
    assertStrictEquals(await assertRejects(() => log.prove(entryId)), failure);
    await log.record(interaction());
    assertEquals(await checkpointsOf(log), []);
    assertEquals((await log.verify()).ok, true);
    away = false;
    assertEquals(partsOf(await log.checkpoint()).size, 2);
    assertEquals(await sizesOf(log), [2]);
  });

  test(`${name}: when the signer throws, what signs by itself tells it and tries later`, async (t) => {
    const warnings = new Gathering<AuditWarning>();
    let away = true;
    const log = await place(t).open({
      signingKey: {
        ...kms,
        sign(bytes) {
          if (away) throw new Error("the KMS is away");
          return sign(bytes);
        },
      },
      onWarning: warnings.add,
      checkpoints: { ...BY_HAND, everyEntries: 2, onClose: true },
    });
    await log.recordAll(interactions(2));
    await warnings.until(({ length }) => length === 1);
    await log.recordAll(interactions(2));
    await warnings.until(({ length }) => length === 2);
    for (const { code, message } of warnings.all) {
      assertEquals(code, "CHECKPOINT_FAILED");
      assertMatch(message, /the KMS is away/);
    }
    away = false;
    await log.checkpoint();
    away = true;
    await log.record(interaction());
    await log.close();
    assertEquals([warnings.all.length, log.size], [3, 5]);
  });

  test(`${name}: a signer that gives no signature is refused, and nothing is kept of it`, async (t) => {
    for (const given of [new Uint8Array(63), "x".repeat(64), undefined]) {
      const signer = { ...kms, sign: () => Promise.resolve(given) } as Signer;
      const log = await place(t).open({ signingKey: signer, checkpoints: BY_HAND });
      await assertRefused(() => log.checkpoint(), "INVALID_KEY");
      assertEquals(await checkpointsOf(log), []);
    }
  });

  test(`${name}: what is no key is refused, and nothing of it is shown`, async (t) => {
    const secret = key.signingKey.slice(-44);
    const malformed = [
      `${key.signingKey}\n`,
      key.signingKey.slice(0, -1),
      key.signingKey.slice("PRIVATE+KEY+".length),
      key.signingKey.replace("chat", "chart"),
      `PRIVATE+KEY+${secret}`,
      key.verifierKey,
      "",
    ];
    for (const signingKey of malformed) {
      const error = await assertRefused(() => place(t).open({ signingKey }), "INVALID_KEY");
      for (const text of [error.message, error.stack ?? "", String(error.cause)]) {
        assert(!text.includes(secret.slice(5, 20)), text);
      }
    }
    for (const signingKey of [null, 1, [], [1], {}, { name: "x", keyId: 1 }, [key.signingKey, 2]]) {
      const wrong = { signingKey: signingKey as never };
      await assertRefused(() => place(t).open(wrong), "INVALID_OPTION", "signingKey");
    }
  });

  test(`${name}: keys of different names, and one key twice, are refused`, async (t) => {
    const { signingKey } = key;
    for (
      const keys of [[signingKey, other.signingKey], [signingKey, signingKey], [signingKey, kms]]
    ) {
      await assertRefused(() => place(t).open({ signingKey: keys }), "INVALID_KEY");
    }
  });

  test(`${name}: options for checkpoints that are malformed or need a key are refused`, async (t) => {
    const { signingKey } = key;
    await assertRefused(() => place(t).open({ checkpoints: {} }), "INVALID_OPTION", "checkpoints");
    const wrong: [path: string, checkpoints: unknown][] = [
      ["checkpoints", null],
      ["checkpoints", true],
      ["checkpoints.every", { every: 5 }],
      ["checkpoints.everyEntries", { everyEntries: 0 }],
      ["checkpoints.everyEntries", { everyEntries: 1.5 }],
      ["checkpoints.everyEntries", { everyEntries: "10" }],
      ["checkpoints.everyEntries", { everyEntries: null }],
      ["checkpoints.everyMs", { everyMs: 0 }],
      ["checkpoints.everyMs", { everyMs: -Infinity }],
      ["checkpoints.everyMs", { everyMs: NaN }],
      ["checkpoints.onClose", { onClose: 1 }],
      ["checkpoints.publish", { publish: "https://witness.example" }],
    ];
    for (const [path, checkpoints] of wrong) {
      const options = { signingKey, checkpoints: checkpoints as never };
      await assertRefused(() => place(t).open(options), "INVALID_OPTION", path);
    }
    const everyMs = 2 ** 40; // longer than a timer can wait
    const log = await place(t).open({ signingKey, checkpoints: { everyMs, onClose: false } });
    await log.record(interaction());
    assertEquals(await checkpointsOf(log), []);
  });
}

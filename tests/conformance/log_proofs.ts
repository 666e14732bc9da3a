/**
 * Proofs that an entry is in the log, and that the log has only grown.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type AuditEntry, generateSigningKey, verifyProof } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, partsOf, withOther } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");

/** Around what a tile holds, and what a chunk of records does. */
const SIZES = [1, 2, 3, 255, 256, 257, 258, 511, 512, 513, 999, 1000, 1025];

export function proofConformance(name: string, place: MakePlace): void {
  test(`${name}: first, last and middle entries are proven, whatever the size`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const entries: AuditEntry[] = [];
    for (const size of SIZES) {
      entries.push(...await log.recordAll(interactions(size - entries.length)));
      const note = await log.checkpoint();
      const indexes = [0, 1, 254, 255, 256, 257, size >> 1, size - 2, size - 1];
      for (const index of new Set(indexes.filter((index) => index >= 0 && index < size))) {
        const { entryId } = entries[index]!;
        const proof = await log.prove(entryId);
        assert(proof.endsWith(`\n\n${note}`), "it has another checkpoint");
        const record = (await log.line(entryId))!;
        const proven = await verifyProof({ record, proof, verifierKey });
        const root = Buffer.from(proven.root).toString("base64");
        assertEquals([proven.index, proven.size, root], [index, size, partsOf(note).root]);
      }
    }
  });

  test(`${name}: a proof fails for another entry, size, root or key`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const entries = await log.recordAll(interactions(300));
    const before = await log.checkpoint();
    const [proof, other] = [
      await log.prove(entries[7]!.entryId),
      await log.prove(entries[8]!.entryId),
    ];
    const [record, another] = await Promise.all(
      [7, 8].map(async (index) => (await log.line(entries[index]!.entryId))!),
    ) as [string, string];
    await log.recordAll(interactions(5));
    const after = await log.checkpoint();
    const stranger = await generateSigningKey("acme.example/chat");
    const elsewhere = await generateSigningKey("acme.example/other");
    const root = proof.indexOf(partsOf(before).root);
    const signature = proof.indexOf("\u2014 ") + 30;
    const good = { record, proof, verifierKey };
    await verifyProof(good);
    for (
      const change of [
        { record: another },
        { proof: other },
        { record: record.replace('"in', '"IN').replace('"7"', '"8"') },
        { proof: proof.replace("\nindex 7\n", "\nindex 8\n") },
        { proof: proof.replace("\n300\n", "\n301\n") },
        { proof: proof.replace("\n300\n", "\n299\n") },
        { proof: proof.replace(before, after) },
        { proof: withOther(proof, root) },
        { proof: withOther(proof, proof.indexOf("\n", 30) + 1) },
        { proof: withOther(proof, signature) },
        { verifierKey: stranger.verifierKey },
        { verifierKey: elsewhere.verifierKey },
      ]
    ) {
      const given = { ...good, ...change };
      assert(JSON.stringify(given) !== JSON.stringify(good), JSON.stringify(change));
      await assertRefused(() => verifyProof(given), "NOT_VERIFIED");
    }
    assert(!record.includes(another));
  });

  test(`${name}: an entry that no checkpoint covers is proven by a new one, and only then`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const [first] = await log.recordAll(interactions(3));
    assertMatch(await log.prove(first!.entryId), /\nacme\.example\/chat\n3\n/);
    await log.record(interaction());
    assertMatch(await log.prove(first!.entryId), /\nacme\.example\/chat\n3\n/);
    assertEquals((await checkpointsOf(log)).length, 1);
    const last = await log.record(interaction());
    const proof = await log.prove(last.entryId);
    const record = (await log.line(last.entryId))!;
    const { index, size } = await verifyProof({ record, proof, verifierKey });
    assertEquals([index, size], [4, 5]);
    assertEquals((await checkpointsOf(log)).length, 2);
  });

  test(`${name}: many proofs may be asked for at once, while others record and sign`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    const entries = await log.recordAll(interactions(520));
    await Promise.all(Array.from({ length: 52 }, async (_, n) => {
      if (n % 10 === 3) await log.recordAll(interactions(70));
      if (n % 10 === 7) await log.checkpoint();
      const { entryId } = entries[n * 10]!;
      const [record, proof] = await Promise.all([log.line(entryId), log.prove(entryId)]);
      const { index } = await verifyProof({ record: record!, proof, verifierKey });
      assertEquals(index, n * 10);
    }));
    assertEquals((await log.verify({ verifierKey })).faults, []);
  });

  test(`${name}: an id that no entry has is not proven`, async (t) => {
    const log = await place(t).open({ signingKey });
    await log.recordAll(interactions(3));
    const { message } = await assertRefused(() => log.prove("no such id"), "ENTRY_NOT_FOUND");
    assertStringIncludes(message, '"no such id"');
    for (const id of ["", "\ud800", "x".repeat(10_000)]) {
      const { message } = await assertRefused(() => log.prove(id), "ENTRY_NOT_FOUND");
      assert(message.length < 200 && message.isWellFormed(), message);
    }
    for (const id of [undefined, null, 1, {}]) {
      await assertRefused(() => log.prove(id as never), "INVALID_QUERY", "entryId");
    }
    assertEquals(await checkpointsOf(log), []);
  });

  test(`${name}: a proof of growth leads to the newest checkpoint, or to all entries without one`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(6));
    const all = await log.proveConsistency(3);
    assertEquals(all, await log.proveConsistency(3, 6));
    await log.checkpoint();
    await log.recordAll(interactions(3));
    assertEquals(await log.proveConsistency(3), all);
    assert(await log.proveConsistency(3, 9) !== all);
    assertEquals(await log.proveConsistency(6), "");
    assertEquals(await log.proveConsistency(0, 9), "");
    assertEquals(await log.proveConsistency(9, 9), "");
    assertMatch(await log.proveConsistency(4, 8), /^[A-Za-z0-9+/]{43}=\n$/);
  });

  test(`${name}: sizes that the log never had are refused`, async (t) => {
    const log = await place(t).open({ signingKey, checkpoints: BY_HAND });
    await log.recordAll(interactions(6));
    await log.checkpoint();
    const sizes: [number, number?][] = [[7], [3, 7], [4, 3], [7, 7], [2 ** 53 - 1]];
    for (const [from, to] of sizes) {
      await assertRefused(() => log.proveConsistency(from, to), "INVALID_QUERY");
    }
    for (const wrong of [-1, 0.5, NaN, Infinity, 2 ** 53, "3", null, {}]) {
      await assertRefused(() => log.proveConsistency(wrong as number), "INVALID_QUERY", "from");
      await assertRefused(() => log.proveConsistency(3, wrong as number), "INVALID_QUERY", "to");
    }
  });
}

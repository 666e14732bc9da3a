// Times that no clock has told, signed all the same: whoever holds the key can state any.

import { assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey, signerFrom } from "@audit-log/llm";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cosignerFrom, timeReaderFrom } from "../../src/transparency/cosignature.ts";
import type { KeySigner } from "../../src/transparency/keys.ts";
import { parseNote } from "../../src/transparency/note.ts";
import { interactions } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

const LAST_SECOND = Date.parse("9999-12-31T23:59:59Z") / 1000;

/** A checkpoint of a log of a key, as it would be had it been signed at some time. */
async function signedAt(note: string, signingKey: string, seconds: number): Promise<string> {
  const [first, second] = note.split(/(?<=\n)(?=\u2014 )/);
  const cosigner = await cosignerFrom(await signerFrom(signingKey) as KeySigner);
  return `${first}${second}${await cosigner.cosign(parseNote(note).text, seconds)}\n`;
}

test("a time beyond the year 9999 is a fault of the checkpoint that states it, and of no other", async (t) => {
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path, signingKey });
  await log.recordAll(interactions(2));
  const note = await log.checkpoint();
  await log.close();
  const { timeOf } = await timeReaderFrom(verifierKey);
  for (
    const [seconds, expected] of [
      [LAST_SECOND, LAST_SECOND],
      [LAST_SECOND + 1, "altered"],
      [9e12, "altered"],
    ] as const
  ) {
    const far = await signedAt(note, signingKey, seconds);
    const { text, signatures } = parseNote(far);
    assertEquals(await timeOf(text, signatures), expected);
    const before = await AuditLog.open({ backend: "jsonl", path });
    const { ok, checked } = await before.verify({ verifierKey, checkpoint: far });
    assertEquals([ok, checked.remembered], [true, 1]);
    await before.close();
  }
  const far = await signedAt(note, signingKey, 9e12);
  appendFileSync(`${path}-checkpoints`, `${JSON.stringify({ size: 2, note: far })}\n`);
  rmSync(`${path}-index`);
  const again = await AuditLog.open({ backend: "jsonl", path });
  const { faults, checked } = await again.verify({ verifierKey });
  await again.close();
  assertEquals(faults.map(({ kind, message }) => [kind, message]), [[
    "signature",
    `Checkpoint ${
      checked.checkpointsKept - 1
    } of the log: the time at which it was signed was altered, or is none`,
  ]]);
});

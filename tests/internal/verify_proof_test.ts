import { assert, assertEquals } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { formatCheckpoint } from "../../src/transparency/checkpoint.ts";
import { signNote } from "../../src/transparency/note.ts";
import { formatProof, parseProof } from "../../src/transparency/tlog_proof.ts";
import { verifyProof, type VerifyProofOptions } from "../../src/transparency/verify_proof.ts";
import { mutations } from "../support/mutations.ts";
import { GO } from "../support/note_data.ts";
import { check } from "../support/property.ts";
import { checkpointOf, newSigner, proofOf } from "../support/proven_log.ts";
import { assertRefused } from "../support/refused.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

const ORIGIN = "example.com/log";
const signer = await newSigner(ORIGIN);
const witness = await newSigner("example.com/witness");
const stranger = await newSigner(ORIGIN);
const verifierKey = signer.verifierKey;

const textOf = (index: number) => `{"entry_id":"${index}","input_text":"é 💬"}`;
const recordsOf = (size: number) => Array.from({ length: size }, (_, index) => utf8(textOf(index)));

/** A record of a log of eleven, and its proof. */
const INDEX = 6;
const records = recordsOf(11);
const record = textOf(INDEX);
const proof = await proofOf(records, INDEX, ORIGIN, [signer]);

async function refused(
  change: Partial<Record<keyof VerifyProofOptions, unknown>>,
  code: AuditLogError["code"],
  message: string,
): Promise<void> {
  const options = { record, proof, verifierKey, ...change } as VerifyProofOptions;
  const error = await assertRefused(() => verifyProof(options), code);
  assert(error.message.startsWith("Cannot verify the proof: "), error.message);
  assert(error.message.includes(message), error.message);
}

test("every record of every log from 1 to 17 records is proven, and no other in its place", async () => {
  for (let size = 1; size <= 17; size++) {
    const records = recordsOf(size);
    const { root } = checkpointOf(ORIGIN, records);
    for (let index = 0; index < size; index++) {
      const proof = await proofOf(records, index, ORIGIN, [signer]);
      for (const record of [textOf(index), utf8(textOf(index))]) {
        assertEquals(
          await verifyProof({ record, proof, verifierKey }),
          { origin: ORIGIN, index, size, root, signedBy: [verifierKey] },
        );
      }
      const other = { record: textOf((index + 1) % (size + 1)), proof, verifierKey };
      await assertRefused(() => verifyProof(other), "NOT_VERIFIED");
    }
  }
});

test("proofs may be given as bytes, and have extra data", async () => {
  const withExtra = formatProof({ ...parseProof(proof), extra: utf8("anything") });
  assertEquals((await verifyProof({ record, proof: utf8(withExtra), verifierKey })).index, INDEX);
});

test("a record that differs by one byte is refused", async () => {
  for (
    const other of [record.slice(1), `${record} `, record.replace("é", "e"), "", `\ufeff${record}`]
  ) {
    await refused({ record: other }, "NOT_VERIFIED", "this is not record 6 of the 11");
    await refused({ record: utf8(other) }, "NOT_VERIFIED", "the record was altered");
  }
});

test("a record with its newline is refused, with a word about that", async () => {
  for (const end of ["\n", "\r\n", "\n\n"]) {
    const advice = "the record ends in a newline; give it without";
    await refused({ record: record + end }, "NOT_VERIFIED", advice);
    await refused({ record: utf8(record + end) }, "NOT_VERIFIED", advice);
  }
});

test("a record of another log may end in a newline", async () => {
  const records = [utf8("a\n"), utf8("b\n")];
  const proof = await proofOf(records, 1, ORIGIN, [signer]);
  assertEquals((await verifyProof({ record: "b\n", proof, verifierKey })).index, 1);
});

test("a record with a lone surrogate does not pass for the one that it is encoded as", async () => {
  const proof = await proofOf([utf8("\ufffd")], 0, ORIGIN, [signer]);
  await refused({ record: "\ud800", proof }, "INVALID_OPTION", "surrogate");
  assertEquals((await verifyProof({ record: "\ufffd", proof, verifierKey })).size, 1);
});

test("two hashes that stand for a node of the tree are no record of it", async () => {
  const pair = recordsOf(2);
  const leaves = [];
  for (const index of [1, 0]) {
    leaves.push(...parseProof(await proofOf(pair, index, ORIGIN, [signer])).hashes[0]!);
  }
  const { root } = checkpointOf(ORIGIN, pair);
  const checkpoint = await signNote(
    formatCheckpoint({ origin: ORIGIN, size: 1, root, extensions: [] }),
    [signer],
  );
  const forged = formatProof({ index: 0, hashes: [], checkpoint });
  await refused(
    { record: new Uint8Array(leaves), proof: forged },
    "NOT_VERIFIED",
    "this is not record 0 of the 1",
  );
});

test("a proof is refused whose index, hashes or checkpoint are another's", async () => {
  const parsed = parseProof(proof);
  const change = (part: Partial<typeof parsed>) => ({ proof: formatProof({ ...parsed, ...part }) });
  const [first, ...rest] = parsed.hashes;
  await refused(change({ index: INDEX + 1 }), "NOT_VERIFIED", "this is not record 7");
  await refused(change({ index: 11 }), "NOT_VERIFIED", "index 11 of a log that has 11 records");
  await refused(change({ index: 2 ** 53 - 1 }), "NOT_VERIFIED", "of a log that has 11 records");
  await refused(change({ hashes: rest }), "NOT_VERIFIED", "this is not record");
  await refused(change({ hashes: [] }), "NOT_VERIFIED", "this is not record");
  await refused(
    change({ hashes: [...parsed.hashes, first!] }),
    "NOT_VERIFIED",
    "this is not record",
  );
  await refused(change({ hashes: [...rest, first!] }), "NOT_VERIFIED", "this is not record");
  const { checkpoint } = parseProof(await proofOf(recordsOf(12), 0, ORIGIN, [signer]));
  await refused(change({ checkpoint }), "NOT_VERIFIED", "of the 12 that");
});

test("an empty log has no record", async () => {
  const checkpoint = await signNote(formatCheckpoint(checkpointOf(ORIGIN, [])), [signer]);
  const empty = formatProof({ index: 0, hashes: [], checkpoint });
  await refused(
    { record: "", proof: empty },
    "NOT_VERIFIED",
    "index 0 of a log that has 0 records",
  );
});

test("a checkpoint that was altered or is signed by other keys is refused", async () => {
  const altered = proof.replace("\n11\n", "\n12\n");
  await refused({ proof: altered }, "NOT_VERIFIED", "does not hold");
  await refused({ verifierKey: stranger.verifierKey }, "NOT_VERIFIED", "none of the keys given");
  const foreign = await proofOf(records, INDEX, ORIGIN, [stranger]);
  await refused({ proof: foreign }, "NOT_VERIFIED", "none of the keys given");
});

test("a checkpoint of another log is refused, even if a given key has signed it", async () => {
  const foreign = await proofOf(records, INDEX, "example.com/other", [signer]);
  await refused({ proof: foreign }, "NOT_VERIFIED", `its origin is "example.com/other"`);
  const witnessed = await proofOf(records, INDEX, ORIGIN, [witness]);
  const keys = [verifierKey, witness.verifierKey];
  await refused({ proof: witnessed, verifierKey: keys }, "NOT_VERIFIED", "its origin is");
});

test("of several keys, those that signed are named, and must hold", async () => {
  const both = await proofOf(records, INDEX, ORIGIN, [witness, signer]);
  const keys = [verifierKey, stranger.verifierKey, witness.verifierKey, verifierKey];
  const given = { record, proof: both, verifierKey: keys };
  assertEquals((await verifyProof(given)).signedBy, [verifierKey, witness.verifierKey]);
  assertEquals(
    (await verifyProof({ ...given, verifierKey })).signedBy,
    [verifierKey],
  );
  const [, broken] = both.split("\n\n— ") as [string, string];
  const at = both.indexOf(broken) + broken.indexOf(" ") + 20;
  const altered = both.slice(0, at) + (both[at] === "A" ? "B" : "A") + both.slice(at + 1);
  await refused({ proof: altered, verifierKey: keys }, "NOT_VERIFIED", "example.com/witness");
  assertEquals((await verifyProof({ record, proof: altered, verifierKey })).index, INDEX);
});

test("malformed proofs and keys are refused, each with its code", async () => {
  await refused({ proof: "" }, "INVALID_PROOF", "first line");
  await refused({ proof: proof.replaceAll("\n", "\r\n") }, "INVALID_PROOF", "carriage return");
  await refused({ proof: proof.replace("\n11\n", "\n011\n") }, "INVALID_PROOF", "leading zero");
  await refused({ proof: 1 }, "INVALID_PROOF", "a string or a Uint8Array, not a number");
  await refused({ verifierKey: "" }, "INVALID_KEY", "it is empty");
  await refused({ verifierKey: [verifierKey, "a"] }, "INVALID_KEY", "three parts");
  await refused({ verifierKey: [1] }, "INVALID_KEY", "not a number");
  await refused({ verifierKey: GO.peter.signingKey }, "INVALID_KEY", "secret");
});

test("options that are missing or unknown are refused by name", async () => {
  await refused({ record: undefined }, "INVALID_OPTION", "record must be");
  await refused({ record: [1] }, "INVALID_OPTION", "record must be");
  await refused({ verifierKey: undefined }, "INVALID_OPTION", "verifierKey must be");
  await refused({ verifierKey: [] }, "INVALID_OPTION", "verifierKey must be");
  const misspelled = { record, proof, verifierKey, origin: ORIGIN } as VerifyProofOptions;
  await assertRefused(() => verifyProof(misspelled), "INVALID_OPTION", "origin");
  for (const options of [undefined, null, "text"]) {
    await assertRefused(
      () => verifyProof(options as unknown as VerifyProofOptions),
      "INVALID_OPTION",
    );
  }
});

test("whatever is done to a proof, it is refused or proves the same", async () => {
  const both = await proofOf(records, INDEX, ORIGIN, [signer, witness]);
  const expected = await verifyProof({ record, proof: both, verifierKey });
  await check(
    fc.asyncProperty(mutations, async (mutate) => {
      try {
        assertEquals(await verifyProof({ record, proof: mutate(both), verifierKey }), expected);
      } catch (error) {
        if (!(error instanceof AuditLogError)) throw error;
        assert(["INVALID_PROOF", "NOT_VERIFIED"].includes(error.code), error.code);
      }
    }),
    2000,
  );
});

test("whatever is done to a record, it is refused unless it is the same", async () => {
  await check(
    fc.asyncProperty(mutations, async (mutate) => {
      const given = mutate(record);
      if (new TextDecoder("utf-8", { ignoreBOM: true }).decode(given) === record) return;
      await refused({ record: given }, "NOT_VERIFIED", "this is not record");
    }),
    300,
  );
});

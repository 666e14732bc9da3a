/**
 * A small log with its keys, signed checkpoint and proofs, made from the definitions of RFC 6962,
 * section 2.1, word for word and by other means than the library's.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Checkpoint, formatCheckpoint } from "../../src/transparency/checkpoint.ts";
import { generateSigningKey, type KeySigner, signerFrom } from "../../src/transparency/keys.ts";
import { signNote } from "../../src/transparency/note.ts";
import { formatProof } from "../../src/transparency/tlog_proof.ts";

/** A new key. */
export async function newSigner(name: string): Promise<KeySigner> {
  return await signerFrom((await generateSigningKey(name)).signingKey);
}

/** The checkpoint of a log that has these records. */
export function checkpointOf(origin: string, records: readonly Uint8Array[]): Checkpoint {
  return { origin, size: records.length, root: treeHash(records), extensions: [] };
}

/** The proof that a log of these records has one of them, its checkpoint signed by these. */
export async function proofOf(
  records: readonly Uint8Array[],
  index: number,
  origin: string,
  signers: readonly KeySigner[],
): Promise<string> {
  const checkpoint = await signNote(formatCheckpoint(checkpointOf(origin, records)), signers);
  return formatProof({ index, hashes: auditPath(index, records), checkpoint });
}

/** MTH(D[n]). */
function treeHash(records: readonly Uint8Array[]): Uint8Array {
  if (records.length === 0) return hash();
  if (records.length === 1) return hash([0], records[0]!);
  const k = splitOf(records.length);
  return hash([1], treeHash(records.slice(0, k)), treeHash(records.slice(k)));
}

/** PATH(m, D[n]). */
function auditPath(m: number, records: readonly Uint8Array[]): Uint8Array[] {
  if (records.length === 1) return [];
  const k = splitOf(records.length);
  const [left, right] = [records.slice(0, k), records.slice(k)];
  return m < k
    ? [...auditPath(m, left), treeHash(right)]
    : [...auditPath(m - k, right), treeHash(left)];
}

/** The largest power of two that is smaller than n. */
function splitOf(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

function hash(...parts: (Uint8Array | number[])[]): Uint8Array {
  const sha256 = createHash("sha256");
  for (const part of parts) sha256.update(new Uint8Array(part));
  return new Uint8Array(sha256.digest());
}

/**
 * Verifying that a log has a record, with nothing but the record, the proof and the log's key: C2SP
 * tlog-proof, "Verifying a tlog proof". Needs no log, no files and no runtime of its own, so that it
 * runs in a browser too.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import { hintFor } from "../known_fields.ts";
import { describe } from "../refusal.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { failing, quote, stateOf } from "./failure.ts";
import { digestLeaf } from "./hash.ts";
import { type Verifier, verifierFrom } from "./keys.ts";
import { verifyInclusion } from "./proof_check.ts";
import { parseProof } from "./tlog_proof.ts";
import { sha256 } from "./webcrypto.ts";

/** What {@link verifyProof} is given. */
export interface VerifyProofOptions {
  /**
   * The record: the bytes of its line in the log, or the string that they encode, without the newline
   * that ends the line. One byte more or less is another record.
   */
  readonly record: string | Uint8Array;
  /** The proof, a `.tlog-proof` file. */
  readonly proof: string | Uint8Array;
  /**
   * The log's verifier key, from a source that is trusted; the proof cannot bring it. Of several, every
   * one whose signature the checkpoint carries must have signed it.
   */
  readonly verifierKey: string | readonly string[];
}

/** What was proven: the record is in this tree, and the log's key signed it. */
export interface VerifiedProof {
  /** The origin of the log, which is the name of a key that was given. */
  readonly origin: string;
  /** The index of the record in the log, from 0. */
  readonly index: number;
  /** How many records the log had, at least 1. */
  readonly size: number;
  /** The root of its Merkle tree at that size, 32 bytes. */
  readonly root: Uint8Array;
  /** Those of the keys given that signed, in the order in which they were given. */
  readonly signedBy: readonly string[];
}

/**
 * Verifies that a log has a record: the proof's checkpoint is signed by a key that was given and whose
 * name is the checkpoint's origin, and the proof leads from the record to the checkpoint's root.
 *
 * It says that the record, these very bytes, is in the log at that index, and that whoever has the key
 * committed to it. It does not say when, nor that the log has shown the same to everyone.
 *
 * @throws {AuditLogError} `NOT_VERIFIED` when the signature, the origin or the inclusion does not hold;
 * `INVALID_PROOF` when the proof or its checkpoint is malformed; `INVALID_KEY` for a key;
 * `INVALID_OPTION` for what else was given; `UNSUPPORTED_RUNTIME` when WebCrypto has no Ed25519.
 *
 * @example
 * ```ts
 * import { AuditLogError, verifyProof } from "@audit-log/llm";
 *
 * async function isInTheLog(record: string, proof: string): Promise<boolean> {
 *   try {
 *     const { origin, index, size } = await verifyProof({
 *       record,
 *       proof,
 *       verifierKey: "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
 *     });
 *     console.log(`record ${index} of the ${size} that ${origin} has signed`);
 *     return true;
 *   } catch (error) {
 *     if (error instanceof AuditLogError && error.code === "NOT_VERIFIED") return false;
 *     throw error;
 *   }
 * }
 * ```
 */
export async function verifyProof(options: VerifyProofOptions): Promise<VerifiedProof> {
  // Whatever fails beneath, in the key, the note or the checkpoint: it is the proof that fails here.
  try {
    return await verify(options);
  } catch (error) {
    const state = stateOf(error);
    if (state === undefined) throw error;
    const { code, path } = error as AuditLogError;
    throw new AuditLogError(
      code,
      `Cannot verify the proof: ${state}`,
      path === undefined ? {} : { path },
    );
  }
}

async function verify(options: VerifyProofOptions): Promise<VerifiedProof> {
  const { record, proof, keys } = checkOptions(options);
  const fail = failing("NOT_VERIFIED", "verify the proof");
  const { index, hashes, checkpoint: note } = parseProof(proof);
  const known = new Map<string, Verifier>(); // so that a key that is given twice counts once
  for (const key of keys) known.set(key, await verifierFrom(key));
  const { checkpoint, verified } = await openCheckpoint(note, [...known.values()]);
  const { origin, size, root } = checkpoint;
  if (index >= size) {
    throw fail(`the proof is for index ${index} of a log that has ${counted(size, "record")}`);
  }
  const leaf = await digestLeaf(sha256, record);
  if (!await verifyInclusion(sha256, { leaf, index, size, proof: hashes, root })) {
    throw fail(
      `this is not record ${index} of the ${size} that ${quote(origin)} has signed: ` +
        (endsInNewline(record)
          ? "the record ends in a newline; give it without"
          : "the record was altered, or the proof belongs to another"),
    );
  }
  const signedBy = [...known].filter(([, verifier]) =>
    verified.some(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId)
  );
  return { origin, index, size, root, signedBy: signedBy.map(([key]) => key) };
}

const OPTIONS = ["record", "proof", "verifierKey"];

/** Checks the kinds of what was given. */
function checkOptions(options: VerifyProofOptions) {
  if (typeof options !== "object" || options === null) {
    throw invalid("", `the options are an object, not ${describe(options)}`);
  }
  const { record, proof, verifierKey } = options;
  for (const name of Reflect.ownKeys(options).map(String)) {
    if (!OPTIONS.includes(name)) {
      throw invalid(name, `${name} is not an option; ${hintFor(name, OPTIONS)}`);
    }
  }
  if (typeof record !== "string" && !(record instanceof Uint8Array)) {
    throw invalid("record", `record must be a string or a Uint8Array, not ${describe(record)}`);
  }
  // Encoded, it would become another text, and that one may well be in the log.
  if (typeof record === "string" && !record.isWellFormed()) {
    throw invalid("record", "record has a lone surrogate, which no line of a log holds");
  }
  const keys = typeof verifierKey === "string" ? [verifierKey] : verifierKey;
  if (!Array.isArray(keys) || keys.length === 0) {
    throw invalid("verifierKey", "verifierKey must be a verifier key or some of them");
  }
  return { record, proof, keys: keys as readonly string[] };
}

function endsInNewline(record: string | Uint8Array): boolean {
  return record.at(-1) === (typeof record === "string" ? "\n" : 0x0a);
}

function invalid(path: string, state: string): AuditLogError {
  return new AuditLogError("INVALID_OPTION", `Cannot verify the proof: ${state}`, { path });
}

/**
 * When a checkpoint was signed: C2SP tlog-cosignature, "Ed25519 signed message".
 *
 * A checkpoint has no time of its own. The log therefore signs it twice with one key: as it is, and as a cosigner,
 * which states that at some second this was the largest tree it knew of. So a checkpoint that was made while nothing
 * was recorded differs from the one before, and silence can be shown. Who knows nothing of cosignatures passes over
 * the second line, as signed-note asks.
 *
 * @module
 */
import { LAST_MS } from "../instant.ts";
import { type KeySigner, readVerifierKey, type Signer } from "./keys.ts";
import { formatSignature, type NoteSignature } from "./note_signature.ts";
import { SIGNATURE_BYTES, verifierOfPublicKey } from "./webcrypto.ts";

const TIME_BYTES = 8;

/** Whether a signature is as long as a time and an Ed25519 signature. */
export function mayBeCosignature({ signature }: Pick<NoteSignature, "signature">): boolean {
  return signature.length === TIME_BYTES + SIGNATURE_BYTES;
}

/** Whether a signer tells the verifier key that the id of its cosignatures is computed from. */
export function canCosign(signer: Signer): signer is KeySigner {
  return typeof (signer as Partial<KeySigner>).verifierKey === "string";
}

/** States when checkpoints were signed. */
export interface Cosigner {
  /**
   * The line that states when a checkpoint was signed.
   *
   * @param text The checkpoint's text.
   * @param seconds Seconds since the epoch.
   */
  cosign(text: string, seconds: number): Promise<string>;
}

/**
 * Makes a cosigner of a signer.
 *
 * @throws {AuditLogError} `INVALID_KEY` when its verifier key is none.
 */
export async function cosignerFrom(signer: KeySigner): Promise<Cosigner> {
  const { cosignatureId: keyId } = await readVerifierKey(signer.verifierKey);
  return {
    async cosign(text, seconds) {
      const signature = await signer.sign(messageOf(text, BigInt(seconds)));
      const timed = new Uint8Array(TIME_BYTES + signature.length);
      new DataView(timed.buffer).setBigUint64(0, BigInt(seconds));
      timed.set(signature, TIME_BYTES);
      return formatSignature({ name: signer.name, keyId }, timed);
    },
  };
}

/** Reads when checkpoints were signed by some key. */
export interface TimeReader {
  /**
   * The seconds since the epoch that the key has stated of a checkpoint, or `undefined` when it has stated none.
   *
   * @returns `"altered"` when a cosignature of the key does not hold, or its time is beyond the year 9999.
   */
  timeOf(
    text: string,
    signatures: readonly NoteSignature[],
  ): Promise<number | "altered" | undefined>;
}

/**
 * Makes a reader of the times that a key states.
 *
 * @throws {AuditLogError} `INVALID_KEY`.
 */
export async function timeReaderFrom(verifierKey: string): Promise<TimeReader> {
  const { name, cosignatureId, publicKey } = await readVerifierKey(verifierKey);
  const verify = await verifierOfPublicKey(publicKey);
  return {
    async timeOf(text, signatures) {
      const ours = signatures.find((one) => one.name === name && one.keyId === cosignatureId);
      if (ours === undefined) return undefined;
      const { signature } = ours;
      if (!mayBeCosignature(ours)) return "altered";
      const view = new DataView(signature.buffer, signature.byteOffset, signature.byteLength);
      const seconds = view.getBigUint64(0);
      const holds = await verify(messageOf(text, seconds), signature.slice(TIME_BYTES));
      // What is signed for a later time was not signed by a clock.
      return holds && seconds <= LAST_MS / 1000 ? Number(seconds) : "altered";
    },
  };
}

function messageOf(text: string, seconds: bigint): Uint8Array {
  return new TextEncoder().encode(`cosignature/v1\ntime ${seconds}\n${text}`);
}

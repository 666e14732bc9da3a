/**
 * Ed25519, RFC 8032, and SHA-256 by WebCrypto, which every runtime and browser has.
 *
 * @module
 */

import { AuditLogError } from "../errors.ts";

/** Length of the private key that signatures are made with, RFC 8032's 32 random bytes. */
export const SEED_BYTES = 32;
/** Length of a public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Length of a signature. */
export const SIGNATURE_BYTES = 64;

const ALGORITHM = "Ed25519";

/** What precedes the seed in PKCS #8, the one form in which WebCrypto takes it: RFC 8410, section 7. */
// deno-fmt-ignore
const PKCS8_PREFIX = [
  0x30, 0x2e, // SEQUENCE of 46 bytes
  0x02, 0x01, 0x00, // version 0
  0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, // algorithm 1.3.101.112
  0x04, 0x22, 0x04, 0x20, // OCTET STRING in an OCTET STRING of 32 bytes
];

/** Signs with a key that is not shown. */
export interface Ed25519Signer {
  /** The public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The signature of some bytes, 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A new private key. */
export function generateSeed(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SEED_BYTES));
}

/**
 * Makes a signer of a private key.
 *
 * @param seed The private key, 32 bytes.
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME` when WebCrypto has no Ed25519.
 */
export async function signerOfSeed(seed: Uint8Array): Promise<Ed25519Signer> {
  const wrapped = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  const importKey = (extractable: boolean) =>
    subtle((crypto) => crypto.importKey("pkcs8", wrapped, ALGORITHM, extractable, ["sign"]));
  // WebCrypto derives no public key but for an export, which the key that is kept shall not allow.
  const { x } = await subtle(async (crypto) =>
    await crypto.exportKey("jwk", await importKey(true))
  );
  const key = await importKey(false);
  return {
    publicKey: ofBase64Url(x!),
    sign: async (bytes) =>
      new Uint8Array(
        await subtle((crypto) => crypto.sign(ALGORITHM, key, new Uint8Array(bytes))),
      ),
  };
}

/**
 * Makes of a public key what tells whether a signature is its.
 *
 * @param publicKey The public key, 32 bytes.
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME` when WebCrypto has no Ed25519.
 */
export async function verifierOfPublicKey(
  publicKey: Uint8Array,
): Promise<(bytes: Uint8Array, signature: Uint8Array) => Promise<boolean>> {
  const key = await subtle((crypto) =>
    crypto.importKey("raw", new Uint8Array(publicKey), ALGORITHM, false, ["verify"])
  );
  // WebCrypto is not bound to say no to another length; it might throw.
  return async (bytes, signature) =>
    signature.length === SIGNATURE_BYTES &&
    await subtle((crypto) =>
      crypto.verify(ALGORITHM, key, new Uint8Array(signature), new Uint8Array(bytes))
    );
}

/** The SHA-256 hash of some bytes, 32 bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes);
  return new Uint8Array(await subtle((crypto) => crypto.digest("SHA-256", copy)));
}

/** Has WebCrypto do something, and says so where it cannot. */
async function subtle<T>(work: (crypto: SubtleCrypto) => Promise<T>): Promise<T> {
  // Browsers hide it from pages that did not come by HTTPS.
  const offered = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (offered !== undefined) {
    try {
      return await work(offered);
    } catch (error) {
      if ((error as Error).name !== "NotSupportedError") throw error;
    }
  }
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot sign or verify: WebCrypto has no Ed25519 here; it needs Deno 2, Bun 1, Node 22.13, or a " +
      "current browser with a page that came by HTTPS",
  );
}

/** Reads base64url, RFC 4648, section 5, without padding, as keys in JSON have it. */
function ofBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

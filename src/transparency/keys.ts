/**
 * Keys for signed notes, written as one line of text: C2SP signed-note, "Verifier keys", and Go's
 * `golang.org/x/mod/sumdb/note`, which defines the form of signing keys.
 *
 * ```
 * verifier key  <name>+<id>+<base64 of 0x01 and the public key, 32 bytes>
 * signing key   PRIVATE+KEY+<name>+<id>+<base64 of 0x01 and the private key, 32 bytes>
 * ```
 *
 * `0x01` says Ed25519. The id, eight lower-case hexadecimal digits, begins
 * `SHA-256(<name> || 0x0A || 0x01 || public key)`.
 *
 * No message here quotes a key that it was given: it may be a private one in the wrong place.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { describe } from "../refusal.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { type Fail, failing } from "./failure.ts";
import { keyNameFault } from "./names.ts";
import {
  generateSeed,
  PUBLIC_KEY_BYTES,
  SEED_BYTES,
  sha256,
  signerOfSeed,
  verifierOfPublicKey,
} from "./webcrypto.ts";

const TYPE_ED25519 = 0x01;
const TYPE_COSIGNATURE = 0x04;
const PRIVATE_PREFIX = "PRIVATE+KEY+";

/** Signs notes. Whoever keeps a key elsewhere, in a KMS for example, implements it. */
export interface Signer {
  /** The name of the key; for a checkpoint, the origin of the log. */
  readonly name: string;
  /** The id of the key, an unsigned integer of 32 bits; see {@link keyIdOf}. */
  readonly keyId: number;
  /** Signs bytes as they are with Ed25519 (not Ed25519ph); resolves to the 64 bytes of the signature. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A {@link Signer} whose key is at hand. */
export interface KeySigner extends Signer {
  /** What others verify its signatures with. */
  readonly verifierKey: string;
}

/** Verifies the signatures of one key. */
export interface Verifier {
  /** The name of the key. */
  readonly name: string;
  /** The id of the key, an unsigned integer of 32 bits. */
  readonly keyId: number;
  /** Whether the key signed exactly these bytes. */
  verify(bytes: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** Two keys that belong together. */
export interface KeyPair {
  /** The private one, `PRIVATE+KEY+...`: whoever has it signs in the name of the log. */
  readonly signingKey: string;
  /** The public one, for everyone who verifies. */
  readonly verifierKey: string;
}

/**
 * Makes a new pair of Ed25519 keys. The signing key is a secret: keep it where the recorded texts and
 * those who may change them are not.
 *
 * @param name The name of the key, and so the origin of the log whose checkpoints it signs: 1 to 255
 * bytes without spaces, plus and control characters. Take a URL without its scheme, below a domain
 * that is yours; nothing need answer there.
 * @throws {AuditLogError} `INVALID_KEY` for the name; `UNSUPPORTED_RUNTIME` when WebCrypto has no
 * Ed25519.
 *
 * @example
 * ```ts
 * import { generateSigningKey } from "@audit-log/llm";
 *
 * const { signingKey, verifierKey } = await generateSigningKey("example.com/audit-log");
 * console.log(signingKey.startsWith("PRIVATE+KEY+example.com/audit-log+")); // true
 * console.log(verifierKey.startsWith("example.com/audit-log+")); // true
 * ```
 */
export async function generateSigningKey(name: string): Promise<KeyPair> {
  const fault = keyNameFault(name);
  if (fault !== undefined) {
    throw failing("INVALID_KEY", "make a key")(
      `the name ${fault}; take a URL without its scheme, such as acme.example/chat`,
    );
  }
  const seed = generateSeed();
  const { publicKey } = await signerOfSeed(seed);
  const id = hexOf(await keyIdOf(name, publicKey));
  return {
    signingKey: `${PRIVATE_PREFIX}${name}+${id}+${dataOf(seed)}`,
    verifierKey: `${name}+${id}+${dataOf(publicKey)}`,
  };
}

/**
 * Makes a signer of a signing key.
 *
 * @param signingKey The key as {@link generateSigningKey} gives it, without a line break.
 * @throws {AuditLogError} `INVALID_KEY`, with a message that shows nothing of the key;
 * `UNSUPPORTED_RUNTIME` when WebCrypto has no Ed25519.
 *
 * @example
 * ```ts
 * import { generateSigningKey, signerFrom } from "@audit-log/llm";
 *
 * const { signingKey, verifierKey } = await generateSigningKey("example.com/audit-log");
 * const signer = await signerFrom(signingKey);
 * console.log(signer.name); // "example.com/audit-log"
 * console.log(signer.verifierKey === verifierKey); // true
 * ```
 */
export async function signerFrom(signingKey: string): Promise<KeySigner> {
  const fail = failing("INVALID_KEY", "read the signing key");
  checkText(signingKey, fail);
  if (!signingKey.startsWith(PRIVATE_PREFIX)) {
    throw fail(`it does not begin with ${PRIVATE_PREFIX}; the verifier key does not serve here`);
  }
  const { name, id, material } = parseKey(
    signingKey.slice(PRIVATE_PREFIX.length),
    SEED_BYTES,
    fail,
  );
  const { publicKey, sign } = await signerOfSeed(material);
  const keyId = await keyIdOf(name, publicKey);
  if (hexOf(keyId) !== id) throw fail("its id does not belong to its name and key");
  return { name, keyId, sign, verifierKey: `${name}+${id}+${dataOf(publicKey)}` };
}

/**
 * Makes a verifier of a verifier key.
 *
 * @param verifierKey The key as {@link generateSigningKey} gives it, without a line break. Keys of type
 * Ed25519 (0x01) alone are supported.
 * @throws {AuditLogError} `INVALID_KEY`; `UNSUPPORTED_RUNTIME` when WebCrypto has no Ed25519.
 *
 * @example
 * ```ts
 * import { verifierFrom } from "@audit-log/llm";
 *
 * const verifier = await verifierFrom(
 *   "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
 * );
 * console.log(verifier.name); // "example.com/foo"
 * ```
 */
export async function verifierFrom(verifierKey: string): Promise<Verifier> {
  const { name, keyId, publicKey } = await readVerifierKey(verifierKey);
  return { name, keyId, verify: await verifierOfPublicKey(publicKey) };
}

/** What a verifier key says. */
export interface VerifierKeyParts {
  /** The name of the key. */
  readonly name: string;
  /** The id of the key, an unsigned integer of 32 bits. */
  readonly keyId: number;
  /** The id under which the same key cosigns checkpoints with a time: tlog-cosignature, "Format". */
  readonly cosignatureId: number;
  /** The public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Reads a verifier key.
 *
 * @throws {AuditLogError} `INVALID_KEY`.
 */
export async function readVerifierKey(verifierKey: string): Promise<VerifierKeyParts> {
  const fail = failing("INVALID_KEY", "read the verifier key");
  checkText(verifierKey, fail);
  if (verifierKey.startsWith(PRIVATE_PREFIX)) {
    throw fail("it is a signing key, which is a secret; give the verifier key that belongs to it");
  }
  const { name, id, material } = parseKey(verifierKey, PUBLIC_KEY_BYTES, fail);
  const keyId = await keyIdOf(name, material);
  if (hexOf(keyId) !== id) throw fail("its id does not belong to its name and key");
  const cosignatureId = await idOf(TYPE_COSIGNATURE, name, material);
  return { name, keyId, cosignatureId, publicKey: material };
}

/**
 * The id of an Ed25519 key in signed notes: signed-note, "Signatures".
 *
 * @param name The name of the key.
 * @param publicKey The public key, 32 bytes.
 * @returns An unsigned integer of 32 bits.
 * @throws {AuditLogError} `INVALID_KEY` for the name or the length of the key.
 *
 * @example
 * ```ts
 * import { keyIdOf } from "@audit-log/llm";
 *
 * // The public key of a key pair in a KMS, 32 bytes.
 * const publicKey = crypto.getRandomValues(new Uint8Array(32));
 * const keyId = await keyIdOf("acme.example/chat", publicKey); // a Signer has it
 * ```
 */
export async function keyIdOf(name: string, publicKey: Uint8Array): Promise<number> {
  const fail = failing("INVALID_KEY", "tell the key's id");
  checkName(name, fail);
  if (!(publicKey instanceof Uint8Array)) {
    throw fail(`the public key must be a Uint8Array, not ${describe(publicKey)}`);
  }
  if (publicKey.length !== PUBLIC_KEY_BYTES) {
    throw fail(
      `the public key has ${counted(publicKey.length, "byte")}; it must have ${PUBLIC_KEY_BYTES}`,
    );
  }
  return await idOf(TYPE_ED25519, name, publicKey);
}

/** The id of a key for signatures of a type: signed-note, "Signatures". */
async function idOf(type: number, name: string, publicKey: Uint8Array): Promise<number> {
  const prefix = new TextEncoder().encode(`${name}\n`);
  const hash = await sha256(new Uint8Array([...prefix, type, ...publicKey]));
  return new DataView(hash.buffer).getUint32(0);
}

/**
 * Writes the verifier key of a public key that was made elsewhere, in a KMS for example.
 *
 * @param name The name of the key: 1 to 255 bytes without spaces, plus and control characters.
 * @param publicKey The Ed25519 public key, 32 bytes.
 * @returns `NAME+ID+KEY`, as {@link generateSigningKey} gives it.
 * @throws {AuditLogError} `INVALID_KEY` for the name or the length of the key.
 *
 * @example
 * ```ts
 * import { verifierKeyOf } from "@audit-log/llm";
 *
 * // The public key of a key pair in a KMS, 32 bytes.
 * const publicKey = crypto.getRandomValues(new Uint8Array(32));
 * console.log(await verifierKeyOf("acme.example/chat", publicKey)); // acme.example/chat+...
 * ```
 */
export async function verifierKeyOf(name: string, publicKey: Uint8Array): Promise<string> {
  return `${name}+${hexOf(await keyIdOf(name, publicKey))}+${dataOf(publicKey)}`;
}

/** How messages name a key: `name+id`. */
export function labelOf(
  { name, keyId }: { readonly name: string; readonly keyId: number },
): string {
  return `${name}+${hexOf(keyId)}`;
}

function checkName(name: string, fail: Fail): void {
  const fault = keyNameFault(name);
  if (fault !== undefined) throw fail(`the name ${fault}`);
}

function checkText(key: string, fail: Fail): void {
  if (typeof key !== "string") throw fail(`it must be a string, not ${describe(key)}`);
  if (key === "") throw fail("it is empty");
  // Not \s, to which U+FEFF, which a name may have, is white space.
  if (/\p{White_Space}/u.test(key)) {
    throw fail("it contains white space; give the key alone, without a line break");
  }
}

/** The parts of `<name>+<id>+<data>`. What follows the data fails as base64. */
function parseKey(key: string, bytes: number, fail: Fail) {
  const parts = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(key);
  if (parts === null) {
    throw fail("it has not the three parts name, id and key, with a plus between");
  }
  const [, name, id, data] = parts as unknown as [string, string, string, string];
  checkName(name, fail);
  if (!/^[0-9a-f]{8}$/.test(id)) throw fail("its id is not eight lower-case hexadecimal digits");
  const decoded = decodeBase64(data);
  if (decoded === undefined) throw fail("what follows the id is not canonical base64");
  if (decoded.length === 0) throw fail("nothing follows the id");
  if (decoded[0] !== TYPE_ED25519) {
    throw fail("it is not of the type Ed25519 (0x01), the only one supported");
  }
  if (decoded.length !== 1 + bytes) {
    throw fail(`it has ${counted(decoded.length - 1, "byte")} of key; an Ed25519 key has ${bytes}`);
  }
  return { name, id, material: decoded.slice(1) };
}

function dataOf(material: Uint8Array): string {
  return encodeBase64(new Uint8Array([TYPE_ED25519, ...material]));
}

function hexOf(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}

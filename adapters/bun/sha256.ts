/**
 * SHA-256 by Bun's own hasher.
 *
 * @module
 */

// The part of Bun that is used, so that no other runtime needs Bun's types.
interface BunHasher {
  hash(data: string | Uint8Array, into?: Uint8Array): Uint8Array;
}

/** SHA-256 of some bytes, or of a string's in UTF-8; see `Sha256`. */
export function sha256(data: string | Uint8Array, into?: Uint8Array): Uint8Array {
  return hasher().hash(data, into);
}

function hasher(): BunHasher {
  return (globalThis as unknown as { Bun: { SHA256: BunHasher } }).Bun.SHA256;
}

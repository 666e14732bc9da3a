/**
 * SHA-256 by way of `node:crypto`, which Node and Deno have alike. WebCrypto has nothing but promises.
 *
 * @module
 */
import { hash } from "node:crypto";

const HASH_BYTES = 32;

/** SHA-256 of some bytes, or of a string's in UTF-8; see `Sha256`. */
export function sha256(
  data: string | Uint8Array,
  into: Uint8Array = new Uint8Array(HASH_BYTES),
): Uint8Array {
  // As text: a buffer of its own for each hash takes longer to make than the hash, on Deno twice as long.
  const digits = hash("sha256", data, "hex");
  for (let at = 0; at < HASH_BYTES; at++) {
    into[at] = valueOf(digits.charCodeAt(2 * at)) << 4 | valueOf(digits.charCodeAt(2 * at + 1));
  }
  return into;
}

/** The value of a hexadecimal digit: of `0` to `9`, 0x30 to 0x39, and `a` to `f`, 0x61 to 0x66. */
function valueOf(code: number): number {
  return (code & 0xf) + (code >> 6) * 9;
}

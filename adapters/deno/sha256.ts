/**
 * SHA-256 for Deno: its own `node:crypto`. WebCrypto has nothing but promises.
 *
 * @module
 */
import { hash } from "node:crypto";

/** SHA-256 of some bytes, or of a string's in UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return hash("sha256", data, "buffer");
}

/**
 * Base64 as the C2SP formats use it: the standard alphabet with padding, RFC 4648, section 4, and one
 * text only for the same bytes.
 *
 * @module
 */

/** How many bytes become arguments of one call; runtimes bound that. */
const CHUNK_BYTES = 8192;

/** Writes bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}

/**
 * Reads base64 as {@link encodeBase64} writes it.
 *
 * @returns The bytes, or `undefined` for anything else: white space, missing or surplus padding,
 * letters of the URL-safe alphabet, bits that are set beyond the last byte.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  // atob() forgives much of what is refused here; what it read is written again and compared.
  if (btoa(binary) !== text) return undefined;
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

import { decodeBase64, encodeBase64 } from "./base64.ts";
import { nameFault } from "./names.ts";

/** Em dash, space. */
const PREFIX = "\u2014 ";
const KEY_ID_BYTES = 4;

/** A signature line of a note, signed-note, "Signatures". */
export interface NoteSignature {
  /** The name of the key. */
  readonly name: string;
  /** The id of the key, an unsigned integer of 32 bits. */
  readonly keyId: number;
  /** The signature, at least one byte; what it is, is up to the type of the key. */
  readonly signature: Uint8Array;
  /** The whole line, without its newline. */
  readonly line: string;
}

/** Writes a signature line, without its newline. */
export function formatSignature(
  { name, keyId }: { readonly name: string; readonly keyId: number },
  signature: Uint8Array,
): string {
  const bytes = new Uint8Array(KEY_ID_BYTES + signature.length);
  new DataView(bytes.buffer).setUint32(0, keyId);
  bytes.set(signature, KEY_ID_BYTES);
  return `${PREFIX}${name} ${encodeBase64(bytes)}`;
}

/**
 * Reads a signature line.
 *
 * @param line Without its newline.
 * @returns The signature, or what is wrong with the line, to follow "line 4 ".
 */
export function parseSignature(line: string): NoteSignature | string {
  if (!line.startsWith(PREFIX)) {
    return "is no signature: it does not begin with an em dash (U+2014) and a space";
  }
  const [name, encoded, ...more] = line.slice(PREFIX.length).split(" ") as [string, ...string[]];
  const fault = nameFault(name);
  if (fault !== undefined) return `has no valid key name: it ${fault}`;
  if (encoded === undefined || more.length > 0) {
    return "has not the two parts name and signature, with one space between";
  }
  const bytes = decodeBase64(encoded);
  if (bytes === undefined) return "has a signature that is not canonical base64";
  if (bytes.length <= KEY_ID_BYTES) return "has a signature of fewer than 5 bytes";
  const keyId = new DataView(bytes.buffer).getUint32(0);
  return { name, keyId, signature: bytes.slice(KEY_ID_BYTES), line };
}

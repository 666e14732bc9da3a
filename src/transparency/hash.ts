/**
 * The two kinds of hashes in a Merkle tree, RFC 9162, section 2.1.1 (RFC 6962, section 2.1, has the same).
 *
 * ```
 * hash of a leaf   SHA-256(0x00 || record)
 * hash of a node   SHA-256(0x01 || left || right)
 * root of no leaf  SHA-256()
 * ```
 *
 * The first byte keeps the two apart: without it a record that consists of two hashes would stand
 * for the node above them.
 *
 * There are two ports for SHA-256. A log hashes every record and cannot wait for a promise each
 * time; who checks a proof may be a browser, which has nothing but promises. A log in memory that is in a browser itself hashes
 * with `sha256.ts`.
 *
 * @module
 */
import type { Sha256 } from "../ports.ts";

export type { Sha256 };

/**
 * SHA-256, at once or later: {@link Sha256} is one, and so is a function around
 * `crypto.subtle.digest()`.
 *
 * The result has {@link HASH_BYTES} bytes. What it is given does not change later.
 */
export type Digest = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** The length of a hash in bytes. */
export const HASH_BYTES = 32;

const LEAF = 0;
const NODE = 1;
const NODE_BYTES = 1 + 2 * HASH_BYTES;

/** A record that is longer gets a buffer of its own. */
const MOST_REUSED_BYTES = 64 * 1024;
let leaf = new Uint8Array(0);

// A tree of a million leaves has a million nodes, and SHA-256 is done with its input on return.
const node = new Uint8Array(NODE_BYTES);
node[0] = NODE;

/**
 * The hash of a leaf, RFC 9162, section 2.1.1.
 *
 * @param sha256 The runtime's SHA-256.
 * @param record The record's bytes, of any length; a string means its UTF-8 bytes.
 * @param into Where the hash may be put.
 */
export function leafHash(
  sha256: Sha256,
  record: string | Uint8Array,
  into?: Uint8Array,
): Uint8Array {
  // U+0000 is the byte 0 in UTF-8, so that the runtime encodes and hashes in one go.
  if (typeof record === "string") return sha256(`\0${record}`, into);
  const length = 1 + record.length;
  if (length > MOST_REUSED_BYTES) return sha256(prefixed(record), into);
  if (length > leaf.length) leaf = new Uint8Array(Math.min(MOST_REUSED_BYTES, 2 * length));
  leaf.set(record, 1);
  return sha256(leaf.subarray(0, length), into);
}

/**
 * The hash of a node over two others, RFC 9162, section 2.1.1.
 *
 * @param sha256 The runtime's SHA-256.
 * @param left The hash on the left, {@link HASH_BYTES} bytes.
 * @param right The hash on the right, {@link HASH_BYTES} bytes.
 */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return sha256(node);
}

/**
 * {@link nodeHash} over two hashes that stand side by side.
 *
 * @param sha256 The runtime's SHA-256.
 * @param hashes Hashes end to end.
 * @param pair Which two of them: 0 is the first and the second.
 * @param into Where the hash may be put.
 */
export function pairHash(
  sha256: Sha256,
  hashes: Uint8Array,
  pair: number,
  into: Uint8Array,
): Uint8Array {
  // Byte by byte: quicker than a view of them.
  const before = pair * 2 * HASH_BYTES - 1;
  for (let at = 1; at < NODE_BYTES; at++) node[at] = hashes[before + at]!;
  return sha256(node, into);
}

/**
 * The root of a tree without leaves, RFC 9162, section 2.1.1: the hash of nothing.
 *
 * @param sha256 The runtime's SHA-256.
 */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256("");
}

/**
 * {@link leafHash} for those who check.
 *
 * @param digest SHA-256.
 * @param record The record's bytes, of any length; a string means its UTF-8 bytes.
 */
export async function digestLeaf(
  digest: Digest,
  record: string | Uint8Array,
): Promise<Uint8Array> {
  const bytes = typeof record === "string" ? new TextEncoder().encode(record) : record;
  return await digest(prefixed(bytes));
}

/**
 * {@link nodeHash} for those who check.
 *
 * @param digest SHA-256.
 * @param left The hash on the left, {@link HASH_BYTES} bytes.
 * @param right The hash on the right, {@link HASH_BYTES} bytes.
 */
export async function digestNode(
  digest: Digest,
  left: Uint8Array,
  right: Uint8Array,
): Promise<Uint8Array> {
  // Not the shared buffer: another proof may be checked before this promise is settled.
  const bytes = new Uint8Array(NODE_BYTES);
  bytes[0] = NODE;
  bytes.set(left, 1);
  bytes.set(right, 1 + HASH_BYTES);
  return await digest(bytes);
}

/**
 * {@link emptyRoot} for those who check.
 *
 * @param digest SHA-256.
 */
export async function digestEmptyRoot(digest: Digest): Promise<Uint8Array> {
  return await digest(new Uint8Array(0));
}

/**
 * Whether two hashes have the same length and bytes. It takes as long wherever they differ.
 *
 * @param a A hash.
 * @param b Another.
 */
export function equalHashes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function prefixed(record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + record.length);
  bytes[0] = LEAF;
  bytes.set(record, 1);
  return bytes;
}

/**
 * Checking proofs: RFC 9162, sections 2.1.3.2 and 2.1.4.2. The names `fn`, `sn`, `r`, `fr` and `sr`
 * are the RFC's, so that the two can be read side by side.
 *
 * Whatever is wrong with a proof, the answer is `false`. What the digest throws is passed on.
 *
 * A root does not say how many leaves are beneath it, and a proof fits every size that gives it the
 * same shape: that of leaf 0 in a tree of 6 would also pass for a tree of 7. So size and root must come
 * from one place, a signed checkpoint.
 *
 * @module
 */

import { type Digest, digestEmptyRoot, digestNode, equalHashes, HASH_BYTES } from "./hash.ts";
import { isCount } from "./tile.ts";

/** The claim that a leaf is in a tree, and its proof. */
export interface InclusionClaim {
  /** The hash of the leaf, 32 bytes. */
  readonly leaf: Uint8Array;
  /** Its place in the log, 0 to `size - 1`. */
  readonly index: number;
  /** The number of leaves of the tree, 1 to 2^53 - 1. */
  readonly size: number;
  /** Hashes of 32 bytes, the leaf's sibling first. */
  readonly proof: readonly Uint8Array[];
  /** The root of the tree, 32 bytes. */
  readonly root: Uint8Array;
}

/** The claim that a tree has grown from another, and its proof. */
export interface ConsistencyClaim {
  /** The number of leaves of the smaller tree, 0 to `toSize`. */
  readonly fromSize: number;
  /** Its root, 32 bytes. */
  readonly fromRoot: Uint8Array;
  /** The number of leaves of the larger tree, 0 to 2^53 - 1. */
  readonly toSize: number;
  /** Its root, 32 bytes. */
  readonly toRoot: Uint8Array;
  /** Hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
}

/**
 * Whether a leaf is in a tree, RFC 9162, section 2.1.3.2.
 *
 * @param digest SHA-256.
 * @param claim The leaf, the tree and the proof.
 * @returns `false` for anything that is wrong or malformed, too.
 */
export async function verifyInclusion(digest: Digest, claim: InclusionClaim): Promise<boolean> {
  const { leaf, index, size, proof, root } = claim;
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;
  let [fn, sn] = [index, size - 1];
  let r = leaf;
  for (const p of proof) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      r = await digestNode(digest, p, r);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      r = await digestNode(digest, r, p);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equalHashes(r, root);
}

/**
 * Whether a tree has grown from another, RFC 9162, section 2.1.4.2. For what the RFC leaves out:
 *
 * - equal sizes: the proof is empty and the roots are equal;
 * - from size 0: the proof is empty and the smaller root is that of no leaf. Every tree has grown
 *   from that one, so nothing is learnt about the larger root.
 *
 * @param digest SHA-256.
 * @param claim The two trees and the proof.
 * @returns `false` for anything that is wrong or malformed, too.
 */
export async function verifyConsistency(
  digest: Digest,
  claim: ConsistencyClaim,
): Promise<boolean> {
  const { fromSize, fromRoot, toSize, toRoot, proof } = claim;
  if (!isCount(fromSize) || !isCount(toSize) || fromSize > toSize) return false;
  if (![fromRoot, toRoot, ...proof].every(isHash)) return false;
  if (fromSize === 0 && !equalHashes(fromRoot, await digestEmptyRoot(digest))) return false;
  if (fromSize === toSize) return proof.length === 0 && equalHashes(fromRoot, toRoot);
  if (fromSize === 0) return proof.length === 0;
  if (proof.length === 0) return false;

  let [fn, sn] = [fromSize - 1, toSize - 1];
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
  // All digits of `fn` were ones: the size is a power of two, and the smaller tree a node of the larger.
  const path = fn === 0 ? [fromRoot, ...proof] : proof;
  let fr = path[0]!;
  let sr = fr;
  for (const c of path.slice(1)) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      fr = await digestNode(digest, c, fr);
      sr = await digestNode(digest, c, sr);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = await digestNode(digest, sr, c);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equalHashes(fr, fromRoot) && equalHashes(sr, toRoot);
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}

// Bit operators would cut these numbers to 32 bits.
function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** A right shift by one. */
function half(value: number): number {
  return Math.floor(value / 2);
}

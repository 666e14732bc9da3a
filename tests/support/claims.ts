/**
 * Claims about trees of a few hundred leaves that hold, to be tampered with.
 *
 * @module
 */

import { assert } from "@std/assert";
import {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from "../../src/transparency/proof_check.ts";
import { hex, leaves, Model, sha256 } from "./merkle.ts";

/** Where the leaves come from. */
export const model: Model = new Model(leaves(300));

/** A leaf of a tree of the {@link model}'s first so many leaves, with its proof. */
export function inclusion(index: number, size: number): InclusionClaim {
  const leaf = model.leaves[index]!;
  return { leaf, index, size, proof: model.path(index, 0, size), root: model.mth(0, size) };
}

/** Two trees of the {@link model}'s first leaves, with their proof. */
export function consistency(fromSize: number, toSize: number): ConsistencyClaim {
  const [fromRoot, toRoot] = [model.mth(0, fromSize), model.mth(0, toSize)];
  const proof = fromSize === 0 ? [] : model.proof(fromSize, toSize);
  return { fromSize, fromRoot, toSize, toRoot, proof };
}

const claimText = (claim: object): string =>
  JSON.stringify(claim, (_, value) => value instanceof Uint8Array ? hex(value) : value);

/** Checks that a claim does not hold. */
export async function refuse(claim: InclusionClaim | ConsistencyClaim): Promise<void> {
  const holds = "leaf" in claim
    ? await verifyInclusion(sha256, claim)
    : await verifyConsistency(sha256, claim);
  if (holds) assert(false, claimText(claim)); // the text takes longer than the check
}

/** A hash that is in none of these trees. */
export const odd: Uint8Array = leaves(1, "odd ")[0]!;

/** What is no number of leaves. */
export const NOT_COUNTS: readonly number[] = [-1, 0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 64];

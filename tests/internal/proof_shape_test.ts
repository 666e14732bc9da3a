// What a proof says of sizes, and what it does not: it is held against the RFC's definitions undone.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import {
  type ConsistencyClaim,
  verifyConsistency,
  verifyInclusion,
} from "../../src/transparency/proof_check.ts";
import { consistency, inclusion, NOT_COUNTS, refuse } from "../support/claims.ts";
import { hex, rootByPath, rootsByProof, sha256 } from "../support/merkle.ts";

test("a proof of a leaf holds for another size only where the shape is the same", async () => {
  for (let size = 1; size <= 34; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      for (let other = 0; other <= 66; other++) {
        const root = rootByPath(index, other, claim.leaf, claim.proof);
        const expected = hex(root) === hex(claim.root);
        const holds = await verifyInclusion(sha256, { ...claim, size: other });
        assertEquals(holds, expected, `${index} of ${size}, as if of ${other}`);
      }
      for (const other of [...NOT_COUNTS, size + 0.5, size + 2 ** 32]) {
        await refuse({ ...claim, size: other });
      }
    }
  }
});

test("a proof of a leaf holds for another index and size only where it leads to that place", async () => {
  for (let size = 1; size <= 12; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      for (let otherSize = 0; otherSize <= 26; otherSize++) {
        for (let other = 0; other < otherSize; other++) {
          const root = rootByPath(other, otherSize, claim.leaf, claim.proof);
          const holds = await verifyInclusion(sha256, { ...claim, index: other, size: otherSize });
          assertEquals(holds, hex(root) === hex(claim.root), `${index} of ${size}, as ${other}`);
        }
      }
    }
  }
});

test("a proof of growth holds for other sizes only where the shape is the same", async () => {
  const holdsByDefinition = (claim: ConsistencyClaim): boolean => {
    const { fromSize, fromRoot, toSize, toRoot, proof } = claim;
    const [first, second] = rootsByProof(fromSize, toSize, fromRoot, proof) ?? [];
    return hex(first) === hex(fromRoot) && hex(second) === hex(toRoot);
  };
  for (let to = 1; to <= 17; to++) {
    for (let from = 1; from <= to; from++) {
      const claim = consistency(from, to);
      for (let toSize = 0; toSize <= 34; toSize++) {
        for (let fromSize = 1; fromSize <= 34; fromSize++) {
          const other = { ...claim, fromSize, toSize };
          const holds = await verifyConsistency(sha256, other);
          assertEquals(holds, holdsByDefinition(other), `${from} to ${to}: ${fromSize} ${toSize}`);
        }
      }
      for (const bad of NOT_COUNTS) {
        await refuse({ ...claim, fromSize: bad });
        await refuse({ ...claim, toSize: bad });
      }
      for (const off of [0.5, 2 ** 32]) {
        await refuse({ ...claim, fromSize: from + off });
        await refuse({ ...claim, toSize: to + off });
        // Equal sizes with equal roots are no more than that claim.
        if (from === to && off >= 1) continue;
        await refuse({ ...claim, fromSize: from + off, toSize: to + off });
      }
    }
  }
});

test("the shape that one size shares with another: why size and root must come together", async () => {
  assert(await verifyInclusion(sha256, { ...inclusion(0, 6), size: 7 }));
  assert(!await verifyInclusion(sha256, { ...inclusion(0, 6), size: 9 }));
  assert(await verifyConsistency(sha256, { ...consistency(1, 6), toSize: 7 }));
});

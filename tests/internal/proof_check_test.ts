// Proofs that hold, and those that must not: whatever is changed about one.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { nodeHash } from "../../src/transparency/hash.ts";
import { verifyConsistency, verifyInclusion } from "../../src/transparency/proof_check.ts";
import { consistency, inclusion, model, NOT_COUNTS, odd, refuse } from "../support/claims.ts";
import { Model, sha256, webCrypto } from "../support/merkle.ts";
import { check } from "../support/property.ts";

test("every leaf of every tree of up to 100 leaves is proved, also by WebCrypto", async () => {
  for (let size = 1; size <= 100; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      assert(await verifyInclusion(sha256, claim), `${index} of ${size}`);
      if (size % 10 === 3) assert(await verifyInclusion(webCrypto, claim));
    }
  }
});

test("every tree of up to 100 leaves has grown from every smaller one, also by WebCrypto", async () => {
  for (let to = 0; to <= 100; to++) {
    for (let from = 0; from <= to; from++) {
      const claim = consistency(from, to);
      assert(await verifyConsistency(sha256, claim), `${from} to ${to}`);
      if (to % 10 === 3) assert(await verifyConsistency(webCrypto, claim));
    }
  }
});

const SIZES: [number, number][] = [[1, 2], [2, 3], [3, 7], [4, 8], [5, 8], [6, 13], [64, 100]];

test("a proof with any bit of any hash flipped does not hold", async () => {
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = bytes.slice();
    copy[bit >> 3]! ^= 1 << bit % 8;
    return copy;
  };
  for (const [a, b] of SIZES) {
    const [leaf, growth] = [inclusion(a - 1, b), consistency(a, b)];
    for (let bit = 0; bit < 256; bit++) {
      await refuse({ ...leaf, leaf: flipped(leaf.leaf, bit) });
      await refuse({ ...leaf, root: flipped(leaf.root, bit) });
      await refuse({ ...growth, fromRoot: flipped(growth.fromRoot, bit) });
      await refuse({ ...growth, toRoot: flipped(growth.toRoot, bit) });
      for (const claim of [leaf, growth]) {
        for (const [n, hash] of claim.proof.entries()) {
          await refuse({ ...claim, proof: claim.proof.with(n, flipped(hash, bit)) });
        }
      }
    }
  }
});

/** Proofs with hashes dropped, added, swapped or of another length. */
function spoilt(proof: readonly Uint8Array[], known: readonly Uint8Array[]): Uint8Array[][] {
  const others: Uint8Array[][] = [];
  for (let n = 0; n <= proof.length; n++) {
    for (const hash of [odd, ...known, ...proof]) others.push(proof.toSpliced(n, 0, hash));
    if (n === proof.length) break;
    const hash = proof[n]!;
    others.push(proof.toSpliced(n, 1), proof.slice(0, n), proof.slice(n + 1));
    for (const length of [0, 31, 33, 64]) {
      const resized = new Uint8Array(length);
      resized.set(hash.subarray(0, length));
      others.push(proof.with(n, resized));
    }
    for (let m = 0; m < n; m++) others.push(proof.with(n, proof[m]!).with(m, hash));
  }
  if (proof.length > 1) others.push(proof.toReversed());
  return others;
}

test("a proof with hashes dropped, added, swapped or cut does not hold", async () => {
  for (let size = 1; size <= 20; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      for (const proof of spoilt(claim.proof, [claim.leaf, claim.root])) {
        await refuse({ ...claim, proof });
      }
    }
  }
  for (let to = 0; to <= 20; to++) {
    for (let from = 0; from <= to; from++) {
      const claim = consistency(from, to);
      for (const proof of spoilt(claim.proof, [claim.fromRoot, claim.toRoot])) {
        await refuse({ ...claim, proof });
      }
    }
  }
});

test("a leaf and a root of another length, or of another place, do not hold", async () => {
  for (const [a, b] of SIZES) {
    const [leaf, growth] = [inclusion(a - 1, b), consistency(a, b)];
    const others = [0, 31, 33].map((length) => new Uint8Array(length));
    for (const other of [...others, odd, sha256(""), leaf.root, model.leaves[200]!]) {
      await refuse({ ...leaf, leaf: other });
      await refuse({ ...growth, fromRoot: other });
    }
    for (const other of [...others, odd, sha256(""), leaf.leaf, model.mth(0, 200)]) {
      await refuse({ ...leaf, root: other });
      await refuse({ ...growth, toRoot: other });
    }
  }
});

test("a proof holds for no other index", async () => {
  for (let size = 1; size <= 40; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      for (let other = 0; other < size + 3; other++) {
        if (other !== index) await refuse({ ...claim, index: other });
      }
      for (const other of [...NOT_COUNTS, index + 0.5, index + 2 ** 32, index + 2 ** 31]) {
        await refuse({ ...claim, index: other });
      }
    }
  }
});

test("a hash too many does not hold, even with the root that it would lead to", async () => {
  const claim = inclusion(2, 3);
  const root = nodeHash(sha256, odd, claim.root);
  await refuse({ ...claim, proof: [...claim.proof, odd], root });
  const growth = consistency(2, 3);
  const toRoot = nodeHash(sha256, odd, growth.toRoot);
  const fromRoot = nodeHash(sha256, odd, growth.fromRoot);
  await refuse({ ...growth, proof: [...growth.proof, odd], toRoot });
  await refuse({ ...growth, proof: [...growth.proof, odd], toRoot, fromRoot });
});

test("from no leaf every tree has grown, with an empty proof and the root of no leaf", async () => {
  const claim = consistency(0, 5);
  assertEquals(claim.proof, []);
  assert(await verifyConsistency(sha256, claim));
  assert(await verifyConsistency(sha256, { ...claim, toRoot: odd }));
  await refuse({ ...claim, fromRoot: odd });
  await refuse({ ...claim, fromRoot: claim.toRoot });
  await refuse({ ...claim, proof: [odd] });
  await refuse({ ...claim, toRoot: new Uint8Array(31) });
  assert(await verifyConsistency(sha256, consistency(0, 0)));
  await refuse({ ...consistency(0, 0), toRoot: odd });
  await refuse({ ...consistency(0, 0), toRoot: odd, fromRoot: odd });
});

test("between equal sizes the proof is empty and the roots are equal", async () => {
  for (const size of [1, 2, 3, 64, 300]) {
    const claim = consistency(size, size);
    assertEquals(claim.proof, []);
    assert(await verifyConsistency(sha256, claim));
    await refuse({ ...claim, toRoot: odd });
    await refuse({ ...claim, fromRoot: odd });
    await refuse({ ...claim, proof: [claim.toRoot] });
  }
});

test("a larger tree has not grown into a smaller one", async () => {
  for (let to = 1; to <= 20; to++) {
    for (let from = 0; from < to; from++) {
      const { fromRoot, toRoot, proof } = consistency(from, to);
      const turned = { fromSize: to, fromRoot: toRoot, toSize: from, toRoot: fromRoot };
      await refuse({ ...turned, proof });
      await refuse({ ...turned, proof: [] });
    }
  }
});

test("a tree whose earlier leaves were changed has not grown from the one before", async () => {
  const size = fc.integer({ min: 1, max: 300 });
  await check(
    fc.asyncProperty(size, size, fc.nat(), fc.boolean(), async (a, b, at, removes) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const index = at % from;
      const changed = removes
        ? model.leaves.toSpliced(index, 1).concat(odd)
        : model.leaves.with(index, odd);
      const other = new Model(changed);
      const claim = consistency(from, to);
      // The best that a forger has: the proof of his own tree.
      const [toRoot, proof] = [other.mth(0, to), other.proof(from, to)];
      await refuse({ ...claim, toRoot });
      await refuse({ ...claim, toRoot, proof });
    }),
    200,
  );
});

test("proofs that are checked at the same time do not disturb one another", async () => {
  // Unlike WebCrypto, this reads what it was given only later.
  const late = async (bytes: Uint8Array): Promise<Uint8Array> => {
    await Promise.resolve();
    return sha256(bytes);
  };
  const claims = Array.from({ length: 60 }, (_, n) => inclusion(n, 60));
  const verdicts = await Promise.all(claims.flatMap((claim, n) => [
    verifyInclusion(late, claim),
    verifyInclusion(late, { ...claim, index: (n + 1) % 60 }),
  ]));
  assertEquals(verdicts, claims.flatMap(() => [true, false]));
});

// Proofs of trees larger than any that a test can grow, and than what bit operators can count.

import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { verifyConsistency, verifyInclusion } from "../../src/transparency/proof_check.ts";
import { consistencyProof, inclusionProof, treeRoot } from "../../src/transparency/proofs.ts";
import { type TileId, tilePath, tileWidth } from "../../src/transparency/tile.ts";
import { HugeTree } from "../support/huge_tree.ts";
import { checkReads, concat, hex, node, NotingReader, sha256 } from "../support/merkle.ts";
import { check } from "../support/property.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const hexes = (hashes: readonly Uint8Array[]) => hashes.map(hex);

test("at a million leaves a proof reads at most six tiles", async () => {
  const size = 1_000_000;
  const huge = new HugeTree(123_456);
  for (const index of [0, 255, 256, 65_535, 123_456, 500_000, 983_039, 983_040, 999_936, 999_999]) {
    for (const prove of [inclusionProof, consistencyProof]) {
      const reader = new NotingReader(huge.tile);
      await prove(sha256, reader, index, size);
      checkReads(reader);
      assertLess(reader.reads.length, 7);
    }
  }
});

/**
 * A hash for each place that a tile can have, unrelated to those beneath: the place itself, since
 * whole tiles of them are made.
 */
function placed({ level, index }: TileId, width: number): Uint8Array {
  const first = BigInt(index) * 256n;
  return concat(Array.from({ length: width }, (_, n) => place(level, first + BigInt(n))));
}

function place(level: number, position: bigint): Uint8Array {
  const hash = new Uint8Array(32);
  hash[0] = level;
  new DataView(hash.buffer).setBigUint64(24, position);
  return hash;
}

/** The root of leaves `from` to before `to`, where tiles are {@link placed}; counted in BigInt. */
function placedRoot(from: bigint, to: bigint): Uint8Array {
  for (let level = 7; level >= 0; level--) {
    const step = 256n ** BigInt(level);
    if (to - from === step && from % step === 0n) return place(level, from / step);
  }
  const split = 2n ** BigInt((to - from - 1n).toString(2).length - 1);
  return node(placedRoot(from, from + split), placedRoot(from + split, to));
}

function placedPath(m: bigint, from: bigint, to: bigint): Uint8Array[] {
  if (to - from === 1n) return [];
  const split = from + 2n ** BigInt((to - from - 1n).toString(2).length - 1);
  return m < split
    ? [...placedPath(m, from, split), placedRoot(split, to)]
    : [...placedPath(m, split, to), placedRoot(from, split)];
}

function placedProof(m: bigint, from: bigint, to: bigint): Uint8Array[] {
  if (m === to) return from === 0n ? [] : [placedRoot(from, to)];
  const split = from + 2n ** BigInt((to - from - 1n).toString(2).length - 1);
  return m <= split
    ? [...placedProof(m, from, split), placedRoot(split, to)]
    : [...placedProof(m, split, to), placedRoot(from, split)];
}

const hugeSize = fc.oneof(
  fc.integer({ min: 2 ** 31, max: MAX }),
  fc.tuple(fc.integer({ min: 31, max: 52 }), fc.integer({ min: -2, max: 2 }))
    .map(([power, off]) => 2 ** power + off),
  fc.constantFrom(MAX, MAX - 1, MAX - 256, 70_000 + 2 ** 40),
);

test("proofs of trees of 2^31 to 2^53 - 1 leaves take the right hashes of the right tiles", async () => {
  await check(
    fc.asyncProperty(hugeSize, hugeSize, fc.nat(1000), async (a, b, off) => {
      const [size, other] = [Math.max(a, b), Math.min(a, b)];
      const tiles = new Map<string, Uint8Array>();
      const reader = () =>
        new NotingReader((id, width) => {
          assertEquals(width, tileWidth(id, size));
          const path = tilePath(id, width);
          if (!tiles.has(path)) tiles.set(path, placed(id, width));
          return tiles.get(path)!;
        });
      const root = await treeRoot(sha256, reader(), size);
      assertEquals(hex(root), hex(placedRoot(0n, BigInt(size))));
      for (const index of [other, size - off, off]) {
        if (index < size) {
          const proof = await inclusionProof(sha256, reader(), index, size);
          assertEquals(hexes(proof), hexes(placedPath(BigInt(index), 0n, BigInt(size))));
        }
        if (index > 0) {
          const proof = await consistencyProof(sha256, reader(), index, size);
          assertEquals(hexes(proof), hexes(placedProof(BigInt(index), 0n, BigInt(size))));
        }
      }
    }),
    12,
  );
});

test("proofs of trees of 2^31 to 2^53 - 1 leaves hold, and for no other leaf", async () => {
  await check(
    fc.asyncProperty(hugeSize, hugeSize, async (a, b) => {
      const [size, other] = [Math.max(a, b), Math.min(a, b)];
      const index = Math.min(other, size - 1);
      const huge = new HugeTree(index);
      const reader = new NotingReader(huge.tile);
      const proof = await inclusionProof(sha256, reader, index, size);
      const root = await treeRoot(sha256, reader, size);
      assertEquals(hex(root), hex(huge.root(size)));
      const claim = { leaf: huge.leaf, index, size, proof, root };
      assert(await verifyInclusion(sha256, claim));
      for (
        const wrong of [index - 2 ** 32, index - 2 ** 31, index - 1, index + 1, index + 2 ** 32]
      ) {
        assert(!await verifyInclusion(sha256, { ...claim, index: wrong }), `${wrong}`);
      }
      assert(!await verifyInclusion(sha256, { ...claim, leaf: huge.otherLeaf }));

      const growth = {
        fromSize: other,
        fromRoot: huge.root(other),
        toSize: size,
        toRoot: root,
        proof: await consistencyProof(sha256, reader, other, size),
      };
      assert(await verifyConsistency(sha256, growth));
      if (other < size) {
        const withSpecial = huge.root(index + 1);
        assert(!await verifyConsistency(sha256, { ...growth, fromRoot: withSpecial }));
      }
    }),
    20,
  );
});

test("a tree of 2^53 leaves is beyond what can be counted, and its proofs do not hold", async () => {
  const huge = new HugeTree(0);
  const [leaf, size, root] = [huge.leaf, 2 ** 53, huge.root(2 ** 53)];
  const proof = Array.from({ length: 53 }, (_, height) => huge.subtree(height, 1n));
  const growth = { fromSize: 1, fromRoot: leaf, proof };
  assert(!await verifyInclusion(sha256, { leaf, index: 0, size, proof, root }));
  assert(!await verifyConsistency(sha256, { ...growth, toSize: size, toRoot: root }));
  // The same proofs do hold for half of it, less what belongs to the other half.
  const half = { leaf, index: 0, size: size / 2, proof: proof.slice(0, -1) };
  const halfRoot = huge.root(size / 2);
  assert(await verifyInclusion(sha256, { ...half, root: halfRoot }));
  const { size: toSize, proof: shorter } = half;
  assert(await verifyConsistency(sha256, { ...growth, toSize, toRoot: halfRoot, proof: shorter }));
});

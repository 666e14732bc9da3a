// Roots and proofs out of tiles, against the RFC's definitions over all leaves.

import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { AuditLogError } from "../../src/errors.ts";
import {
  consistencyProof,
  inclusionProof,
  type TileReader,
  treeRoot,
} from "../../src/transparency/proofs.ts";
import { tilePath, tileWidth } from "../../src/transparency/tile.ts";
import { Tree } from "../../src/transparency/tree.ts";
import { checkReads, concat, hex, leaves, Model, NotingReader, sha256 } from "../support/merkle.ts";
import { check } from "../support/property.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const many = new Model(leaves(70_000));

/** All hashes of the model by level, laid end to end before any is asked for. */
const levels = [0, 1, 2].map((level) =>
  concat(
    Array.from(
      { length: Math.floor(many.leaves.length / 256 ** level) },
      (_, n) => many.mth(n * 256 ** level, (n + 1) * 256 ** level),
    ),
  )
);

/** Tiles of the model. It refuses to give a hash that a tree of the size does not have. */
function readerOf(size: number): NotingReader {
  return new NotingReader((id, width) => {
    assertEquals(width, tileWidth(id, size), `asked for ${tilePath(id, width)} of ${size}`);
    const start = id.index * 8192;
    return levels[id.level]!.subarray(start, start + width * 32);
  });
}

const hexes = (hashes: readonly Uint8Array[]) => hashes.map(hex);

async function checkInclusion(index: number, size: number): Promise<void> {
  const reader = readerOf(size);
  const proof = await inclusionProof(sha256, reader, index, size);
  assertEquals(hexes(proof), hexes(many.path(index, 0, size)), `leaf ${index} of ${size}`);
  checkReads(reader);
}

async function checkConsistency(from: number, to: number): Promise<void> {
  const reader = readerOf(to);
  const proof = await consistencyProof(sha256, reader, from, to);
  const expected = from === 0 ? [] : many.proof(from, to);
  assertEquals(hexes(proof), hexes(expected), `${from} to ${to}`);
  checkReads(reader);
}

/** Trees of up to so many leaves are checked whole: beyond 64, so that there are seven levels. */
const ALL_OF = 70;
const LARGE = [65_535, 65_536, 65_537, 70_000];

test("treeRoot() gives the RFC's root for every size to 600 and large ones", async () => {
  for (const size of [...Array(601).keys(), ...LARGE]) {
    const reader = readerOf(size);
    assertEquals(hex(await treeRoot(sha256, reader, size)), hex(many.mth(0, size)), `${size}`);
    checkReads(reader);
  }
});

test("treeRoot() reads the last tile of each level, as wide as the tree has it", async () => {
  const reader = readerOf(70_000);
  await treeRoot(sha256, reader, 70_000);
  assertEquals(
    reader.reads.map(({ id, width }) => tilePath(id, width)).sort(),
    ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"],
  );
});

test("treeRoot() reads nothing but a hash that stands for all leaves", async () => {
  for (const [size, path] of [[256, "tile/1/000.p/1"], [65_536, "tile/2/000.p/1"]] as const) {
    const reader = readerOf(size);
    await treeRoot(sha256, reader, size);
    assertEquals(reader.reads.map(({ id, width }) => tilePath(id, width)), [path]);
  }
  const reader = readerOf(0);
  assertEquals(hex(await treeRoot(sha256, reader, 0)), hex(sha256("")));
  assertEquals(reader.reads, []);
});

test("inclusionProof() gives the RFC's path for every leaf of every tree of up to 70", async () => {
  for (let size = 1; size <= ALL_OF; size++) {
    for (let index = 0; index < size; index++) await checkInclusion(index, size);
  }
});

test("inclusionProof() gives the RFC's path for some leaves of every tree of up to 600", async () => {
  for (let size = ALL_OF + 1; size <= 600; size++) {
    for (const index of [7919 % size, size % 2 === 0 ? size - 1 : 255]) {
      if (index < size) await checkInclusion(index, size);
    }
  }
});

test("consistencyProof() gives the RFC's proof between all trees of up to 70 leaves", async () => {
  for (let to = 0; to <= ALL_OF; to++) {
    for (let from = 0; from <= to; from++) await checkConsistency(from, to);
  }
});

test("consistencyProof() gives the RFC's proof from some trees to every one of up to 600", async () => {
  for (let to = ALL_OF + 1; to <= 600; to++) {
    for (const from of [7919 % to, to % 2 === 0 ? to - 1 : 256]) {
      if (from < to) await checkConsistency(from, to);
    }
  }
});

test("proofs of large trees are the RFC's, for any leaf and any two sizes", async () => {
  const near = (center: number) => fc.integer({ min: center - 2, max: center + 2 });
  const at = fc.oneof(fc.nat(69_999), near(65_536), near(256), near(69_888), near(4096));
  await check(
    fc.asyncProperty(fc.oneof(fc.constantFrom(...LARGE), at), at, async (size, index) => {
      if (index < size) await checkInclusion(index, size);
      await checkConsistency(Math.min(index, size), Math.max(index, size));
    }),
    150,
  );
});

test("a tree's own tiles and edge are all that its proofs need", async () => {
  const tree = Tree.empty(sha256);
  const stored = new Map<string, Uint8Array>();
  const reader: TileReader = {
    // A partial tile is kept for the size at hand only, as tlog-tiles allows.
    read: (id, width) => Promise.resolve(stored.get(tilePath(id, width))!),
  };
  for (const [n, leaf] of many.leaves.slice(0, 66_100).entries()) {
    tree.append(leaf);
    if (n % 3001 !== 0 && n < 66_080) continue;
    const size = n + 1;
    for (const tile of tree.takeTiles()) stored.set(tilePath(tile, 256), tile.hashes);
    for (const [level, hashes] of tree.edge().entries()) {
      if (hashes.length === 0) continue;
      const index = Math.floor(size / 256 ** (level + 1));
      stored.set(tilePath({ level, index }, hashes.length / 32), hashes);
    }
    assertEquals(hex(await treeRoot(sha256, reader, size)), hex(tree.root()));
    for (const index of [0, size >> 1, n]) {
      const proof = await inclusionProof(sha256, reader, index, size);
      assertEquals(hexes(proof), hexes(many.path(index, 0, size)));
    }
  }
});

test("indexes and sizes out of range are refused before anything is read", async () => {
  const reader = readerOf(10);
  for (const bad of [-1, 0.5, NaN, Infinity, MAX + 1]) {
    await assertRejects(() => treeRoot(sha256, reader, bad), RangeError);
    await assertRejects(() => inclusionProof(sha256, reader, 0, bad), RangeError);
    await assertRejects(() => inclusionProof(sha256, reader, bad, 10), RangeError);
    await assertRejects(() => consistencyProof(sha256, reader, 0, bad), RangeError);
    await assertRejects(() => consistencyProof(sha256, reader, bad, 10), RangeError);
  }
  await assertRejects(() => inclusionProof(sha256, reader, 10, 10), RangeError, "10 leaves");
  await assertRejects(() => inclusionProof(sha256, reader, 0, 0), RangeError);
  await assertRejects(() => consistencyProof(sha256, reader, 11, 10), RangeError, "10 leaves");
  assertEquals(reader.reads, []);
});

test("a tile of the wrong length is reported by its path, what a reader throws as it is", async () => {
  for (const off of [-32, -1, 1, 32]) {
    const reader = new NotingReader((id, width) =>
      new Uint8Array(width * 32 + (id.level === 1 ? off : 0))
    );
    for (
      const compute of [
        () => treeRoot(sha256, reader, 70_000),
        () => inclusionProof(sha256, reader, 3, 70_000),
        () => consistencyProof(sha256, reader, 3, 70_000),
      ]
    ) {
      const error = await assertRejects(compute, AuditLogError, "tile/1/00");
      assertEquals(error.code, "DAMAGED");
    }
  }
  const reader = new NotingReader(() => {
    throw new TypeError("no such tile");
  });
  await assertRejects(() => inclusionProof(sha256, reader, 3, 300), TypeError, "no such tile");
});

test("a proof shares no memory with the tiles", async () => {
  const tile = many.tile({ level: 0, index: 0 }, 3);
  const reader = new NotingReader((_, width) => tile.subarray(0, width * 32));
  const root = await treeRoot(sha256, reader, 1);
  const path = await inclusionProof(sha256, reader, 0, 3);
  const proof = await consistencyProof(sha256, reader, 3, 3);
  tile.fill(0xee);
  assertEquals(hex(root), hex(many.mth(0, 1)));
  assertEquals(hexes(path), hexes(many.path(0, 0, 3)));
  assertEquals(proof, []);
});

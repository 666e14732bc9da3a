// Which tiles a tree has, how they are named, and the root of one. C2SP tlog-tiles.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import {
  edgeTiles,
  perfectRoot,
  TILE_BYTES,
  tilePath,
  tileRoot,
  tileWidth,
} from "../../src/transparency/tile.ts";
import { hex, leaves, Model, sha256, sha256Into } from "../support/merkle.ts";
import { check } from "../support/property.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const count = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(100_000),
  fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 }))
    .map(([power, off]) => Math.max(0, 2 ** power + off)),
  fc.constantFrom(MAX, MAX - 1, MAX - 255, MAX - 256),
);

/** All tiles of a tree, by level: widths. */
function widths(size: number): number[][] {
  const levels: number[][] = [];
  for (let level = 0; tileWidth({ level, index: 0 }, size) > 0; level++) {
    const tiles: number[] = [];
    for (let index = 0;; index++) {
      const width = tileWidth({ level, index }, size);
      if (width === 0) break;
      tiles.push(width);
    }
    levels.push(tiles);
  }
  return levels;
}

test("a tree of 70,000 leaves has the tiles that the specification lists for it", () => {
  assertEquals(widths(70_000), [[...Array(273).fill(256), 112], [256, 17], [1]]);
});

test("a tree has the tiles of the specification around a full tile, and none without leaves", () => {
  assertEquals(widths(256), [[256], [1]]);
  assertEquals(widths(0), []);
  assertEquals(widths(1), [[1]]);
  assertEquals(widths(255), [[255]]);
  assertEquals(widths(257), [[256, 1], [1]]);
  assertEquals(widths(65_535), [[...Array(255).fill(256), 255], [255]]);
  assertEquals(widths(65_536), [Array(256).fill(256), [256], [1]]);
});

test("the width of a tile is exact for every size up to 2^53 - 1", async () => {
  await check(
    fc.asyncProperty(
      count,
      fc.oneof({ weight: 5, arbitrary: fc.nat(8) }, fc.nat(63)),
      count,
      fc.integer({ min: -2, max: 2 }),
      // deno-lint-ignore require-await -- so that one helper runs all properties
      async (size, level, anywhere, nearEdge) => {
        const hashes = BigInt(size) >> BigInt(8 * level);
        const atEdge = Math.min(MAX, Math.max(0, Number(hashes >> 8n) + nearEdge));
        for (const index of [anywhere, atEdge]) {
          const left = hashes - BigInt(index) * 256n;
          const expected = left < 0n ? 0 : left > 256n ? 256 : Number(left);
          assertEquals(tileWidth({ level, index }, size), expected, `${level}/${index} of ${size}`);
        }
      },
    ),
    2000,
  );
});

test("the right edge of a tree is, at each level, what its size leaves beside full tiles", async () => {
  assertEquals(edgeTiles(0), []);
  assertEquals(edgeTiles(70_000), [
    { id: { level: 0, index: 273 }, width: 112 },
    { id: { level: 1, index: 1 }, width: 17 },
    { id: { level: 2, index: 0 }, width: 1 },
  ]);
  await check(
    // deno-lint-ignore require-await -- so that one helper runs all properties
    fc.asyncProperty(count, async (size) => {
      const digits: bigint[] = [];
      for (let rest = BigInt(size); rest > 0n; rest >>= 8n) digits.push(rest % 256n);
      const parts = edgeTiles(size);
      assertEquals(parts.map(({ width }) => BigInt(width)), digits);
      for (const [level, { id, width }] of parts.entries()) {
        assertEquals(BigInt(id.index), BigInt(size) >> BigInt(8 * (level + 1)));
        assertEquals(id.level, level);
        assertEquals(tileWidth(id, size), width);
      }
    }),
    1000,
  );
});

test("numbers out of range are refused", () => {
  for (const bad of [-1, 0.5, NaN, Infinity, MAX + 1]) {
    assertThrows(() => tileWidth({ level: 0, index: 0 }, bad), RangeError);
    assertThrows(() => tileWidth({ level: 0, index: bad }, 1), RangeError);
    assertThrows(() => tileWidth({ level: bad, index: 0 }, 1), RangeError);
    assertThrows(() => edgeTiles(bad), RangeError);
    assertThrows(() => tilePath({ level: 0, index: bad }, 1), RangeError);
    assertThrows(() => tilePath({ level: bad, index: 0 }, 1), RangeError);
    assertThrows(() => tilePath({ level: 0, index: 0 }, bad), RangeError);
  }
  assertThrows(() => tileWidth({ level: 64, index: 0 }, 1), RangeError);
  assertThrows(() => tilePath({ level: 0, index: 0 }, 0), RangeError);
  assertThrows(() => tilePath({ level: 0, index: 0 }, 257), RangeError);
});

const PATHS: [level: number, index: number, width: number, path: string][] = [
  [0, 0, 256, "tile/0/000"],
  [0, 0, 1, "tile/0/000.p/1"],
  [0, 1_234_067, 256, "tile/0/x001/x234/067"],
  [0, 1_234_067, 112, "tile/0/x001/x234/067.p/112"],
  [1, 999, 255, "tile/1/999.p/255"],
  [2, 1000, 256, "tile/2/x001/000"],
  [9, 12_345, 10, "tile/9/x012/345.p/10"],
  [10, 999_999, 256, "tile/10/x999/999"],
  [63, 1_000_000, 99, "tile/63/x001/x000/000.p/99"],
  [0, MAX, 256, "tile/0/x009/x007/x199/x254/x740/991"],
];

for (const [level, index, width, path] of PATHS) {
  test(`${path} is the path of a tile`, () => {
    assertEquals(tilePath({ level, index }, width), path);
  });
}

test("the root of a full tile is that of a tree of 256 leaves", () => {
  const model = new Model(leaves(256));
  const tile = model.tile({ level: 0, index: 0 }, 256);
  const before = tile.slice();
  for (const hash of [sha256, sha256Into]) {
    assertEquals(hex(tileRoot(hash, tile)), hex(model.mth(0, 256)));
    assertEquals(hex(tile), hex(before));
  }
  for (const length of [0, 32, TILE_BYTES - 1, TILE_BYTES - 32, TILE_BYTES + 32]) {
    assertThrows(() => tileRoot(sha256, new Uint8Array(length)), RangeError);
  }
});

test("the root over hashes is a copy, even that over one", () => {
  const [leaf] = leaves(1);
  const root = perfectRoot(sha256, leaf!);
  assertEquals(hex(root), hex(leaf));
  root.fill(0);
  assertEquals(hex(leaf), hex(leaves(1)[0]));
});

// A tree that grows leaf by leaf, against the RFC's definition over all leaves at once.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { edgeTiles, tilePath } from "../../src/transparency/tile.ts";
import { type FullTile, Tree } from "../../src/transparency/tree.ts";
import { HugeTree } from "../support/huge_tree.ts";
import { hex, leaves, Model, sha256 } from "../support/merkle.ts";
import { check } from "../support/property.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const many = new Model(leaves(70_000));

/** The right edge of a tree of the first so many leaves of a model. */
function edgeOf(model: Pick<Model, "tile">, size: number): Uint8Array[] {
  return edgeTiles(size).map(({ id, width }) => model.tile(id, width));
}

function grown(size: number): Tree {
  const tree = Tree.empty(sha256);
  for (const leaf of many.leaves.slice(0, size)) tree.append(leaf);
  return tree;
}

const paths = (tiles: readonly FullTile[]): string[] => tiles.map((tile) => tilePath(tile, 256));

test("a tree has the RFC's root and edge at every size to 600 and around those of full tiles", () => {
  const tree = Tree.empty(sha256);
  const chosen = [65_535, 65_536, 65_537, 66_047, 69_999, 70_000];
  for (let size = 0;; size++) {
    assertEquals(tree.size, size);
    if (size <= 600 || chosen.includes(size)) {
      assertEquals(hex(tree.root()), hex(many.mth(0, size)), `root of ${size}`);
      assertEquals(tree.edge().map(hex), edgeOf(many, size).map(hex), `edge of ${size}`);
    }
    if (size === 70_000) break;
    tree.append(many.leaves[size]!);
  }
});

test("a tree gives every full tile away once, after those beneath it", () => {
  const tree = Tree.empty(sha256);
  const tiles: FullTile[] = [];
  for (const [n, leaf] of many.leaves.entries()) {
    tree.append(leaf);
    // Sometimes several have gathered, sometimes none.
    if (n % 777 === 0) tiles.push(...tree.takeTiles());
  }
  tiles.push(...tree.takeTiles());
  assertEquals(tree.takeTiles(), []);
  const zero = Array.from({ length: 273 }, (_, index) => tilePath({ level: 0, index }, 256));
  assertEquals(paths(tiles), [...zero.slice(0, 256), "tile/1/000", ...zero.slice(256)]);
  for (const { level, index, hashes, root } of tiles) {
    const step = 256 ** (level + 1);
    assertEquals(hex(root), hex(many.mth(index * step, (index + 1) * step)));
    assertEquals(hex(hashes), hex(many.tile({ level, index }, 256)));
  }
});

test("a tree goes on from its edge as if it had never stopped, from every size to 600", () => {
  for (let size = 0; size <= 600; size++) {
    const tree = Tree.resume(sha256, size, edgeOf(many, size));
    assertEquals(tree.size, size);
    assertEquals(hex(tree.root()), hex(many.mth(0, size)));
    assertEquals(tree.edge().map(hex), edgeOf(many, size).map(hex));
    for (const leaf of many.leaves.slice(size, size + 3)) tree.append(leaf);
    assertEquals(hex(tree.root()), hex(many.mth(0, size + 3)));
  }
});

test("in whatever order leaves, roots, tiles and breaks come, the tree is the same", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("append" as const), count: fc.nat(700) }),
    fc.record({ do: fc.constantFrom("root" as const, "take" as const, "resume" as const) }),
  );
  await check(
    fc.asyncProperty(
      fc.constantFrom(0, 0, 250, 65_000, 65_280, 65_535),
      fc.array(step, { maxLength: 12 }),
      // deno-lint-ignore require-await -- so that one helper runs all properties
      async (start, steps) => {
        let tree = Tree.resume(sha256, start, edgeOf(many, start));
        let [size, taken] = [start, start];
        for (const step of steps) {
          if (step.do === "append") {
            const to = Math.min(size + step.count, many.leaves.length);
            while (size < to) tree.append(many.leaves[size++]!);
          } else if (step.do === "root") {
            assertEquals(hex(tree.root()), hex(many.mth(0, size)));
          } else {
            const expected = [0, 1].flatMap((level) => {
              const full = (size: number) => Math.floor(size / 256 ** (level + 1));
              return Array.from(
                { length: full(size) - full(taken) },
                (_, n) => tilePath({ level, index: full(taken) + n }, 256),
              );
            });
            assertEquals(paths(tree.takeTiles()).sort(), expected.sort());
            taken = size;
            if (step.do === "resume") tree = Tree.resume(sha256, size, tree.edge());
          }
        }
        assertEquals(hex(tree.root()), hex(many.mth(0, size)));
      },
    ),
    100,
  );
});

test("an edge that does not fit the size is refused", () => {
  const edge = edgeOf(many, 70_000);
  const hash = new Uint8Array(32);
  const bad: [size: number, edge: Uint8Array[]][] = [
    [0, [new Uint8Array(0)]],
    [0, [hash]],
    [1, []],
    [1, [new Uint8Array(0)]],
    [1, [new Uint8Array(31)]],
    [1, [new Uint8Array(33)]],
    [1, [new Uint8Array(64)]],
    [1, [hash, new Uint8Array(0)]],
    [256, [new Uint8Array(8192), hash]],
    [256, [new Uint8Array(0)]],
    [256, [new Uint8Array(8192)]],
    [69_999, edge],
    [70_001, edge],
    [70_000, edge.slice(0, 2)],
    [70_000, edge.slice(1)],
    [70_000, edge.toReversed()],
    [70_000, [...edge, new Uint8Array(0)]],
    [70_000 + 2 ** 32, edge],
    [-1, []],
    [0.5, []],
    [NaN, []],
    [MAX + 1, []],
  ];
  for (const [size, edge] of bad) {
    assertThrows(() => Tree.resume(sha256, size, edge), RangeError, "Cannot", `${size}`);
  }
  assertEquals(Tree.resume(sha256, 70_000, edge).size, 70_000);
});

test("a leaf of the wrong length is refused and changes nothing", () => {
  const tree = grown(3);
  for (const length of [0, 31, 33, 64]) {
    assertThrows(() => tree.append(new Uint8Array(length)), RangeError, "Cannot append");
  }
  assertEquals(tree.size, 3);
  assertEquals(hex(tree.root()), hex(many.mth(0, 3)));
});

test("a tree shares no memory with what it was given or gives", () => {
  const spoil = (bytes: readonly Uint8Array[]): void => bytes.forEach((part) => part.fill(0xee));
  for (const size of [1, 2, 3, 255, 256, 257, 512, 513]) {
    const edge = edgeOf(many, size - 1).map((part) => part.slice());
    const tree = Tree.resume(sha256, size - 1, edge);
    spoil(edge);
    const leaf = many.leaves[size - 1]!.slice();
    tree.append(leaf);
    spoil([leaf, tree.root(), ...tree.edge()]);
    spoil(tree.takeTiles().flatMap(({ hashes, root }) => [hashes, root]));
    assertEquals(hex(tree.root()), hex(many.mth(0, size)), `${size}`);
    assertEquals(tree.edge().map(hex), edgeOf(many, size).map(hex));
  }
});

const HUGE = [2 ** 31, 2 ** 32, 2 ** 40, 2 ** 48, 2 ** 53 - 257, 70_000 + 3 * 2 ** 41];

for (const size of HUGE) {
  test(`a tree grows on beyond ${size} leaves`, () => {
    // The special leaf is the one appended.
    const huge = new HugeTree(size);
    for (const start of [size - 2, size - 1, size]) {
      const tree = Tree.resume(sha256, start, edgeOf(huge, start));
      assertEquals(hex(tree.root()), hex(huge.root(start)));
      for (let n = start; n < size + 256; n++) {
        tree.append(n === size ? huge.leaf : huge.otherLeaf);
        if (n <= size + 2) assertEquals(hex(tree.root()), hex(huge.root(n + 1)), `${n + 1}`);
      }
      assertEquals(hex(tree.root()), hex(huge.root(size + 256)));
      assertEquals(tree.edge().map(hex), edgeOf(huge, size + 256).map(hex));
      for (const { level, index, hashes, root } of tree.takeTiles()) {
        assertEquals(hex(hashes), hex(huge.tile({ level, index }, 256)));
        assertEquals(hex(root), hex(huge.subtree(8 * (level + 1), BigInt(index))));
      }
    }
  });
}

test("the leaf that completes 2^48 leaves completes a tile at six levels", () => {
  const size = 2 ** 48 - 1;
  const huge = new HugeTree(size);
  const tree = Tree.resume(sha256, size, edgeOf(huge, size));
  tree.append(huge.leaf);
  assertEquals(
    tree.takeTiles().map(({ level, index }) => [level, index]),
    [0, 1, 2, 3, 4, 5].map((level) => [level, 2 ** (40 - 8 * level) - 1]),
  );
  assertEquals(tree.edge().map(({ length }) => length), [0, 0, 0, 0, 0, 0, 32]);
});

test("a tree of 2^53 - 1 leaves is full", () => {
  const huge = new HugeTree(MAX - 1);
  const tree = Tree.resume(sha256, MAX - 1, edgeOf(huge, MAX - 1));
  tree.append(huge.leaf);
  assertEquals(tree.size, MAX);
  const root = hex(huge.root(MAX));
  assertEquals(hex(tree.root()), root);
  assertThrows(() => tree.append(huge.leaf), RangeError);
  assertEquals(tree.size, MAX);
  assertEquals(hex(tree.root()), root);
});

test("a leaf costs one hash on average, a root the rest of its tile and one for each binary digit", () => {
  let hashes = 0;
  const counting = (data: string | Uint8Array): Uint8Array => {
    hashes++;
    return sha256(data);
  };
  const tree = Tree.empty(counting);
  for (const leaf of many.leaves.slice(0, 65_535)) tree.append(leaf);
  // The nodes of 255 full tiles.
  assertEquals(hashes, 255 * 255);
  hashes = 0;
  tree.root();
  // A tree of n leaves has n - 1 nodes.
  assertEquals(hashes, 65_535 - 1 - 255 * 255);
  hashes = 0;
  tree.root();
  // None twice, but for those between the 16 peaks, which belong to no perfect subtree.
  assertEquals(hashes, 15);
});

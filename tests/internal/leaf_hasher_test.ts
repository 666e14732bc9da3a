// Hashing leaves and tiles apart from the tree that they are for, against the RFC's definition.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import type { Leaves } from "../../src/ports.ts";
import { LineEncoder } from "../../src/stores/line_encoder.ts";
import { LeafHasher } from "../../src/transparency/leaf_hasher.ts";
import { edgeTiles } from "../../src/transparency/tile.ts";
import { Tree } from "../../src/transparency/tree.ts";
import { interaction } from "../support/interaction.ts";
import { concat, hex, leaves, Model, sha256, sha256Into } from "../support/merkle.ts";
import { check } from "../support/property.ts";
import { recordsOf } from "../support/records.ts";

const many = new Model(leaves(1500));

/** The leaves of {@link many}, from one to before another, as lines in a buffer. */
function slabOf(from: number, to: number): Pick<Leaves, "slab" | "bounds"> {
  const lines = Array.from({ length: to - from }, (_, n) => `record ${from + n}`);
  const bytes = new TextEncoder().encode(`\n${lines.join("\n")}`);
  const bounds = [0];
  for (const line of lines) bounds.push(bounds.at(-1)! + 1 + line.length);
  return { slab: bytes.buffer, bounds: Uint32Array.from(bounds) };
}

test("leaves in any portions are hashed as one by one, with the roots of the tiles they fill", async () => {
  await check(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 255, 256, 300),
      fc.array(fc.nat(600), { maxLength: 6 }),
      fc.constantFrom(sha256, sha256Into),
      fc.boolean(),
      // deno-lint-ignore require-await -- so that one helper runs all properties
      async (start, portions, sha256, areRootsKnown) => {
        const hasher = new LeafHasher(sha256);
        const tree = Tree.resume(
          sha256,
          start,
          edgeTiles(start).map(({ id, width }) => many.tile(id, width)),
        );
        let partial: { start?: Uint8Array<ArrayBuffer> } = {
          start: new Uint8Array(tree.partial(0)),
        };
        for (const portion of portions) {
          const to = Math.min(tree.size + portion, many.leaves.length);
          const hashed = hasher.hash({ ...slabOf(tree.size, to), ...partial });
          assertEquals(hex(hashed.leaves), hex(concat(many.leaves.slice(tree.size, to))));
          tree.appendHashed(hashed.leaves, areRootsKnown ? hashed.roots : undefined);
          partial = {};
          assertEquals(tree.size, to);
          assertEquals(hex(tree.root()), hex(many.mth(0, to)));
        }
        for (const { level, index, hashes, root } of tree.takeTiles()) {
          assertEquals(hex(hashes), hex(many.tile({ level, index }, 256)));
          assertEquals(hex(root), hex(many.mth(index * 256, (index + 1) * 256)));
        }
      },
    ),
    100,
  );
});

test("hashes that do not fit the tree are refused", () => {
  const tree = Tree.empty(sha256);
  const none = new Uint8Array(0);
  for (
    const [leafBytes, rootBytes] of [[31, 0], [32, 32], [256 * 32, 0], [256 * 32, 31], [8, 0]]
  ) {
    assertThrows(
      () => tree.appendHashed(new Uint8Array(leafBytes!), new Uint8Array(rootBytes!)),
      RangeError,
      "Cannot append leaves",
    );
  }
  tree.appendHashed(none, none);
  assertEquals(tree.size, 0);
});

test("lines that were encoded for a file can be hashed where they are", async () => {
  const texts = ["", "x", "領収書 💬", "x".repeat(100_000)];
  const records = await recordsOf({
    entries: texts.map((outputText) => interaction({ outputText })),
  });
  const encoder = new LineEncoder();
  const hasher = new LeafHasher(sha256);
  const lines = records.map((record) => record.line);
  for (const afterTornLine of [false, true, false]) {
    const { bytes, slab, bounds, release } = encoder.encode(records, afterTornLine);
    const written = new TextDecoder().decode(bytes);
    assertEquals(written, `${afterTornLine ? "\n" : ""}${lines.join("\n")}\n`);
    const hashed = hasher.hash({ slab, bounds, start: new Uint8Array(0) });
    assertEquals(hex(hashed.leaves), hex(concat(lines.map((line) => sha256(`\0${line}`)))));
    release(slab);
  }
});

test("lines that take more bytes than was expected are encoded whole", async () => {
  const encoder = new LineEncoder();
  for (const character of ["x", "領", "\u0001", "💬", "\ud800", "x"]) {
    const records = await recordsOf({
      entries: Array.from(
        { length: 40 },
        (_, n) => interaction({ outputText: character.repeat(100 * n) }),
      ),
    });
    const { bytes, bounds, slab, release } = encoder.encode(records, false);
    const lines = new TextDecoder().decode(bytes).split("\n");
    assertEquals(lines, [...records.map(({ line }) => line), ""]);
    const lengths = lines.slice(0, -1).map((line) => new TextEncoder().encode(line).length);
    assertEquals([...bounds.subarray(1)].map((end, n) => end - bounds[n]! - 1), lengths);
    release(slab);
  }
});

test("an encoder uses a buffer again that it was given back, and no other", async () => {
  const records = await recordsOf({ entries: [interaction()] });
  const encoder = new LineEncoder();
  const first = encoder.encode(records, false);
  const second = encoder.encode(records, false);
  assertEquals(first.slab === second.slab, false);
  first.release(first.slab);
  assertEquals(encoder.encode(records, false).slab === first.slab, true);
});

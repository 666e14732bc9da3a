// The hashes of leaves and nodes, RFC 9162, section 2.1.1.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import {
  digestEmptyRoot,
  digestLeaf,
  digestNode,
  emptyRoot,
  equalHashes,
  leafHash,
  nodeHash,
} from "../../src/transparency/hash.ts";
import { hex, leaves, sha256, webCrypto } from "../support/merkle.ts";

test("hashes are the same for those who write and those who check", async () => {
  const texts = ["", "a", "\0", '{"user":"李雷 💬"}', "x".repeat(100_000)];
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    const expected = hex(sha256(Uint8Array.of(0, ...bytes)));
    assertEquals(hex(leafHash(sha256, text)), expected);
    assertEquals(hex(leafHash(sha256, bytes)), expected);
    assertEquals(hex(await digestLeaf(webCrypto, text)), expected);
    assertEquals(hex(await digestLeaf(sha256, bytes)), expected);
  }
  const [a, b] = leaves(2) as [Uint8Array, Uint8Array];
  const expected = hex(sha256(Uint8Array.of(1, ...a, ...b)));
  assertEquals(hex(nodeHash(sha256, a, b)), expected);
  assertEquals(hex(await digestNode(webCrypto, a, b)), expected);
  assertEquals(hex(emptyRoot(sha256)), hex(sha256("")));
  assertEquals(hex(await digestEmptyRoot(webCrypto)), hex(sha256("")));
});

const odd = leaves(1)[0]!;

test("equalHashes() tells any two apart that differ in a byte or in length", () => {
  assert(equalHashes(odd, odd.slice()));
  assert(equalHashes(new Uint8Array(0), new Uint8Array(0)));
  for (let n = 0; n < 32; n++) {
    assert(!equalHashes(odd, odd.with(n, odd[n]! ^ 128)));
    assert(!equalHashes(odd, odd.with(n, odd[n]! ^ 1)));
  }
  assert(!equalHashes(odd, odd.subarray(1)));
  assert(!equalHashes(odd.subarray(0, 31), odd));
});

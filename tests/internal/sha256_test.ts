// SHA-256 of our own, FIPS 180-4: the published examples, and the same as the runtime's for whatever it is given.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sha256 } from "../../src/transparency/sha256.ts";
import { hex } from "../support/merkle.ts";
import { check } from "../support/property.ts";

const theirs = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

test("sha256() gives what NIST publishes for its examples", () => {
  const examples: [message: string, hash: string][] = [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ],
    ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ];
  for (const [message, hash] of examples) assertEquals(hex(sha256(message)), hash);
});

test("sha256() is that of the runtime for each length about the ends of blocks", () => {
  const bytes = Uint8Array.from({ length: 400 }, (_, n) => n * 7);
  for (let length = 0; length <= 300; length++) {
    // Not from the start of their buffer.
    const some = bytes.subarray(3, 3 + length);
    assertEquals(hex(sha256(some)), theirs(some), `${length} bytes`);
  }
});

test("sha256() is that of the runtime for any bytes and any text", async () => {
  const bytes = fc.uint8Array({ maxLength: 5000 });
  const text = fc.string({ unit: "binary", maxLength: 500 });
  await check(
    fc.asyncProperty(fc.oneof(bytes, text), async (data) => {
      await Promise.resolve();
      assertEquals(hex(sha256(data)), theirs(data));
    }),
    300,
  );
  assertEquals(hex(sha256("\ud83d lone")), theirs("\ufffd lone"));
});

test("sha256() puts the hash where there is room for it, and keeps nothing", () => {
  const room = new Uint8Array(100).fill(9);
  const into = room.subarray(5, 37);
  const first = sha256("abc");
  assert(sha256("abc", into) === into);
  assertEquals(hex(into), hex(first));
  assertEquals([room[4], room[37]], [9, 9]);
  sha256("something else");
  assertEquals(hex(first), theirs("abc"));
});

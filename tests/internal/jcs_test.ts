// Canonical JSON against the vectors that are published beside RFC 8785; see tests/testdata/jcs/README.md.

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeCanonical } from "../../src/json.ts";
import { parseJson } from "../../src/parse_json.ts";

function readVector(name: string): string {
  const bytes = readFileSync(new URL(`../testdata/jcs/${name}`, import.meta.url));
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** The bytes of a text as the published files list them: two digits each, 32 a line. */
function hexLines(text: string): string {
  const digits = [...new TextEncoder().encode(text)].map((byte) => hex(byte).padStart(2, "0"));
  const lines: string[] = [];
  for (let at = 0; at < digits.length; at += 32) lines.push(digits.slice(at, at + 32).join(" "));
  return lines.join("\n");
}

function hex(value: number | bigint): string {
  return value.toString(16);
}

for (const name of ["arrays", "french", "structures", "unicode", "values", "weird"]) {
  test(`encodeCanonical() writes the published input "${name}" as the published output`, () => {
    // The parser of records takes all of them; no input needs another.
    const written = encodeCanonical(parseJson(readVector(`input/${name}.json`)));
    assertEquals(written, readVector(`output/${name}.json`));
    assertEquals(hexLines(written), readVector(`outhex/${name}.txt`).trimEnd());
  });

  test(`encodeCanonical() leaves the published output "${name}" as it is`, () => {
    const output = readVector(`output/${name}.json`);
    assertEquals(encodeCanonical(parseJson(output)), output);
  });
}

/** How many lines of the series, their bytes, and their SHA-256, as published. */
const CHECKSUMS: [lines: number, bytes: number, sha256: string][] = [
  [1_000, 37_967, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"],
  [10_000, 399_022, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"],
  [100_000, 4_031_728, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"],
];

/**
 * The bits of the series' doubles, without end: a list, 2,000 neighbours from the smallest normal double
 * upwards, then SHA-256 of 32 zeros, SHA-256 of that and so on, each digest four little-endian doubles
 * of which zeros, infinities and NaN are passed over.
 */
function* doubleBits(): Generator<bigint> {
  for (const bits of readVector("numbers.txt").trimEnd().split("\n")) yield BigInt(`0x${bits}`);
  const smallestNormal = 1n << 52n;
  for (let step = 0n; step < 2000n; step++) yield smallestNormal + step;
  let block = new Uint8Array(32);
  for (;;) {
    block = new Uint8Array(createHash("sha256").update(block).digest());
    const view = new DataView(block.buffer);
    for (let at = 0; at < block.length; at += 8) {
      const value = view.getFloat64(at, true);
      if (Number.isFinite(value) && value !== 0) yield view.getBigUint64(at, true);
    }
  }
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

test("encodeCanonical() writes the published series of 100,000 numbers", () => {
  const [longest] = CHECKSUMS.at(-1)!;
  const lines: string[] = [];
  for (const bits of doubleBits()) {
    lines.push(`${hex(bits)},${encodeCanonical(doubleOf(bits))}\n`);
    if (lines.length === longest) break;
  }
  for (const [count, bytes, sha256] of CHECKSUMS) {
    const text = lines.slice(0, count).join("");
    assertEquals(text.length, bytes, `${count} lines`); // ASCII
    assertEquals(createHash("sha256").update(text).digest("hex"), sha256, `${count} lines`);
  }
});

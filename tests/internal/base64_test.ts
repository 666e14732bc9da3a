import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "../../src/transparency/base64.ts";
import { check } from "../support/property.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

test("base64 is that of RFC 4648, section 10, in both directions", () => {
  const vectors = [
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ] as const;
  for (const [text, encoded] of vectors) {
    assertEquals(encodeBase64(utf8(text)), encoded);
    assertEquals(decodeBase64(encoded), utf8(text));
  }
});

const REFUSED: [what: string, text: string][] = [
  ["white space before", " Zg=="],
  ["white space within", "Zm9v YmFy"],
  ["white space behind", "Zm9v "],
  ["a newline behind", "Zm9v\n"],
  ["a line break within", "Zm9v\r\nYmFy"],
  ["a form feed", "Zm9v\f"],
  ["white space alone", " "],
  ["no padding where two are due", "Zg"],
  ["one padding where two are due", "Zg="],
  ["no padding where one is due", "Zm8"],
  ["padding where none is due", "Zm9v="],
  ["a group of padding", "Zm9v===="],
  ["padding alone", "="],
  ["padding within", "Zg==Zg=="],
  ["padding before", "=Zg="],
  ["letters of the URL-safe alphabet, minus", "-_-_"],
  ["letters of the URL-safe alphabet, underscore", "Zm9_"],
  ["trailing bits in one byte", "Zh=="],
  ["trailing bits in two bytes", "Zm9="],
  ["all trailing bits", "Z/=="],
  ["one letter left over", "Zm9vY"],
  ["a star", "Zm9*"],
  ["U+0000", "Zm9\0"],
  ["a letter beyond Latin-1", "Zm9\u0100"],
  ["a lone surrogate", "Zm9\ud800"],
  ["a full-width letter", "Zm9\uff21"],
];

for (const [what, text] of REFUSED) {
  test(`decodeBase64() refuses ${what}`, () => {
    assertEquals(decodeBase64(text), undefined);
  });
}

test("encodeBase64() writes what Node's Buffer writes, however long, and decodeBase64() reads it", async () => {
  const length = fc.oneof(
    fc.nat(100),
    fc.integer({ min: 8190, max: 8200 }),
    fc.integer({ min: 100_000, max: 100_002 }),
  );
  // Generated here: fast-check takes long to make that many bytes.
  const bytes = fc.tuple(length, fc.nat()).map(([length, seed]) =>
    Uint8Array.from({ length }, (_, at) => Math.imul(seed + at, 0x9e3779b1) >>> 24)
  );
  await check(
    fc.asyncProperty(bytes, async (bytes) => {
      const text = encodeBase64(bytes);
      assertEquals(text, Buffer.from(bytes).toString("base64"));
      const decoded = await decodeBase64(text);
      assertEquals(Buffer.compare(decoded!, bytes), 0);
    }),
    200,
  );
});

test("decodeBase64() reads a text only if it is the one that its bytes are written as", async () => {
  const letter = fc.constantFrom(..."AZaz09+/=-_ \n");
  await check(
    fc.asyncProperty(fc.string({ unit: letter, maxLength: 12 }), async (text) => {
      const bytes = await decodeBase64(text);
      if (bytes !== undefined) assertEquals(encodeBase64(bytes), text);
      const canonical = Buffer.from(text, "base64").toString("base64") === text;
      assertEquals(bytes !== undefined, canonical);
    }),
    5000,
  );
});

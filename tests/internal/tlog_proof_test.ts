import { assert, assertEquals, assertThrows } from "@std/assert";
import type { AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "../../src/transparency/base64.ts";
import { formatProof, parseProof, type TlogProof } from "../../src/transparency/tlog_proof.ts";
import { mutations } from "../support/mutations.ts";
import { C2SP } from "../support/note_data.ts";
import { check } from "../support/property.ts";
import { checkRefusal } from "../support/refused.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The head of the example of tlog-proof; its checkpoint has its signatures cut, so here is another. */
const HEAD = `c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=
`;
const PROOF = `${HEAD}\n${C2SP.cosignedCheckpoint}`;
const HASH = HEAD.split("\n")[3]!;
const EXTRA = "extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\n";
const SMALL = `c2sp.org/tlog-proof@v1\nindex 0\n\n${C2SP.checkpoint}`;

function refusal(proof: string | Uint8Array): AuditLogError {
  return checkRefusal(assertThrows(() => parseProof(proof)), "INVALID_PROOF");
}

test("the example of tlog-proof is read, and written again", () => {
  const proof = parseProof(PROOF);
  assertEquals(proof.index, 73894);
  assertEquals(proof.hashes, HEAD.split("\n").slice(3, 8).map((line) => decodeBase64(line)!));
  assertEquals(proof.checkpoint, C2SP.cosignedCheckpoint);
  assertEquals(encodeBase64(proof.extra!), EXTRA.slice("extra ".length, -1));
  assertEquals(formatProof(proof), PROOF);
  assertEquals(parseProof(utf8(PROOF)), proof);
});

test("a proof without extra data and hashes has neither line", () => {
  const proof = { index: 0, hashes: [], checkpoint: C2SP.checkpoint };
  assertEquals(formatProof(proof), SMALL);
  assertEquals(parseProof(SMALL), proof);
  assertEquals(formatProof({ ...proof, extra: new Uint8Array(0) }), SMALL);
  assertEquals(formatProof({ ...proof, extra: undefined }), SMALL);
});

test("a proof has 63 hashes at most", () => {
  const withHashes = (count: number) => PROOF.replace(HASH, Array(count - 4).fill(HASH).join("\n"));
  assertEquals(parseProof(withHashes(63)).hashes.length, 63);
  assert(refusal(withHashes(64)).message.includes("more than 63"));
});

const index = (text: string) => PROOF.replace("index 73894", `index ${text}`);
const hash = (text: string) => PROOF.replace(HASH, text);
const NOT_32 = "line 4, a hash, is not canonical base64 of 32 bytes";

const REFUSED: [what: string, proof: string | Uint8Array, message: string][] = [
  ["no text", "", "first line"],
  ["its first line alone", "c2sp.org/tlog-proof@v1\n", "no empty line"],
  ["another version", PROOF.replace("@v1", "@v2"), "first line"],
  ["another first line", PROOF.replace("c2sp", "C2SP"), "first line"],
  ["more in the first line", PROOF.replace("@v1", "@v1.0"), "first line"],
  ["a space behind the first line", PROOF.replace("@v1", "@v1 "), "first line"],
  ["a byte order mark", `\ufeff${PROOF}`, "first line"],
  ["a byte order mark in bytes", utf8(`\ufeff${PROOF}`), "first line"],
  ["an empty line before", `\n${PROOF}`, "first line"],
  ["CRLF", PROOF.replaceAll("\n", "\r\n"), "line 1 has a carriage return"],
  ["a tab", PROOF.replace("index ", "index\t"), "line 3 has the control character U+0009"],
  ["bytes that are not UTF-8", new Uint8Array([...utf8(HEAD), 0xff]), "UTF-8"],
  ["an empty head", `c2sp.org/tlog-proof@v1\n\n${C2SP.checkpoint}`, "line 2 does not begin with"],
  ["no index", PROOF.replace("index 73894\n", ""), `line 3 does not begin with "index "`],
  ["no index and no hashes", `c2sp.org/tlog-proof@v1\n${EXTRA}\n${C2SP.checkpoint}`, "line 3"],
  ["an upper-case index", PROOF.replace("index", "Index"), `line 3 does not begin with "index "`],
  ["no space before the number", PROOF.replace("index ", "index"), "line 3 does not begin with"],
  ["an index with a leading zero", index("073894"), "line 3, the index, has a leading zero"],
  ["a negative index", index("-1"), "line 3, the index, is not a decimal"],
  ["an index with a plus", index("+1"), "line 3, the index, is not a decimal"],
  ["an empty index", index(""), "line 3, the index, is not a decimal"],
  ["two spaces before the index", index(" 1"), "line 3, the index, is not a decimal"],
  ["the index 2^53", index("9007199254740992"), "larger than 2^53-1"],
  ["two indexes", index("1\nindex 1"), "line 4, a hash"],
  [
    "the extra data behind the index",
    PROOF.replace(EXTRA, "").replace("index 73894\n", `$&${EXTRA}`),
    "line 3, a hash",
  ],
  ["extra data twice", PROOF.replace(EXTRA, EXTRA + EXTRA), "line 3 does not begin with"],
  ["no extra data in its line", PROOF.replace(EXTRA, "extra \n"), "line 2 has no extra data"],
  ["no space in the line of extra data", PROOF.replace("extra ", "extra"), "line 2 does not begin"],
  ["extra data without padding", PROOF.replace(EXTRA, "extra YQ\n"), "line 2, the extra data"],
  ["extra data with trailing bits", PROOF.replace(EXTRA, "extra YR==\n"), "line 2, the extra data"],
  ["extra data with a space", PROOF.replace(EXTRA, "extra  YQ==\n"), "line 2, the extra data"],
  ["a hash of 31 bytes", hash(encodeBase64(new Uint8Array(31))), NOT_32],
  ["a hash of 33 bytes", hash(encodeBase64(new Uint8Array(33))), NOT_32],
  ["a hash without padding", hash(HASH.slice(0, -1)), NOT_32],
  ["a hash with trailing bits", hash(HASH.replace("PlQ=", "PlR=")), NOT_32],
  ["a hash with a space behind", hash(`${HASH} `), NOT_32],
  ["a hexadecimal hash", hash("00".repeat(32)), NOT_32],
  ["two hashes in a line", hash(`${HASH}${HASH}`), NOT_32],
  ["an empty line between hashes", hash(`${HASH}\n`), "checkpoint, which begins on line 6"],
  ["no empty line before the checkpoint", HEAD + C2SP.checkpoint, "line 9, a hash"],
  ["no empty line", HEAD, "no empty line"],
  ["no checkpoint", `${HEAD}\n`, "no checkpoint"],
  [
    "two empty lines before the checkpoint",
    `${HEAD}\n\n${C2SP.checkpoint}`,
    "the origin, is empty",
  ],
  [
    "a checkpoint without signature",
    `${HEAD}\n${C2SP.checkpoint.split("\n\n")[0]}\n`,
    "no empty line",
  ],
  ["a checkpoint with an en dash", PROOF.replaceAll("—", "–"), "line 5 is no signature"],
  ["a checkpoint of two lines", PROOF.replace(/20852163\n/, ""), "three lines"],
  ["a size with a leading zero", PROOF.replace("20852163", "020852163"), "leading zero"],
  ["an unsafe size", PROOF.replace("20852163", "9007199254740992"), "larger than 2^53-1"],
  ["no newline at the end", PROOF.slice(0, -1), "does not end in a newline"],
  ["a newline behind", `${PROOF}\n`, "no signature follows"],
  ["a space behind", `${PROOF} `, "does not end in a newline"],
  ["text behind", `${PROOF}text\n`, "is no signature"],
  ["a second proof behind", PROOF + PROOF, "an extension line"],
];

for (const [what, proof, message] of REFUSED) {
  test(`a proof is refused that has ${what}`, () => {
    const error = refusal(proof);
    assert(error.message.includes(message), error.message);
  });
}

test("proofs that are neither strings nor bytes are refused", () => {
  for (const proof of [undefined, null, 1, {}, []]) refusal(proof as unknown as string);
});

test("formatProof() refuses what it could not write", () => {
  const faults: Partial<Record<keyof TlogProof, unknown>>[] = [
    { index: -1 },
    { index: 0.5 },
    { index: 2 ** 53 },
    { index: "0" },
    { hashes: [new Uint8Array(31)] },
    { hashes: [HASH] },
    { hashes: Array(64).fill(new Uint8Array(32)) },
    { extra: "text" },
    { checkpoint: "" },
    { checkpoint: "text\n" },
    { checkpoint: C2SP.note },
    { checkpoint: `${C2SP.checkpoint}\n` },
    { checkpoint: C2SP.checkpoint.slice(0, -1) },
    { checkpoint: undefined },
  ];
  for (const fault of faults) {
    const given = { ...parseProof(PROOF), ...fault } as TlogProof;
    checkRefusal(assertThrows(() => formatProof(given)), "INVALID_PROOF");
  }
});

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((given) => new Uint8Array(given));

test("whatever proof is written, it is read again", async () => {
  const proof = fc.record({
    index: fc.oneof(fc.maxSafeNat(), fc.nat(20)),
    hashes: fc.array(bytes(32, 32), { maxLength: 63 }),
    checkpoint: fc.constantFrom(C2SP.checkpoint, C2SP.cosignedCheckpoint),
    extra: bytes(1, 100),
  }, { requiredKeys: ["index", "hashes", "checkpoint"] });
  await check(
    fc.asyncProperty(proof, async (proof) => {
      const text = await formatProof(proof);
      for (const form of [text, utf8(text)]) assertEquals(parseProof(form), { ...proof });
    }),
    300,
  );
});

test("a text is read only if it is the one that its proof is written as", async () => {
  const line = fc.constantFrom(
    "c2sp.org/tlog-proof@v1",
    "index 0",
    "index 00",
    "extra YQ==",
    HASH,
    "",
    "\r",
    C2SP.checkpoint.slice(0, -1),
  );
  const given = fc.oneof(
    fc.tuple(mutations, fc.constantFrom(PROOF, SMALL)).map(([mutate, proof]) => mutate(proof)),
    fc.uint8Array(),
    fc.string({ unit: "binary" }),
    fc.array(line, { maxLength: 8 }).map((lines) => `${lines.join("\n")}\n`),
  );
  await check(
    fc.asyncProperty(given, async (given) => {
      let proof;
      try {
        proof = await parseProof(given);
      } catch (error) {
        checkRefusal(error, "INVALID_PROOF");
        return;
      }
      const text = typeof given === "string" ? utf8(given) : new Uint8Array(given);
      assertEquals(utf8(formatProof(proof)), text);
    }),
    3000,
  );
});

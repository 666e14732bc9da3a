// Checkpoints, with the examples of tlog-checkpoint and tlog-cosignature.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "../../src/transparency/base64.ts";
import {
  type Checkpoint,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from "../../src/transparency/checkpoint.ts";
import { verifierFrom } from "../../src/transparency/keys.ts";
import { parseNote, signNote } from "../../src/transparency/note.ts";
import { mutations } from "../support/mutations.ts";
import { C2SP } from "../support/note_data.ts";
import { check } from "../support/property.ts";
import { newSigner } from "../support/proven_log.ts";
import { assertRefused, checkRefusal } from "../support/refused.ts";

const ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const TEXT = `example.com/log\n20852163\n${ROOT}\n`;
const CHECKPOINT: Checkpoint = {
  origin: "example.com/log",
  size: 20852163,
  root: decodeBase64(ROOT)!,
  extensions: [],
};

function refusal(text: string): AuditLogError {
  return checkRefusal(assertThrows(() => parseCheckpoint(text)), "INVALID_NOTE");
}

test("the examples of tlog-checkpoint and tlog-cosignature are read, and written again", () => {
  for (const note of [C2SP.checkpoint, C2SP.cosignedCheckpoint]) {
    const { text } = parseNote(note);
    const checkpoint = parseCheckpoint(text);
    assertEquals(checkpoint, { ...CHECKPOINT, origin: "example.com/behind-the-sofa" });
    assertEquals(formatCheckpoint(checkpoint), text);
  }
});

test("formatCheckpoint() writes origin, size, root and extensions, a line each", () => {
  assertEquals(formatCheckpoint(CHECKPOINT), TEXT);
  assertEquals(
    formatCheckpoint({ ...CHECKPOINT, size: 0, extensions: ["one", "— two "] }),
    `example.com/log\n0\n${ROOT}\none\n— two \n`,
  );
});

test("sizes are read and written up to 2^53-1", () => {
  for (const size of [0, 1, 9, 10, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
    assertEquals(parseCheckpoint(formatCheckpoint({ ...CHECKPOINT, size })).size, size);
  }
});

test("an origin may be any line, as go.sum database tree is", () => {
  for (const origin of ["go.sum database tree", "a+b", "0", "\ufeff", " ", "— a", "李雷"]) {
    assertEquals(parseCheckpoint(formatCheckpoint({ ...CHECKPOINT, origin })).origin, origin);
  }
});

const size = (text: string) => TEXT.replace("20852163", text);
const root = (text: string) => TEXT.replace(ROOT, text);
const SIZE = "line 2, the size, ";
const NOT_32 = "line 3, the root, is not canonical base64 of 32 bytes";

const REFUSED: [what: string, text: string, message: string][] = [
  ["no text", "", "newline"],
  ["no final newline", TEXT.slice(0, -1), "newline"],
  ["one line", "example.com/log\n", "three lines"],
  ["two lines", "example.com/log\n20852163\n", "three lines"],
  ["an empty origin", TEXT.replace("example.com/log", ""), "line 1, the origin, is empty"],
  ["a size with a leading zero", size("020852163"), `${SIZE}has a leading zero`],
  ["a size of two zeros", size("00"), `${SIZE}has a leading zero`],
  ["a size with a plus", size("+20852163"), `${SIZE}is not a decimal number`],
  ["a size with a minus", size("-1"), `${SIZE}is not a decimal number`],
  ["the size minus zero", size("-0"), `${SIZE}is not a decimal number`],
  ["an empty size", size(""), `${SIZE}is not a decimal number`],
  ["a size with an exponent", size("1e3"), `${SIZE}is not a decimal number`],
  ["a hexadecimal size", size("0x10"), `${SIZE}is not a decimal number`],
  ["a size with a fraction", size("1.0"), `${SIZE}is not a decimal number`],
  ["a size with a separator", size("20_852_163"), `${SIZE}is not a decimal number`],
  ["a size with a space before", size(" 20852163"), `${SIZE}is not a decimal number`],
  ["a size with a space behind", size("20852163 "), `${SIZE}is not a decimal number`],
  ["a size of Arabic digits", size("٢٠"), `${SIZE}is not a decimal number`],
  ["a size that is infinite", size("Infinity"), `${SIZE}is not a decimal number`],
  ["the size 2^53", size("9007199254740992"), `${SIZE}is larger than 2^53-1`],
  ["the size 2^53+1", size("9007199254740993"), `${SIZE}is larger than 2^53-1`],
  ["a size of 400 digits", size("9".repeat(400)), `${SIZE}is larger than 2^53-1`],
  ["an empty root", root(""), NOT_32],
  ["a root of 31 bytes", root(encodeBase64(new Uint8Array(31))), NOT_32],
  ["a root of 33 bytes", root(encodeBase64(new Uint8Array(33))), NOT_32],
  ["a root without padding", root(ROOT.slice(0, -1)), NOT_32],
  ["a root with trailing bits", root(ROOT.replace("2I=", "2J=")), NOT_32],
  ["a URL-safe root", root(ROOT.replace("/", "_")), NOT_32],
  ["a hexadecimal root", root("00".repeat(32)), NOT_32],
  ["a root with a space behind", root(`${ROOT} `), NOT_32],
  ["an empty extension line", `${TEXT}\n`, "line 4, an extension line, is empty"],
  ["an empty line between extensions", `${TEXT}a\n\nb\n`, "line 5, an extension line, is empty"],
  ["CRLF", TEXT.replaceAll("\n", "\r\n"), "line 1 has a carriage return"],
  ["a control character", TEXT.replace(".com", ".\0com"), "U+0000"],
  ["a lone surrogate", TEXT.replace(".com", ".\ud800com"), "surrogate"],
];

for (const [what, text, message] of REFUSED) {
  test(`a checkpoint is refused that has ${what}`, () => {
    const error = refusal(text);
    assert(error.message.includes(message), error.message);
  });
}

test("formatCheckpoint() refuses what it could not write", () => {
  const faults: Partial<Record<keyof Checkpoint, unknown>>[] = [
    { origin: "" },
    { origin: "a\nb" },
    { origin: "a\r" },
    { origin: "\ud800" },
    { origin: undefined },
    { size: -1 },
    { size: 1.5 },
    { size: 2 ** 53 },
    { size: NaN },
    { size: "1" },
    { size: 1n },
    { root: new Uint8Array(31) },
    { root: ROOT },
    { extensions: [""] },
    { extensions: ["a", "b\nc"] },
    { extensions: ["\u0001"] },
    { extensions: [1] },
  ];
  for (const fault of faults) {
    const given = { ...CHECKPOINT, ...fault } as Checkpoint;
    checkRefusal(assertThrows(() => formatCheckpoint(given)), "INVALID_NOTE");
  }
});

test("openCheckpoint() gives what the key of the origin has signed", async () => {
  const [log, witness] = [await newSigner("example.com/log"), await newSigner("witness")];
  const note = await signNote(TEXT, [witness, log]);
  const known = await Promise.all(
    [log, witness].map(({ verifierKey }) => verifierFrom(verifierKey)),
  );
  const opened = await openCheckpoint(note, known);
  assertEquals(opened.checkpoint, CHECKPOINT);
  assertEquals(opened.text, TEXT);
  assertEquals(opened.verified.map(({ name }) => name), ["witness", "example.com/log"]);
  const alone = await openCheckpoint(note, known.slice(0, 1));
  assertEquals(alone.unverified.map(({ name }) => name), ["witness"]);
});

test("openCheckpoint() refuses a checkpoint that no key of the origin's name has signed", async () => {
  const [log, witness] = [await newSigner("example.com/log"), await newSigner("witness")];
  const known = await Promise.all(
    [log, witness].map(({ verifierKey }) => verifierFrom(verifierKey)),
  );
  const error = await assertRefused(
    async () => openCheckpoint(await signNote(TEXT, [witness]), known),
    "NOT_VERIFIED",
  );
  assert(error.message.includes(`"example.com/log"`) && error.message.includes("of witness"));
  // The line is there, but the key is not among those known.
  const stranger = await newSigner("example.com/log");
  const note = await signNote(TEXT, [stranger, witness]);
  await assertRefused(() => openCheckpoint(note, known), "NOT_VERIFIED");
  for (
    const origin of ["example.com/log2", "example.com/lo", "Example.com/log", "example.com/log "]
  ) {
    const text = formatCheckpoint({ ...CHECKPOINT, origin });
    const signed = await signNote(text, [log]);
    await assertRefused(() => openCheckpoint(signed, known), "NOT_VERIFIED");
  }
});

test("openCheckpoint() refuses a signed text that is no checkpoint", async () => {
  const log = await newSigner("example.com/log");
  const known = [await verifierFrom(log.verifierKey)];
  for (const text of [size("007"), `${TEXT}\n`, "example.com/log\n"]) {
    const note = await signNote(text, [log]);
    await assertRefused(() => openCheckpoint(note, known), "INVALID_NOTE");
  }
});

const line = fc.string({ unit: "binary", minLength: 1, maxLength: 20 })
  // deno-lint-ignore no-control-regex
  .map((text) => text.replace(/[\0-\x1f]/g, "—"));
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  origin: line,
  size: fc.oneof(fc.maxSafeNat(), fc.nat(20)),
  root: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => new Uint8Array(bytes)),
  extensions: fc.array(line, { maxLength: 3 }),
});

test("whatever checkpoint is written, it is read again", async () => {
  await check(
    fc.asyncProperty(checkpoint, async (checkpoint) => {
      assertEquals(await parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint);
    }),
    500,
  );
});

test("whatever is done to a signed checkpoint, it is refused or says what it said", async () => {
  const log = await newSigner("example.com/log");
  const note = await signNote(TEXT, [log, await newSigner("witness")]);
  const known = [await verifierFrom(log.verifierKey)];
  await check(
    fc.asyncProperty(mutations, async (mutate) => {
      try {
        assertEquals((await openCheckpoint(mutate(note), known)).checkpoint, CHECKPOINT);
      } catch (error) {
        if (!(error instanceof AuditLogError)) throw error;
        assert(["INVALID_NOTE", "NOT_VERIFIED"].includes(error.code), error.code);
      }
    }),
    2000,
  );
});

test("a text is read only if it is the one that its checkpoint is written as", async () => {
  const strange = fc.string({ unit: fc.constantFrom(..."019+-ex. \n=\r"), maxLength: 12 });
  const text = fc.oneof(
    mutations.map((mutate) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(mutate(TEXT))),
    fc.string({ unit: "binary" }),
    fc.tuple(strange, strange, fc.constantFrom("", "\n", "\na\n")).map(([origin, size, more]) =>
      `${origin}\n${size}\n${ROOT}${more}`
    ),
  );
  await check(
    fc.asyncProperty(text, async (text) => {
      let checkpoint;
      try {
        checkpoint = await parseCheckpoint(text);
      } catch (error) {
        checkRefusal(error, "INVALID_NOTE");
        return;
      }
      assertEquals(formatCheckpoint(checkpoint), text);
    }),
    3000,
  );
});

// Signed notes, with the examples of signed-note and of Go's package note.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { encodeBase64 } from "../../src/transparency/base64.ts";
import {
  type KeySigner,
  type Signer,
  signerFrom,
  type Verifier,
  verifierFrom,
} from "../../src/transparency/keys.ts";
import { openNote, parseNote, signNote } from "../../src/transparency/note.ts";
import { mutations } from "../support/mutations.ts";
import { C2SP, GO } from "../support/note_data.ts";
import { check } from "../support/property.ts";
import { newSigner } from "../support/proven_log.ts";
import { assertRefused, checkRefusal } from "../support/refused.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const names = (signatures: readonly { name: string }[]) => signatures.map(({ name }) => name);

const PETER_LINE = `${GO.peter.signatureLine}\n`;
const ENOCH_LINE = `${GO.enoch.signatureLine}\n`;
const NOTE = `${GO.text}\n${PETER_LINE}`;
const peter = await verifierFrom(GO.peter.verifierKey);
const enoch = await verifierFrom(GO.enoch.verifierKey);

function refusal(note: string | Uint8Array): AuditLogError {
  return checkRefusal(assertThrows(() => parseNote(note)), "INVALID_NOTE");
}

test("signNote() writes the note that Go writes, byte for byte", async () => {
  assertEquals(await signNote(GO.text, [await signerFrom(GO.peter.signingKey)]), NOTE);
});

test("openNote() verifies the example of signed-note", async () => {
  const { text, verified, unverified } = await openNote(C2SP.note, [
    await verifierFrom(C2SP.verifierKey),
  ]);
  assertEquals(text, "This is an example message.\n");
  assertEquals([names(verified), names(unverified)], [["example.com/foo"], []]);
});

test("parseNote() takes a note whose text has an empty line apart at the last one", () => {
  const { text, signatures } = parseNote(C2SP.noteWithEmptyLine);
  assert(text.endsWith("un raggio di sole:\n\ned è subito sera.\n"));
  assertEquals(
    signatures.map(({ name, keyId, signature, line }) => ({
      name,
      keyId,
      length: signature.length,
      line,
    })),
    [{
      name: "quasimodo.example/salvatore",
      keyId: 0x367ba04b,
      length: 64,
      line: C2SP.noteWithEmptyLine.split("\n").at(-2),
    }],
  );
});

test("openNote() takes bytes as it takes strings", async () => {
  assertEquals(await openNote(utf8(NOTE), [peter]), await openNote(NOTE, [peter]));
});

test("openNote() verifies the signatures of known keys and ignores others, as Go does", async () => {
  const both = NOTE + ENOCH_LINE;
  const cases: [Verifier[], string[], string[]][] = [
    [[peter], ["PeterNeumann"], ["EnochRoot"]],
    [[enoch], ["EnochRoot"], ["PeterNeumann"]],
    [[enoch, peter], ["PeterNeumann", "EnochRoot"], []],
  ];
  for (const [known, verified, unverified] of cases) {
    const opened = await openNote(both, known);
    assertEquals(opened.text, GO.text);
    assertEquals(names(opened.verified), verified);
    assertEquals(names(opened.unverified), unverified);
  }
  await assertRefused(() => openNote(both, []), "NOT_VERIFIED");
  await assertRefused(() => openNote(NOTE, [enoch]), "NOT_VERIFIED");
});

test("a key that shares but the name or but the id with a known one is unknown", async () => {
  const namesake = { ...peter, name: peter.name, keyId: peter.keyId - 1 };
  const sameId = { ...peter, name: "Petra" };
  const error = await assertRefused(() => openNote(NOTE, [namesake, sameId]), "NOT_VERIFIED");
  assert(error.message.includes("PeterNeumann+c74f20a2, Petra+c74f20a3"), error.message);
});

test("a signature of a known key that does not hold refuses the note, whoever else signed", async () => {
  const altered = NOTE.replace("problem", "answer") + ENOCH_LINE;
  await assertRefused(() => openNote(altered, [peter]), "NOT_VERIFIED");
  const signer = await newSigner("a");
  const own = await verifierFrom(signer.verifierKey);
  const note = await signNote("text\n", [signer]) + PETER_LINE;
  assertEquals(names((await openNote(note, [own])).verified), ["a"]);
  const error = await assertRefused(() => openNote(note, [own, peter]), "NOT_VERIFIED");
  assert(error.message.includes("PeterNeumann+c74f20a3"), error.message);
});

test("repeated lines count once; other signatures by the same key must hold too", async () => {
  const bad = `${GO.peter.signatureLine.replace("x08go/ZJ", "x08go/ZK")}\n`;
  const repeated = NOTE + PETER_LINE + ENOCH_LINE + ENOCH_LINE + PETER_LINE;
  const opened = await openNote(repeated, [peter]);
  assertEquals([names(opened.verified), names(opened.unverified)], [
    ["PeterNeumann"],
    ["EnochRoot"],
  ]);
  assertEquals(parseNote(repeated).signatures.length, 5);
  await assertRefused(() => openNote(NOTE + bad, [peter]), "NOT_VERIFIED");
  await assertRefused(() => openNote(`${GO.text}\n${bad}${PETER_LINE}`, [peter]), "NOT_VERIFIED");
  const unknown = await openNote(NOTE + bad + ENOCH_LINE, [enoch]);
  assertEquals(names(unknown.unverified), ["PeterNeumann", "PeterNeumann"]);
});

test("two known keys of one name and id are refused if the note has their signature, as by Go", async () => {
  await assertRefused(() => openNote(NOTE, [peter, enoch, peter]), "INVALID_KEY");
  assertEquals(names((await openNote(NOTE, [enoch, peter, enoch])).verified), ["PeterNeumann"]);
});

test("a note may have a hundred signatures, and no more", () => {
  assertEquals(parseNote(`${GO.text}\n${PETER_LINE.repeat(100)}`).signatures.length, 100);
  assert(refusal(`${GO.text}\n${PETER_LINE.repeat(101)}`).message.includes("more than 100"));
});

test("a note may have a million bytes, and no more, however they are given", () => {
  const fill = (unit: string, bytes: number) => {
    const room = bytes - utf8(`\n\n${PETER_LINE}`).length;
    const body = unit.repeat(Math.floor(room / utf8(unit).length));
    return `${body}${"a".repeat(room - utf8(body).length)}\n\n${PETER_LINE}`;
  };
  for (const unit of ["a", "é", "—", "💬"]) {
    for (const form of [utf8, String]) {
      parseNote(form(fill(unit, 1_000_000)));
      assert(refusal(form(fill(unit, 1_000_001))).message.includes("larger than 1000000 bytes"));
    }
  }
});

const line = (name: string, bytes: number[]) =>
  `— ${name} ${encodeBase64(new Uint8Array(bytes))}\n`;

const REFUSED: [what: string, note: string | Uint8Array, message: string][] = [
  ["an empty text", "", "no empty line"],
  ["a text alone", GO.text, "no empty line"],
  ["a text and an empty line", `${GO.text}\n`, "no signature follows"],
  ["no empty line", `${GO.text}${PETER_LINE}`, "no empty line"],
  ["no text", `\n${PETER_LINE}`, "no empty line"],
  ["no final newline", NOTE.slice(0, -1), "does not end in a newline"],
  ["a second final newline", `${NOTE}\n`, "no signature follows"],
  ["an empty line between signatures and more", `${NOTE}\n${NOTE.slice(0, 5)}`, "newline"],
  ["CRLF", NOTE.replaceAll("\n", "\r\n"), "line 1 has a carriage return"],
  ["CRLF at the end", NOTE.replace(/\n$/, "\r\n"), "line 4 has a carriage return"],
  ["a carriage return", NOTE.replace("then", "\rthen"), "line 2 has a carriage return"],
  ["a tab in the text", NOTE.replace("then ", "then\t"), "line 2 has the control character U+0009"],
  ["U+0000", NOTE.replace("then ", "then\0"), "U+0000"],
  [
    "U+001F in a name",
    NOTE.replace("PeterN", "Peter\x1f"),
    "line 4 has the control character U+001F",
  ],
  ["bytes that are not UTF-8", new Uint8Array([0xff, ...utf8(NOTE)]), "UTF-8"],
  ["an overlong newline", new Uint8Array([0xc0, 0x8a, ...utf8(NOTE)]), "UTF-8"],
  ["a surrogate as bytes", new Uint8Array([0xed, 0xa0, 0x80, ...utf8(NOTE)]), "UTF-8"],
  ["a cut character", utf8(NOTE).slice(0, utf8(GO.text).length + 2), "UTF-8"],
  ["a lone surrogate", `\ud800${NOTE}`, "surrogate"],
  ["an en dash", NOTE.replace("—", "–"), "line 4 is no signature"],
  ["a hyphen", NOTE.replace("—", "-"), "line 4 is no signature"],
  ["two hyphens", NOTE.replace("—", "--"), "line 4 is no signature"],
  ["no dash", NOTE.replace("— ", ""), "line 4 is no signature"],
  ["no space behind the dash", NOTE.replace("— ", "—"), "line 4 is no signature"],
  ["a no-break space behind the dash", NOTE.replace("— ", "—\u00a0"), "line 4 is no signature"],
  ["a space before the dash", NOTE.replace("— ", " — "), "line 4 is no signature"],
  ["another line behind", `${NOTE}Unexpected line.\n`, "line 5 is no signature"],
  ["two spaces behind the dash", NOTE.replace("— ", "—  "), "name: it is empty"],
  ["no name", NOTE.replace("PeterNeumann ", ""), "two parts"],
  ["a name alone", NOTE.replace(/ x08.*\n/, "\n"), "two parts"],
  ["a name with a space", NOTE.replace("PeterN", "Peter N"), "two parts"],
  ["a name with a plus", NOTE.replace("PeterN", "Peter+N"), "plus"],
  ["a name with a no-break space", NOTE.replace("PeterN", "Peter\u00a0N"), "contains a space"],
  ["a name with U+0085", NOTE.replace("PeterN", "Peter\u0085N"), "contains a space"],
  ["a name with U+2028", NOTE.replace("PeterN", "Peter\u2028N"), "contains a space"],
  ["an empty signature", NOTE.replace(/x08.*\n/, "\n"), "fewer than 5 bytes"],
  ["a signature of 4 bytes", `a\n\n${line("a", [1, 2, 3, 4])}`, "line 3 has a signature of fewer"],
  ["a signature of 3 bytes", `a\n\n${line("a", [1, 2, 3])}`, "line 3 has a signature of fewer"],
  ["two spaces before the signature", NOTE.replace("n x08", "n  x08"), "two parts"],
  ["a space behind", NOTE.replace(/\n$/, " \n"), "two parts"],
  ["no padding", NOTE.replace("=\n", "\n"), "base64"],
  ["surplus padding", NOTE.replace("=\n", "==\n"), "base64"],
  ["trailing bits", NOTE.replace("AM=\n", "AN=\n"), "base64"],
  ["the URL-safe alphabet", NOTE.replace("go/ZJ", "go_ZJ"), "base64"],
  ["a bad line among good ones", NOTE + ENOCH_LINE.replace("—", "–") + PETER_LINE, "line 5"],
];

for (const [what, note, message] of REFUSED) {
  test(`a note is refused that has ${what}`, async () => {
    const error = refusal(note);
    assert(error.message.includes(message), error.message);
    await assertRefused(() => openNote(note, [peter, enoch]), "INVALID_NOTE");
  });
}

test("notes that are neither strings nor bytes are refused", () => {
  for (const note of [undefined, null, 1, {}, [], [1]]) refusal(note as unknown as string);
});

test("a byte order mark is part of the text, and so of what is signed", async () => {
  const signer = await newSigner("a");
  const own = await verifierFrom(signer.verifierKey);
  const note = await signNote("\ufefftext\n", [signer]);
  assertEquals((await openNote(utf8(note), [own])).text, "\ufefftext\n");
  const marked = `\ufeff${await signNote("text\n", [signer])}`;
  await assertRefused(() => openNote(marked, [own]), "NOT_VERIFIED");
});

test("signNote() refuses texts that would be no note", async () => {
  const signers = [await newSigner("a")];
  for (
    const text of ["", "a", "a\nb", "a\r\n", "a\tb\n", "\0\n", "\ud800\n", "a".repeat(1e6) + "\n"]
  ) {
    await assertRefused(() => signNote(text, signers), "INVALID_NOTE");
  }
  // The text alone would fit.
  await assertRefused(() => signNote("a".repeat(1e6 - 10) + "\n", signers), "INVALID_NOTE");
  for (const text of ["\n", "\n\n", "a\n\n", "\na\n", "a\n\nb\n", `${NOTE}`, "\u007f\u2028\n"]) {
    assertEquals(parseNote(await signNote(text, signers)).text, text);
  }
});

test("signNote() refuses none, a hundred and one, and two equal signers", async () => {
  const signer = await newSigner("a");
  await assertRefused(() => signNote("a\n", []), "INVALID_NOTE");
  await assertRefused(() => signNote("a\n", [signer, signer]), "INVALID_KEY");
  const many = Array.from({ length: 101 }, (_, keyId) => ({ ...signer, keyId }));
  await assertRefused(() => signNote("a\n", many), "INVALID_NOTE");
  assertEquals(parseNote(await signNote("a\n", many.slice(1))).signatures.length, 100);
});

test("signNote() checks what a signer of the caller's own says and gives", async () => {
  const signer = await newSigner("a");
  const faults: Partial<Record<keyof Signer, unknown>>[] = [
    { name: "" },
    { name: "a b" },
    { name: "a+b" },
    { name: "a\u0001" },
    { name: "a\n— b AAAAAAA=" },
    { name: "\ud800" },
    { name: undefined },
    { keyId: -1 },
    { keyId: 2 ** 32 },
    { keyId: 1.5 },
    { keyId: "1" },
    { sign: () => Promise.resolve(new Uint8Array(63)) },
    { sign: () => Promise.resolve(new Uint8Array(65)) },
    { sign: () => Promise.resolve("a".repeat(64)) },
    { sign: () => Promise.resolve(undefined) },
  ];
  for (const fault of faults) {
    await assertRefused(() => signNote("a\n", [{ ...signer, ...fault } as Signer]), "INVALID_KEY");
  }
  for (const keyId of [0, 2 ** 31, 2 ** 32 - 1]) {
    assertEquals(
      parseNote(await signNote("a\n", [{ ...signer, keyId }])).signatures[0]!.keyId,
      keyId,
    );
  }
});

test("what a signer or a verifier throws is passed on", async () => {
  const failure = new Error("the KMS is away");
  const signer: Signer = { ...await newSigner("a"), sign: () => Promise.reject(failure) };
  const verifier: Verifier = { ...peter, verify: () => Promise.reject(failure) };
  assertStrictEquals(await signNote("a\n", [signer]).catch((error) => error), failure);
  assertStrictEquals(await openNote(NOTE, [verifier]).catch((error) => error), failure);
});

test("a signer that changes the bytes it was given changes no other's", async () => {
  const [a, b] = [await newSigner("a"), await newSigner("b")];
  const rude: Signer = {
    ...a,
    sign: (bytes) => {
      const signature = a.sign(bytes.slice());
      bytes.fill(0);
      return signature;
    },
  };
  const note = await signNote("text\n", [rude, b]);
  const known = await Promise.all([a, b].map(({ verifierKey }) => verifierFrom(verifierKey)));
  assertEquals(names((await openNote(note, known)).verified), ["a", "b"]);
});

/** Texts of lines, with whatever characters they may have. */
const text = fc.array(fc.string({ unit: "binary", maxLength: 20 }), { minLength: 1, maxLength: 5 })
  // deno-lint-ignore no-control-regex
  .map((lines) => lines.map((line) => line.replace(/[\0-\x1f]/g, "—") + "\n").join(""));

test("whatever text is signed, the note opens and gives it back", async () => {
  const signers: KeySigner[] = [];
  for (const name of ["a", "b", "李雷/log"]) signers.push(await newSigner(name));
  const verifiers = await Promise.all(signers.map(({ verifierKey }) => verifierFrom(verifierKey)));
  await check(
    fc.asyncProperty(text, fc.subarray([0, 1, 2], { minLength: 1 }), async (text, chosen) => {
      const note = await signNote(text, chosen.map((index) => signers[index]!));
      for (const form of [note, utf8(note)]) {
        const opened = await openNote(form, verifiers);
        assertEquals(opened.text, text);
        assertEquals(names(opened.verified), chosen.map((index) => signers[index]!.name));
        assertEquals(opened.unverified, []);
      }
    }),
    200,
  );
});

test("whatever is done to a note, it is refused or says what it said", async () => {
  const lines = new Set([GO.peter.signatureLine, GO.enoch.signatureLine]);
  await check(
    fc.asyncProperty(mutations, fc.boolean(), async (mutate, asText) => {
      const bytes = mutate(NOTE + ENOCH_LINE);
      const given = asText ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) : bytes;
      let opened;
      try {
        opened = await openNote(given, [peter]);
      } catch (error) {
        assert(error instanceof AuditLogError, String(error));
        assert(["INVALID_NOTE", "NOT_VERIFIED"].includes(error.code), error.code);
        return;
      }
      assertEquals(opened.text, GO.text);
      assertEquals(opened.verified.map(({ line }) => line), [GO.peter.signatureLine]);
      assert(lines.has(opened.verified[0]!.line));
    }),
    3000,
  );
});

test("no text or bytes crash what reads notes", async () => {
  const part = fc.constantFrom("\n", "\n\n", "— ", "a ", "AAAAAAA=", "\ud800", "\r", "\ufeff", "—");
  const given = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.uint8Array(),
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  await check(
    fc.asyncProperty(given, async (given) => {
      try {
        const { text, signatures } = await parseNote(given);
        const written = `${text}\n${signatures.map(({ line }) => `${line}\n`).join("")}`;
        assertEquals(
          utf8(written),
          typeof given === "string" ? utf8(given) : new Uint8Array(given),
        );
      } catch (error) {
        checkRefusal(error, "INVALID_NOTE");
      }
    }),
    2000,
  );
});

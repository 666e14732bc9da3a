import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { test } from "node:test";
import { decodeBase64, encodeBase64 } from "../../src/transparency/base64.ts";
import {
  generateSigningKey,
  keyIdOf,
  signerFrom,
  verifierFrom,
  verifierKeyOf,
} from "../../src/transparency/keys.ts";
import { mutations } from "../support/mutations.ts";
import { C2SP, GO } from "../support/note_data.ts";
import { check } from "../support/property.ts";
import { assertRefused } from "../support/refused.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const { signingKey: PETER_SKEY, verifierKey: PETER_VKEY } = GO.peter;

/** A key with other data; its id is made right if the data is that of a public key. */
async function vkeyWith(name: string, data: Uint8Array): Promise<string> {
  const prefixed = new Uint8Array([...utf8(`${name}\n`), ...data]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", prefixed));
  const id = Array.from(hash.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${name}+${id}+${encodeBase64(data)}`;
}

test("keys that Go wrote are read, and their public key, id and name are Go's", async () => {
  const signer = await signerFrom(PETER_SKEY);
  assertEquals(signer.name, "PeterNeumann");
  assertEquals(signer.keyId, 0xc74f20a3);
  assertEquals(signer.verifierKey, PETER_VKEY);
  const verifier = await verifierFrom(PETER_VKEY);
  assertEquals([verifier.name, verifier.keyId], ["PeterNeumann", 0xc74f20a3]);
});

test("a key signs the bytes that Go's signs", async () => {
  const signer = await signerFrom(PETER_SKEY);
  const expected = decodeBase64(GO.peter.signatureLine.split(" ")[2]!)!.slice(4);
  assertEquals(await signer.sign(utf8(GO.text)), new Uint8Array(expected));
});

test("the key that is the example of signed-note is read", async () => {
  const verifier = await verifierFrom(C2SP.verifierKey);
  assertEquals([verifier.name, verifier.keyId], ["example.com/foo", 0x530d903a]);
});

test("generateSigningKey() gives two keys that belong together, new ones each time", async () => {
  const name = "example.com/log";
  const { signingKey, verifierKey } = await generateSigningKey(name);
  assert(/^PRIVATE\+KEY\+example\.com\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/.test(signingKey));
  assert(/^example\.com\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/.test(verifierKey));
  const signer = await signerFrom(signingKey);
  const verifier = await verifierFrom(verifierKey);
  assertEquals(signer.verifierKey, verifierKey);
  assertEquals([signer.name, signer.keyId], [verifier.name, verifier.keyId]);
  const signature = await signer.sign(utf8("hi"));
  assertEquals(signature.length, 64);
  assert(await verifier.verify(utf8("hi"), signature));
  assertNotEquals((await generateSigningKey(name)).signingKey, signingKey);
});

test("a verifier refuses other bytes, and signatures that are other, shorter, longer or empty", async () => {
  const signer = await signerFrom(PETER_SKEY);
  const verifier = await verifierFrom(PETER_VKEY);
  const signature = await signer.sign(utf8("hi"));
  assert(!await verifier.verify(utf8("ho"), signature));
  assert(!await verifier.verify(utf8("hi\n"), signature));
  for (let at = 0; at < 64; at++) {
    const altered = signature.slice();
    altered[at]! ^= 1;
    assert(!await verifier.verify(utf8("hi"), altered), `byte ${at}`);
  }
  for (
    const other of [[], [...signature.subarray(0, 63)], [...signature, 0], [
      ...signature,
      ...signature,
    ]]
  ) {
    assert(!await verifier.verify(utf8("hi"), new Uint8Array(other)), `${other.length} bytes`);
  }
});

test("a signature whose second half is not reduced is refused, RFC 8032, section 5.1.7", async () => {
  const signature = await (await signerFrom(PETER_SKEY)).sign(utf8("hi"));
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = order;
  for (let at = 63; at >= 32; at--) s += BigInt(signature[at]!) << BigInt(8 * (at - 32));
  for (let at = 32; at < 64; at++, s >>= 8n) signature[at] = Number(s & 255n);
  assert(!await (await verifierFrom(PETER_VKEY)).verify(utf8("hi"), signature));
});

test("verifierKeyOf() writes the verifier key of a public key that is known alone", async () => {
  const publicKey = decodeBase64(PETER_VKEY.split("+")[2]!)!.slice(1);
  assertEquals(await keyIdOf("PeterNeumann", publicKey), 0xc74f20a3);
  assertEquals(await verifierKeyOf("PeterNeumann", publicKey), PETER_VKEY);
  for (const bytes of [0, 31, 33, 64]) {
    await assertRefused(() => verifierKeyOf("a", new Uint8Array(bytes)), "INVALID_KEY");
    await assertRefused(() => keyIdOf("a", new Uint8Array(bytes)), "INVALID_KEY");
  }
  await assertRefused(() => keyIdOf("a", "text" as unknown as Uint8Array), "INVALID_KEY");
});

test("an id that begins with zeros keeps them", async () => {
  for (let n = 0; n < 2 ** 12; n++) {
    const key = await verifierKeyOf(`name${n}`, new Uint8Array(32));
    if (!key.startsWith(`name${n}+00`)) continue;
    assertEquals(key.split("+")[1]!.length, 8);
    await verifierFrom(key);
    return;
  }
  throw new Error("none was found in 4096");
});

const NAMES: [name: string, message: string][] = [
  ["", "is empty"],
  ["a b", "space"],
  [" a", "space"],
  ["a\n", "space"],
  ["a\t", "space"],
  ["a\u0085", "space"],
  ["a\u00a0", "space"],
  ["a\u1680", "space"],
  ["a\u2003", "space"],
  ["a\u2028", "space"],
  ["a\u202f", "space"],
  ["a\u3000", "space"],
  ["a+b", "plus"],
  ["a\ud800", "surrogate"],
  ["a\0", "control"],
  ["a\u001b", "control"],
  ["a\u007f", "control"],
  ["a\u0090", "control"],
  ["a".repeat(256), "longer than 255 bytes"],
  ["é".repeat(128), "longer than 255 bytes"],
];

for (const [name, message] of NAMES) {
  test(`a key cannot have the name ${JSON.stringify(name.slice(0, 8))}: ${message}`, async () => {
    await assertRefused(() => verifierKeyOf(name, new Uint8Array(32)), "INVALID_KEY");
    const key = await vkeyWith(name, new Uint8Array([1, ...Array(32)]));
    await assertRefused(() => verifierFrom(key), "INVALID_KEY");
    const error = await assertRefused(() => generateSigningKey(name), "INVALID_KEY");
    assert(error.message.includes(message), error.message);
  });
}

test("a key can have any other name", async () => {
  for (const name of ["a", "example.com/log", "李雷", "a\ufeff", "a\u200b", "—", "é".repeat(127)]) {
    const { signingKey, verifierKey } = await generateSigningKey(name);
    assertEquals((await signerFrom(signingKey)).name, name);
    assertEquals((await verifierFrom(verifierKey)).name, name);
  }
});

const VKEYS: [what: string, key: string | (() => Promise<string>), message: string][] = [
  ["an empty text", "", "it is empty"],
  ["a name alone", "PeterNeumann", "three parts"],
  ["no key", "PeterNeumann+c74f20a3", "three parts"],
  ["an empty key", "PeterNeumann+c74f20a3+", "nothing follows the id"],
  ["the wrong id", PETER_VKEY.replace("c74f20a3", "c74f20a4"), "id does not belong"],
  ["the id of another name", PETER_VKEY.replace("Peter", "Petra"), "id does not belong"],
  ["an upper-case id", PETER_VKEY.replace("c74f20a3", "C74F20A3"), "lower-case"],
  ["a short id", PETER_VKEY.replace("c74f20a3", "c74f20a"), "eight"],
  ["a long id", PETER_VKEY.replace("c74f20a3", "0c74f20a3"), "eight"],
  ["an id with a prefix", PETER_VKEY.replace("c74f20a3", "0x4f20a3"), "eight"],
  ["the type unknown to Go's test", GO.keyOfUnknownType, "0x01"],
  ["the length of Go's test", GO.keyOfWrongLength, "base64"],
  ["a cosigner's type", () => vkeyWith("a", new Uint8Array([4, ...Array(32)])), "0x01"],
  ["31 bytes", () => vkeyWith("a", new Uint8Array([1, ...Array(31)])), "31 bytes"],
  ["33 bytes", () => vkeyWith("a", new Uint8Array([1, ...Array(33)])), "33 bytes"],
  ["no bytes", () => vkeyWith("a", new Uint8Array([1])), "0 bytes"],
  ["a URL-safe key", PETER_VKEY.replace("/", "_"), "base64"],
  ["text behind", `${PETER_VKEY}+more`, "base64"],
  ["padding behind", `${PETER_VKEY}=`, "base64"],
  ["a newline behind", `${PETER_VKEY}\n`, "white space"],
  ["a space before", ` ${PETER_VKEY}`, "white space"],
  ["a signing key", PETER_SKEY, "secret"],
];

for (const [what, key, message] of VKEYS) {
  test(`verifierFrom() refuses ${what}`, async () => {
    const given = typeof key === "string" ? key : await key();
    const error = await assertRefused(() => verifierFrom(given), "INVALID_KEY");
    assert(error.message.includes(message), error.message);
  });
}

const SKEYS: [what: string, key: string, message: string][] = [
  ["an empty text", "", "it is empty"],
  ["a verifier key", PETER_VKEY, "begin with PRIVATE+KEY+"],
  ["another prefix", PETER_SKEY.replace("PRIVATE", "private"), "begin with PRIVATE+KEY+"],
  ["no name", "PRIVATE+KEY+", "three parts"],
  ["an empty name", PETER_SKEY.replace("PeterNeumann", ""), "name is empty"],
  ["the wrong id", PETER_SKEY.replace("c74f20a3", "c74f20a4"), "id does not belong"],
  ["an upper-case id", PETER_SKEY.replace("c74f20a3", "C74F20A3"), "lower-case"],
  ["another type", PETER_SKEY.replace("+AYEK", "+AoEK"), "0x01"],
  ["a seed too short", PETER_SKEY.slice(0, -4), "29 bytes"],
  ["a seed too long", `${PETER_SKEY}AAAA`, "35 bytes"],
  ["another seed", PETER_SKEY.replace("KDFz", "KDFy"), "id does not belong"],
  ["a URL-safe seed", PETER_SKEY.replace(/\+(?=Y7hf)/, "-"), "base64"],
  ["text behind", `${PETER_SKEY}+more`, "base64"],
  ["a newline behind", `${PETER_SKEY}\n`, "white space"],
];

for (const [what, key, message] of SKEYS) {
  test(`signerFrom() refuses ${what}, and its message tells nothing of the key`, async () => {
    const error = await assertRefused(() => signerFrom(key), "INVALID_KEY");
    assert(error.message.includes(message), error.message);
    assertTellsNothing(error, key);
    if (key === PETER_VKEY) return;
    assertTellsNothing(await assertRefused(() => verifierFrom(key), "INVALID_KEY"), key);
  });
}

test("keys that are not strings are refused", async () => {
  for (const key of [undefined, null, 1, {}, utf8(PETER_SKEY)]) {
    await assertRefused(() => signerFrom(key as string), "INVALID_KEY");
    await assertRefused(() => verifierFrom(key as string), "INVALID_KEY");
    await assertRefused(() => generateSigningKey(key as string), "INVALID_KEY");
  }
});

test("a signer shows its private key neither as text nor as JSON", async () => {
  const signer = await signerFrom(PETER_SKEY);
  const secret = PETER_SKEY.split("+").slice(4).join("+");
  assert(!JSON.stringify(signer).includes(secret.slice(4)));
  assert(!Object.values(signer).map(String).join().includes(secret.slice(4)));
});

/** Holds if the error shows no six characters in a row of the key's secret part. */
function assertTellsNothing(error: AuditLogError, key: string): void {
  const secret = key.split("+").slice(3).join("+");
  const told = `${error.message} ${error.stack} ${String(error.cause)} ${error.path}`;
  for (let at = 0; at + 6 <= secret.length; at++) {
    const part = secret.slice(at, at + 6);
    assert(!told.includes(part), `the error tells ${part}`);
  }
}

test("whatever is done to a key, it is refused, and the message tells nothing of it", async () => {
  await check(
    fc.asyncProperty(mutations, fc.boolean(), async (mutate, signing) => {
      const key = signing ? PETER_SKEY : PETER_VKEY;
      const given = new TextDecoder("utf-8", { ignoreBOM: true }).decode(mutate(key));
      if (given === key) return;
      const read = signing ? signerFrom : verifierFrom;
      const error = await assertRefused(() => read(given), "INVALID_KEY");
      assertTellsNothing(error, PETER_SKEY);
    }),
    1000,
  );
});

test("no part of a key passes for a key", async () => {
  for (const [key, read] of [[PETER_VKEY, verifierFrom], [PETER_SKEY, signerFrom]] as const) {
    for (let from = 0; from < key.length; from++) {
      for (let to = from + 1; to <= key.length; to++) {
        if (from === 0 && to === key.length) continue;
        await assertRefused(() => read(key.slice(from, to)), "INVALID_KEY");
      }
    }
  }
});

test("no text crashes what reads keys", async () => {
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("PRIVATE", "KEY", "c74f20a3", "\ud800", "", "AQ=="),
  );
  await check(
    fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
      await assertRefused(() => verifierFrom(parts.join("+")), "INVALID_KEY");
      await assertRefused(() => signerFrom(parts.join("+")), "INVALID_KEY");
    }),
    300,
  );
});

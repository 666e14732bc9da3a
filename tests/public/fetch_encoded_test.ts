// auditFetch(): bodies that their caller compressed are recorded as what they say, as far as that can be read.

import { assert, assertEquals } from "@std/assert";
import type { Fetch } from "@audit-log/llm/fetch";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { test } from "node:test";
import { only } from "../support/captured.ts";
import { answering, fetched, QUESTION } from "../support/fetched.ts";

const URL_OF_CHAT = "https://llm.example/v1/chat/completions";
const BODY = JSON.stringify(QUESTION);
const ANSWER = JSON.stringify({ choices: [{ message: { content: "Paris" } }] });

type Encode = (text: string | Uint8Array) => Uint8Array<ArrayBuffer>;
const gzip: Encode = (text) => new Uint8Array(gzipSync(text));
const deflate: Encode = (text) => new Uint8Array(deflateSync(text));
const br: Encode = (text) => new Uint8Array(brotliCompressSync(text));
const asItIs: Encode = (text) => new Uint8Array(new TextEncoder().encode(String(text)));

/** A fetch that answers, and keeps what it got. */
function keeping() {
  const got: { bytes: Uint8Array; encoding: string | null }[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init);
    const bytes = new Uint8Array(await request.arrayBuffer());
    got.push({ bytes, encoding: request.headers.get("content-encoding") });
    return await answering(ANSWER)!(input, init);
  };
  return { got, fetch };
}

function canInflate(format: string): boolean {
  try {
    new DecompressionStream(format as CompressionFormat);
    return true;
  } catch {
    return false;
  }
}

const READABLE: [encoding: string, Encode][] = [
  ["gzip", gzip],
  ["GZip", gzip],
  ["x-gzip", gzip],
  ["deflate", deflate],
  ["deflate, gzip", (text) => gzip(deflate(text))],
  ["identity", asItIs],
  ...(canInflate("brotli") ? [["br", br] as [string, Encode]] : []),
];
for (const [encoding, encode] of READABLE) {
  test(`a body by ${encoding} is recorded as what it says, and sent as it is`, async (t) => {
    const beneath = keeping();
    const { log, fetch } = await fetched(t, { fetch: beneath.fetch });
    const bytes = encode(BODY);
    const init = { method: "POST", headers: { "content-encoding": encoding } };
    const stream = () => new Blob([bytes]).stream();
    await (await fetch(URL_OF_CHAT, { ...init, body: bytes })).text();
    await (await fetch(URL_OF_CHAT, { ...init, body: new Blob([bytes]) })).text();
    await (await fetch(URL_OF_CHAT, { ...init, body: stream(), duplex: "half" } as RequestInit))
      .text();
    await (await fetch(new Request(URL_OF_CHAT, { ...init, body: bytes }))).text();
    const entries = await log.query();
    assertEquals(entries.map(({ model }) => model), Array(4).fill(QUESTION.model));
    for (const entry of entries) {
      assertEquals(entry.inputText, entries[0]!.inputText);
      assert(entry.inputText.includes("France"), entry.inputText);
      assertEquals(entry.metadata["request.unreadable"], undefined);
    }
    assertEquals(beneath.got, Array(4).fill({ bytes, encoding }));
  });
}

const zeros = new Uint8Array(64 * 1024 * 1024);
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const UNREADABLE: [what: string, encoding: string, () => Uint8Array<ArrayBuffer>][] = [
  ["is no gzip", "gzip", () => asItIs(BODY)],
  ["is gzip that was cut", "gzip", () => gzip(BODY).slice(0, -9)],
  ["is gzip of more than a record may have", "gzip", () => gzip(zeros)],
  [
    "is brotli of more than a record may have",
    "br",
    () => new Uint8Array(brotliCompressSync(zeros, quick)),
  ],
  ["is by an encoding that nobody knows", "constructor", () => asItIs(BODY)],
  ["is by one of several that nobody knows", "aes, gzip", () => gzip(BODY)],
];
for (const [what, encoding, encode] of UNREADABLE) {
  test(`a body that ${what} is sent as it is, and recorded as one that cannot be read`, async (t) => {
    const beneath = keeping();
    const { log, fetch } = await fetched(t, { fetch: beneath.fetch });
    const body = encode();
    const headers = { "content-encoding": encoding };
    await (await fetch(URL_OF_CHAT, { method: "POST", headers, body })).text();
    const { inputText, outputText, metadata } = await only(log);
    assertEquals([inputText, outputText], ["", "Paris"]);
    assertEquals(metadata["request.unreadable"], true);
    assertEquals(beneath.got, [{ bytes: body, encoding }]);
  });
}

test("a body that is a text is recorded as it is, whatever its header says; a form cannot be read", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: keeping().fetch });
  const headers = { "content-encoding": "gzip" };
  await (await fetch(URL_OF_CHAT, { method: "POST", headers, body: BODY })).text();
  const form = new FormData();
  form.set("model", "gpt-4o");
  await (await fetch(URL_OF_CHAT, { method: "POST", body: form })).text();
  await (await fetch(URL_OF_CHAT, { method: "POST" })).text();
  const entries = await log.query();
  assertEquals(
    entries.map(({ metadata }) => metadata["request.unreadable"]),
    [undefined, true, undefined] as never,
  );
});

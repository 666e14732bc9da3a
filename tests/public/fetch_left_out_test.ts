// What auditFetch() leaves out of what it records: the bytes of inline media, and what looks like a key.

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { API_KEY, only } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { serving } from "../support/serving.ts";

const BYTES = "bytes that are not to be recorded, of a picture";
const BASE64 = btoa(BYTES);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");

/** However a data: URL may be written. */
const URLS = [
  `data:image/png;base64,${BASE64}`,
  `DATA:image/png;base64,${BASE64}`,
  `Data:IMAGE/PNG;BASE64,${BASE64}`,
  ` data:image/png;base64,${BASE64}`,
  `dAtA:image/png;charset=x;Base64,${BASE64}`,
  `DATA:image/png,${encodeURIComponent(BYTES)}`,
];
const asked: [what: string, path: string, body: (url: string) => object][] = [
  ["a picture", "chat/completions", (url) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  })],
  ["a picture as some have it", "chat/completions", (image_url) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url }] }],
  })],
  ["a file", "chat/completions", (file_data) => ({
    messages: [{ role: "user", content: [{ type: "file", file: { file_data } }] }],
  })],
  ["what is not known", "chat/completions", (url) => ({
    messages: [{ role: "user", content: [{ type: "video_url", video_url: { url } }] }],
  })],
  ["a picture", "responses", (image_url) => ({
    input: [{ role: "user", content: [{ type: "input_image", image_url }] }],
  })],
  ["a file", "responses", (file_data) => ({
    input: [{ role: "user", content: [{ type: "input_file", file_data }] }],
  })],
  ["a tool's picture", "responses", (image_url) => ({
    input: [{ type: "computer_call_output", call_id: "c", output: { image_url } }],
  })],
  ["a picture", "messages", (url) => ({
    messages: [{ role: "user", content: [{ type: "image", source: { type: "url", url } }] }],
  })],
];
for (const [what, path, body] of asked) {
  for (const url of URLS) {
    test(`${what} in ${path} is recorded by its hash: ${url.slice(0, 24)}`, async (t) => {
      const { log, fetch } = await fetched(t, { fetch: answering("{}") });
      await fetch(`https://llm.example/v1/${path}`, post({ model: "m", ...body(url) }));
      const { inputText } = await only(log);
      assert(!inputText.includes(BASE64.slice(4, 20)), inputText);
      assert(!inputText.includes("not%20to%20be"), inputText);
      // What was no base64 is hashed as it stands in the URL.
      if (url.includes("64,")) assert(inputText.includes(SHA256), inputText);
      assert(/"modality":"image"/.test(inputText), inputText);
    });
  }
}

for (
  const text of ["Data: three of five, the others later", "Data: 3/4, 5/6", "data: and/or, or"]
) {
  test(`a text that begins like such a URL is a text: ${text}`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: answering("{}") });
    const content = [{ type: "note", note: text }];
    const body = { model: "m", messages: [{ role: "user", content }] };
    await fetch("https://llm.example/v1/chat/completions", post(body));
    assert((await only(log)).inputText.includes(text));
    await fetch("https://llm.example/v1/embeddings", post({ model: "m", input: text }));
    assertEquals((await log.query({ order: "desc" }))[0]!.inputText, text);
  });
}

test("a URL whose head never ends is recorded by its hash", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  for (const url of ["data:".repeat(4e5), `data:${";".repeat(6e6)}`]) {
    const content = [{ type: "image_url", image_url: { url } }];
    const body = { model: "m", messages: [{ role: "user", content }] };
    await fetch("https://llm.example/v1/chat/completions", post(body));
    const { inputText } = (await log.query({ order: "desc" }))[0]!;
    assert(inputText.includes(`"size":${url.length}`), inputText.slice(0, 300));
  }
});

const HEX = "0123456789abcdef0123456789abcdef";
const bodies: [what: string, type: string, body: string, secret: string][] = [
  ["a page that has the header", "text/html", `<p>Authorization: Bearer ${HEX}</p>`, HEX],
  ["a text that has the key", "text/plain", `Bad key ${API_KEY} for you`, API_KEY],
  ["a text that names the key", "text/plain", `Incorrect API key provided: ${HEX}.`, HEX],
  ["a header of Azure's", "text/plain", `api-key: ${HEX}`, HEX],
  ["JSON that no provider sends", "application/json", `{"detail":"x-api-key: ${HEX}"}`, HEX],
  ["JSON with a key in it", "application/json", `{"request":{"api_key":"${HEX}"}}`, HEX],
  ["JSON that breaks off", "application/json", `{"headers":{"authorization":"Bearer ${HEX}`, HEX],
  ["a text", "application/json", `"password=${HEX}"`, HEX],
];
for (const [what, type, body, secret] of bodies) {
  for (const isEndless of what === "a text" ? [false, true] : [false]) {
    test(`of an error, ${what} is recorded without it, endless: ${isEndless}`, async (t) => {
      const url = await serving(t, (response) => {
        response.writeHead(401, { "content-type": type });
        if (isEndless) response.write(body);
        else response.end(body);
      });
      const { log, fetch } = await fetched(t);
      const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
      const reader = response.body!.getReader();
      assertEquals(new TextDecoder().decode((await reader.read()).value), body);
      await reader.cancel();
      const entry = await only(log);
      assert(!JSON.stringify(entry).includes(secret.slice(4)), JSON.stringify(entry));
      assertEquals(entry.metadata["error.type"], "401");
      assert((entry.metadata["error.message"] as string).includes("[secret]"));
    });
  }
}

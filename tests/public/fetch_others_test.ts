// auditFetch() in place of the global fetch: what other services have at paths that models have, too, is none of its calls.

import { assertEquals } from "@std/assert";
import { auditFetch } from "@audit-log/llm/fetch";
import { test } from "node:test";
import { capturing } from "../support/captured.ts";
import { post } from "../support/fetched.ts";

const others: [url: string, init: () => RequestInit][] = [
  ["https://discord.com/api/v10/channels/1/messages", () => post({ content: "private" })],
  ["https://graph.facebook.com/v20.0/1/messages", () => post({ to: "491", text: { body: "Hi" } })],
  [
    "https://api.mailgun.net/v3/example.com/messages",
    () => ({ method: "POST", body: new URLSearchParams({ to: "a@b.example", text: "private" }) }),
  ],
  ["https://api.typeform.com/forms/1/responses", () => post({ answers: ["42"] })],
  // A client that is made as those of OpenAI and Anthropic are.
  [
    "https://api.telnyx.com/v2/messages",
    () => post({ text: "private" }, { headers: { "x-stainless-lang": "js" } }),
  ],
  ["https://a1b2.execute-api.us-east-1.amazonaws.com/v1/messages", () => post({ text: "private" })],
  ["https://llm.example/v1/responses", () => post({ model: { id: 7 } })],
  ["https://llm.example/v1/responses", () => post({}, { body: '{"model":"m"' })],
  [
    "https://llm.example/v1/responses",
    () => ({ method: "POST", body: new Blob(["{}"]).stream(), duplex: "half" } as RequestInit),
  ],
];
for (const [index, [url, init]] of others.entries()) {
  test(`a request that asks no model is not recorded, checked or changed: ${index}, ${url}`, async (t) => {
    const { log } = await capturing(t);
    const got: string[] = [];
    const fetch = auditFetch(log, {
      check: () => {
        throw new Error("It was asked");
      },
      fetch: async (input, init) => {
        const request = new Request(input, init);
        got.push(request.headers.get("content-type") ?? "", await request.text());
        return new Response("{}");
      },
    });
    const asked = new Request(url, init());
    const expected = [asked.headers.get("content-type") ?? "", await asked.text()];
    await (await fetch(url, init())).text();
    await (await fetch(new Request(url, init()))).text();
    assertEquals(got, [...expected, ...expected]);
    assertEquals(log.size, 0);
  });
}

test("a call of a model is known for one on any host", async (t) => {
  const { log } = await capturing(t);
  const said: [url: string, init: RequestInit, provider?: string][] = [
    ["https://llm.example/v1/responses", post({ model: "m", input: "Hi" })],
    ["https://llm.example/v1/responses", post({ prompt: { id: "p" } }), "ours"],
    [
      "https://llm.example/v1/responses",
      post({ prompt: { id: "p" } }, { headers: { "x-stainless-lang": "js" } }),
    ],
    ["https://llm.example/v1/messages", post({}, { headers: { "anthropic-version": "2023" } })],
    ["https://llm.example/openai/deployments/m/responses", post({ input: "Hi" })],
    // A server with one model need not be told which.
    ...["chat/completions", "completions", "embeddings"].map((path): [string, RequestInit] => [
      `http://127.0.0.1:8080/v1/${path}`,
      post({ input: "Hi" }),
    ]),
    ["https://api.openai.com/v1/responses", post({ prompt: { id: "p" } })],
  ];
  const beneath = () => Promise.resolve(new Response("{}"));
  for (const [url, init, provider] of said) {
    await (await auditFetch(log, { fetch: beneath, provider })(url, init)).text();
  }
  assertEquals(await log.count(), said.length);
});

test("of requests to one address, each is known for what it is", async (t) => {
  const { log } = await capturing(t);
  const fetch = auditFetch(log, { fetch: () => Promise.resolve(new Response("{}")) });
  const url = "https://llm.example/v1/messages";
  const headers = { "anthropic-version": "2023-06-01" };
  const counts = [];
  for (const init of [post({}), post({ model: "m" }), post({}), post({}, { headers }), post({})]) {
    await (await fetch(url, init)).text();
    counts.push(await log.count());
  }
  assertEquals(counts, [0, 1, 1, 2, 2]);
});

// auditFetch() over a fetch whose responses are not the runtime's own: the caller gets what it would get without.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import type { AuditFetchOptions } from "@audit-log/llm/fetch";
import nodeFetch, { type RequestInit as NodeInit, Response as NodeResponse } from "node-fetch";
import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
import { Writable } from "node:stream";
import OpenAI from "openai";
import { test } from "node:test";
import { all, API_KEY, only } from "../support/captured.ts";
import { eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";
import { Gate } from "../support/providers/server.ts";

type Beneath = NonNullable<AuditFetchOptions["fetch"]>;

const STREAM = { ...QUESTION, stream: true };
const CHAT = "https://llm.example/v1/chat/completions";
const ANSWER = { model: "m", choices: [{ message: { content: "Paris" }, finish_reason: "stop" }] };
const TOO_FAST = { error: { type: "rate_limit", message: "Too fast." } };
const EVENTS = eventBytes(
  { choices: [{ index: 0, delta: { content: "Pa" } }] },
  { choices: [{ index: 0, delta: { content: "ris" }, finish_reason: "stop" }] },
  "[DONE]",
);

/** The package's fetch, for a client that takes one. */
const beneath = ((url: string, init?: NodeInit) => nodeFetch(url, init)) as unknown as Beneath;

/** A fetch that answers with whatever a test has. */
const giving = (response: unknown): Beneath => () => Promise.resolve(response as Response);

async function ended(log: AuditLog): Promise<unknown[]> {
  while (await log.count() === 0) await new Promise((resolve) => setTimeout(resolve));
  const { outputText, metadata } = await only(log);
  return [metadata["audit.outcome"], metadata["error.type"], outputText];
}

const DONE = ["completed", undefined, "Paris"];

const wholly: [string, (response: NodeResponse) => Promise<string>][] = [
  ["text()", (response) => response.text()],
  ["json()", async (response) => JSON.stringify(await response.json())],
  ["arrayBuffer()", async (response) => Buffer.from(await response.arrayBuffer()).toString()],
  ["blob()", async (response) => await (await response.blob()).text()],
  ["buffer()", async (response) => (await response.buffer()).toString()],
  ["clone()", (response) => response.clone().text()],
  ["for await", async ({ body }) => Buffer.concat(await all<Buffer>(body as never)).toString()],
  ["pipeline()", async ({ body }) => {
    const chunks: Buffer[] = [];
    const sink = new Writable({ write: (chunk, _, done) => (chunks.push(chunk), done()) });
    await pipeline(body!, sink);
    return Buffer.concat(chunks).toString();
  }],
  ["on('data')", async ({ body }) => {
    let text = "";
    body!.on("data", (chunk) => text += chunk);
    await new Promise((resolve) => body!.on("end", resolve));
    return text;
  }],
];
for (const [way, read] of wholly) {
  // A stream is no JSON.
  for (const stream of way === "json()" ? [false] : [false, true]) {
    test(`node-fetch is recorded, read by ${way}, stream: ${stream}`, async (t) => {
      const { provider, log, fetch } = await fetched(t, { fetch: beneath });
      const url = `${provider.url}/v1/chat/completions`;
      const bare = await nodeFetch(url, post({ ...QUESTION, stream }) as NodeInit);
      const audited = await fetch(url, post({ ...QUESTION, stream })) as unknown as NodeResponse;
      assertInstanceOf(audited, NodeResponse);
      assertEquals([audited.url, audited.status, audited.ok], [url, 200, true]);
      assertStrictEquals(audited.headers.get("content-type"), bare.headers.get("content-type"));
      assertStrictEquals(await read(audited), await bare.text());
      assertEquals(await ended(log), ["completed", undefined, "Hello!"]);
      assertEquals((await only(log)).metadata["http.response.header.x-request-id"], [
        "req_local_1",
      ]);
    });
  }
}

test("a client on node-fetch streams event for event", async (t) => {
  const { provider, log, fetch } = await fetched(t, { fetch: beneath });
  const client = new OpenAI({ apiKey: API_KEY, baseURL: `${provider.url}/v1`, fetch });
  const gate = new Gate();
  provider.reply({ text: ["Pa", "ris"], gate });
  gate.release();
  const stream = await client.chat.completions.create({
    model: "m",
    messages: [{ role: "user", content: "Hi" }],
    stream: true,
  });
  let text = "";
  for await (const { choices } of stream) {
    text += choices[0]?.delta.content ?? "";
    gate.release();
  }
  assertEquals(text, "Paris");
  assertEquals(await ended(log), DONE);
});

test("who leaves a stream of node-fetch leaves an aborted call", async (t) => {
  const { provider, log, fetch } = await fetched(t, { fetch: beneath, begin: false });
  const gate = new Gate();
  provider.reply({ text: ["Pa", "ris"], gate });
  gate.release();
  gate.release();
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(STREAM));
  const { body } = response as unknown as NodeResponse;
  let text = "";
  for await (const chunk of body!) {
    text += chunk;
    if (text.includes("Pa")) break;
  }
  await provider.aborted();
  assertEquals(await ended(log), ["aborted", "AbortError", "Pa"]);
});

test("a connection of node-fetch that breaks is recorded with what came", async (t) => {
  const { provider, log, fetch } = await fetched(t, { fetch: beneath, begin: false });
  provider.reply({ text: ["Pa", "ris"], cutAfter: 2 });
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(STREAM));
  await assertRejects(() => response.text());
  const [outcome, type] = await ended(log);
  assertEquals(outcome, "failed");
  assert(type !== undefined);
});

test("errors of node-fetch are recorded by their bodies, or by their status where nobody reads them", async (t) => {
  for (const reads of [true, false]) {
    const { provider, log, fetch } = await fetched(t, { fetch: beneath, begin: false });
    provider.reply({ status: 429, error: "Too fast." });
    const response = await fetch(`${provider.url}/v1/chat/completions`, post(QUESTION));
    assertEquals([response.ok, response.status], [false, 429]);
    if (reads) await response.text();
    const [outcome, type] = await ended(log);
    assertEquals([outcome, type === "429"], ["failed", !reads]);
    if (!reads) await response.text();
  }
});

/** As a package that is not the runtime's has it: its own class, which knows its own instances. */
class OtherResponse {
  readonly #inner: Response;
  constructor(inner: Response) {
    this.#inner = inner;
  }
  get ok(): boolean {
    return this.#inner.ok;
  }
  get status(): number {
    return this.#inner.status;
  }
  get headers(): Headers {
    return this.#inner.headers;
  }
  get body(): unknown {
    return this.#inner.body;
  }
  get bodyUsed(): boolean {
    return this.#inner.bodyUsed;
  }
  json(): Promise<unknown> {
    return this.#inner.json();
  }
  text(): Promise<string> {
    return this.#inner.text();
  }
  clone(): OtherResponse {
    return new OtherResponse(this.#inner.clone());
  }
}

/** A subclass with a secret of its own, and its own idea of what it says. */
class LoudResponse extends Response {
  readonly #volume = "!";
  override async text(): Promise<string> {
    return await super.text() + this.#volume;
  }
  get volume(): string {
    return this.#volume;
  }
}

test("a subclass with private fields keeps them, and what it overrides", async (t) => {
  const given = new LoudResponse("Paris", { headers: { "content-type": "text/plain" } });
  const { log, fetch } = await fetched(t, { fetch: giving(given) });
  const response = await fetch(CHAT, post(QUESTION)) as LoudResponse;
  assertInstanceOf(response, LoudResponse);
  assertInstanceOf(response, Response);
  assertEquals([response.volume, response.bodyUsed], ["!", false]);
  assertEquals(await response.text(), "Paris!");
  assertEquals(response.bodyUsed, true);
  assertEquals(await ended(log), ["completed", undefined, "Paris!"]);
});

const readings: [string, (response: OtherResponse) => Promise<unknown>][] = [
  ["json()", (response) => response.json()],
  ["clone()", (response) => response.clone().json()],
  ["body", async ({ body }) => JSON.parse(await new Response(body as BodyInit).text())],
  ["json(), once body was looked at", (response) => response.body ? response.json() : never()],
];
for (const [way, read] of readings) {
  test(`another package's response is recorded, read by ${way}`, async (t) => {
    const given = new OtherResponse(Response.json(ANSWER));
    const { log, fetch } = await fetched(t, { fetch: giving(given) });
    const response = await fetch(CHAT, post(QUESTION)) as unknown as OtherResponse;
    assertInstanceOf(response, OtherResponse);
    assertStrictEquals(response.body, response.body);
    assertEquals(await read(response), ANSWER);
    assertEquals(await ended(log), DONE);
  });
}

function never(): never {
  throw new Error("there is a body");
}

test("another package's stream is handed on chunk for chunk, and left by who leaves it", async (t) => {
  let cancelled: unknown;
  const chunks = [EVENTS.slice(0, 70), EVENTS.slice(70)];
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(chunks.shift()),
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  const { log, fetch } = await fetched(t, { fetch: giving(new OtherResponse(new Response(body))) });
  const reader = (await fetch(CHAT, post(STREAM))).body!.getReader();
  assertEquals(chunks.length, 2);
  const [first] = chunks;
  assertEquals((await reader.read()).value, first);
  assertEquals(chunks.length, 1);
  await reader.cancel("enough");
  assertEquals(cancelled, "enough");
  assertEquals((await ended(log))[0], "aborted");
});

test("an error of another package's whose body is thrown away is recorded as failed", async (t) => {
  const given = new OtherResponse(Response.json(TOO_FAST, { status: 429 }));
  const { log, fetch } = await fetched(t, { fetch: giving(given), begin: false });
  await (await fetch(CHAT, post(QUESTION))).body!.cancel();
  assertEquals(await ended(log), ["failed", "429", ""]);
});

const json = (value: unknown) => () => Promise.resolve(value);
const mocks: [what: string, mock: object, wanted: unknown[]][] = [
  ["ok, status and json()", { ok: true, status: 200, json: json(ANSWER) }, DONE],
  ["json() alone", { json: json(ANSWER) }, DONE],
  ["text() that nobody need wait for", { ok: true, text: () => JSON.stringify(ANSWER) }, DONE],
  ["an error and json()", { ok: false, status: 429, json: json(TOO_FAST) }, [
    "failed",
    "rate_limit",
    "",
  ]],
  ["headers in a Map", { headers: new Map([["X-Request-Id", "r1"]]), json: json(ANSWER) }, DONE],
  ["headers in an object", { headers: { "x-request-id": "r1" }, json: json(ANSWER) }, DONE],
  ["what it was not asked to say", { ok: true, json: json("Paris") }, ["completed", undefined, ""]],
  ["a json() that fails", { ok: true, json: () => Promise.reject(new SyntaxError("no JSON")) }, [
    "failed",
    "SyntaxError",
    "",
  ]],
];
for (const [what, mock, wanted] of mocks) {
  test(`a mock with ${what} is recorded`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: giving(mock) });
    const { json = () => Promise.resolve(), text } = mock as Partial<Response>;
    const response = await fetch(CHAT, post(QUESTION)) as unknown as Record<
      string,
      () => Promise<unknown>
    >;
    for (const key of Object.keys(mock)) {
      if (typeof (mock as Record<string, unknown>)[key] === "function") continue;
      assertStrictEquals(response[key] as unknown, (mock as Record<string, unknown>)[key]);
    }
    if (text !== undefined) assertStrictEquals(response.text!(), text() as unknown);
    else {
      const told = (value: Promise<unknown>) => value.catch((error) => error.message);
      assertEquals(await told(response.json!()), await told(json()));
    }
    assertEquals(await ended(log), wanted);
    if ("headers" in mock) {
      assertEquals((await only(log)).metadata["http.response.header.x-request-id"], ["r1"]);
    }
  });
}

for (
  const nothing of [
    undefined,
    null,
    "Paris",
    {},
    { ok: true, status: 200 },
    Object.freeze({ json: json(ANSWER) }),
  ]
) {
  test(`what cannot be looked into is handed on: ${JSON.stringify(nothing)}`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: giving(nothing) });
    assertStrictEquals(await fetch(CHAT, post(QUESTION)) as unknown, nothing);
    assertEquals(await ended(log), ["completed", undefined, ""]);
  });
}

test("a mock that is given again and again is recorded each time", async (t) => {
  const mock = { ok: true, status: 200, json: json(ANSWER) };
  const { log, fetch } = await fetched(t, { fetch: giving(mock) });
  for (let n = 0; n < 3; n++) await (await fetch(CHAT, post(QUESTION))).json();
  assertEquals((await log.query()).map(({ outputText }) => outputText), Array(3).fill("Paris"));
  assertEquals(Object.keys(mock), ["ok", "status", "json"]);
});

test("a mock's stream of texts is handed on as texts", async (t) => {
  const text = new TextDecoder().decode(EVENTS);
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(text);
      controller.close();
    },
  });
  const { log, fetch } = await fetched(t, { fetch: giving({ ok: true, body }) });
  assertEquals(await all<unknown>((await fetch(CHAT, post(STREAM))).body!), [text]);
  assertEquals(await ended(log), DONE);
});

test("a response that was read before is handed on as it is", async (t) => {
  const used = Response.json(ANSWER);
  await used.text();
  const { log, fetch } = await fetched(t, { fetch: giving(used) });
  const response = await fetch(CHAT, post(QUESTION));
  assertEquals(response.bodyUsed, true);
  await assertRejects(() => response.text(), TypeError);
  assertEquals(await log.count(), 1);
});

test("what is read of an answer and breaks without a reason has failed", async (t) => {
  const answer = { ok: true, status: 200, text: () => Promise.reject(undefined) };
  const { log, fetch } = await fetched(t, {
    fetch: () => Promise.resolve(answer as unknown as Response),
  });
  const response = await fetch("https://llm.example/v1/chat/completions", post(QUESTION));
  assertEquals(await response.text().catch((reason) => [reason]), [undefined]);
  assertEquals((await only(log)).metadata["audit.outcome"], "failed");
});

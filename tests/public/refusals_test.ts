// A call that cannot be recorded is not made: the SDKs do not try again, and their caller gets the log's error itself.

import Anthropic, { type Middleware } from "@anthropic-ai/sdk";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { type AuditLog, AuditLogError } from "@audit-log/llm";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { test } from "node:test";
import { API_KEY, capturing, only } from "../support/captured.ts";
import { post, QUESTION } from "../support/fetched.ts";
import { checkRefusal } from "../support/refused.ts";

const HI = { model: "m", max_tokens: 9, messages: [{ role: "user" as const, content: "Hi" }] };
// So many that trying again shows, and takes longer than a test may.
const OPTIONS = { apiKey: API_KEY, maxRetries: 20 };

/** One that looks at what it passes on. */
const passing: Middleware = async (request, next) => {
  const response = await next(request);
  assertEquals(response.status, 200);
  return response;
};

const clients: [what: string, of: (log: AuditLog, url: string) => OpenAI | Anthropic][] = [
  [
    "auditOpenAI()",
    (log, url) => auditOpenAI(new OpenAI({ ...OPTIONS, baseURL: `${url}/v1` }), log),
  ],
  [
    "OpenAI on auditFetch()",
    (log, url) => new OpenAI({ ...OPTIONS, baseURL: `${url}/v1`, fetch: auditFetch(log) }),
  ],
  [
    "auditAnthropic()",
    (log, url) => auditAnthropic(new Anthropic({ ...OPTIONS, baseURL: url }), log),
  ],
  [
    "Anthropic on auditFetch()",
    (log, url) => new Anthropic({ ...OPTIONS, baseURL: url, fetch: auditFetch(log) }),
  ],
  [
    "Anthropic with a middleware",
    (log, url) =>
      auditAnthropic(new Anthropic({ ...OPTIONS, baseURL: url, middleware: [passing] }), log),
  ],
];
for (const [what, clientOf] of clients) {
  test(`a refused call is asked of the log once: ${what}`, async (t) => {
    const { provider, log, store } = await capturing(t);
    const client = clientOf(log, provider.url);
    const ask = (body: object, options?: object): Promise<unknown> =>
      client instanceof OpenAI
        ? client.chat.completions.create({ ...HI, ...body }, options)
        : client.messages.create({ ...HI, ...body }, options) as Promise<unknown>;
    const { signal } = new AbortController();
    store.full = true;
    for (const [body, options] of [[{}], [{ stream: true }], [{}, { signal }]]) {
      store.refused = 0;
      const error = await assertRejects(() => ask(body!, options));
      assertInstanceOf(error, AuditLogError);
      assertEquals([error.code, store.refused, provider.requests.length], ["WRITE_FAILED", 1, 0]);
    }
    store.full = false;
    await ask({});
    assertEquals(await log.count(), 1);
  });
}

test("the helpers stream() tell of a refusal, too", async (t) => {
  const { provider, log, store } = await capturing(t);
  const openai = auditOpenAI(new OpenAI({ ...OPTIONS, baseURL: `${provider.url}/v1` }), log);
  const anthropic = auditAnthropic(new Anthropic({ ...OPTIONS, baseURL: provider.url }), log);
  store.full = true;
  for (
    const ask of [
      () => openai.chat.completions.stream(HI).finalContent(),
      () => anthropic.messages.stream(HI).finalText(),
    ]
  ) {
    store.refused = 0;
    const error = await assertRejects(ask) as Error;
    assertInstanceOf(error instanceof AuditLogError ? error : error.cause, AuditLogError);
    assertEquals([store.refused, provider.requests.length], [1, 0]);
  }
  store.full = false;
});

test("whoever is no such client has its request rejected", async (t) => {
  const { provider, log, store } = await capturing(t);
  const fetch = auditFetch(log);
  store.full = true;
  const url = `${provider.url}/v1/chat/completions`;
  assertInstanceOf(await assertRejects(() => fetch(url, post(QUESTION))), AuditLogError);
  store.full = false;
});

test("an error of an option reaches the client's caller, with where it was thrown", async (t) => {
  const { provider, log } = await capturing(t);
  const broken = new TypeError("no user here");
  const client = auditOpenAI(new OpenAI({ ...OPTIONS, baseURL: `${provider.url}/v1` }), log, {
    user: () => {
      throw broken;
    },
  });
  const error = await assertRejects(() => client.chat.completions.create(HI));
  assertStrictEquals(checkRefusal(error, "INVALID_ENTRY", "user").cause, broken);
  assertEquals(provider.requests.length, 0);
});

test("of a fetch that records over one that records, a refusal beneath is the client's, and recorded", async (t) => {
  const { provider, log } = await capturing(t);
  const { log: full, store } = await capturing(t);
  const fetch = auditFetch(log, { fetch: auditFetch(full) });
  const client = new OpenAI({ ...OPTIONS, baseURL: `${provider.url}/v1`, fetch });
  store.full = true;
  const error = await assertRejects(() => client.chat.completions.create(HI));
  assertInstanceOf(error, AuditLogError);
  store.full = false;
  const { metadata } = await only(log);
  assertEquals([metadata["audit.outcome"], metadata["error.type"]], ["failed", "AuditLogError"]);
});

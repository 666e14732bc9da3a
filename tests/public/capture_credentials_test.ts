// What lets somebody in is never recorded, whatever wrapper sees it, and in whatever form it is told.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import type { Attributes } from "@opentelemetry/api";
import { AuditLog, type JsonObject } from "@audit-log/llm";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditFetch, type AuditFetchOptions } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { only } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { tracing } from "../support/otel_tracing.ts";

/** Of a form that says nothing: only where it stands tells what it is. */
const KEY = "h4sh1ngTh1s1sN0tEn0ugh";
const HOST = "https://llm.example/v1";

/** Parts of a request to OpenAI, or to those who speak alike, with the key in them. */
const bodies: [what: string, path: string, body: object][] = [
  ["a data source's key", "chat/completions", {
    data_sources: [{ type: "search", parameters: { endpoint: "https://s.example", key: KEY } }],
  }],
  ["a data source's authentication", "chat/completions", {
    data_sources: [{ parameters: { authentication: { type: "api_key", key: KEY } } }],
  }],
  ["JSON in a text", "chat/completions", {
    extra: JSON.stringify({ kept: 1, inner: JSON.stringify({ api_key: KEY }) }),
  }],
  ["JSON in a text that was cut", "chat/completions", {
    extra: `{"model":"m","inner":"{\\"headers\\":{\\"x\\":\\"${KEY}`,
  }],
  ["the literal of another language", "chat/completions", { extra: `{'api_key': '${KEY}'}` }],
  ["a URL's user", "chat/completions", { callback: `https://u:${KEY}@h.example/` }],
  ["a URL's password with signs in it", "chat/completions", {
    callback: `postgres://u:p@ss${KEY}@h.example/`,
  }],
  ["a URL's query", "chat/completions", { callback: `https://h.example/?page=2&sig=${KEY}` }],
  ["the address of a server", "chat/completions", {
    azure_endpoint: `https://h.example/?x=${KEY}`,
  }],
  ["what is called as a credential is", "chat/completions", {
    auth_key: KEY,
    authHeader: KEY,
    extra: { "x-functions-key": KEY, "X-Vault-Token": KEY, sentry_dsn: KEY },
    signer: { private_key_pem: KEY },
  }],
  ["a header", "chat/completions", { args: ["--header", `Bearer ${KEY}`] }],
  ["an MCP tool's headers", "responses", {
    tools: [{ type: "mcp", server_label: "a", headers: { "x-any": KEY }, authorization: KEY }],
  }],
  ["tools that are added later", "responses", {
    input: [
      { type: "additional_tools", role: "developer", tools: [{ type: "mcp", authorization: KEY }] },
      { type: "tool_search_output", tools: [{ type: "mcp", headers: { a: KEY } }] },
    ],
  }],
  ["a tool whose schema is elsewhere", "responses", {
    tools: [{ type: "custom", name: "n", parameters: { api_key: KEY } }],
  }],
  ["an MCP server's token", "messages", {
    mcp_servers: [{ type: "url", url: `https://m.example/?k=${KEY}`, authorization_token: KEY }],
  }],
  ["a search service's configuration", "models/g:generateContent", {
    tools: [{ retrieval: { externalApi: { apiAuth: { apiKeyConfig: { apiKeyString: KEY } } } } }],
  }],
  ["a map service's configuration", "models/g:streamGenerateContent", {
    tools: [{
      google_maps: { auth_config: { api_key_config: { api_key_string: KEY }, api_key: KEY } },
    }],
  }],
  ["an agent's MCP server", "v1beta/interactions", {
    tools: [{ type: "mcp_server", url: `https://m.example/?k=${KEY}`, headers: { "x-any": KEY } }],
  }],
];
for (const [what, path, body] of bodies) {
  test(`the key in ${what} is not recorded of a request to ${path}`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: answering("{}") });
    await fetch(`${HOST}/${path}`, post({ ...QUESTION, ...body }));
    const entries = JSON.stringify(await log.query({ events: "all" }));
    assert(!entries.includes(KEY), entries);
  });
}

test("a text that is nothing but a key of Google's is not recorded", async (t) => {
  const keys = [`AIza${KEY}`, `ya29.a0${KEY}`, `ya29.c.b0${KEY}`, `AQ.Ab8${KEY}${KEY}`];
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  await fetch(`${HOST}/models/g:generateContent`, post({ labels: keys }));
  const { labels } = (await only(log)).metadata["request.parameters"] as JsonObject;
  assertEquals(labels, keys.map(() => "[secret]"));
});

test("the key in a request that broke off is not recorded", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const body = `{"model":"m","input":"Hi","tools":[{"type":"mcp","authorization":"${KEY}"`;
  await fetch("https://api.openai.com/v1/responses", post({}, { body }));
  const { inputText } = await only(log);
  assertEquals(inputText, '{"model":"m","input":"Hi","tools":[{"type":"mcp",[secret]');
});

test("what only sounds like a credential is recorded", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const schema = {
    type: "object",
    properties: { api_key: { type: "string" }, url: { type: "string" } },
    $defs: { Credentials: { type: "object", properties: { password: { type: "string" } } } },
    required: ["api_key"],
    title: "Basic Information",
    description: "Token generator",
  };
  const filters = { type: "eq", key: "region", value: "us" };
  const tools = [
    { type: "function", name: "login", parameters: schema },
    { type: "file_search", filters },
  ];
  const parameters = {
    prompt_cache_key: "tenant-7",
    note: '{"spaced":  true}',
    half: "{not JSON at all: it is a note on apples",
    link: "https://h.example/?page=2",
    max_token: 7,
    text: { format: { type: "json_schema", schema } },
    logprobs: [{ token: " Paris", logprob: -0.5, top_logprobs: [{ token: "a", logprob: -1 }] }],
  };
  await fetch(`${HOST}/responses`, post({ model: "m", input: "Hi", tools, ...parameters }));
  const entry = await only(log);
  assertEquals(JSON.parse(entry.inputText).tool_definitions, tools);
  assertEquals(entry.metadata["request.parameters"], parameters);
});

/** Attributes of spans that have been seen with a key in them. */
const attributes: [what: string, attributes: Attributes][] = [
  ["OpenInference's parameters", {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "llm.invocation_parameters": JSON.stringify({ temperature: 1, extra_headers: { a: KEY } }),
  }],
  ["OpenInference's input", {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "input.mime_type": "application/json",
    "input.value": JSON.stringify({ messages: [], api_key: KEY }),
  }],
  ["the AI SDK's options", {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.id": "m",
    "ai.request.providerOptions": JSON.stringify({ openai: { apiKey: KEY } }),
    "ai.settings.headers.x-any": KEY,
  }],
  ["an address", {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.openai.api_base": `https://u:${KEY}@h.example/v1?key=${KEY}`,
    "server.address": `https://u:${KEY}@h.example`,
  }],
  ["tools", {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.tool.definitions": JSON.stringify([{ type: "mcp", headers: { a: KEY } }]),
  }],
  ["metadata of an application", {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "metadata": JSON.stringify({ tenant: 7, session_token: KEY }),
  }],
];
for (const [what, start] of attributes) {
  test(`the key in ${what} is not recorded of a span`, async (t) => {
    const { log, processor, tracer } = await tracing(t);
    tracer.startSpan("chat m", { attributes: start }).end();
    await processor.forceFlush();
    const entries = JSON.stringify(await log.query({ events: "all" }));
    assertEquals((await log.query()).length, 1);
    assert(!entries.includes(KEY), entries);
  });
}

test("what a span tells beside a key is recorded", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const parameters = { temperature: 1, store: false, api_key: KEY };
  tracer.startSpan("chat m", {
    attributes: {
      "openinference.span.kind": "LLM",
      "llm.model_name": "m",
      "llm.invocation_parameters": JSON.stringify(parameters),
    },
  }).end();
  await processor.forceFlush();
  const { metadata } = await only(log);
  assertEquals(metadata["gen_ai.request.temperature"], 1);
  assertEquals(metadata["request.parameters"], { store: false });
});

test("numbers beside a key in JSON are kept as they are written", async () => {
  const log = await AuditLog.open();
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const extra = `{"seed": 12345678901234567890, "api_key": "${KEY}", "t": 1.0}`;
  await fetch(`${HOST}/chat/completions`, post({ ...QUESTION, extra }));
  const { metadata } = await only(log);
  assertEquals(metadata["request.parameters"], { extra: '{"seed":12345678901234567890,"t":1.0}' });
  await log.close();
});

test("what begins as JSON does is looked into in a time that grows as it does", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const note = `{${"\\".repeat(2e6)}`;
  await fetch(`${HOST}/chat/completions`, post({ ...QUESTION, note }));
  assertEquals((await only(log)).metadata["request.parameters"], { note });
});

test("JSON that is full of escapes is looked into", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const kept = "\n".repeat(4e6);
  const extra = JSON.stringify({ api_key: KEY, kept });
  await fetch(`${HOST}/chat/completions`, post({ ...QUESTION, extra }));
  const { metadata } = await only(log);
  assertEquals(metadata["request.parameters"], { extra: JSON.stringify({ kept }) });
});

test("JSON that is nested too deep to be looked into makes no call fail", async () => {
  const log = await AuditLog.open();
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const deep = `{"api_key":"${KEY}","a":${"[".repeat(60_000)}${"]".repeat(60_000)}}`;
  const messages = [{ role: "tool", tool_call_id: "c", content: deep }];
  await fetch(`${HOST}/chat/completions`, post({ model: "m", messages, extra: deep }));
  const { metadata } = await only(log);
  assert(!JSON.stringify(metadata).includes(KEY));
  await log.close();
});

test("the key in a model's options and answers is not recorded of the AI SDK", async () => {
  const log = await AuditLog.open();
  const middleware = auditMiddleware(log);
  await middleware.wrapGenerate({
    model: { provider: "p", modelId: "m" },
    params: {
      prompt: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
      providerOptions: { azure: { dataSources: [{ url: "https://h.example", key: KEY }] } },
      tools: [{ type: "provider", id: "p.mcp", name: "mcp", args: { headers: { a: KEY } } }],
    },
    doGenerate: () =>
      Promise.resolve({
        content: [{ type: "text", text: "Hello!" }],
        providerMetadata: { p: { request: JSON.stringify({ apiKey: KEY }), kept: 1 } },
      }),
  });
  const entry = await only(log);
  assert(!JSON.stringify(await log.query({ events: "all" })).includes(KEY));
  const told = entry.metadata["ai_sdk.provider_metadata"] as { p: JsonObject };
  assertEquals(told, { p: { request: "{}", kept: 1 } });
  await log.close();
});

test("the key in a run's metadata and parameters is not recorded of LangChain", async () => {
  const log = await AuditLog.open();
  const handler = auditCallbacks(log);
  const parameters = { model: "m", configuration: { baseURL: `https://u:${KEY}@h.example` } };
  const metadata = { tenant: 7, request: JSON.stringify({ headers: { a: KEY } }) };
  const extra = { invocation_params: parameters };
  await handler.handleLLMStart({ name: "llm" }, ["Hi"], "r1", undefined, extra, [], metadata);
  await handler.handleLLMEnd({ generations: [[{ text: "Hello!" }]] }, "r1");
  const entry = await only(log);
  assert(!JSON.stringify(await log.query({ events: "all" })).includes(KEY));
  assertEquals(entry.metadata["langchain.metadata"], { tenant: 7, request: "{}" });
  await log.close();
});

/** What somebody is let in with, where it is sent, and as what. */
const sent: [what: string, url: string, headers: Record<string, string>, secret: string][] = [
  ["an Authorization header", `${HOST}/responses`, { authorization: `Bearer ${KEY}` }, KEY],
  [
    "a Basic one",
    `${HOST}/responses`,
    { authorization: "Basic dTpwYXNzd29yZA==" },
    "dTpwYXNzd29yZA==",
  ],
  ["one of no scheme", `${HOST}/responses`, { Authorization: KEY }, KEY],
  ["x-api-key", `${HOST}/messages`, { "x-api-key": KEY }, KEY],
  ["api-key", `${HOST}/responses`, { "api-key": KEY }, KEY],
  ["x-goog-api-key", `${HOST}/models/g:generateContent`, { "x-goog-api-key": KEY }, KEY],
  ["a gateway's", `${HOST}/responses`, { "Ocp-Apim-Subscription-Key": KEY }, KEY],
  ["a URL's query", `${HOST}/models/g:generateContent?key=${KEY}`, {}, KEY],
];
for (const [what, url, headers, secret] of sent) {
  const says = `I do not know ${secret}, nor '${secret}'.`;
  const kept = "I do not know [secret], nor '[secret]'.";
  const refuses: [how: string, fetch: AuditFetchOptions["fetch"], type: string][] = [
    [
      "an error",
      answering(JSON.stringify({ error: { type: "denied", message: says } }), {}, 401),
      "denied",
    ],
    ["a text", answering(says, {}, 403), "403"],
    ["what fetch() throws", () => Promise.reject(new TypeError(says)), "TypeError"],
  ];
  for (const [how, beneath, type] of refuses) {
    test(`a key that was sent by ${what} and comes back in ${how} is not recorded`, async (t) => {
      const { log, fetch } = await fetched(t, { fetch: beneath });
      const answer = await fetch(url, post(QUESTION, { headers })).then(
        (response) => response.text(),
        (error) => error.message,
      );
      assert(answer.includes(secret)); // what the caller sees stays as it is
      const { metadata } = await only(log);
      assertEquals(metadata["error.message"], kept);
      assertEquals(metadata["error.type"], type);
      assert(!JSON.stringify(await log.query({ events: "all" })).includes(secret));
    });
  }
}

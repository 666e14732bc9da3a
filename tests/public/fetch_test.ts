// auditFetch(): which requests are recorded, and as what.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { auditFetch } from "@audit-log/llm/fetch";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import { test } from "node:test";
import { about, API_KEY, only } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { Gate } from "../support/providers/server.ts";
import { serving } from "../support/serving.ts";
import { atEnd } from "../support/temp.ts";

test("only calls of models are recorded; other requests pass untouched", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const init = { method: "POST", body: new FormData() };
  for (
    const [path, request] of [
      ["v1/models", undefined],
      ["v1/chat/completions", undefined], // a GET lists those that are stored
      ["v1/files", init],
      ["v1/threads/t-1/messages", post(QUESTION)], // puts a message there, and asks nobody
    ] as const
  ) {
    const response = await fetch(`${provider.url}/${path}`, request);
    await response.body?.cancel();
  }
  assertEquals(log.size, 0);
});

test("a Request, a URL and a text are all asked, with any body", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const url = `${provider.url}/v1/chat/completions`;
  const json = JSON.stringify(QUESTION);
  const bytes = new TextEncoder().encode(json);
  const requests: [RequestInfo | URL, RequestInit?][] = [
    [url, post(QUESTION)],
    [new URL(url), post(QUESTION)],
    [new Request(url, post(QUESTION))],
    [new Request(url, { method: "POST" }), { body: json }],
    [url, post(QUESTION, { body: bytes })],
    [url, post(QUESTION, { body: bytes.buffer })],
    [url, post(QUESTION, { body: new Blob([json]) })],
    [
      url,
      post(QUESTION, { body: new Blob([json]).stream(), duplex: "half" } as RequestInit),
    ],
  ];
  for (const [input, init] of requests) {
    const response = await fetch(input, init);
    assertEquals((await response.json()).choices[0].message.content, "Hello!");
  }
  const entries = await log.query();
  assertEquals(entries.length, requests.length);
  for (const { inputText, outputText, latencyMs, metadata } of entries) {
    assertEquals([inputText, outputText], ["What is the capital of France?", "Hello!"]);
    assertEquals(metadata["audit.input.format"], "text");
    assert(latencyMs! > 0);
  }
  for (const { body } of provider.requests) assertEquals(body, QUESTION);
});

test("credentials among tools and parameters are left out, schemas are kept", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const schema = { type: "object", properties: { password: { type: "string" } } };
  const body = {
    ...QUESTION,
    tools: [
      { type: "function", function: { name: "login", parameters: schema } },
      {
        type: "mcp",
        server_url: "https://mcp.example",
        authorization: API_KEY,
        headers: { a: API_KEY },
      },
      { type: "shell", environment: { network_policy: { domain_secrets: [{ value: API_KEY }] } } },
    ],
    data_sources: [{
      type: "search",
      parameters: { index: "i", authentication: { key: API_KEY } },
    }],
    response_format: { type: "json_schema", json_schema: { name: "login", schema } },
  };
  await (await fetch(`${provider.url}/v1/chat/completions`, post(body))).text();
  const entry = await only(log); // whose lines are searched for the key when the test ends
  assertEquals(entry.metadata["audit.input.format"], "json");
  const { tool_definitions } = JSON.parse(entry.inputText);
  assertEquals(tool_definitions[0].function.parameters, schema);
  assertEquals(tool_definitions[1], { type: "mcp", server_url: "https://mcp.example" });
  assertEquals(entry.metadata["request.parameters"], {
    data_sources: [{ type: "search", parameters: { index: "i" } }],
    response_format: { type: "json_schema", json_schema: { name: "login", schema } },
  });
  assertEquals(provider.requests[0]!.body, body);
});

// Browsers have both, and Deno has a location if it is told one.
for (const [name, property] of [["document", "baseURI"], ["location", "href"]] as const) {
  test(`a call whose address is relative to a ${name} is recorded`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: answering("{}") });
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    const at = (url: string): void => {
      Object.defineProperty(globalThis, name, { value: { [property]: url }, configurable: true });
    };
    atEnd(t, () => {
      if (before === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, before);
    });
    for (const url of ["https://a.example/app", "https://api.groq.com/", "about:blank"]) {
      at(url);
      await fetch("v1/chat/completions", post(QUESTION));
      await fetch("v1/files", post({}));
    }
    assertEquals(
      (await log.query()).map(({ metadata }) => metadata["server.address"]),
      ["a.example", "api.groq.com"],
    );
  });
}

test("it can take the place of the global fetch", async (t) => {
  const { provider, log } = await fetched(t);
  const { fetch } = globalThis;
  atEnd(t, () => void (globalThis.fetch = fetch));
  globalThis.fetch = auditFetch(log) as typeof fetch;
  globalThis.fetch = auditFetch(log) as typeof fetch; // twice: each records
  await (await globalThis.fetch(`${provider.url}/v1/chat/completions`, post(QUESTION))).text();
  globalThis.fetch = fetch;
  assertEquals(await log.count(), 2);
});

test("a body that is no JSON is recorded as the text that it is", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const url = `${provider.url}/v1/chat/completions`;
  assertEquals((await fetch(url, post(QUESTION, { body: "{half" }))).status, 400);
  const entry = await only(log);
  assertEquals([entry.inputText, entry.model], ["{half", "unknown"]);
  assertEquals(entry.metadata["audit.outcome"], "failed");
});

test("the provider is what the host tells, or what is said; Azure's path names the model", async (t) => {
  const { log } = await fetched(t);
  const asked: [url: string, provider: string, model: string, given?: string][] = [
    ["https://api.openai.com/v1/chat/completions", "openai", "m"],
    ["https://api.groq.com/openai/v1/chat/completions", "groq", "m"],
    ["https://api.deepseek.com/chat/completions", "deepseek", "m"],
    ["https://api.mistral.ai/v1/chat/completions", "mistral_ai", "m"],
    ["https://api.x.ai/v1/chat/completions", "x_ai", "m"],
    ["https://api.anthropic.com/v1/messages", "anthropic", "m"],
    ["https://notopenai.com/v1/messages", "anthropic", "m"],
    ["http://localhost:11434/v1/chat/completions", "ollama", "m", "ollama"],
    ["https://us-east5-aiplatform.googleapis.com/v1/chat/completions", "gcp.vertex_ai", "m"],
    ["https://aiplatform.eu.rep.googleapis.com/v1/chat/completions", "gcp.vertex_ai", "m"],
    [
      "https://acme.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=1",
      "azure.ai.openai",
      "my model",
    ],
    ["https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/responses", "aws.bedrock", "m"],
    ["https://bedrock-mantle.us-east-1.api.aws/v1/responses", "aws.bedrock", "m"],
  ];
  for (const [url, , model, provider] of asked) {
    const fetch = auditFetch(log, {
      provider,
      fetch: () => Promise.resolve(new Response("{}", { status: 200 })),
    });
    await fetch(url, post(model === "m" ? { model } : {}));
  }
  const entries = await log.query();
  assertEquals(
    entries.map(({ model, metadata }) => [metadata["gen_ai.provider.name"], model]),
    asked.map(([, provider, model]) => [provider, model]),
  );
  assertEquals(about(entries[7]!, "server."), { address: "localhost", port: 11434 });
});

test("one fetch is asked for this and that in turn, and each request is known for what it is", async (t) => {
  const beneath = () => Promise.resolve(new Response("{}"));
  const { log, fetch } = await fetched(t, { fetch: beneath });
  const groq = "https://api.groq.com/openai/v1/chat/completions";
  const azure = "https://acme.openai.azure.com/openai/deployments/mine/embeddings";
  const interactions = "https://gateway.example/v1/interactions";
  const google = { headers: { "x-goog-api-key": "none" } };
  for (let round = 0; round < 2; round++) {
    await fetch(groq, post({ model: "m" }));
    await fetch(groq, { method: "GET" });
    await fetch(groq, post({ model: "m" }));
    await fetch(azure, post({}));
    await fetch(interactions, post({ model: "g" }, google));
    await fetch(interactions, post({ model: "g" }));
  }
  const round = [["groq", "m"], ["groq", "m"], ["azure.ai.openai", "mine"], ["gcp.gemini", "g"]];
  assertEquals(
    (await log.query()).map(({ model, metadata }) => [metadata["gen_ai.provider.name"], model]),
    [...round, ...round],
  );
});

test("legacy completions are recorded, plain and by stream", async (t) => {
  const { log } = await fetched(t);
  const chunk = (text: string, finish_reason: string | null = null) =>
    `data: ${
      JSON.stringify({ id: "c1", model: "m-1", choices: [{ index: 0, text, finish_reason }] })
    }\n\n`;
  const url = await serving(t, (response, { stream }) => {
    if (!stream) {
      const choices = [{ index: 0, text: "One two", finish_reason: "stop" }];
      const usage = { prompt_tokens: 2, completion_tokens: 3 };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ id: "c1", model: "m-1", choices, usage }));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(`${chunk("One")}${chunk(" two", "stop")}data: [DONE]\n\n`);
  });
  const fetch = auditFetch(log);
  for (const stream of [false, true]) {
    await (await fetch(`${url}/v1/completions`, post({ model: "m", prompt: "Count", stream })))
      .text();
  }
  const entries = await log.query();
  for (const { inputText, outputText, metadata } of entries) {
    assertEquals([inputText, outputText], ["Count", "One two"]);
    assertEquals(metadata["gen_ai.operation.name"], "text_completion");
    assertEquals(metadata["gen_ai.response.finish_reasons"], ["stop"]);
  }
  assertEquals(entries[0]!.metadata["gen_ai.usage.output_tokens"], 3);
});

test("an answer that is no JSON is recorded as it is, and a page of a proxy as an error's message", async (t) => {
  const { log } = await fetched(t);
  const answers = [new Response("plain", { status: 200 }), new Response("<html>", { status: 502 })];
  const fetch = auditFetch(log, { fetch: () => Promise.resolve(answers.shift()!) });
  for (let n = 0; n < 2; n++) {
    await fetch("https://api.openai.com/v1/responses", post({ input: "Hi" }));
  }
  const [answered, failed] = await log.query();
  assertEquals([answered!.outputText, answered!.metadata["audit.outcome"]], ["plain", "completed"]);
  assertEquals([failed!.outputText, failed!.metadata["error.type"]], ["", "502"]);
  assertEquals(failed!.metadata["error.message"], "<html>");
});

test("an answer that is no JSON, and says that it is, has failed, with what came of it", async (t) => {
  const cut = '{"id":"c-1","choices":[{"message":{"content":"The answer is 4';
  for (const isLate of [false, true]) {
    for (const type of ["application/json; charset=utf-8", "application/vnd.x+json"]) {
      const gate = new Gate();
      if (!isLate) gate.release();
      const body = new ReadableStream({
        async start(controller) {
          await gate.passed();
          controller.enqueue(new TextEncoder().encode(cut));
          controller.close();
        },
      });
      const { log, fetch } = await fetched(t, { fetch: answering(body, { "content-type": type }) });
      const response = await fetch("https://api.openai.com/v1/chat/completions", post(QUESTION));
      gate.release(); // by now it is no longer waited for
      await assertRejects(() => response.json(), SyntaxError);
      const { outputText, metadata } = await only(log);
      assertEquals(outputText, cut);
      assertEquals(
        [metadata["audit.outcome"], metadata["error.type"]],
        ["failed", "malformed_response"],
      );
    }
  }
});

test("an empty answer is none that was cut", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("") });
  await (await fetch("https://api.openai.com/v1/chat/completions", post(QUESTION))).text();
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.outcome"]], ["", "completed"]);
});

test("any client that takes a fetch is recorded by it", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const openai = createOpenAI({ apiKey: "sk-x", baseURL: `${provider.url}/v1`, fetch });
  assertEquals((await generateText({ model: openai("gpt-5"), prompt: "Hi" })).text, "Hello!");
  const entry = await only(log);
  assertEquals([entry.inputText, entry.outputText, entry.user], ["Hi", "Hello!", "alice"]);
  assert(entry.latencyMs! > 0);
});

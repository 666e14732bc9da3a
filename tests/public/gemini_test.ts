// auditFetch() as the fetch of `@google/genai`: which calls are recorded of Gemini, on Google's own hosts and on Vertex AI's, and how they
// may end.

import { GoogleGenAI } from "@google/genai";
import { assert, assertEquals } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import { genaiPrices } from "@audit-log/llm/cost";
import { auditFetch } from "@audit-log/llm/fetch";
import { test } from "node:test";
import { about, all, API_KEY, only, outcomes } from "../support/captured.ts";
import { answering, fetched, post } from "../support/fetched.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { ASKED, HOST, MODEL, recording, STREAM } from "../support/gemini.ts";
import { Gate } from "../support/providers/server.ts";
import { testUnless } from "../support/skip.ts";

test("what tools answered with is input, thoughts are output, and what a cache gave is counted within the input", async (t) => {
  const { provider, log, ai } = await recording(t, { cost: genaiPrices() });
  const usage = { input: 1000, ofTools: 100, output: 200, reasoning: 150, cached: 400 };
  provider.reply({ text: "Hello!", usage, model: MODEL });
  await ai.models.generateContent({ model: MODEL, contents: "Hi" });
  provider.reply({ text: ["Hello", "!"], usage, model: MODEL });
  await all(await ai.models.generateContentStream({ model: MODEL, contents: "Hi" }));
  provider.reply({ text: "Hello!", usage, model: MODEL });
  await ai.interactions.create({ model: MODEL, input: "Hi" });
  provider.reply({ text: ["Hello", "!"], usage, model: MODEL });
  await all(await ai.interactions.create({ model: MODEL, input: "Hi", stream: true }));
  const wanted = genaiPrices()(
    { inputTokens: 1000, outputTokens: 200, cacheReadTokens: 400, reasoningTokens: 150 },
    MODEL,
    "gcp.gemini",
  );
  assert(wanted! > 0);
  for (const entry of await log.query()) {
    assertEquals([entry.inputText, entry.outputText], ["Hi", "Hello!"]);
    assertEquals(entry.metadata["audit.input.format"], "text");
    assert(entry.latencyMs! > 0);
    assertEquals(about(entry, "gen_ai.usage."), {
      input_tokens: 1000,
      output_tokens: 200,
      "cache_read.input_tokens": 400,
      "reasoning.output_tokens": 150,
    });
    assertEquals(entry.costUsd, wanted);
  }
});

test("errors are told by what Google calls them, of lists too", async (t) => {
  const error = { code: 429, message: "Quota exceeded.", status: "RESOURCE_EXHAUSTED" };
  for (const body of [{ error }, [{ error }]]) {
    const { log, fetch } = await fetched(t, {
      fetch: answering(JSON.stringify(body), undefined, 429),
    });
    await fetch(STREAM, post(ASKED));
    assertEquals(about(await only(log), "error."), {
      type: "RESOURCE_EXHAUSTED",
      message: "Quota exceeded.",
    });
    assertEquals((await only(log)).metadata["http.response.status_code"], 429);
  }
});

test("the host or the path tells whose Gemini it is, and the path which model", async (t) => {
  const { log } = await fetched(t);
  const project = "v1/projects/p/locations/us-central1";
  const ofVertex = `${project}/publishers/google/models/gemini-2.5-pro`;
  const asked: [url: string, provider: string, model: string][] = [
    [
      `${HOST}/v1beta/models/gemini-2.5-pro:generateContent?key=${API_KEY}`,
      "gcp.gemini",
      "gemini-2.5-pro",
    ],
    [`${HOST}/v1beta/tunedModels/mine:generateContent`, "gcp.gemini", "tunedModels/mine"],
    [
      `${HOST}/v1beta/models/gemini-embedding-001:embedContent`,
      "gcp.gemini",
      "gemini-embedding-001",
    ],
    [`${HOST}/v1beta/interactions`, "gcp.gemini", "m"],
    [
      `https://us-central1-aiplatform.googleapis.com/${ofVertex}:generateContent`,
      "gcp.vertex_ai",
      "gemini-2.5-pro",
    ],
    [
      `https://gateway.example/vertex/${ofVertex}:streamGenerateContent`,
      "gcp.vertex_ai",
      "gemini-2.5-pro",
    ],
    [`https://gateway.example/v1/publishers/google/models/g:generateContent`, "gcp.vertex_ai", "g"],
    [`https://gateway.example/gemini/v1beta/models/g%20g:generateContent`, "gcp.gemini", "g g"],
    [
      `https://gateway.example/v1beta/models/a/b/c:free:generateContent`,
      "gcp.gemini",
      "a/b/c:free",
    ],
    [`https://gateway.example/v1beta/models/a%2Fb%3Ac:generateContent`, "gcp.gemini", "a/b:c"],
    [`https://gateway.example/v1beta/models/%E0%A4:generateContent`, "gcp.gemini", "%E0%A4"],
    [`${HOST}/v1/interactions`, "gcp.gemini", "m"],
    [`https://gateway.example/v1/interactions`, "gcp.gemini", "m"],
    [
      `https://gateway.example/${project}/endpoints/12:generateContent`,
      "gcp.vertex_ai",
      "endpoints/12",
    ],
    [
      `https://gateway.example/v1beta1/projects/p/locations/global/interactions`,
      "gcp.vertex_ai",
      "m",
    ],
    [
      `https://gateway.example/${project}/publishers/google/models/text-embedding-005:predict`,
      "gcp.vertex_ai",
      "text-embedding-005",
    ],
  ];
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const body = JSON.stringify({ model: "m" });
  const headers = { "X-Goog-Api-Key": API_KEY };
  for (const [url] of asked) {
    const init = url.endsWith("example/v1/interactions") ? { headers } : {};
    await (await fetch(url, { method: "POST", body, ...init })).text();
  }
  assertEquals(
    (await log.query()).map(({ model, metadata }) => [metadata["gen_ai.provider.name"], model]),
    asked.map(([, provider, model]) => [provider, model]),
  );
});

test("what asks no model for content or vectors passes unrecorded", async (t) => {
  const { log } = await fetched(t);
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const paths = [
    `models/${MODEL}:countTokens`,
    `models/${MODEL}:batchGenerateContent`,
    "models/imagen-4:predict",
    "models/multimodalembedding@001:predict",
    "cachedContents",
    "interactions/i-1/cancel",
  ];
  for (const path of paths) await fetch(`${HOST}/v1beta/${path}`, post({}));
  assertEquals(log.size, 0);
});

test("what only looks like Gemini's passes unrecorded, and as it is", async (t) => {
  const { log } = await fetched(t);
  const passed: unknown[][] = [];
  const answer = new Response("{}");
  const fetch = auditFetch(log, {
    fetch: (...given) => {
      passed.push(given);
      return Promise.resolve(answer);
    },
  });
  const paths = [
    "interactions",
    "v1/interactions",
    "api/v2/interactions",
    "v1/models/my-embedding:predict",
    "v1/models/embedding/versions/2:predict",
    "v1/projects/p/locations/l/endpoints/embedding:predict",
    "models:generate",
    "v1beta/models/generateContent",
  ];
  for (const path of paths) {
    const url = `https://shop.example/${path}`;
    const body = new ReadableStream({ pull: (it) => it.close() }, { highWaterMark: 0 });
    const headers: unknown = new Map([["x-own", "1"]]).entries();
    const init = { method: "POST", body, headers, duplex: "half" } as RequestInit;
    assertEquals(await fetch(url, init) === answer, true);
    assertEquals([passed.at(-1)![0] === url, passed.at(-1)![1] === init], [true, true]);
    assertEquals([body.locked, [...headers as Iterable<unknown>].length], [false, 1]);
  }
  assertEquals(log.size, 0);
});

test("embeddings are recorded without their vectors, on Vertex AI too", async (t) => {
  const { provider, log, ai } = await recording(t);
  const model = "gemini-embedding-001";
  await ai.models.embedContent({ model, contents: "One" });
  await ai.models.embedContent({
    model,
    contents: ["One", "Two"],
    config: { outputDimensionality: 3, taskType: "CLUSTERING" },
  });
  const vertex = new GoogleGenAI({
    vertexai: true,
    apiKey: API_KEY,
    httpOptions: { baseUrl: provider.url, fetch: auditFetch(log) },
  });
  await vertex.models.embedContent({
    model: "text-embedding-005",
    contents: ["One"],
    config: { outputDimensionality: 3 },
  });
  const [one, several, predicted] = await log.query();
  assertEquals([one!.inputText, one!.outputText], ["One", ""]);
  const { messages } = JSON.parse(several!.inputText);
  assertEquals(messages.map((message: { parts: object[] }) => message.parts), [
    [{ type: "text", content: "One" }],
    [{ type: "text", content: "Two" }],
  ]);
  assertEquals(several!.metadata["request.parameters"], {
    outputDimensionality: 3,
    taskType: "CLUSTERING",
  });
  assertEquals(predicted!.inputText, "One");
  assertEquals(predicted!.metadata["gen_ai.provider.name"], "gcp.vertex_ai");
  assertEquals(predicted!.metadata["request.parameters"], {
    parameters: { outputDimensionality: 3 },
  });
  for (const [entry, count] of [[one!, 1], [several!, 2], [predicted!, 1]] as const) {
    assertEquals(entry.metadata["gen_ai.operation.name"], "embeddings");
    assertEquals(entry.metadata["gen_ai.embeddings.dimension.count"], 3);
    assertEquals(entry.metadata["embeddings.count"], count);
    assertEquals(entry.metadata["gen_ai.usage.input_tokens"], 11);
  }
});

test("who stops a stream by its signal leaves an aborted call", async (t) => {
  const { provider, log, ai } = await recording(t);
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], gate });
  gate.release();
  const stop = new AbortController();
  const config = { abortSignal: stop.signal };
  const stream = await ai.models.generateContentStream({ model: MODEL, contents: "Hi", config });
  await stream.next();
  stop.abort();
  const failure = await stream.next().then(() => undefined, (error) => error);
  assert(failure instanceof Error);
  await provider.aborted();
  assertEquals(await outcomes(log), [["aborted", "One"]]);
});

testUnless(
  noCollector,
  "a stream that its reader leaves, which the client does not cancel, is aborted once it is garbage",
  async (t) => {
    const { provider, log, ai } = await recording(t);
    const gate = new Gate();
    provider.reply({ text: ["One", " two"], gate });
    gate.release();
    await (async () => {
      const request = { model: MODEL, contents: "Hi" };
      for await (const _ of await ai.models.generateContentStream(request)) break;
    })();
    await collectUntil(async () => await log.count() > 0);
    assertEquals(await outcomes(log), [["aborted", "One"]]);
  },
);

test("a call that is refused is not made, and its caller gets the reason", async (t) => {
  const { provider, log, ai } = await recording(t, {
    check: () => {
      throw new AuditLogError("BUDGET_EXCEEDED", "Cannot call: no more money");
    },
  });
  const request = { model: MODEL, contents: "Hi" };
  const failures = await Promise.all([
    ai.models.generateContent(request),
    ai.models.generateContentStream(request),
    ai.models.embedContent(request),
    ai.interactions.create({ model: MODEL, input: "Hi" }),
  ].map((call: Promise<unknown>) => call.then(() => undefined, (error) => error)));
  for (const failure of failures.slice(0, 3)) assertEquals(failure.code, "BUDGET_EXCEEDED");
  assertEquals(failures[3].cause.cause.code, "BUDGET_EXCEEDED");
  assertEquals([provider.requests.length, await log.count()], [0, 0]);
});

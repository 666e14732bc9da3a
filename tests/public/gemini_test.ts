// auditFetch() as the fetch of `@google/genai`: what is recorded of Gemini, on Google's own hosts and on Vertex AI's.

import { FinishReason, FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";
import { assert, assertEquals } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import { genaiPrices } from "@audit-log/llm/cost";
import { auditFetch, type AuditFetchOptions } from "@audit-log/llm/fetch";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, capturing, only, outcomes } from "../support/captured.ts";
import { answering, eventBytes, fetched, post } from "../support/fetched.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { Gate } from "../support/providers/server.ts";
import { testUnless } from "../support/skip.ts";

const MODEL = "gemini-2.5-flash";
const HOST = "https://generativelanguage.googleapis.com";
const CONTENT = `${HOST}/v1beta/models/${MODEL}:generateContent`;
const STREAM = `${HOST}/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`;
const ASKED = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };
const EVENTS = { "content-type": "text/event-stream" };

/** A client of a server on this machine, which records. */
async function recording(t: TestContext, options: AuditFetchOptions = {}) {
  const { provider, log, store } = await capturing(t);
  const httpOptions = { baseUrl: provider.url, fetch: auditFetch(log, options) };
  const ai = new GoogleGenAI({ apiKey: API_KEY, httpOptions });
  return { provider, log, store, ai };
}

const part = (object: object): object => ({ candidates: [{ content: { parts: [object] } }] });
const finish = { candidates: [{ finishReason: "STOP" }] };

test("all of a conversation is recorded: instructions, turns, media by their hashes, tools, parameters", async (t) => {
  const { log, ai } = await recording(t);
  await ai.models.generateContent({
    model: MODEL,
    contents: [
      {
        role: "user",
        parts: [
          { text: "What is it?" },
          { inlineData: { mimeType: "image/png", data: "AAEC", displayName: "a.png" } },
          { fileData: { mimeType: "video/mp4", fileUri: "gs://bucket/a.mp4" } },
        ],
      },
      {
        role: "model",
        parts: [
          { text: "I wonder.", thought: true },
          {
            functionCall: { id: "c1", name: "look", args: { at: 1 } },
            thoughtSignature: "c2lnbmF0dXJl",
          },
          { executableCode: { language: "PYTHON" as never, code: "print(1)" } },
          { codeExecutionResult: { outcome: "OUTCOME_OK" as never, output: "1\n" } },
        ],
      },
      {
        role: "user",
        parts: [{ functionResponse: { id: "c1", name: "look", response: { output: "a cat" } } }],
      },
    ],
    config: {
      systemInstruction: "Be brief.",
      tools: [{ functionDeclarations: [{ name: "look" }] }, { codeExecution: {} }],
      toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } },
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      stopSequences: ["END"],
      candidateCount: 2,
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseMimeType: "text/plain",
      thinkingConfig: { includeThoughts: true },
      cachedContent: "cachedContents/c",
    },
  });
  const entry = await only(log);
  assertEquals(entry.model, MODEL);
  const sha256 = "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc";
  assertEquals(JSON.parse(entry.inputText), {
    system_instructions: [{ type: "text", content: "Be brief." }],
    messages: [
      {
        role: "user",
        parts: [
          { type: "text", content: "What is it?" },
          {
            displayName: "a.png",
            type: "blob",
            modality: "image",
            mime_type: "image/png",
            sha256,
            size: 3,
          },
          { type: "uri", modality: "video", mime_type: "video/mp4", uri: "gs://bucket/a.mp4" },
        ],
      },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "I wonder." },
          {
            type: "tool_call",
            id: "c1",
            name: "look",
            arguments: { at: 1 },
            thoughtSignature: "c2lnbmF0dXJl",
          },
          { type: "executableCode", language: "PYTHON", code: "print(1)" },
          { type: "codeExecutionResult", outcome: "OUTCOME_OK", output: "1\n" },
        ],
      },
      {
        role: "tool",
        parts: [{
          type: "tool_call_response",
          id: "c1",
          name: "look",
          response: { output: "a cat" },
        }],
      },
    ],
    tool_definitions: [{ functionDeclarations: [{ name: "look" }] }, { codeExecution: {} }],
  });
  assertEquals(about(entry, "gen_ai.request."), {
    "choice.count": 2,
    frequency_penalty: 0.2,
    max_tokens: 100,
    model: MODEL,
    presence_penalty: 0.1,
    seed: 7,
    stop_sequences: ["END"],
    temperature: 0.5,
    top_k: 40,
    top_p: 0.9,
  });
  assertEquals(entry.metadata["request.parameters"], {
    cachedContent: "cachedContents/c",
    generationConfig: {
      responseMimeType: "text/plain",
      thinkingConfig: { includeThoughts: true },
    },
    toolConfig: { functionCallingConfig: { mode: "ANY" } },
  });
});

test("a request may have names with underscores, and one where there is a list", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const body = {
    system_instruction: { parts: { text: "Be brief." } },
    contents: {
      parts: [{ text: "Look." }, { inline_data: { mime_type: "image/png", data: "AAEC" } }],
    },
    generation_config: { max_output_tokens: 9, response_mime_type: "text/plain" },
    tools: { function_declarations: [{ name: "look" }] },
  };
  await fetch(CONTENT, post(body));
  const { inputText, metadata } = await only(log);
  const { system_instructions, messages, tool_definitions } = JSON.parse(inputText);
  assertEquals(system_instructions, [{ type: "text", content: "Be brief." }]);
  assertEquals(messages.length, 1);
  assertEquals(messages[0].role, "user");
  const [text, { type, mime_type, size }] = messages[0].parts;
  assertEquals([text.content, type, mime_type, size], ["Look.", "blob", "image/png", 3]);
  assertEquals(tool_definitions, [{ function_declarations: [{ name: "look" }] }]);
  assertEquals(metadata["gen_ai.request.max_tokens"], 9);
  assertEquals(metadata["request.parameters"], {
    generationConfig: { responseMimeType: "text/plain" },
  });
});

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
    assertEquals(entry.outputText, "Hello!");
    assertEquals(about(entry, "gen_ai.usage."), {
      input_tokens: 1000,
      output_tokens: 200,
      "cache_read.input_tokens": 400,
      "reasoning.output_tokens": 150,
    });
    assertEquals(entry.costUsd, wanted);
  }
});

test("each of several candidates is a message, of streams too", async (t) => {
  const { provider, log, ai } = await recording(t);
  const choices = [{ text: ["One", "."] }, { text: ["Two", "."], finishReason: "MAX_TOKENS" }];
  const request = { model: MODEL, contents: "Hi", config: { candidateCount: 2 } };
  provider.reply({ choices }, { choices });
  await ai.models.generateContent(request);
  await all(await ai.models.generateContentStream(request));
  for (const { outputText, metadata } of await log.query()) {
    assertEquals(JSON.parse(outputText), [
      { role: "assistant", parts: [{ type: "text", content: "One." }], finish_reason: "STOP" },
      {
        role: "assistant",
        parts: [{ type: "text", content: "Two." }],
        finish_reason: "MAX_TOKENS",
      },
    ]);
    assertEquals(metadata["gen_ai.response.finish_reasons"], ["STOP", "MAX_TOKENS"]);
  }
});

test("a prompt that is blocked is a refusal, with what is told of it", async (t) => {
  const { provider, log, ai } = await recording(t);
  provider.reply({ refusal: "" }, { refusal: "Not that." });
  await ai.models.generateContent({ model: MODEL, contents: "Hi" });
  await all(await ai.models.generateContentStream({ model: MODEL, contents: "Hi" }));
  const entries = await log.query();
  const reason = "PROHIBITED_CONTENT";
  for (const [index, content] of [reason, "Not that."].entries()) {
    const { outputText, metadata } = entries[index]!;
    assertEquals(JSON.parse(outputText), [{
      role: "assistant",
      parts: [{ type: "refusal", content }],
      finish_reason: reason,
    }]);
    assertEquals(metadata["audit.outcome"], "completed");
    assertEquals(metadata["gen_ai.response.finish_reasons"], [reason]);
    assertEquals(Object(metadata["gemini.response.prompt_feedback"]).blockReason, reason);
  }
});

test("an answer that is held back for its content is empty, with its reason and its ratings", async (t) => {
  const safetyRatings = [{ category: "HARM_CATEGORY_HARASSMENT", probability: "HIGH" }];
  const candidate = { finishReason: FinishReason.SAFETY, safetyRatings, index: 0 };
  const { log, fetch } = await fetched(t, {
    fetch: answering(JSON.stringify({ candidates: [candidate] })),
  });
  await fetch(CONTENT, post(ASKED));
  const { outputText, metadata } = await only(log);
  assertEquals(outputText, "");
  assertEquals(metadata["audit.outcome"], "completed");
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["SAFETY"]);
  assertEquals(metadata["gemini.response.candidates"], [{ safetyRatings }]);
});

test("a text stays the text that it is, whatever is signed or told beside it", async (t) => {
  const groundingMetadata = (uri: string) => ({ groundingChunks: [{ web: { uri } }] });
  const chunks = [
    {
      candidates: [{
        content: { parts: [{ text: "Par" }] },
        groundingMetadata: groundingMetadata("a"),
      }],
    },
    {
      candidates: [{
        content: { parts: [{ text: "is." }] },
        groundingMetadata: groundingMetadata("a"),
      }],
    },
    {
      candidates: [{
        content: { parts: [{ text: "", thoughtSignature: "c2ln" }] },
        finishReason: "STOP",
        groundingMetadata: groundingMetadata("b"),
      }],
    },
  ];
  const { log, fetch } = await fetched(t, { fetch: answering(eventBytes(...chunks), EVENTS) });
  await (await fetch(STREAM, post(ASKED))).text();
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.output.format"]], ["Paris.", "text"]);
  assertEquals(about(await only(log), "gemini.response."), {
    thought_signatures: ["c2ln"],
    candidates: [{
      groundingMetadata: { groundingChunks: [{ web: { uri: "a" } }, { web: { uri: "b" } }] },
    }],
  });
});

test("code that the model ran, its result and pictures that it made are recorded, of streams too", async (t) => {
  const data = Buffer.from("a picture".repeat(50)).toString("base64");
  const parts = [
    { text: "Let me count.", thought: true },
    { executableCode: { id: "x", language: "PYTHON", code: "print(2)" } },
    { codeExecutionResult: { id: "x", outcome: "OUTCOME_OK", output: "2\n" } },
    { text: "Two." },
    { inlineData: { mimeType: "image/png", data } },
  ];
  const whole = { candidates: [{ content: { parts }, finishReason: "STOP" }] };
  const { log } = await fetched(t);
  const bodies = [
    answering(JSON.stringify(whole)),
    answering(eventBytes(...parts.map(part), finish), EVENTS),
  ];
  for (const fetch of bodies) await (await auditFetch(log, { fetch })(STREAM, post(ASKED))).text();
  const entries = await log.query();
  assertEquals(entries[1]!.outputText, entries[0]!.outputText);
  assert(!entries[0]!.outputText.includes(data.slice(0, 30)));
  const [{ parts: recorded }] = JSON.parse(entries[0]!.outputText);
  const { sha256, ...picture } = recorded.pop();
  assertEquals(picture, { type: "blob", modality: "image", mime_type: "image/png", size: 450 });
  assertEquals(sha256.length, 64);
  assertEquals(recorded, [
    { type: "reasoning", content: "Let me count." },
    { type: "executableCode", id: "x", language: "PYTHON", code: "print(2)" },
    { type: "codeExecutionResult", id: "x", outcome: "OUTCOME_OK", output: "2\n" },
    { type: "text", content: "Two." },
  ]);
});

test("arguments that come piece by piece are put together", async (t) => {
  const call = (functionCall: object): object => part({ functionCall });
  const piece = (...partialArgs: object[]): object => call({ partialArgs, willContinue: true });
  const chunks = [
    call({ name: "weather", id: "c1", willContinue: true }),
    piece({ jsonPath: "$.city", stringValue: "Os", willContinue: true }),
    piece({ jsonPath: "$.city", stringValue: "lo" }, { jsonPath: "$.days[0]", numberValue: 2 }),
    piece({ jsonPath: "$.exact", boolValue: false }, {
      jsonPath: "$.unit",
      nullValue: "NULL_VALUE",
    }),
    call({}),
    call({ name: "time", args: {} }),
    finish,
  ];
  const { log, fetch } = await fetched(t, { fetch: answering(eventBytes(...chunks), EVENTS) });
  await (await fetch(STREAM, post(ASKED))).text();
  const [{ parts }] = JSON.parse((await only(log)).outputText);
  assertEquals(parts, [
    {
      type: "tool_call",
      id: "c1",
      name: "weather",
      arguments: { city: "Oslo", "days[0]": 2, exact: false, unit: null },
    },
    { type: "tool_call", name: "time", arguments: {} },
  ]);
});

test("a stream that comes as a list is recorded as one of events is", async (t) => {
  const list = [part({ text: "Hel" }), part({ text: "lo!" }), finish];
  for (
    const [body, outcome] of [
      [JSON.stringify(list, null, 2), ["completed", "Hello!"]],
      [JSON.stringify(list), ["completed", "Hello!"]],
      ['[{"half', ["failed", '[{"half']],
    ] as const
  ) {
    const { log, fetch } = await fetched(t, { fetch: answering(body) });
    await (await fetch(STREAM.replace("?alt=sse", ""), post(ASKED))).text();
    assertEquals(await outcomes(log), [[...outcome]]);
  }
});

test("a stream without the reason that ends it is incomplete", async (t) => {
  const events = eventBytes(part({ text: "Hel" }));
  const { log, fetch } = await fetched(t, { fetch: answering(events, EVENTS) });
  await (await fetch(STREAM, post(ASKED))).text();
  assertEquals(await outcomes(log), [["failed", "Hel"]]);
  assertEquals((await only(log)).metadata["error.type"], "incomplete_stream");
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
  for (const [url] of asked) await (await fetch(url, post({ model: "m" }))).text();
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
  await fetch("https://shop.example/interactions", post({}));
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

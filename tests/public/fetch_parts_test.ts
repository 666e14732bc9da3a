// auditFetch(): content of chat completions that others than OpenAI send, and what must not be kept of a request.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { only } from "../support/captured.ts";
import { answering, eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";

const URL_OF_CHAT = "https://api.mistral.ai/v1/chat/completions";
const SSE = { "content-type": "text/event-stream" };

const answer = (message: object): string =>
  JSON.stringify({ choices: [{ index: 0, message, finish_reason: "stop" }] });
const chunk = (delta: object, finish_reason: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason }],
});

// After Mistral's documentation of reasoning models, "ThinkChunk".
const THOUGHT = { type: "thinking", thinking: [{ type: "text", text: "Twice four." }] };
const SAID = { type: "text", text: "The answer is 8." };
const REASONED = [{
  role: "assistant",
  parts: [
    { type: "reasoning", content: "Twice four." },
    { type: "text", content: "The answer is 8." },
  ],
  finish_reason: "stop",
}];

test("an answer whose content is a list of parts is recorded part for part", async (t) => {
  const { log, fetch } = await fetched(t, {
    fetch: answering(answer({ role: "assistant", content: [THOUGHT, SAID] })),
  });
  await (await fetch(URL_OF_CHAT, post(QUESTION))).text();
  assertEquals(JSON.parse((await only(log)).outputText), REASONED);
});

test("a stream whose content is lists of parts is put together", async (t) => {
  const events = eventBytes(
    chunk({
      role: "assistant",
      content: [{ ...THOUGHT, thinking: [{ type: "text", text: "Twice " }] }],
    }),
    chunk({ content: [{ ...THOUGHT, thinking: [{ type: "text", text: "four." }] }] }),
    chunk({ content: [{ type: "text", text: "The answer " }] }),
    chunk({ content: "is 8." }, "stop"),
    "[DONE]",
  );
  const { log, fetch } = await fetched(t, { fetch: answering(events, SSE) });
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, stream: true }))).text();
  assertEquals(JSON.parse((await only(log)).outputText), REASONED);
});

test("of a spoken stream the transcript is recorded, and citations", async (t) => {
  const cited = { type: "url_citation", url_citation: { title: "Paris" } };
  const events = eventBytes(
    chunk({ role: "assistant", audio: { id: "a-1", transcript: "Par" } }),
    chunk({ audio: { transcript: "is.", data: "AAAA" } }),
    chunk({ content: "See", annotations: [cited] }, "stop"),
    "[DONE]",
  );
  const { log, fetch } = await fetched(t, { fetch: answering(events, SSE) });
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, stream: true }))).text();
  const { outputText } = await only(log);
  assertEquals(JSON.parse(outputText)[0].parts, [
    { type: "text", content: "See", annotations: [cited] },
    { transcript: "Paris.", type: "audio" },
  ]);
});

test("a tool's name that is repeated with each piece of its arguments is recorded once", async (t) => {
  const call = (json: string): object =>
    chunk({ tool_calls: [{ index: 0, id: "c-1", function: { name: "double", arguments: json } }] });
  const events = eventBytes(call('{"n":'), call("4}"), chunk({}, "tool_calls"), "[DONE]");
  const { log, fetch } = await fetched(t, { fetch: answering(events, SSE) });
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, stream: true }))).text();
  assertEquals(JSON.parse((await only(log)).outputText)[0].parts, [
    { type: "tool_call", id: "c-1", name: "double", arguments: { n: 4 } },
  ]);
});

test("calls of tools that all have the same place are recorded each by itself", async (t) => {
  const call = (id: string, n: number): object =>
    chunk({
      tool_calls: [{ index: 0, id, function: { name: "double", arguments: `{"n":${n}}` } }],
    });
  const events = eventBytes(call("c-1", 4), call("c-2", 5), chunk({}, "tool_calls"), "[DONE]");
  const { log, fetch } = await fetched(t, { fetch: answering(events, SSE) });
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, stream: true }))).text();
  assertEquals(JSON.parse((await only(log)).outputText)[0].parts, [
    { type: "tool_call", id: "c-1", name: "double", arguments: { n: 4 } },
    { type: "tool_call", id: "c-2", name: "double", arguments: { n: 5 } },
  ]);
});

test("what others have beside messages, parts and calls is recorded with them", async (t) => {
  const signature = { extra_content: { google: { thought_signature: "s" } } };
  const call = { index: 0, id: "c", ...signature, function: { name: "f", arguments: { n: 4 } } };
  const events = eventBytes(chunk({ tool_calls: [call] }, "tool_calls"), "[DONE]");
  const { log, fetch } = await fetched(t, { fetch: answering(events, SSE) });
  const messages = [
    { role: "user", content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }] },
    { role: "assistant", content: "", tool_calls: [call], reasoning_details: [{ data: "e" }] },
    { role: "assistant", content: "Let", prefix: true, refusal: null },
  ];
  await (await fetch(URL_OF_CHAT, post({ model: "m", messages, stream: true }))).text();
  const { inputText, outputText } = await only(log);
  const made = { ...signature, type: "tool_call", id: "c", name: "f", arguments: { n: 4 } };
  assertEquals(JSON.parse(inputText).messages, [
    {
      role: "user",
      parts: [{ cache_control: { type: "ephemeral" }, type: "text", content: "Hi" }],
    },
    {
      role: "assistant",
      reasoning_details: [{ data: "e" }],
      parts: [{ type: "text", content: "" }, made],
    },
    { role: "assistant", prefix: true, parts: [{ type: "text", content: "Let" }] },
  ]);
  assertEquals(JSON.parse(outputText)[0].parts, [made]);
});

// After Mistral's API reference, "Fill-in-the-middle completion" and "Agents completion".
for (const isStream of [false, true]) {
  test(`completions that are answered with messages are recorded, stream: ${isStream}`, async (t) => {
    const body = isStream
      ? eventBytes(chunk({ content: "Paris" }), chunk({ content: "." }, "stop"), "[DONE]")
      : answer({ role: "assistant", content: "Paris." });
    const { log, fetch } = await fetched(t, { fetch: answering(body, isStream ? SSE : undefined) });
    const asked = [
      ["fim", { model: "m", prompt: "The capital is", suffix: "" }, "The capital is"],
      ["agents", { agent_id: "a", messages: QUESTION.messages }, QUESTION.messages[0]!.content],
    ] as const;
    for (const [path, question, input] of asked) {
      const url = `https://api.mistral.ai/v1/${path}/completions`;
      await (await fetch(url, post({ ...question, stream: isStream }))).text();
      const { inputText, outputText, metadata } = (await log.query({ order: "desc" }))[0]!;
      assertEquals([inputText, outputText], [input, "Paris."]);
      assertEquals(metadata["audit.outcome"], "completed");
    }
  });
}

test("numbers that JavaScript would round are recorded by their digits, asked and answered", async (t) => {
  const ID = "12345678901234567890";
  const calls = [`{"id":${ID},"n":1.5}`, '{"id":1e20}'].map((json, n) => ({
    id: `c${n}`,
    function: { name: "find", arguments: json },
  }));
  const body = `{"choices":[{"message":{"content":null,"tool_calls":${JSON.stringify(calls)}}}]}`;
  const { log, fetch } = await fetched(t, { fetch: answering(body) });
  const text = JSON.stringify({ ...QUESTION, seed: 7 }).replace('"seed":7', `"seed":${ID}`);
  await (await fetch(URL_OF_CHAT, post({}, { body: text }))).text();
  const { outputText, metadata } = await only(log);
  const [whole, short] = JSON.parse(outputText)[0].parts;
  assertEquals([whole.arguments, short.arguments], [{ id: ID, n: 1.5 }, { id: "1e20" }]);
  assertEquals(metadata["gen_ai.request.seed"], ID);
});

test("what the model said before, with its reasoning and its voice, is part of what is asked", async (t) => {
  const { log, fetch } = await fetched(t, {
    fetch: answering(answer({ role: "assistant", content: "8" })),
  });
  const before = { role: "assistant", content: "4", reasoning_content: "Two and two." };
  const spoken = { role: "assistant", content: null, audio: { id: "a-1" } };
  const messages = [before, spoken, ...QUESTION.messages];
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, messages }))).text();
  const { messages: asked } = JSON.parse((await only(log)).inputText);
  assertEquals(asked.slice(0, 2), [
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Two and two." },
        { type: "text", content: "4" },
      ],
    },
    { role: "assistant", parts: [{ id: "a-1", type: "audio" }] },
  ]);
});

test("of the addresses of tools' servers, passwords and queries are left out", async (t) => {
  const { log, fetch } = await fetched(t, {
    fetch: answering(answer({ role: "assistant", content: "8" })),
  });
  const tools = [{
    type: "mcp",
    server_label: "crm",
    server_url: "https://user:TOPSECRET@mcp.example/v1?api_key=TOPSECRET",
  }];
  await (await fetch(URL_OF_CHAT, post({ ...QUESTION, tools, api_token: "TOPSECRET" }))).text();
  const entry = await only(log);
  assert(!JSON.stringify(entry).includes("TOPSECRET"), JSON.stringify(entry));
  assertEquals(
    JSON.parse(entry.inputText).tool_definitions[0].server_url,
    "https://mcp.example/v1",
  );
});

test("of addresses in the messages of errors, what is behind the question mark is left out", async (t) => {
  const { log, fetch } = await fetched(t, {
    fetch: () =>
      Promise.reject(
        new TypeError(
          "request to https://h.example/v1?code=TOPSECRET&sig=x failed, access_token=TOPSECRET",
        ),
      ),
  });
  await fetch(URL_OF_CHAT, post(QUESTION)).catch(() => {});
  const message = (await only(log)).metadata["error.message"];
  assertEquals(message, "request to https://h.example/v1?[secret] failed, access[secret]");
});

test("audio in what responses are asked is recorded by its hash", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const part = { type: "input_audio", input_audio: { data: "QUJDRA==", format: "wav" } };
  const input = [{ role: "user", content: [part] }];
  await (await fetch("https://api.openai.com/v1/responses", post({ model: "m", input }))).text();
  const [{ type, mime_type, size, content }] =
    JSON.parse((await only(log)).inputText).messages[0].parts;
  assertEquals([type, mime_type, size, content], ["blob", "audio/wav", 4, undefined]);
});

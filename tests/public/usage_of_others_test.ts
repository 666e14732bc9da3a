// What services that speak another's format tell of tokens in their own way: it is counted, and costs what it does.

import Anthropic from "@anthropic-ai/sdk";
import { assertEquals } from "@std/assert";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { genaiPrices } from "@audit-log/llm/cost";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { ChatOpenAI } from "@langchain/openai";
import { test } from "node:test";
import { about, API_KEY, capturing, only } from "../support/captured.ts";
import { answering, eventBytes, fetched, post } from "../support/fetched.ts";
import { EVENT_STREAM } from "../support/gemini.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const CHOICES = [{ index: 0, message: { role: "assistant", content: "Hello!" } }];

/** A usage in the format of chat completions. */
function told(prompt_tokens: number, completion_tokens: number, total_tokens: number, more = {}) {
  return { prompt_tokens, completion_tokens, total_tokens, ...more };
}

const thought = (reasoning_tokens: number) => ({ completion_tokens_details: { reasoning_tokens } });
const XAI = "https://api.x.ai/v1";
const GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai";
const OTHER = "https://llm.example/v1";

/** Each: where, the model, what it tells, and all of its output tokens. */
const chats: [what: string, at: string, model: string, usage: object, output: number][] = [
  ["xAI's thoughts beside the answer", XAI, "grok-4", told(32, 9, 135, thought(94)), 103],
  ["xAI's answer longer than the thoughts", XAI, "grok-4", told(32, 90, 162, thought(40)), 130],
  ["OpenAI's thoughts within the answer", OTHER, "o3", told(32, 90, 122, thought(40)), 90],
  ["Gemini's thoughts in the total alone", GOOGLE, "gemini-2.5-pro", told(8, 9, 1200), 1192],
  ["Gemini without a thought", GOOGLE, "models/gemini-2.5-pro", told(8, 9, 17), 9],
  ["a total of something else, too", OTHER, "m", told(8, 9, 1200), 9],
  ["a total of something else than thoughts", OTHER, "m", told(8, 9, 1200, thought(5)), 9],
];

for (const [what, at, model, usage, output] of chats) {
  test(`all output tokens are counted: ${what}`, async (t) => {
    const body = JSON.stringify({ id: "r", model, choices: CHOICES, usage });
    const { log, fetch } = await fetched(t, { fetch: answering(body) });
    await (await fetch(`${at}/chat/completions`, post({ model, messages: MESSAGES }))).json();
    assertEquals(about(await only(log), "gen_ai.usage.")["output_tokens"], output);
  });

  test(`all output tokens are counted by LangChain: ${what}`, async (t) => {
    const { log } = await capturing(t);
    const body = JSON.stringify({ id: "r", model, choices: CHOICES, usage });
    const chat = new ChatOpenAI({
      model,
      apiKey: API_KEY,
      useResponsesApi: false,
      configuration: { baseURL: at, fetch: answering(body) as typeof fetch },
      callbacks: [auditCallbacks(log)],
    });
    await chat.invoke("Hi");
    assertEquals(about(await only(log), "gen_ai.usage.")["output_tokens"], output);
  });
}

test("the usage that Groq tells at the end of a stream unasked is counted, and costs something", async (t) => {
  const model = "llama-3.3-70b-versatile";
  const stream = eventBytes(
    { id: "r", model, choices: [{ index: 0, delta: { role: "assistant", content: "Hello!" } }] },
    {
      id: "r",
      model,
      choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
      x_groq: { id: "req_1", usage: told(1000, 500, 1500) },
    },
    "[DONE]",
  );
  const { log, fetch } = await fetched(t, {
    fetch: answering(stream, EVENT_STREAM),
    cost: genaiPrices(),
  });
  const asked = { model, messages: MESSAGES, stream: true };
  await (await fetch("https://api.groq.com/openai/v1/chat/completions", post(asked))).text();
  const entry = await only(log);
  const { input_tokens, output_tokens } = about(entry, "gen_ai.usage.");
  assertEquals([input_tokens, output_tokens, entry.costUsd], [1000, 500, 0.000985]);
});

for (
  const [what, usage, output, costUsd] of [
    ["a prompt that was blocked", { promptTokenCount: 10, totalTokenCount: 10 }, 0, 0.0000125],
    ["a stream that broke off", { promptTokenCount: 10 }, undefined, null],
  ] as const
) {
  test(`Gemini's usage of ${what} tells what it tells`, async (t) => {
    const body = JSON.stringify({
      promptFeedback: { blockReason: "SAFETY" },
      usageMetadata: usage,
      modelVersion: "gemini-2.5-pro",
    });
    const { log, fetch } = await fetched(t, { fetch: answering(body), cost: genaiPrices() });
    const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
    const host = "https://generativelanguage.googleapis.com";
    await (await fetch(
      `${host}/v1beta/models/gemini-2.5-pro:generateContent`,
      post({ contents }),
    )).json();
    const entry = await only(log);
    assertEquals([about(entry, "gen_ai.usage.")["output_tokens"], entry.costUsd], [
      output,
      costUsd,
    ]);
  });
}

for (
  const [asked, costUsd] of [
    ["global.anthropic.claude-sonnet-4-5-20250929-v1:0", 0.0105],
    ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", 0.01155],
  ] as const
) {
  test(`a call through Bedrock costs what it does where ${asked} runs`, async (t) => {
    const { log } = await capturing(t);
    const body = JSON.stringify({
      id: "m",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [{ type: "text", text: "Hello!" }],
      stop_reason: "end_turn",
      usage: { input_tokens: 1000, output_tokens: 500 },
    });
    const plain = new Anthropic({ apiKey: API_KEY, fetch: answering(body) as typeof fetch });
    const client = auditAnthropic(plain, log, { cost: genaiPrices(), provider: "aws.bedrock" });
    const messages = [{ role: "user" as const, content: "Hi" }];
    await client.messages.create({ model: asked, max_tokens: 5, messages });
    assertEquals((await only(log)).costUsd, costUsd);
  });
}

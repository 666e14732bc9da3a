// Whoever reads a stream slowly holds back the provider, with what records as without: nothing more is asked for ahead.

import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { ChatOpenAI } from "@langchain/openai";
import { assert, assertEquals } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditFetch, type Fetch } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { auditOpenAI } from "@audit-log/llm/openai";
import { streamText, wrapLanguageModel } from "ai";
import OpenAI from "openai";
import { test } from "node:test";
import { API_KEY, capturing } from "../support/captured.ts";
import { post } from "../support/fetched.ts";
import { messages } from "../support/providers/anthropic_messages.ts";
import { geminiContent } from "../support/providers/gemini_content.ts";
import { geminiInteractions } from "../support/providers/gemini_interactions.ts";
import { chatCompletions } from "../support/providers/openai_chat.ts";
import type { SseEvent } from "../support/providers/reply.ts";

const REPLY = { text: Array.from({ length: 100 }, (_, n) => `word ${n} `) };
const URL_OF_CHAT = "https://api.openai.com/v1/chat/completions";
const chat = { model: "m", messages: [{ role: "user" as const, content: "Count." }] };
const key = { apiKey: API_KEY };
const asked = { ...chat, stream: true as const };

/** A fetch whose answer is made event by event, as they are asked for. */
function counting(events: readonly SseEvent[]) {
  const told = { pulls: 0 };
  const chunks = events.map(({ name, data }) =>
    new TextEncoder().encode(
      `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`,
    )
  );
  const fetch: Fetch = () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks[told.pulls++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
    const headers = { "content-type": "text/event-stream" };
    return Promise.resolve(new Response(body as BodyInit, { headers }));
  };
  return { fetch, told };
}

/** How often was pulled when an item had been read and all that it sets off had been done, for the first items of a stream. */
async function pullsOf(stream: AsyncIterable<unknown>, told: { pulls: number }) {
  const pulls: number[] = [];
  for await (const _ of stream) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
    pulls.push(told.pulls);
    if (pulls.length === 8) break;
  }
  return pulls;
}

const OPENAI = chatCompletions.events(REPLY, asked);
const ANTHROPIC = messages.events(REPLY, asked);
const CONTENT = geminiContent.events(REPLY, asked);
const INTERACTION = geminiInteractions.events(REPLY, asked);

function google(fetch: Fetch, log: AuditLog | undefined): GoogleGenAI {
  const given = log === undefined ? fetch : auditFetch(log, { fetch });
  return new GoogleGenAI({ ...key, httpOptions: { fetch: given } });
}

/** Streams of clients that fetch by this function, and record where there is a log. */
const STREAMS: Record<
  string,
  [
    events: readonly SseEvent[],
    ask: (fetch: Fetch, log?: AuditLog) => Promise<AsyncIterable<unknown>>,
  ]
> = {
  "auditFetch()": [OPENAI, async (fetch, log) => {
    const given = log === undefined ? fetch : auditFetch(log, { fetch });
    return (await given(URL_OF_CHAT, post(asked))).body!;
  }],
  "openai": [OPENAI, async (fetch, log) => {
    const client = new OpenAI({ ...key, fetch });
    const given = log === undefined ? client : auditOpenAI(client, log);
    return await given.chat.completions.create(asked);
  }],
  "openai, tee()": [OPENAI, async (fetch, log) => {
    const client = new OpenAI({ ...key, fetch });
    const given = log === undefined ? client : auditOpenAI(client, log);
    return (await given.chat.completions.create(asked)).tee()[0];
  }],
  "openai, toReadableStream()": [OPENAI, async (fetch, log) => {
    const client = new OpenAI({ ...key, fetch });
    const given = log === undefined ? client : auditOpenAI(client, log);
    return (await given.chat.completions.create(asked)).toReadableStream();
  }],
  "@anthropic-ai/sdk": [ANTHROPIC, async (fetch, log) => {
    const client = new Anthropic({ ...key, fetch });
    const given = log === undefined ? client : auditAnthropic(client, log);
    return await given.messages.create({ ...asked, max_tokens: 64 });
  }],
  "@google/genai, content": [
    CONTENT,
    (fetch, log) =>
      google(fetch, log).models.generateContentStream({ model: "m", contents: "Count." }),
  ],
  "@google/genai, interactions": [
    INTERACTION,
    (fetch, log) =>
      google(fetch, log).interactions.create({ model: "m", input: "Count.", stream: true }),
  ],
  "@google/genai, interactions, tee()": [INTERACTION, async (fetch, log) => {
    const asked = { model: "m", input: "Count.", stream: true } as const;
    const [one, other] = (await google(fetch, log).interactions.create(asked)).tee();
    void other.cancel(); // a half that is left waits for the other to be left
    return one as AsyncIterable<unknown>;
  }],
  "ai": [OPENAI, (fetch, log) => {
    const model = createOpenAI({ ...key, fetch }).chat("m");
    const given = log === undefined
      ? model
      : wrapLanguageModel({ model, middleware: auditMiddleware(log) });
    return Promise.resolve(streamText({ model: given, prompt: "Count." }).textStream);
  }],
  "@langchain/openai": [OPENAI, async (fetch, log) => {
    const callbacks = log === undefined ? [] : [auditCallbacks(log)];
    const model = new ChatOpenAI({ ...key, model: "m", configuration: { fetch }, callbacks });
    return await model.stream("Count.");
  }],
};

for (const [name, [events, ask]] of Object.entries(STREAMS)) {
  test(`${name}: no more is asked of the provider ahead of a slow reader than without recording`, async (t) => {
    const { log } = await capturing(t);
    const one = counting(events);
    const plain = await pullsOf(await ask(one.fetch), one.told);
    const other = counting(events);
    const wrapped = await pullsOf(await ask(other.fetch, log), other.told);
    assertEquals(wrapped, plain);
    assert(plain.length === 8 && plain.at(-1)! < 40, `${plain}`);
  });
}

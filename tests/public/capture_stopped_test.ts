// Whoever stops a program stops its calls, and closes its log right behind: that a call was stopped is recorded all the same, whether or not
// its client has come to say so.

import { assertEquals } from "@std/assert";
import { createOpenAI } from "@ai-sdk/openai";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { auditOpenAI } from "@audit-log/llm/openai";
import type { AuditLog } from "@audit-log/llm";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { streamText, wrapLanguageModel } from "ai";
import OpenAI from "openai";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { API_KEY } from "../support/captured.ts";
import { post } from "../support/fetched.ts";
import { Door, startProvider } from "../support/providers/server.ts";
import { tempFolder } from "../support/temp.ts";

/** What a call is made with. */
interface Setting {
  readonly url: string;
  readonly log: AuditLog;
  /** What its client is stopped by. */
  readonly stop: AbortController;
  /** Holds the answer back, and each event of a stream. */
  readonly door: Door;
}

/** Makes a call, and stops it. Resolves when the log is to be closed. */
type Program = (setting: Setting) => Promise<unknown>;

const model = "m";
const messages = [{ role: "user" as const, content: "Hi" }];

function openai({ url, log }: Setting): OpenAI {
  return auditOpenAI(new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, maxRetries: 0 }), log);
}

/** Asks by `auditFetch()` for a stream, and reads the first of it. */
async function reading({ url, log, stop, door }: Setting) {
  door.release();
  const init = post({ model, messages, stream: true }, { signal: stop.signal });
  const response = await auditFetch(log)(`${url}/v1/chat/completions`, init);
  const reader = response.body!.getReader();
  await reader.read();
  return reader;
}

/** A model of LangChain. */
function chat({ url }: Setting, fetch = globalThis.fetch): ChatOpenAI {
  const configuration = { baseURL: `${url}/v1`, fetch };
  return new ChatOpenAI({ model, apiKey: API_KEY, maxRetries: 0, configuration });
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  "an answer that is awaited": async (setting) => {
    const { stop, door } = setting;
    const options = { signal: stop.signal };
    openai(setting).chat.completions.create({ model, messages }, options).catch(() => {});
    await door.reached;
    stop.abort();
  },
  "a stream that is read": async (setting) => {
    const { stop } = setting;
    const reader = await reading(setting);
    stop.abort();
    reader.read().catch(() => {});
  },
  "a stream that its reader leaves": async (setting) => {
    const reader = await reading(setting);
    reader.cancel().catch(() => {});
  },
  "a client's stream, by its own controller": async (setting) => {
    setting.door.release();
    const stream = await openai(setting).chat.completions.create({ model, messages, stream: true });
    await stream[Symbol.asyncIterator]().next();
    stream.controller.abort();
  },
  "a stream of the AI SDK": async ({ url, log, stop, door }) => {
    for (let event = 0; event < 2; event++) door.release(); // the role, and a text
    const provider = createOpenAI({ apiKey: API_KEY, baseURL: `${url}/v1` });
    const wrapped = wrapLanguageModel({
      model: provider.chat(model),
      middleware: auditMiddleware(log),
    });
    const { fullStream } = streamText({
      model: wrapped,
      prompt: "Hi",
      abortSignal: stop.signal,
      onError: () => {},
    });
    const reader = fullStream.getReader();
    for (let type = ""; type !== "text-delta";) type = (await reader.read()).value!.type;
    stop.abort();
    reader.read().catch(() => {});
  },
  "a graph of LangGraph, whose rejection is awaited": async (setting) => {
    const { log, stop, door } = setting;
    const callbacks = [auditCallbacks(log)];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", async ({ messages }, config) => ({
        messages: [await chat(setting).invoke(messages, config)],
      }))
      .addEdge(START, "ask").compile();
    const answer = graph.invoke({ messages }, { callbacks, signal: stop.signal });
    await door.reached;
    stop.abort();
    await answer.catch(() => {});
  },
};

for (const [what, program] of Object.entries(PROGRAMS)) {
  for (const backend of FILE_BACKENDS) {
    test(`${backend}: a log that is closed has the end of a call stopped just before: ${what}`, async (t) => {
      const provider = await startProvider(t);
      const path = join(tempFolder(t), "log");
      const log = await openFile(t, { backend, path });
      const door = new Door();
      provider.reply({ text: ["Hello", "!"], gate: door });
      await program({ url: provider.url, log, stop: new AbortController(), door });
      await log.close();
      const again = await openFile(t, { backend, path });
      assertEquals((await again.query()).map(({ metadata }) => metadata["audit.outcome"]), [
        "aborted",
      ]);
      assertEquals(await again.unfinished(), []);
    });
  }
}

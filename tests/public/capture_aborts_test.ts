// A call that its caller stops while the answer is awaited: whoever stops it sees what the client alone gives, whatever the reason, and the
// provider is left. Each runs twice, as it is and recorded.

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { ChatOpenAI } from "@langchain/openai";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { API_KEY } from "../support/captured.ts";
import { post } from "../support/fetched.ts";
import { keepRequests } from "../support/kept_requests.ts";
import { Door } from "../support/providers/server.ts";
import { type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

type Ask = (signal: AbortSignal) => Promise<unknown>;

const model = "m";
const messages = [{ role: "user" as const, content: "Hi" }];

function google({ t, url, log }: Setting): GoogleGenAI {
  keepRequests(t);
  // Without a fetch of its own, the client has another one on Node.
  const { fetch } = globalThis;
  const given = log === undefined ? fetch : auditFetch(log, { fetch });
  return new GoogleGenAI({ apiKey: API_KEY, httpOptions: { baseUrl: url, fetch: given } });
}

const CLIENTS: Readonly<Record<string, (setting: Setting) => Ask>> = {
  "openai": ({ url, log }) => {
    const client = new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1` });
    const given = log === undefined ? client : auditOpenAI(client, log);
    return (signal) => given.chat.completions.create({ model, messages }, { signal });
  },
  "@anthropic-ai/sdk": ({ url, log }) => {
    const client = new Anthropic({ apiKey: API_KEY, baseURL: url });
    const given = log === undefined ? client : auditAnthropic(client, log);
    return (signal) => given.messages.create({ model, messages, max_tokens: 64 }, { signal });
  },
  "auditFetch()": ({ url, log }) => {
    const given = log === undefined ? fetch : auditFetch(log);
    return (signal) => given(`${url}/v1/chat/completions`, post({ model, messages }, { signal }));
  },
  "@langchain/openai": ({ url, log }) => {
    const callbacks = log === undefined ? [] : [auditCallbacks(log)];
    const configuration = { baseURL: `${url}/v1` };
    const given = new ChatOpenAI({ model, apiKey: API_KEY, configuration, callbacks });
    return (signal) => given.invoke("Hi", { signal });
  },
  "@google/genai, content": (setting) => (abortSignal) =>
    google(setting).models.generateContent({ model, contents: "Hi", config: { abortSignal } }),
  "@google/genai, interactions": (setting) => (signal) =>
    google(setting).interactions.create({ model, input: "Hi" }, { fetchOptions: { signal } }),
};

const REASONS: Readonly<Record<string, () => unknown[]>> = {
  "without a reason": () => [],
  "with a text": () => ["Enough."],
  "with an error of its own": () => [new RangeError("Enough.")],
};

for (const [name, askOf] of Object.entries(CLIENTS)) {
  const examples: Record<string, Example<{ provider: Setting["provider"]; ask: Ask }>> = {};
  for (const [how, reasonOf] of Object.entries(REASONS)) {
    examples[`stopped while the answer is awaited, ${how}`] = {
      records: [["aborted", "Hi", ""]],
      run: async ({ provider, ask }) => {
        const [door, stop, reason] = [new Door(), new AbortController(), reasonOf()];
        provider.reply({ text: "Hello!", gate: door });
        const answer = ask(stop.signal).then((answer) => ({ answer }), (error) => ({ error }));
        await Promise.race([door.reached, answer]);
        stop.abort(...reason);
        const told = await answer as { error?: { cause?: unknown } };
        await provider.aborted();
        return [told, told.error === reason[0], told.error?.cause === reason[0]];
      },
    };
  }
  const parts = (setting: Setting) => ({ provider: setting.provider, ask: askOf(setting) });
  sideBySide(name, parts, examples);
}

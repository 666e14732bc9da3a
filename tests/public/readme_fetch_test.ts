// What READMEs show of a `fetch` of one's own, with that of auditFetch(): `openai` 7 under "Customizing the fetch client" and
// "Fetch options", the documentation of `@anthropic-ai/sdk` 1 under the same headings, that of the providers of `ai` 7 under
// "Provider Instance" (`fetch`, "Custom fetch implementation"); and what a program does by fetch alone.

import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { auditFetch, type Fetch } from "@audit-log/llm/fetch";
import { all, API_KEY } from "../support/captured.ts";
import { post } from "../support/fetched.ts";
import { toldTo } from "../support/fetches.ts";
import { observed } from "../support/observed.ts";
import { Gate } from "../support/providers/server.ts";
import { configured, type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

function parts({ provider, url, log }: Setting) {
  return {
    provider,
    url,
    /** What makes a fetch of one's own, from another. */
    myFetch: (fetch: Fetch = globalThis.fetch): Fetch =>
      log === undefined ? fetch : auditFetch(log, { fetch }),
    OpenAI: configured(OpenAI, { apiKey: API_KEY, baseURL: `${url}/v1` }),
    Anthropic: configured(Anthropic, { apiKey: API_KEY, baseURL: url }),
    createOpenAI: (options: object) =>
      createOpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, ...options }),
  };
}

type Examples = Record<string, Example<ReturnType<typeof parts>>>;

const asked = { model: "gpt-5.5", input: "Hi" };
const message = {
  model: "claude-opus-5-5",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "Hi" }],
};
const completed = (...answers: string[]) =>
  answers.map((answer) => ["completed", "Hi", answer] as const);

const clients: Examples = {
  "openai, Customizing the fetch client, by the global": {
    replies: [{ text: "Hello!" }, { text: ["Hello", "!"] }],
    records: completed("Hello!", "Hello!"),
    run: async ({ OpenAI, myFetch }) => {
      const own = globalThis.fetch;
      const { fetch, told } = toldTo(own);
      globalThis.fetch = myFetch(fetch);
      try {
        const client = new OpenAI();
        const stream = await client.responses.create({ ...asked, stream: true });
        return [await all(stream), await client.responses.create(asked), told];
      } finally {
        globalThis.fetch = own;
      }
    },
  },
  "openai, Customizing the fetch client, passed to the client, and Fetch options": {
    replies: [{ text: "Hello!" }, { text: ["Hello", "!"] }, { json: { data: [] } }],
    records: completed("Hello!", "Hello!"),
    run: async ({ OpenAI, myFetch }) => {
      const { fetch, told } = toldTo(globalThis.fetch);
      const client = new OpenAI({ fetch: myFetch(fetch), fetchOptions: { redirect: "manual" } });
      const { data, response } = await client.responses.create(asked).withResponse();
      const stream = await client.responses.create({ ...asked, stream: true });
      return [data, response, await all(stream), await client.models.list(), told];
    },
  },
  "openai, Handling errors and Retries with it": {
    replies: [{ status: 400, error: "No." }, {
      status: 500,
      headers: { "retry-after-ms": "1" },
    }, { text: "Hello!" }],
    records: [["failed", "Hi", ""], ["failed", "Hi", ""], ...completed("Hello!")],
    run: async ({ OpenAI, myFetch }) => {
      const client = new OpenAI({ fetch: myFetch() });
      const error = await client.responses.create(asked).catch((error) => error);
      return [error, error instanceof OpenAI.BadRequestError, await client.responses.create(asked)];
    },
  },
  "@anthropic-ai/sdk, Customizing the fetch client": {
    replies: [{ text: "Hello!" }, { text: ["Hello", "!"] }],
    records: completed("Hello!", "Hello!"),
    run: async ({ Anthropic, myFetch }) => {
      const { fetch, told } = toldTo(globalThis.fetch);
      const client = new Anthropic({ fetch: myFetch(fetch) });
      const whole = await client.messages.create(message);
      return [whole, await client.messages.stream(message).finalMessage(), told];
    },
  },
  "@ai-sdk/openai, Provider Instance, fetch": {
    replies: [{ text: "Hello!" }, { text: ["Hello", "!"] }],
    records: completed("Hello!", "Hello!"),
    run: async ({ createOpenAI, myFetch }) => {
      const openai = createOpenAI({ fetch: myFetch() });
      const result = await generateText({ model: openai("gpt-6-luna"), prompt: "Hi" });
      const { stream } = streamText({ model: openai.chat("gpt-6-luna"), prompt: "Hi" });
      return [result, await all(stream)];
    },
  },
};

const alone: Examples = {
  "fetch() alone, in all ways to read an answer": {
    replies: Array.from({ length: 6 }, () => ({ text: "Hello!" })),
    records: completed(...Array.from({ length: 6 }, () => "Hello!")),
    run: async ({ url, myFetch }) => {
      const fetch = myFetch();
      const question = post(asked);
      const ask = () => fetch(`${url}/v1/responses`, question);
      const [one, other] = await ask().then((response) => [response.clone(), response]);
      const unread = await ask();
      return [
        await (await ask()).json(),
        await (await ask()).text(),
        await (await ask()).arrayBuffer(),
        [observed(one), await one!.text(), await other!.text(), observed(other)],
        [
          await new Response((await fetch(new Request(`${url}/v1/responses`, question))).body)
            .text(),
        ],
        [unread, unread.body?.locked, await unread.body?.cancel()],
      ];
    },
  },
  "fetch() alone, a stream: its reader, pipeThrough(), tee(), cancel() and a signal": {
    replies: [1, 2].map(() => ({ text: ["Hello", "!"] })),
    records: [...completed("Hello!", "Hello!"), ["aborted", "Hi", "Hello"], [
      "aborted",
      "Hi",
      "Hello",
    ]],
    run: async ({ provider, url, myFetch }) => {
      const fetch = myFetch();
      const chat = { model: "gpt-5.5", messages: message.messages, stream: true };
      const ask = async (init: RequestInit = {}) =>
        await fetch(`${url}/v1/chat/completions`, post(chat, init));
      const seen: unknown[] = [];
      const first = await ask();
      seen.push(first, await all(first.body!.pipeThrough(new TextDecoderStream())));
      const [one, other] = (await ask()).body!.tee();
      seen.push(await new Response(one).text(), await new Response(other).text());
      for (const way of ["cancel", "signal"]) {
        const gate = new Gate();
        provider.reply({ text: ["Hello", "!"], gate });
        for (let n = 0; n < 2; n++) gate.release();
        const controller = new AbortController();
        const response = await ask({ signal: controller.signal });
        const reader = response.body!.getReader();
        let text = "";
        while (!text.includes("Hello")) {
          text += new TextDecoder().decode((await reader.read()).value);
        }
        if (way === "cancel") seen.push(text, await reader.cancel("enough"));
        else {
          controller.abort(new RangeError("enough"));
          seen.push(text, await reader.read().catch((error) => error));
        }
        await provider.aborted();
      }
      return seen;
    },
  },
  "fetch() alone, what is no call of a model, and what cannot be asked": {
    replies: [{ json: { object: "list" }, headers: { "x-mine": "1" } }],
    records: [["failed", "Hi", ""]],
    run: async ({ url, myFetch }) => {
      const fetch = myFetch();
      const list = await fetch(`${url}/v1/models`);
      const missing = await fetch(new URL(`${url}/nowhere`), { method: "DELETE" });
      const refusing = myFetch(() => Promise.reject(new TypeError("no route")));
      return [
        list,
        await list.json(),
        missing,
        await fetch("no address").catch((error) => error instanceof TypeError),
        await refusing(`${url}/v1/responses`, post(asked)).catch((error) => error),
      ];
    },
  },
};

for (const examples of [clients, alone]) sideBySide("READMEs with a fetch", parts, examples);

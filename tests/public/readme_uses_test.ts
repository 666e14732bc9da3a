// What the READMEs of the SDKs show: the same with and without the wrapper.

import Anthropic from "@anthropic-ai/sdk";
import { assertEquals, assertNotEquals } from "@std/assert";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { test } from "node:test";
import { z } from "zod";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { all, API_KEY, capturing } from "../support/captured.ts";
import type { Reply } from "../support/providers/server.ts";

/** A use, what is answered to it, and how many requests it makes. */
type Uses<Client> = Record<
  string,
  { readonly replies: readonly Reply[]; readonly use: (client: Client) => Promise<unknown> }
>;

const model = "gpt-x";
const messages = [
  { role: "developer" as const, content: "Talk as a pirate does." },
  { role: "user" as const, content: "Are semicolons optional?" },
];
/** What was thrown, as far as callers look at it. */
const thrown = (error: unknown): unknown => {
  const { name, message, status, code, type, request_id, error: body } = error as
    & InstanceType<
      typeof OpenAI.APIError
    >
    & { request_id?: string };
  return {
    class: (error as object).constructor.name,
    name,
    message,
    status,
    code,
    type,
    request_id,
    body,
  };
};

const openAI: Uses<OpenAI> = {
  "a response with instructions": {
    replies: [{ text: "Arr." }],
    use: async (client) =>
      (await client.responses.create({ model, instructions: "Be a pirate.", input: "Hi" }))
        .output_text,
  },
  "a chat completion": {
    replies: [{ text: "Arr." }],
    use: (client) => client.chat.completions.create({ model, messages }),
  },
  "a streamed response": {
    replies: [{ text: ["Double", " bubble"] }],
    use: async (client) =>
      all(await client.responses.create({ model, input: "Say it", stream: true })),
  },
  "a picture in a response": {
    replies: [{ text: "A cat." }],
    use: (client) =>
      client.responses.create({
        model,
        input: [{
          role: "user",
          content: [
            { type: "input_text", text: "What is this?" },
            { type: "input_image", image_url: "data:image/png;base64,aGVsbG8=", detail: "auto" },
          ],
        }],
      }),
  },
  "an error and its fields": {
    replies: [{ status: 400, error: "No such job." }],
    use: (client) => client.chat.completions.create({ model, messages }).catch(thrown),
  },
  "retries, set for one request": {
    replies: [
      { status: 500, headers: { "retry-after-ms": "1" } },
      { status: 409, headers: { "retry-after-ms": "1" } },
      { text: "At last." },
    ],
    use: (client) => client.chat.completions.create({ model, messages }, { maxRetries: 5 }),
  },
  "ids of requests, headers and the raw response": {
    replies: [{ text: "1" }, { text: "2" }, { text: "3" }],
    use: async (client) => {
      const { _request_id } = await client.responses.create({ model, input: "Hi" });
      const raw = await client.chat.completions.create({ model, messages }).asResponse();
      const { data, response } = await client.chat.completions.create({ model, messages })
        .withResponse();
      return [
        _request_id,
        raw.status,
        await raw.text(),
        data,
        response.headers.get("content-type"),
      ];
    },
  },
  "a stream read by events, with its end": {
    replies: [{ text: ["One", " two"] }],
    use: async (client) => {
      const deltas: string[] = [];
      const stream = client.responses.stream({ model, input: "Count" })
        .on("response.output_text.delta", ({ delta }) => deltas.push(delta));
      return [(await stream.finalResponse()).output_text, deltas];
    },
  },
  "structured output and functions of a schema": {
    replies: [
      { text: '{"steps":["8x=-30"]}' },
      { toolCalls: [{ id: "c1", name: "query", arguments: '{"table":"orders"}' }] },
    ],
    use: async (client) => {
      const steps = z.object({ steps: z.array(z.string()) });
      const { output_parsed } = await client.responses.parse({
        model,
        input: "Solve 8x = -30",
        text: { format: zodTextFormat(steps, "steps") },
      });
      const tools = [
        zodResponsesFunction({ name: "query", parameters: z.object({ table: z.string() }) }),
      ];
      const { output } = await client.responses.parse({ model, input: "My orders", tools });
      return [output_parsed, output];
    },
  },
  "a stream as one that can be read anywhere, and back": {
    replies: [{ text: ["One", " two"] }],
    use: async (client) => {
      const stream = client.chat.completions.stream({ model, messages });
      return await new Response(stream.toReadableStream()).text();
    },
  },
};

const asked = {
  model: "claude-x",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "Hi" }],
};

const anthropic: Uses<Anthropic> = {
  "a message": {
    replies: [{ text: "Hello!" }],
    use: async (client) => (await client.messages.create(asked)).content,
  },
  "a streamed message": {
    replies: [{ text: ["Hel", "lo!"] }],
    use: async (client) => all(await client.messages.create({ ...asked, stream: true })),
  },
  "a stream read by events, with its end": {
    replies: [{ text: ["Hel", "lo!"] }],
    use: async (client) => {
      const texts: string[] = [];
      const stream = client.messages.stream(asked).on("text", (text) => texts.push(text));
      return [await stream.finalMessage(), texts];
    },
  },
  "a tool": {
    replies: [{ toolCalls: [{ id: "t1", name: "weather", arguments: '{"city":"Oslo"}' }] }],
    use: (client) =>
      client.messages.create({
        ...asked,
        tools: [{ name: "weather", description: "", input_schema: { type: "object" } }],
      }),
  },
  "an error and its fields": {
    replies: [{ status: 400, error: "No such model." }],
    use: (client) => client.messages.create(asked).catch(thrown),
  },
  "retries, and the id of a request": {
    replies: [{ status: 529, headers: { "retry-after-ms": "1" } }, { text: "Hello!" }],
    use: async (client) => {
      const message = await client.messages.create(asked, { maxRetries: 5 });
      return [message, message._request_id];
    },
  },
  "the raw response": {
    replies: [{ text: "Hello!" }, { text: "Hello!" }],
    use: async (client) => {
      const response = await client.messages.create(asked).asResponse();
      const { data } = await client.messages.create(asked).withResponse();
      return [response.statusText, await response.json(), data];
    },
  },
};

function compare<Client>(
  sdk: string,
  uses: Uses<Client>,
  clientsOf: (url: string, log: Awaited<ReturnType<typeof capturing>>["log"]) => [Client, Client],
): void {
  for (const [what, { replies, use }] of Object.entries(uses)) {
    test(`${sdk}: ${what}, the same with and without the wrapper`, async (t) => {
      const { provider, log } = await capturing(t);
      const [plain, wrapped] = clientsOf(provider.url, log);
      provider.reply(...replies);
      const wanted = await use(plain);
      provider.reply(...replies);
      const got = await use(wrapped);
      assertNotEquals(wanted, undefined);
      assertEquals(got, wanted);
      const bodies = provider.requests.map(({ path, body }) => ({ path, body }));
      assertEquals(bodies.slice(replies.length), bodies.slice(0, replies.length));
      assertEquals(await log.count(), replies.length);
      assertEquals(await log.unfinished(), []);
    });
  }
}

compare("openai", openAI, (url, log) => {
  const client = new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, maxRetries: 0 });
  return [client, auditOpenAI(client, log)];
});
compare("anthropic", anthropic, (url, log) => {
  const client = new Anthropic({ apiKey: API_KEY, baseURL: url, maxRetries: 0 });
  return [client, auditAnthropic(client, log)];
});

// The example of the README of `@anthropic-ai/sdk` 1, and those of the documentation that it points to
// (platform.claude.com/docs/en/api/sdks/typescript), by the headings that they stand under.

import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { z } from "zod";
import { all, API_KEY } from "../support/captured.ts";
import { deafFetch, toldTo } from "../support/fetches.ts";
import { Gate } from "../support/providers/server.ts";
import { configured, type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

function parts({ provider, url, log }: Setting) {
  const wrap = (client: Anthropic) => log === undefined ? client : auditAnthropic(client, log);
  return { provider, Anthropic: configured(Anthropic, { apiKey: API_KEY, baseURL: url }, wrap) };
}

type Examples = Record<string, Example<ReturnType<typeof parts>>>;

const HELLO = "Hello, Claude";
const asked = {
  max_tokens: 1024,
  messages: [{ role: "user" as const, content: HELLO }],
  model: "claude-opus-5-5",
};
const again = (status: number) => ({ status, headers: { "retry-after-ms": "1" } });

const readme: Examples = {
  "Getting started": {
    replies: [{ text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic({ apiKey: API_KEY });

      const message = await client.messages.create({
        max_tokens: 1024,
        messages: [{ role: "user", content: "Hello, Claude" }],
        model: "claude-opus-5-5",
      });

      return [message.content, message];
    },
  },
};

const streams: Examples = {
  "Streaming responses": {
    replies: [{ text: ["Hel", "lo!"], reasoning: "Greet." }],
    records: [["completed", HELLO, "[reasoning] Hello!"]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const stream = await client.messages.create({ ...asked, stream: true });
      const events: unknown[] = [stream];
      for await (const messageStreamEvent of stream) events.push(messageStreamEvent);
      return events;
    },
  },
  "Streaming responses, break and stream.controller.abort()": {
    records: [["aborted", HELLO, "Hel"], ["aborted", HELLO, "Hel"]],
    run: async ({ Anthropic, provider }) => {
      const client = new Anthropic();
      const seen: unknown[] = [];
      for (const leave of ["break", "abort"]) {
        const gate = new Gate();
        provider.reply({ text: ["Hel", "lo!"], gate });
        for (let n = 0; n < 4; n++) gate.release();
        const stream = await client.messages.create({ ...asked, stream: true });
        for await (const event of stream) {
          seen.push(event);
          if (event.type !== "content_block_delta") continue;
          if (leave === "break") break;
          stream.controller.abort();
        }
        await provider.aborted();
        seen.push(stream.controller);
      }
      return seen;
    },
  },
  "Streaming helpers": {
    replies: [{ text: ["Hel", "lo!"] }],
    records: [["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const seen: unknown[] = [];
      const client = new Anthropic();
      const stream = client.messages.stream(asked)
        .on("text", (text, snapshot) => seen.push([text, snapshot]))
        .on("streamEvent", (event) => seen.push(event))
        .on("contentBlock", (block) => seen.push(block))
        .on("message", (message) => seen.push(message))
        .on("finalMessage", (message) => seen.push(message))
        .on("end", () => seen.push("end"));
      const message = await stream.finalMessage();
      return [
        seen,
        message,
        await stream.finalText(),
        stream.messages,
        stream.receivedMessages,
        stream.request_id,
        stream.response,
        stream.ended,
      ];
    },
  },
  "Streaming helpers, for await, withResponse(), tee() and toReadableStream()": {
    replies: [1, 2, 3, 4].map(() => ({ text: ["Hel", "lo!"] })),
    records: [1, 2, 3, 4].map(() => ["completed", HELLO, "Hello!"] as const),
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const stream = client.messages.stream(asked);
      const events = await all(stream);
      const { data, response, request_id } = await client.messages
        .create({ ...asked, stream: true }).withResponse();
      const [left, right] = data.tee();
      const read = [await all(left), await all(right)];
      const sent = await new Response(client.messages.stream(asked).toReadableStream()).text();
      const opened = await client.messages.stream(asked).withResponse();
      return [events, response, request_id, read, sent, opened.response, await all(opened.data)];
    },
  },
  "Streaming helpers, abort()": {
    records: [["aborted", HELLO, "Hel"]],
    run: async ({ Anthropic, provider }) => {
      const gate = new Gate();
      provider.reply({ text: ["Hel", "lo!"], gate });
      for (let n = 0; n < 4; n++) gate.release();
      const stream = new Anthropic().messages.stream(asked);
      stream.on("text", () => stream.abort());
      const error = await stream.done().catch((error) => error);
      await provider.aborted();
      return [error, error instanceof Anthropic.APIUserAbortError, stream.aborted];
    },
  },
  "Streaming responses, errors in the middle": {
    replies: [{ text: ["Hel", "lo!"], streamErrorAfter: 4 }],
    records: [["failed", HELLO, "Hel"]],
    run: async ({ Anthropic }) => {
      const seen: unknown[] = [];
      try {
        for await (
          const event of await new Anthropic().messages.create({ ...asked, stream: true })
        ) {
          seen.push(event);
        }
      } catch (error) {
        seen.push(error, error instanceof Anthropic.APIError);
      }
      return seen;
    },
  },
};

const weather = { name: "get_weather", input: { location: "SF" } };
const calls = [{ id: "t1", name: weather.name, arguments: ['{"location":', '"SF"}'] }];

const tools: Examples = {
  "Tool use": {
    replies: [{ text: "Let me look.", toolCalls: calls }, { text: "Sunny." }],
    records: [
      ["completed", "Weather?", 'Let me look. get_weather({"location":"SF"})'],
      ["completed", '= [{"type":"text","content":"sunny"}]', "Sunny."],
    ],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const tools = [{
        name: "get_weather",
        description: "Get the weather",
        input_schema: { type: "object" as const, properties: { location: { type: "string" } } },
      }];
      const userMessage = { role: "user" as const, content: "Weather?" };
      const message = await client.messages.create({ ...asked, messages: [userMessage], tools });
      const tool = message.content.find((content) => content.type === "tool_use")!;
      const result = await client.messages.create({
        ...asked,
        messages: [userMessage, { role: message.role, content: message.content }, {
          role: "user",
          content: [{
            type: "tool_result",
            tool_use_id: tool.id,
            content: [{ type: "text", text: "sunny" }],
          }],
        }],
        tools,
      });
      return [message, result];
    },
  },
  "Tool helpers, toolRunner() of tools made with betaZodTool()": {
    replies: [1, 2].flatMap(() => [{ toolCalls: calls }, { text: "Sunny." }]),
    records: [1, 2].flatMap(() => [
      ["completed", "Weather?", 'get_weather({"location":"SF"})'] as const,
      ["completed", "= The weather in SF is sunny", "Sunny."] as const,
    ]),
    run: async ({ Anthropic }) => {
      const anthropic = new Anthropic();
      const weatherTool = betaZodTool({
        name: "get_weather",
        inputSchema: z.object({ location: z.string() }),
        description: "Get the current weather in a given location",
        run: (input) => `The weather in ${input.location} is sunny`,
      });
      const messages = [{ role: "user" as const, content: "Weather?" }];
      const given = { ...asked, messages, tools: [weatherTool] };
      const finalMessage = await anthropic.beta.messages.toolRunner(given);
      const seen: unknown[] = [];
      for await (const stream of anthropic.beta.messages.toolRunner({ ...given, stream: true })) {
        for await (const event of stream) seen.push(event);
      }
      return [finalMessage, seen];
    },
  },
  "Structured output, parse()": {
    replies: [{ text: '{"n":4}' }],
    records: [["completed", HELLO, '{"n":4}']],
    run: async ({ Anthropic }) => {
      const schema = { type: "object", properties: { n: { type: "number" } } };
      const message = await new Anthropic().messages.parse({
        ...asked,
        output_config: { format: { type: "json_schema", schema } },
      });
      return [message, message.parsed_output];
    },
  },
};

const requests: Examples = {
  "Token counting, Message batches": {
    replies: [
      { json: { input_tokens: 10 } },
      { json: { id: "b1", type: "message_batch", processing_status: "in_progress" } },
    ],
    records: [],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const { max_tokens: _, ...counted } = asked;
      return [
        await client.messages.countTokens(counted),
        await client.messages.batches.create({
          requests: [{ custom_id: "my-first-request", params: asked }],
        }),
      ];
    },
  },
  "Handling errors, by the table of error types": {
    replies: [400, 401, 403, 404, 422, 429, 500, 529]
      .map((status) => ({ status, error: `It is ${status}.` })),
    records: Array.from({ length: 9 }, () => ["failed", HELLO, ""] as const),
    run: async ({ Anthropic }) => {
      const client = new Anthropic({ maxRetries: 0 });
      const seen: unknown[] = [];
      for (let n = 0; n < 8; n++) {
        await client.messages.create(asked).catch((err) => {
          if (err instanceof Anthropic.APIError) seen.push(err.status, err.name, err.headers, err);
          else throw err;
        });
      }
      const unreachable = client.withOptions({
        fetch: () =>
          Promise.reject(new TypeError("fetch failed", { cause: new Error("no route") })),
      });
      await unreachable.messages.create(asked).catch((err) => seen.push(err));
      return seen;
    },
  },
  "Request IDs": {
    replies: [{ text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => (await new Anthropic().messages.create(asked))._request_id,
  },
  "Retries": {
    replies: [{ status: 529 }, again(529), again(409), again(429), again(408), again(500), {
      text: "Hello!",
    }],
    records: [
      ...Array.from({ length: 6 }, () => ["failed", HELLO, ""] as const),
      ["completed", HELLO, "Hello!"],
    ],
    run: async ({ Anthropic }) => {
      const client = new Anthropic({ maxRetries: 0 });
      return [
        await client.messages.create(asked).catch((err) => err),
        await client.messages.create(asked, { maxRetries: 5 }),
      ];
    },
  },
  "Timeouts": {
    replies: [{ text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"], ["aborted", HELLO, ""]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic({ timeout: 20 * 1000 });
      const message = await client.messages.create(asked, { timeout: 5 * 1000 });
      const error = await client.withOptions({ fetch: deafFetch }).messages
        .create(asked, { timeout: 1, maxRetries: 0 }).catch((err) => err);
      return [message, error, error instanceof Anthropic.APIConnectionTimeoutError];
    },
  },
  "Long requests": {
    records: [],
    run: ({ Anthropic }) => new Anthropic().messages.create({ ...asked, max_tokens: 1_000_000 }),
  },
  "Auto-pagination": {
    replies: [1, 2].flatMap(() => [
      { json: { data: [{ id: "a" }, { id: "b" }], has_more: true, last_id: "b" } },
      { json: { data: [{ id: "c" }], has_more: false, last_id: "c" } },
    ]),
    records: [],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const seen: unknown[] = [];
      for await (const messageBatch of client.messages.batches.list({ limit: 20 })) {
        seen.push(messageBatch);
      }
      let page = await client.messages.batches.list({ limit: 20 });
      seen.push(page.data);
      while (page.hasNextPage()) {
        page = await page.getNextPage();
        seen.push(page.constructor.name, page.data);
      }
      return seen;
    },
  },
  "Default headers": {
    replies: [{ text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"]],
    run: ({ Anthropic }) =>
      new Anthropic().messages.create(asked, {
        headers: { "anthropic-version": "My-Custom-Value" },
      }),
  },
  "Accessing raw Response data (e.g., headers)": {
    replies: [1, 2].map(() => ({ text: "Hello!", headers: { "X-My-Header": "mine" } })),
    records: [1, 2].map(() => ["completed", HELLO, "Hello!"] as const),
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const response = await client.messages.create(asked).asResponse();
      const { data: message, response: raw } = await client.messages.create(asked).withResponse();
      return [
        response.headers.get("X-My-Header"),
        response.statusText,
        response,
        await response.json(),
        raw.headers.get("X-My-Header"),
        raw,
        message.content,
      ];
    },
  },
  "Making custom/undocumented requests": {
    replies: [{ json: { some: "thing" } }, { text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      return [
        await client.post("/some/path", {
          body: { some_prop: "foo" },
          query: { some_query_arg: "bar" },
        }),
        // @ts-expect-error baz is not yet public
        await client.messages.create({ ...asked, baz: "undocumented option" }),
      ];
    },
  },
  "Customizing the fetch client, Fetch options": {
    replies: [{ text: "Hello!" }, { text: ["Hel", "lo!"] }],
    records: [["completed", HELLO, "Hello!"], ["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const { fetch, told } = toldTo(globalThis.fetch);
      const client = new Anthropic({ fetch, fetchOptions: { redirect: "manual" } });
      const message = await client.messages.create(asked);
      const stream = await client.messages.create({ ...asked, stream: true });
      return [message, await all(stream), told];
    },
  },
  "Beta features": {
    replies: [{ text: "Hello!" }, { text: ["Hel", "lo!"] }],
    records: [["completed", HELLO, "Hello!"], ["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic();
      const betas = ["code-execution-2025-05-22"];
      return [
        await client.beta.messages.create({ ...asked, betas }),
        await client.beta.messages.stream({ ...asked, betas }).finalMessage(),
      ];
    },
  },
  "Cancellation, by a signal": {
    records: [["aborted", HELLO, "Hel"]],
    run: async ({ Anthropic, provider }) => {
      const client = new Anthropic();
      const before = await client.messages.create(asked, { signal: AbortSignal.abort("no") })
        .catch((error) => error);
      const [gate, controller] = [new Gate(), new AbortController()];
      provider.reply({ text: ["Hel", "lo!"], gate });
      for (let n = 0; n < 4; n++) gate.release();
      const { signal } = controller;
      const stream = await client.messages.create({ ...asked, stream: true }, { signal });
      const events: unknown[] = [];
      for await (const event of stream) {
        events.push(event);
        if (event.type === "content_block_delta") controller.abort();
      }
      await provider.aborted();
      return [before, before instanceof Anthropic.APIUserAbortError, events];
    },
  },
  "withOptions(), and what a client is made of": {
    replies: [{ text: "Hello!" }],
    records: [["completed", HELLO, "Hello!"]],
    run: async ({ Anthropic }) => {
      const client = new Anthropic({ defaultHeaders: { a: "b" } });
      const derived = client.withOptions({ maxRetries: 4, timeout: 60_000 });
      const made = [client, derived].map((one) => [
        one instanceof Anthropic,
        one.constructor.name,
        Object.keys(one),
        one.messages.constructor.name,
        [one.baseURL, one.maxRetries, one.timeout],
      ]);
      return [made, await derived.messages.create(asked)];
    },
  },
};

sideBySide("README of @anthropic-ai/sdk", parts, readme);
for (const examples of [streams, tools, requests]) {
  sideBySide("documentation of @anthropic-ai/sdk", parts, examples);
}

// What the README of `openai` 7 leads to: its helpers, and the programs in its folder of examples, by their names there.

import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
import { auditOpenAI } from "@audit-log/llm/openai";
import { z } from "zod";
import { all, API_KEY } from "../support/captured.ts";
import { Door, Gate } from "../support/providers/server.ts";
import { configured, type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

function parts({ provider, url, log }: Setting) {
  const options = { apiKey: API_KEY, baseURL: `${url}/v1`, maxRetries: 0 };
  const wrap = (client: OpenAI) => log === undefined ? client : auditOpenAI(client, log);
  return { provider, OpenAI: configured(OpenAI, options, wrap) };
}

type Examples = Record<string, Example<ReturnType<typeof parts>>>;

const model = "gpt-4o";
const messages = [{ role: "user" as const, content: "Say this is a test" }];
const asked = { model, messages };
const recorded = (answer: string) => ["completed", "Say this is a test", answer] as const;

const plain: Examples = {
  "examples/demo.ts": {
    replies: [{ text: "A test." }, { text: ["A", " test."] }],
    records: [recorded("A test."), recorded("A test.")],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const completion = await client.chat.completions.create(asked);
      const stream = await client.chat.completions.create({ ...asked, stream: true });
      const chunks: unknown[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return [completion, chunks];
    },
  },
  "examples/function-call-stream-raw.ts": {
    replies: [
      { toolCalls: [{ id: "c1", name: "list", arguments: ['{"genre":', '"historical"}'] }] },
      { text: ["A", " list"], usage: null },
    ],
    records: [
      ["completed", "Any books?", 'list({"genre":"historical"})'],
      ["completed", "= []", "A list"],
    ],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const tools = [{
        type: "function" as const,
        function: { name: "list", parameters: { type: "object", properties: {} } },
      }];
      const question = { role: "user" as const, content: "Any books?" };
      const stream_options = { include_usage: true };
      const first = await all(
        await client.chat.completions.create({
          model,
          messages: [question],
          tools,
          stream: true,
          stream_options,
        }),
      );
      const tool_calls = [{
        id: "c1",
        type: "function" as const,
        function: { name: "list", arguments: '{"genre":"historical"}' },
      }];
      const second = await all(
        await client.chat.completions.create({
          model,
          messages: [
            question,
            { role: "assistant", content: null, tool_calls },
            { role: "tool", tool_call_id: "c1", content: "[]" },
          ],
          stream: true,
          stream_options,
        }),
      );
      return [first, second];
    },
  },
  "embeddings": {
    replies: [{ embeddings: [[1, 0.5]] }, { embeddings: [[1, 0.5], [2, 0.25]] }],
    records: [["completed", "Hi", ""], ["completed", "b", ""]],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      return [
        await client.embeddings.create({ model: "text-embedding-3-small", input: "Hi" }),
        await client.embeddings.create({
          model: "text-embedding-3-small",
          input: ["a", "b"],
          encoding_format: "float",
        }),
      ];
    },
  },
};

const streams: Examples = {
  "examples/stream.ts": {
    replies: [{ text: ["A", " test."] }],
    records: [recorded("A test.")],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const runner = client.chat.completions.stream(asked);
      const seen: unknown[] = [];
      for (const event of ["connect", "message", "finalContent", "end"] as const) {
        runner.on(event, (...given: unknown[]) => seen.push([event, ...given]));
      }
      runner.on("content", (delta, snapshot) => seen.push(["content", delta, snapshot]));
      const chunks: unknown[] = [];
      for await (const chunk of runner) chunks.push(chunk);
      return [
        chunks,
        await runner.finalChatCompletion(),
        await runner.finalMessage(),
        await runner.totalUsage(),
        runner.messages,
        runner.ended,
        runner.aborted,
        runner.errored,
        seen,
      ];
    },
  },
  "examples/responses/stream.ts": {
    replies: [{ text: ["One", " two"] }],
    records: [["completed", "Count", "One two"]],
    run: async ({ OpenAI }) => {
      const deltas: unknown[] = [];
      const runner = new OpenAI().responses.stream({ model, input: "Count" })
        .on("event", (event) => deltas.push(event))
        .on("response.output_text.delta", (diff) => deltas.push(diff.delta));
      const events: unknown[] = [];
      for await (const event of runner) events.push(event);
      return [events, deltas, await runner.finalResponse()];
    },
  },
  "examples/stream-to-client-express.ts, and back": {
    replies: [{ text: ["A", " test."] }, { text: ["A", " test."] }],
    records: [recorded("A test."), recorded("A test.")],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const readable = client.chat.completions.stream(asked).toReadableStream();
      const sent = await new Response(readable).text();
      const raw = await client.chat.completions.create({ ...asked, stream: true });
      const received = ChatCompletionStream.fromReadableStream(raw.toReadableStream());
      return [sent, await received.finalChatCompletion()];
    },
  },
  "tee() of a stream, each half in its own time": {
    replies: [{ text: ["A", " test."] }],
    records: [recorded("A test.")],
    run: async ({ OpenAI }) => {
      const stream = await new OpenAI().chat.completions.create({ ...asked, stream: true });
      const [left, right] = stream.tee();
      return [await all(left), await all(right), left.constructor === stream.constructor];
    },
  },
  "break in a stream": {
    records: [["aborted", "Say this is a test", "A"]],
    run: async ({ OpenAI, provider }) => {
      const gate = new Gate();
      provider.reply({ text: ["A", " test."], gate });
      for (let n = 0; n < 2; n++) gate.release();
      const stream = await new OpenAI().chat.completions.create({ ...asked, stream: true });
      const chunks: unknown[] = [];
      for await (const chunk of stream) if (chunks.push(chunk) === 2) break;
      await provider.aborted();
      const again = await all(stream).catch((error) => error);
      return [chunks, again, stream.controller];
    },
  },
  "controller.abort() of a stream, and abort() of its helper": {
    records: Array.from({ length: 2 }, () => ["aborted", "Say this is a test", "A"]),
    run: async ({ OpenAI, provider }) => {
      const client = new OpenAI();
      const [one, other] = [new Gate(), new Gate()];
      provider.reply({ text: ["A", " test."], gate: one }, { text: ["A", " test."], gate: other });
      for (let n = 0; n < 2; n++) one.release();
      const chunks: unknown[] = [];
      const stream = await client.chat.completions.create({ ...asked, stream: true });
      for await (const chunk of stream) if (chunks.push(chunk) === 2) stream.controller.abort();
      await provider.aborted();
      for (let n = 0; n < 2; n++) other.release();
      const runner = client.chat.completions.stream(asked);
      runner.on("content", () => runner.abort());
      const error = await runner.done().catch((error) => error);
      await provider.aborted();
      return [chunks, error, error instanceof OpenAI.APIUserAbortError, runner.aborted];
    },
  },
  "a signal before the call, while it waits, and in its stream": {
    records: [["aborted", "Say this is a test", ""], ["aborted", "Say this is a test", "A"]],
    run: async ({ OpenAI, provider }) => {
      const client = new OpenAI();
      const before = await client.chat.completions
        .create(asked, { signal: AbortSignal.abort("no") }).catch((error) => error);
      const [door, waiting] = [new Door(), new AbortController()];
      provider.reply({ text: "A test.", gate: door });
      const answer = client.chat.completions.create(asked, { signal: waiting.signal })
        .catch((error) => error);
      await Promise.race([door.reached, answer]);
      waiting.abort("no more");
      const meanwhile = await answer;
      await provider.aborted();
      const [gate, controller] = [new Gate(), new AbortController()];
      provider.reply({ text: ["A", " test."], gate });
      for (let n = 0; n < 2; n++) gate.release();
      const { signal } = controller;
      const stream = await client.chat.completions.create({ ...asked, stream: true }, { signal });
      const chunks: unknown[] = [];
      for await (const chunk of stream) if (chunks.push(chunk) === 2) controller.abort("enough");
      await provider.aborted();
      const areAborts = [before, meanwhile].map((error) =>
        error instanceof OpenAI.APIUserAbortError
      );
      return [before, meanwhile, areAborts, chunks];
    },
  },
  "an error in the middle of a stream": {
    replies: [{ text: ["A", " test."], streamErrorAfter: 2 }],
    records: [["failed", "Say this is a test", "A"]],
    run: async ({ OpenAI }) => {
      const seen: unknown[] = [];
      try {
        const stream = await new OpenAI().chat.completions.create({ ...asked, stream: true });
        for await (const chunk of stream) seen.push(chunk);
      } catch (error) {
        seen.push(error, error instanceof OpenAI.APIError);
      }
      return seen;
    },
  },
};

const structured: Examples = {
  "examples/parsing.ts and examples/parsing-stream.ts": {
    replies: [{ text: '{"steps":["8x=-30"]}' }, { text: ['{"steps":', '["8x=-30"]}'] }, {
      text: '{"steps":3}',
    }, { text: '{"st', finishReason: "length" }],
    records: [
      recorded('{"steps":["8x=-30"]}'),
      recorded('{"steps":["8x=-30"]}'),
      recorded('{"steps":3}'),
      recorded('{"st'),
    ],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const steps = z.object({ steps: z.array(z.string()) });
      const response_format = zodResponseFormat(steps, "math");
      const completion = await client.chat.completions.parse({ ...asked, response_format });
      const stream = client.chat.completions.stream({ ...asked, response_format });
      const snapshots: unknown[] = [];
      stream.on("content.delta", ({ parsed }) => snapshots.push(structuredClone(parsed)));
      const last = await stream.finalChatCompletion();
      const wrong = client.chat.completions.parse({ ...asked, response_format });
      const error = await wrong.catch((error) => error);
      const short = client.chat.completions.parse({ ...asked, response_format });
      return [
        completion.choices[0]!.message.parsed,
        completion,
        snapshots,
        last,
        error,
        await short.catch((error) => error),
      ];
    },
  },
  "examples/responses/structured-outputs.ts and structured-outputs-tools.ts": {
    replies: [
      { text: '{"steps":["8x=-30"]}' },
      { toolCalls: [{ id: "c1", name: "query", arguments: '{"table":"orders"}' }] },
    ],
    records: [
      ["completed", "Solve 8x = -30", '{"steps":["8x=-30"]}'],
      ["completed", "My orders", 'query({"table":"orders"})'],
    ],
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const solved = await client.responses.parse({
        model,
        input: "Solve 8x = -30",
        text: { format: zodTextFormat(z.object({ steps: z.array(z.string()) }), "steps") },
      });
      const queried = await client.responses.parse({
        model,
        input: "My orders",
        tools: [
          zodResponsesFunction({ name: "query", parameters: z.object({ table: z.string() }) }),
        ],
      });
      return [solved.output_parsed, solved, queried.output];
    },
  },
  "examples/tool-call-helpers-zod.ts, plain and streamed": {
    replies: [
      { toolCalls: [{ id: "c1", name: "list", arguments: '{"genre":"historical"}' }] },
      { text: "Two." },
      { toolCalls: [{ id: "c2", name: "list", arguments: ['{"genre":', '"historical"}'] }] },
      { text: ["Two", "."] },
    ],
    records: ["first", "second"].flatMap(() => [
      ["completed", "Say this is a test", 'list({"genre":"historical"})'] as const,
      ["completed", '= ["1984"]', "Two."] as const,
    ]),
    run: async ({ OpenAI }) => {
      const client = new OpenAI();
      const tools = [
        zodFunction({
          name: "list",
          parameters: z.object({ genre: z.string() }),
          function: ({ genre }: { genre: string }) => genre === "historical" ? ["1984"] : [],
        }),
      ];
      const seen: unknown[] = [];
      const runner = client.chat.completions.runTools({ ...asked, tools })
        .on("message", (message) => seen.push(message))
        .on("functionToolCallResult", (result) => seen.push(result));
      const streamed = client.chat.completions;
      const first = await runner.finalChatCompletion();
      const second = streamed.runTools({ ...asked, tools, stream: true });
      for await (const chunk of second) seen.push(chunk);
      return [first, runner.messages, await second.finalContent(), second.messages, seen];
    },
  },
};

const clients: Examples = {
  "withOptions(), and what a client is made of": {
    replies: [{ text: "1" }],
    records: [recorded("1")],
    run: async ({ OpenAI }) => {
      const client = new OpenAI({ organization: "org", project: "p", defaultHeaders: { a: "b" } });
      const derived = client.withOptions({ maxRetries: 4, timeout: 5 });
      const { apiKey: _, baseURL, maxRetries, timeout, organization, project } = derived;
      const made = [client, derived].map((one) => [
        one instanceof OpenAI,
        one.constructor.name,
        Object.keys(one),
        one.chat.completions.constructor.name,
        String(one),
      ]);
      const answer = await client.withOptions({ timeout: 60_000 }).chat.completions.create(asked);
      return [made, baseURL, maxRetries, timeout, organization, project, answer];
    },
  },
};

for (const examples of [plain, streams, structured, clients]) {
  sideBySide("helpers and examples of openai", parts, examples);
}

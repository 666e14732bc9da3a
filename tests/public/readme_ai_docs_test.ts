// The documentation that the package `ai` 7 brings in its folder `docs/03-ai-sdk-core`, and that its README points to: the examples
// for streams, tools, structured output, embeddings and errors, by the files and headings that they stand under.

import {
  createUIMessageStreamResponse,
  embed,
  embedMany,
  generateText,
  InvalidToolInputError,
  isStepCount,
  NoObjectGeneratedError,
  NoSuchToolError,
  Output,
  RetryError,
  streamText,
  tool,
  ToolLoopAgent,
  toUIMessageStream,
} from "ai";
import { z } from "zod";
import { type AiSdkParts, aiSdkParts } from "../support/ai_sdk_side_by_side.ts";
import { all } from "../support/captured.ts";
import { Gate } from "../support/providers/server.ts";
import { type Example, sideBySide } from "../support/side_by_side.ts";

type Examples = Record<string, Example<AiSdkParts>>;

const model = "openai/gpt-6-astra";
const HOLIDAY = "Invent a new holiday and describe its traditions.";
const WEATHER = "What is the weather in San Francisco?";
const ASKED = 'weather({"location":"San Francisco"})';
const FOUND = '= {"location":"San Francisco","temperature":72}';
const asking = (...json: string[]) => ({
  toolCalls: [{ id: "c1", name: "weather", arguments: json }],
});
const CALL = asking('{"location":', '"San Francisco"}');
const weather = tool({
  description: "Get the weather in a location",
  inputSchema: z.object({ location: z.string().describe("The location to get the weather for") }),
  execute: ({ location }) => ({ location, temperature: 72 }),
});
const schema = z.object({ recipe: z.object({ name: z.string(), steps: z.array(z.string()) }) });
const RECIPE = ['{"recipe":{"name":"Lasagna",', '"steps":["Boil.",', '"Bake."]}}'];

/** What a stream's result promises. */
const PROMISES = [
  "content",
  "text",
  "files",
  "sources",
  "toolCalls",
  "toolResults",
  "finishReason",
  "rawFinishReason",
  "usage",
  "warnings",
  "steps",
  "finalStep",
] as const;

/** All that a stream's result promises. */
function promised(
  result: Readonly<Record<typeof PROMISES[number], PromiseLike<unknown>>>,
): Promise<unknown[]> {
  return Promise.all(PROMISES.map((name) => result[name]));
}

const text: Examples = {
  "05-generating-text, generateText with instructions, its headers and body, and onEnd": {
    replies: [{ text: "Short." }],
    records: [["completed", "Summarize the following article: Long.", "Short."]],
    run: async () => {
      const ended: unknown[] = [];
      const result = await generateText({
        model,
        instructions:
          "You are a professional writer. You write simple, clear, and concise content.",
        prompt: "Summarize the following article: Long.",
        onEnd({ text, finishReason, usage, responseMessages, steps, totalUsage }) {
          ended.push(text, finishReason, usage, responseMessages, steps.length, totalUsage);
        },
        include: { requestBody: true, responseBody: true },
      });
      const { request, response } = result.finalStep;
      return [result.text, request, response, result.content, result.usage, result.warnings, ended];
    },
  },
  "05-generating-text, streamText": {
    replies: [{ text: ["A day", " of naps."], reasoning: "Hm." }],
    records: [["completed", HOLIDAY, "[reasoning] A day of naps."]],
    run: async () => {
      const result = streamText({ model, prompt: HOLIDAY, include: { requestBody: true } });
      const parts: string[] = [];
      for await (const textPart of result.textStream) parts.push(textPart);
      return [parts, await promised(result)];
    },
  },
  "05-generating-text, streamText of Anthropic's, its onChunk and onEnd": {
    replies: [{ text: ["A day", " of naps."], reasoning: "Hm." }],
    records: [["completed", HOLIDAY, "[reasoning] A day of naps."]],
    run: async () => {
      const seen: unknown[] = [];
      const result = streamText({
        model: "anthropic/claude-opus-5.5",
        prompt: HOLIDAY,
        onChunk({ chunk }) {
          seen.push(chunk);
        },
        onEnd({ text, finishReason, usage, responseMessages, steps }) {
          seen.push(text, finishReason, usage, responseMessages, steps.length);
        },
      });
      return [await result.text, seen];
    },
  },
  "05-generating-text, the stream property, and createUIMessageStreamResponse()": {
    replies: [CALL, { text: ["It is", " 72."] }, { text: ["It is", " 72."] }],
    records: [
      ["completed", WEATHER, ASKED],
      ["completed", FOUND, "It is 72."],
      ["completed", HOLIDAY, "It is 72."],
    ],
    run: async () => {
      const result = streamText({
        model,
        tools: { weather },
        stopWhen: isStepCount(5),
        prompt: WEATHER,
      });
      const parts: unknown[] = [];
      for await (const part of result.stream) parts.push(part);
      const other = streamText({ model, prompt: HOLIDAY });
      const response = createUIMessageStreamResponse({
        stream: toUIMessageStream({ stream: other.stream }),
      });
      return [parts, await promised(result), response, await response.text()];
    },
  },
  "05-generating-text, Lifecycle callbacks": {
    replies: [CALL, { text: ["It is", " 72."] }],
    records: [["completed", WEATHER, ASKED], ["completed", FOUND, "It is 72."]],
    run: async () => {
      const seen: unknown[] = [];
      const result = streamText({
        model,
        prompt: WEATHER,
        tools: { weather },
        stopWhen: isStepCount(5),
        onStart: ({ modelId, messages }) => void seen.push(["start", modelId, messages]),
        onStepStart: ({ stepNumber, modelId }) => void seen.push(["step", stepNumber, modelId]),
        onLanguageModelCallStart: ({ modelId, messages }) =>
          void seen.push(["call", modelId, messages.length]),
        onLanguageModelCallEnd: ({ modelId, finishReason, content }) =>
          void seen.push(["called", modelId, finishReason, content]),
        onToolExecutionStart: ({ toolCall }) => void seen.push(["tool", toolCall.toolName]),
        onToolExecutionEnd: ({ toolOutput }) => void seen.push(["tool's", toolOutput.type]),
        onStepEnd: ({ finishReason, usage }) => void seen.push(["stepped", finishReason, usage]),
      });
      return [await result.text, seen];
    },
  },
  "a stream that a signal stops, one that is left by break, and one of two halves": {
    records: [
      ["aborted", HOLIDAY, "A day"],
      ["completed", HOLIDAY, "A day of naps."],
      ["completed", HOLIDAY, "A day of naps."],
    ],
    run: async ({ provider }) => {
      const gate = new Gate();
      provider.reply({ text: ["A day", " of naps."], gate });
      // Up to the first piece of the text.
      for (let n = 0; n < 5; n++) gate.release();
      const controller = new AbortController();
      const seen: unknown[] = [];
      const stopped = streamText({
        model,
        prompt: HOLIDAY,
        abortSignal: controller.signal,
        onAbort: ({ steps }) => void seen.push(["abort", steps.length]),
        onError: ({ error }) => void seen.push(error),
      });
      for await (const part of stopped.stream) {
        seen.push(part);
        if (part.type === "text-delta") controller.abort();
      }
      await provider.aborted();
      const left = new Gate();
      provider.reply({ text: ["A day", " of naps."], gate: left });
      for (let n = 0; n < 5; n++) left.release();
      // Leaving it cancels nothing: the rest is there for whoever asks for it.
      const whole = streamText({ model, prompt: HOLIDAY });
      for await (const text of whole.textStream) {
        seen.push(text);
        break;
      }
      for (let n = 0; n < 9; n++) left.release();
      seen.push(await whole.text);
      provider.reply({ text: ["A day", " of naps."] });
      const result = streamText({ model, prompt: HOLIDAY });
      const [one, other] = result.stream.tee();
      return [seen, await all(one), await all(other)];
    },
  },
};

const structured: Examples = {
  "10-generating-structured-data, Accessing response headers & body": {
    replies: [{ text: RECIPE }],
    records: [["completed", "Generate a lasagna recipe.", RECIPE.join("")]],
    run: async () => {
      const result = await generateText({
        model,
        output: Output.object({ schema }),
        prompt: "Generate a lasagna recipe.",
        include: { responseBody: true },
      });
      return [result.output, result.response.headers, result.response.body];
    },
  },
  "10-generating-structured-data, Stream Structured Outputs": {
    replies: [{ text: RECIPE }],
    records: [["completed", "Generate a lasagna recipe.", RECIPE.join("")]],
    run: async () => {
      const { partialOutputStream, output } = streamText({
        model,
        output: Output.object({ schema }),
        prompt: "Generate a lasagna recipe.",
      });
      const partial: unknown[] = [];
      for await (const partialObject of partialOutputStream) partial.push(partialObject);
      return [partial, await output];
    },
  },
  "10-generating-structured-data, Output.array() and Output.choice()": {
    replies: [{ text: '{"elements":[{"n":1},{"n":2}]}' }, { text: '{"result":"sunny"}' }],
    records: [
      ["completed", "Count.", '{"elements":[{"n":1},{"n":2}]}'],
      ["completed", "Sunny?", '{"result":"sunny"}'],
    ],
    run: async () => {
      const element = z.object({ n: z.number() });
      const options = ["sunny", "rainy", "snowy"];
      const array = await generateText({
        model,
        output: Output.array({ element }),
        prompt: "Count.",
      });
      const choice = await generateText({
        model,
        output: Output.choice({ options }),
        prompt: "Sunny?",
      });
      return [array.output, choice.output];
    },
  },
  "10-generating-structured-data, Error Handling": {
    replies: [{ text: '{"recipe":1}' }],
    records: [["completed", "Generate a lasagna recipe.", '{"recipe":1}']],
    run: async () => {
      try {
        const result = await generateText({
          model,
          output: Output.object({ schema }),
          prompt: "Generate a lasagna recipe.",
        });
        return result.output;
      } catch (error) {
        return [NoObjectGeneratedError.isInstance(error), error];
      }
    },
  },
};

const tools: Examples = {
  "15-tools-and-tool-calling, Multi-Step Calls and onStepEnd": {
    replies: [CALL, { text: "It is 72." }],
    records: [["completed", WEATHER, ASKED], ["completed", FOUND, "It is 72."]],
    run: async () => {
      const ended: unknown[] = [];
      const { text, steps } = await generateText({
        model,
        tools: { weather },
        stopWhen: isStepCount(5), // stop after a maximum of 5 steps if tools were called
        prompt: WEATHER,
        onStepEnd({ stepNumber, text, toolCalls, toolResults, finishReason, usage }) {
          ended.push([stepNumber, text, toolCalls, toolResults, finishReason, usage]);
        },
      });
      return [text, steps.flatMap((step) => step.toolCalls), steps, ended];
    },
  },
  "15-tools-and-tool-calling, Handling Errors": {
    replies: [
      { toolCalls: [{ id: "c1", name: "nothing", arguments: "{}" }] },
      asking('{"place":1}'),
      CALL,
    ],
    records: [
      ["completed", WEATHER, "nothing({})"],
      ["completed", WEATHER, 'weather({"place":1})'],
      ["completed", WEATHER, ASKED],
    ],
    run: async () => {
      const broken = { ...weather, execute: () => Promise.reject(new RangeError("too far")) };
      const seen: unknown[] = [];
      for (const weatherOf of [weather, weather, broken]) {
        const { steps } = await generateText({
          model,
          tools: { weather: weatherOf },
          prompt: WEATHER,
        });
        for (const part of steps.flatMap(({ content }) => content)) {
          const error = "error" in part ? part.error : undefined;
          seen.push(
            part,
            NoSuchToolError.isInstance(error),
            InvalidToolInputError.isInstance(error),
          );
        }
      }
      return seen;
    },
  },
  "03-agents/02-building-agents, Generate Text and Stream Text": {
    replies: [CALL, { text: "It is 72." }, CALL, { text: ["It is", " 72."] }],
    records: [1, 2].flatMap(() => [
      ["completed", WEATHER, ASKED] as const,
      ["completed", FOUND, "It is 72."] as const,
    ]),
    run: async () => {
      const agent = new ToolLoopAgent({
        model,
        instructions: "You are a helpful assistant.",
        tools: { weather },
      });
      const result = await agent.generate({ prompt: WEATHER });
      const stream = await agent.stream({ prompt: WEATHER });
      const chunks: unknown[] = [];
      for await (const chunk of stream.textStream) chunks.push(chunk);
      return [result, chunks];
    },
  },
};

const BEACH = "sunny day at the beach";
const embeddingModel = "openai/text-embedding-3-small";

const embeddings: Examples = {
  "30-embeddings, a single value, many values, settings": {
    replies: [
      { embeddings: [[1, 0.5]] },
      { embeddings: [[1, 0], [0, 1], [1, 1]] },
      { embeddings: [[1, 0.5]] },
    ],
    records: [
      ["completed", BEACH, ""],
      ["completed", "snowy night in the mountains", ""],
      ["completed", BEACH, ""],
    ],
    run: async () => {
      const one = await embed({ model: embeddingModel, value: BEACH });
      const many = await embedMany({
        maxParallelCalls: 2, // Limit parallel requests
        model: embeddingModel,
        values: [BEACH, "rainy afternoon in the city", "snowy night in the mountains"],
      });
      const set = await embed({
        model: embeddingModel,
        value: BEACH,
        maxRetries: 0, // Disable retries
        headers: { "X-Custom-Header": "custom-value" },
        providerOptions: { openai: { dimensions: 512 } },
      });
      return [one, many, set];
    },
  },
  "30-embeddings, Retries and Abort Signals": {
    replies: [{ status: 400, error: "Too long." }],
    records: [["failed", BEACH, ""], ["aborted", BEACH, ""]],
    run: async () => {
      const asked = { model: embeddingModel, value: BEACH };
      const abortSignal = AbortSignal.abort();
      return [
        await embed(asked).catch((error) => error),
        await embed({ ...asked, abortSignal }).catch((error) => error),
      ];
    },
  },
};

const again = { status: 500, error: "Busy.", headers: { "retry-after-ms": "1" } };

const errors: Examples = {
  "50-error-handling, Handling regular errors, and maxRetries": {
    replies: [{ status: 401, error: "No." }, again, again, again, again, { text: "Boil." }],
    records: [
      ...Array.from({ length: 5 }, () => ["failed", "Recipe?", ""] as const),
      ["completed", "Recipe?", "Boil."],
    ],
    run: async () => {
      const asked = { model, prompt: "Recipe?" };
      const failed = await generateText(asked).catch((error) => error);
      const tired = await generateText(asked).catch((error) => error);
      return [failed, tired, RetryError.isInstance(tired), await generateText(asked)];
    },
  },
  "50-error-handling, Handling streaming errors": {
    replies: [{ status: 400, error: "No." }, { text: ["Boil", "."], streamErrorAfter: 5 }],
    records: [["failed", "Recipe?", ""], ["failed", "Recipe?", "Boil"]],
    run: async () => {
      const seen: unknown[] = [];
      for (let n = 0; n < 2; n++) {
        const onError = ({ error }: { error: unknown }) => void seen.push(error);
        const { stream } = streamText({ model, prompt: "Recipe?", onError, maxRetries: 0 });
        for await (const part of stream) seen.push(part);
      }
      return seen;
    },
  },
};

for (const examples of [text, structured, tools, embeddings, errors]) {
  sideBySide("documentation of ai", aiSdkParts, examples);
}

// The examples of the README of `@google/genai` 3, by the headings that they stand under, and those of the documentation that it points to
// (googleapis.github.io/js-genai) of chats and their tools, with auditFetch() as the client's fetch. Of its examples, that of MCP needs a
// package more; what it asks of the model is what a chat's tools ask.

import {
  ApiError,
  type CallableTool,
  FunctionCallingConfigMode,
  type FunctionDeclaration,
  GoogleGenAI,
} from "@google/genai";
import { auditFetch } from "@audit-log/llm/fetch";
import { all, API_KEY } from "../support/captured.ts";
import { configured, type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

function parts({ url, log }: Setting) {
  // Without a fetch of its own, the client has another one on Node.
  const { fetch } = globalThis;
  const httpOptions = {
    baseUrl: url,
    fetch: log === undefined ? fetch : auditFetch(log, { fetch }),
  };
  return { GoogleGenAI: configured(GoogleGenAI, { apiKey: API_KEY, httpOptions }) };
}

type Examples = Record<string, Example<ReturnType<typeof parts>>>;

const GEMINI_API_KEY = API_KEY;
const model = "gemini-3.8-flash";
const LIGHT = [{
  id: "c1",
  name: "controlLight",
  arguments: '{"brightness":20,"colorTemperature":"warm"}',
}];
const DIM = "Dim the lights so the room feels cozy and warm.";
const DIMMED = 'controlLight({"brightness":20,"colorTemperature":"warm"})';
const controlLightDeclaration: FunctionDeclaration = {
  name: "controlLight",
  parametersJsonSchema: {
    type: "object",
    properties: { brightness: { type: "number" }, colorTemperature: { type: "string" } },
    required: ["brightness", "colorTemperature"],
  },
};

const content: Examples = {
  "Quickstart": {
    replies: [{ text: "Because of scattering.", reasoning: "Physics." }],
    records: [["completed", "Why is the sky blue?", "[reasoning] Because of scattering."]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const response = await ai.models.generateContent({
        model: "gemini-3.8-flash",
        contents: "Why is the sky blue?",
      });
      return [response.text, response];
    },
  },
  "API Selection, Gemini Enterprise Agent Platform": {
    replies: [{ text: "Hello!" }, { text: ["Hel", "lo!"] }],
    records: [["completed", "Hi", "Hello!"], ["completed", "Hi", "Hello!"]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ enterprise: true, apiKey: GEMINI_API_KEY, apiVersion: "v1" });
      const request = { model, contents: "Hi" };
      return [
        await ai.models.generateContent(request),
        await all(await ai.models.generateContentStream(request)),
      ];
    },
  },
  "Streaming": {
    replies: [{ text: ["Roses ", "are ", "red."], reasoning: "Rhyme." }],
    records: [["completed", "Write a 100-word poem.", "[reasoning] Roses are red."]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const response = await ai.models.generateContentStream({
        model: "gemini-3.8-flash",
        contents: "Write a 100-word poem.",
      });
      const seen: unknown[] = [];
      for await (const chunk of response) seen.push(chunk.text, chunk);
      return seen;
    },
  },
  "Function Calling": {
    replies: [{ toolCalls: LIGHT }],
    records: [["completed", DIM, DIMMED]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const response = await ai.models.generateContent({
        model: "gemini-3.8-flash",
        contents: "Dim the lights so the room feels cozy and warm.",
        config: {
          toolConfig: {
            functionCallingConfig: {
              mode: FunctionCallingConfigMode.ANY,
              allowedFunctionNames: ["controlLight"],
            },
          },
          tools: [{ functionDeclarations: [controlLightDeclaration] }],
        },
      });
      return [response.functionCalls, response];
    },
  },
  "Generate Content, how to structure `contents`": {
    replies: [1, 2, 3, 4, 5].map(() => ({ text: "Hello!" })),
    records: [
      ["completed", "One", "Hello!"],
      ["completed", "Two", "Hello!"],
      ["completed", "Three", "Hello!"],
      ["completed", "Four Five", "Hello!"],
      ["completed", "Six [blob]", "Hello!"],
    ],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const contents = [
        { role: "user", parts: [{ text: "One" }] },
        [{ role: "user", parts: [{ text: "Two" }] }],
        { text: "Three" },
        ["Four", "Five"],
        [{ text: "Six" }, { inlineData: { mimeType: "image/png", data: "AAEC" } }],
      ];
      const seen: unknown[] = [];
      for (const content of contents) {
        seen.push(await ai.models.generateContent({ model, contents: content }));
      }
      return seen;
    },
  },
  "Automatic Continuation": {
    replies: [
      { text: "One, ", finishReason: "CONTINUATION" },
      { text: "two." },
      { text: "One, ", finishReason: "CONTINUATION" },
      { text: ["One", ", "], finishReason: "CONTINUATION" },
      { text: ["tw", "o."] },
    ],
    records: ["One, ", "two.", "One, ", "One, ", "two."].map((text) =>
      ["completed", "Count.", text] as const
    ),
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ enterprise: true, apiKey: GEMINI_API_KEY });
      const response = await ai.models.generateContent({ model, contents: "Count." });
      const singleHopResponse = await ai.models.generateContent({
        model,
        contents: "Count.",
        config: { automaticContinuation: false },
      });
      const stream = await ai.models.generateContentStream({ model, contents: "Count." });
      return [response.text, response, singleHopResponse, await all(stream)];
    },
  },
  "Error Handling": {
    replies: [400, 403, 404, 429, 500, 503].map((status) => ({
      status,
      error: `It is ${status}.`,
    })),
    records: Array.from({ length: 6 }, () => ["failed", "Write a 100-word poem.", ""] as const),
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const seen: unknown[] = [];
      for (let n = 0; n < 6; n++) {
        await ai.models.generateContent({
          model: "non-existent-model",
          contents: "Write a 100-word poem.",
        }).catch((e) => seen.push(e.name, e.message, e.status, e instanceof ApiError));
      }
      return seen;
    },
  },
  "chats": {
    replies: [{ text: "Hi, Amir." }, { text: ["You are", " Amir."] }],
    records: [
      ["completed", "My name is Amir.", "Hi, Amir."],
      ["completed", "What is my name?", "You are Amir."],
    ],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const chat = ai.chats.create({ model });
      const response = await chat.sendMessage({ message: "My name is Amir." });
      const stream = await chat.sendMessageStream({ message: "What is my name?" });
      return [response, await all(stream), chat.getHistory()];
    },
  },
  "chats, tools that are called by themselves": {
    replies: [1, 2].flatMap(() => [{ toolCalls: LIGHT }, { text: ["It is ", "dim."] }]),
    records: [1, 2].flatMap(() => [
      ["completed", DIM, DIMMED] as const,
      ["completed", '= {"brightness":20}', "It is dim."] as const,
    ]),
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const light: CallableTool = {
        tool: () => Promise.resolve({ functionDeclarations: [controlLightDeclaration] }),
        callTool: (calls) =>
          Promise.resolve(calls.map(({ id, name, args }) => ({
            functionResponse: {
              ...(id === undefined ? {} : { id }),
              name: name!,
              response: { brightness: args!["brightness"] },
            },
          }))),
      };
      const config = { tools: [light] };
      const response = await ai.chats.create({ model, config }).sendMessage({ message: DIM });
      const stream = await ai.chats.create({ model, config }).sendMessageStream({ message: DIM });
      return [response.text, response, await all(stream)];
    },
  },
};

const HELLO = "Hello, how are you?";
const WEATHER = [{
  id: "c1",
  name: "get_weather",
  arguments: ['{"location":', '"Mountain View, CA"}'],
}];
const search = [
  { type: "google_search_call", id: "g1", arguments: { queries: ["super bowl"] } },
  { type: "google_search_result", call_id: "g1", result: [{ search_suggestions: "<div>" }] },
];
const code = [
  { type: "code_execution_call", id: "x1", arguments: { language: "python", code: "fib(50)" } },
  { type: "code_execution_result", call_id: "x1", result: "12586269025" },
];
const image = {
  type: "model_output",
  content: [{ type: "image", mime_type: "image/png", data: "AAEC" }],
};

const interactions: Examples = {
  "Basic Interaction": {
    replies: [{ text: "Well!", reasoning: "Polite." }],
    records: [["completed", HELLO, "[reasoning] Well!"]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      return await ai.interactions.create({
        model: "gemini-3.8-flash",
        input: "Hello, how are you?",
      });
    },
  },
  "Stateful Conversation": {
    replies: [{ text: "Hi, Amir." }, { text: ["You are", " Amir."] }],
    records: [
      ["completed", "Hi, my name is Amir.", "Hi, Amir."],
      ["completed", "What is my name?", "You are Amir."],
    ],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const interaction1 = await ai.interactions.create({ model, input: "Hi, my name is Amir." });
      const interaction2 = await ai.interactions.create({
        model,
        input: "What is my name?",
        previous_interaction_id: interaction1.id,
        stream: true,
      });
      return [interaction1, await all(interaction2)];
    },
  },
  "Agents (Deep Research)": {
    replies: [
      { finishReason: "in_progress" },
      { json: { id: "interaction-local-1", status: "in_progress" } },
      { json: { id: "interaction-local-1", status: "completed", steps: [] } },
    ],
    records: [["completed", "Research the history of the Google TPUs.", ""]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const initialInteraction = await ai.interactions.create({
        input: "Research the history of the Google TPUs.",
        agent: "deep-research-preview-04-2026",
        background: true,
      });
      const seen: unknown[] = [initialInteraction];
      for (;;) {
        const interaction = await ai.interactions.get(initialInteraction.id);
        seen.push(interaction);
        if (interaction.status === "completed") return seen;
      }
    },
  },
  "Multimodal Input": {
    replies: [{ text: "A cat." }],
    records: [["completed", "Describe the image. [blob]", "A cat."]],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      return await ai.interactions.create({
        model: "gemini-3.8-flash",
        input: [
          { type: "text", text: "Describe the image." },
          { type: "image", data: "AAEC", mime_type: "image/png" },
        ],
      });
    },
  },
  "Function Calling": {
    replies: [1, 2].flatMap(() => [{ toolCalls: WEATHER }, { text: ["It is ", "sunny."] }]),
    records: [1, 2].flatMap(() => [
      ["completed", "Weather?", 'get_weather({"location":"Mountain View, CA"})'] as const,
      ["completed", "= The weather is sunny.", "It is sunny."] as const,
    ]),
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const tools = [{
        type: "function" as const,
        name: "get_weather",
        description: "Gets the weather for a given location.",
        parameters: { type: "object", properties: { location: { type: "string" } } },
      }];
      const result = (id: string) => ({
        type: "function_result" as const,
        name: "get_weather",
        call_id: id,
        result: "The weather is sunny.",
      });
      const interaction = await ai.interactions.create({ model, input: "Weather?", tools });
      const step = interaction.steps.find(({ type }) => type === "function_call") as { id: string };
      const answer = await ai.interactions.create({
        model,
        previous_interaction_id: interaction.id,
        input: [result(step.id)],
      });
      const streamed = await all(
        await ai.interactions.create({ model, input: "Weather?", tools, stream: true }),
      );
      const last = await all(
        await ai.interactions.create({ model, input: [result("c1")], stream: true }),
      );
      return [interaction, answer, streamed, last];
    },
  },
  "Built-in Tools": {
    replies: [{ blocks: search, text: "They won." }, { blocks: code, text: ["1258", "6269025"] }],
    records: [
      [
        "completed",
        "Who won the last Super Bowl",
        "They won. [google_search_call] [google_search_result]",
      ],
      [
        "completed",
        "Calculate the 50th Fibonacci number.",
        "12586269025 [code_execution_call] [code_execution_result]",
      ],
    ],
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const found = await ai.interactions.create({
        model: "gemini-3.8-flash",
        input: "Who won the last Super Bowl",
        tools: [{ type: "google_search" }],
      });
      const calculated = await ai.interactions.create({
        model: "gemini-3.8-flash",
        input: "Calculate the 50th Fibonacci number.",
        tools: [{ type: "code_execution" }],
        stream: true,
      });
      return [found, await all(calculated)];
    },
  },
  "Multimodal Output": {
    replies: [{ blocks: [image] }, { blocks: [image] }],
    records: [1, 2].map(() =>
      ["completed", "Generate an image of a futuristic city.", "[blob]"] as const
    ),
    run: async ({ GoogleGenAI }) => {
      const ai = new GoogleGenAI({ apiKey: GEMINI_API_KEY });
      const request = {
        model: "gemini-3-pro-image-preview",
        input: "Generate an image of a futuristic city.",
        response_modalities: ["image" as const],
      };
      const interaction = await ai.interactions.create(request);
      const streamed = await ai.interactions.create({ ...request, stream: true });
      return [interaction.output_image, interaction, await all(streamed)];
    },
  },
};

sideBySide("README of @google/genai", parts, content);
sideBySide("README of @google/genai, Interactions", parts, interactions);

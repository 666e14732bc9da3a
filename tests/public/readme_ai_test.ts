// The examples of the READMEs of `ai` 7, `@ai-sdk/openai` 4 and `@ai-sdk/anthropic` 4, by the headings that they stand under. What
// React shows of them makes no call of a model.

import {
  createAgentUIStreamResponse,
  generateText,
  type InferAgentUIMessage,
  Output,
  ToolLoopAgent,
} from "ai";
import { z } from "zod";
import { type AiSdkParts, aiSdkParts } from "../support/ai_sdk_side_by_side.ts";
import { type Example, sideBySide } from "../support/side_by_side.ts";

type Examples = Record<string, Example<AiSdkParts>>;

const RECIPE = {
  recipe: {
    name: "Lasagna",
    ingredients: [{ name: "pasta", amount: "500 g" }],
    steps: ["Boil.", "Bake."],
  },
};

/** A picture, and what is recorded of it. */
const PICTURE = "iVBORw0K".repeat(256);
const SHA256 = "c76fe5619aabf9abdbf0c89fe74252094cebb6ec77cb98f6f5d472ac355ea45b";
const HASHED = `{"type":"blob","modality":"image","sha256":"${SHA256}","size":1536}`;

const ai: Examples = {
  "Unified Provider Architecture, by the name of a model": {
    replies: [{ text: "Hello!" }, { text: "Hello, too!" }],
    records: [["completed", "Hello!", "Hello!"], ["completed", "Hello!", "Hello, too!"]],
    run: async () => {
      const result = await generateText({
        model: "anthropic/claude-opus-5.5", // or 'openai/gpt-6-astra', 'google/gemini-3.8-flash', etc.
        prompt: "Hello!",
      });
      return [result, await generateText({ model: "openai/gpt-6-astra", prompt: "Hello!" })];
    },
  },
  "Unified Provider Architecture, by a provider's package": {
    replies: [{ text: "Hello!" }, { text: "Hello, too!" }],
    records: [["completed", "Hello!", "Hello!"], ["completed", "Hello!", "Hello, too!"]],
    run: async ({ anthropic, openai }) => {
      const result = await generateText({
        model: anthropic("claude-opus-5-5"), // or openai('gpt-6-astra'), google('gemini-3.8-flash'), etc.
        prompt: "Hello!",
      });
      return [result, await generateText({ model: openai("gpt-6-astra"), prompt: "Hello!" })];
    },
  },
  "Usage, Generating Text": {
    replies: [{ text: "One that acts." }],
    records: [["completed", "What is an agent?", "One that acts."]],
    run: async () => {
      const { text } = await generateText({
        model: "openai/gpt-6-astra", // use Vercel AI Gateway
        prompt: "What is an agent?",
      });
      return text;
    },
  },
  "Usage, Generating Structured Data": {
    replies: [{ text: JSON.stringify(RECIPE) }],
    records: [["completed", "Generate a lasagna recipe.", JSON.stringify(RECIPE)]],
    run: async () => {
      const { output } = await generateText({
        model: "openai/gpt-6-astra",
        output: Output.object({
          schema: z.object({
            recipe: z.object({
              name: z.string(),
              ingredients: z.array(
                z.object({ name: z.string(), amount: z.string() }),
              ),
              steps: z.array(z.string()),
            }),
          }),
        }),
        prompt: "Generate a lasagna recipe.",
      });
      return output;
    },
  },
  "Usage, Agents": {
    replies: [
      {
        items: [{
          type: "local_shell_call",
          id: "lsh_1",
          call_id: "c1",
          status: "completed",
          action: { type: "exec", command: ["ls", "-a"], env: {} },
        }],
      },
      { text: "One file." },
    ],
    records: [
      [
        "completed",
        "What is here?",
        'shell({"action":{"type":"exec","command":["ls","-a"],"env":{}}})',
      ],
      ["completed", '= {"output":"ls -a: a.txt"}', "One file."],
    ],
    run: async ({ openai }) => {
      const sandboxAgent = new ToolLoopAgent({
        model: "openai/gpt-6-astra",
        instructions: "You are an agent with access to a shell environment.",
        tools: {
          shell: openai.tools.localShell({
            execute: ({ action }) => {
              const [cmd, ...args] = action.command;
              return Promise.resolve({ output: `${cmd} ${args}: a.txt` });
            },
          }),
        },
      });
      const result = await sandboxAgent.generate({ prompt: "What is here?" });
      return [result.text, result];
    },
  },
  "UI Integration, Agent and Route": {
    replies: [{
      text: ["Here", " it is."],
      items: [{
        type: "image_generation_call",
        id: "ig_1",
        status: "completed",
        result: PICTURE,
      }],
    }],
    records: [[
      "completed",
      "A picture!",
      `Here it is. generateImage({}) = {"result":${HASHED}}`,
    ]],
    run: async ({ openai }) => {
      const imageGenerationAgent = new ToolLoopAgent({
        model: "openai/gpt-6-astra",
        tools: {
          generateImage: openai.tools.imageGeneration({
            partialImages: 3,
          }),
        },
      });
      const messages: InferAgentUIMessage<typeof imageGenerationAgent>[] = [
        { id: "m1", role: "user", parts: [{ type: "text", text: "A picture!" }] },
      ];
      const response = await createAgentUIStreamResponse({
        agent: imageGenerationAgent,
        uiMessages: messages,
      });
      return [response, await response.text()];
    },
  },
};

const LASAGNA = "Write a vegetarian lasagna recipe for 4 people.";

const openAI: Examples = {
  "Usage": {
    replies: [{ text: "Boil, bake." }],
    records: [["completed", LASAGNA, "Boil, bake."]],
    run: async ({ openai }) => {
      const { text } = await generateText({
        model: openai("gpt-6-luna"),
        prompt: "Write a vegetarian lasagna recipe for 4 people.",
      });
      return text;
    },
  },
};

const anthropic: Examples = {
  "Usage": {
    replies: [{ text: "Boil, bake." }],
    records: [["completed", LASAGNA, "Boil, bake."]],
    run: async ({ anthropic }) => {
      const { text } = await generateText({
        model: anthropic("claude-haiku-5-5"),
        prompt: "Write a vegetarian lasagna recipe for 4 people.",
      });
      return text;
    },
  },
};

sideBySide("README of ai", aiSdkParts, ai);
sideBySide("README of @ai-sdk/openai", aiSdkParts, openAI);
sideBySide("README of @ai-sdk/anthropic", aiSdkParts, anthropic);

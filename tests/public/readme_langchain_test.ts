// The examples of the READMEs of `@langchain/core` 1 and `@langchain/openai` 1, by the headings that they stand under.

import { type AIMessage, HumanMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { tools } from "@langchain/openai";
import { all } from "../support/captured.ts";
import { type LangChainParts, langChainParts } from "../support/langchain_side_by_side.ts";
import type { Reply } from "../support/providers/server.ts";
import { type Example, sideBySide } from "../support/side_by_side.ts";

type Examples = Record<string, Example<LangChainParts>>;

const core: Examples = {
  "What is this?": {
    replies: [{ text: ["The", " sky", " scatters."] }],
    records: [[
      "completed",
      "Answer the following question to the best of your ability:\nWhy is the sky blue?",
      "The sky scatters.",
    ]],
    run: async ({ ChatOpenAI }) => {
      const prompt = ChatPromptTemplate.fromTemplate(
        `Answer the following question to the best of your ability:\n{question}`,
      );

      const model = new ChatOpenAI({
        model: "gpt-4o-mini",
        temperature: 0.8,
      });

      const outputParser = new StringOutputParser();

      const chain = prompt.pipe(model).pipe(outputParser);

      const stream = await chain.stream({
        question: "Why is the sky blue?",
      });

      const chunks: string[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return [chunks, stream.constructor.name];
    },
  },
};

const models: Examples = {
  "Chat Models": {
    replies: [{ text: "Hello!" }],
    records: [["completed", "Hello world!", "Hello!"]],
    run: ({ ChatOpenAI }) => {
      const model = new ChatOpenAI({
        model: "gpt-4-1106-preview",
      });
      return model.invoke([new HumanMessage("Hello world!")]);
    },
  },
  "Chat Models, Streaming": {
    replies: [{ text: ["Hel", "lo!"] }],
    records: [["completed", "Hello world!", "Hello!"]],
    run: async ({ ChatOpenAI }) => {
      const model = new ChatOpenAI({
        model: "gpt-4-1106-preview",
      });
      const response = await model.stream([new HumanMessage("Hello world!")]);
      return await all(response);
    },
  },
  "Embeddings, which LangChain tells no handler of": {
    replies: [{ embeddings: [[1, 0.5]] }],
    records: [],
    run: async ({ OpenAIEmbeddings }) => {
      const embeddings = new OpenAIEmbeddings();
      return await embeddings.embedQuery("Hello world");
    },
  },
};

/** An example that asks once, with a tool that the provider runs. */
function hosted(
  question: string,
  options: object,
  item: Record<string, unknown>,
): Example<LangChainParts> {
  const reply: Reply = {
    text: "Done.",
    items: [{ id: "item_1", status: "completed", type: "", ...item }],
  };
  return {
    replies: [reply, reply],
    records: [1, 2].map(() => ["completed", question, `Done. ${answered(item)}`] as const),
    run: async ({ ChatOpenAI }) => {
      const model = new ChatOpenAI({ model: "gpt-4o" });
      const response = await model.invoke(question, options);
      return [response, await all(await model.stream(question, options))];
    },
  };
}

/** What is recorded of what such a tool did. */
const answered = ({ type }: Record<string, unknown>): string =>
  type === "image_generation_call" ? `[blob] [${type}]` : `[${type}]`;

const search = { type: "web_search_call", action: { type: "search", query: "news" } };
const mcp = { type: "mcp_call", name: "roll", arguments: "{}", output: "7", server_label: "dmcp" };
const python = { type: "code_interpreter_call", code: "1", container_id: "c", outputs: [] };
const found = { type: "file_search_call", queries: ["research"], results: null };
const image = { type: "image_generation_call", result: "iVBORw0K".repeat(256) };

const builtIn: Examples = {
  "Web Search Tool": hosted("What was a positive news story from today?", {
    tools: [tools.webSearch()],
  }, search),
  "Web Search Tool, Domain filtering": hosted("Latest AI research news", {
    tools: [
      tools.webSearch({
        filters: {
          allowedDomains: ["arxiv.org", "nature.com", "science.org"],
        },
      }),
    ],
  }, search),
  "Web Search Tool, User location": hosted("What are the best restaurants near me?", {
    tools: [
      tools.webSearch({
        userLocation: {
          type: "approximate",
          country: "US",
          city: "San Francisco",
          region: "California",
          timezone: "America/Los_Angeles",
        },
      }),
    ],
  }, search),
  "Web Search Tool, Cache-only mode": hosted("Find information about OpenAI", {
    tools: [
      tools.webSearch({
        // @ts-expect-error The README has it, the types do not.
        externalWebAccess: false,
      }),
    ],
  }, search),
  "MCP Tool, Remote MCP server": hosted("Roll 2d4+1", {
    tools: [
      tools.mcp({
        serverLabel: "dmcp",
        serverDescription: "A D&D MCP server for dice rolling",
        serverUrl: "https://dmcp-server.deno.dev/sse",
        requireApproval: "never",
      }),
    ],
  }, mcp),
  "MCP Tool, Service connectors": hosted("What's on my calendar today?", {
    tools: [
      tools.mcp({
        serverLabel: "google_calendar",
        connectorId: "connector_googlecalendar",
        authorization: "<oauth-access-token>",
        requireApproval: "never",
      }),
    ],
  }, mcp),
  "Code Interpreter Tool": hosted("Solve the equation 3x + 11 = 14", {
    tools: [tools.codeInterpreter()],
  }, python),
  "Code Interpreter Tool, Memory configuration": hosted(
    "Analyze this large dataset and create visualizations",
    {
      tools: [
        tools.codeInterpreter({
          container: { memoryLimit: "4g" },
        }),
      ],
    },
    python,
  ),
  "Code Interpreter Tool, With files": hosted("Process the uploaded CSV file", {
    tools: [
      tools.codeInterpreter({
        container: {
          memoryLimit: "4g",
          fileIds: ["file-abc123", "file-def456"],
        },
      }),
    ],
  }, python),
  "Code Interpreter Tool, Explicit container": hosted("Continue working with the data", {
    tools: [
      tools.codeInterpreter({
        container: "cntr_abc123",
      }),
    ],
  }, python),
  "File Search Tool": hosted("What is deep research by OpenAI?", {
    tools: [
      tools.fileSearch({
        vectorStoreIds: ["vs_abc123"],
        maxNumResults: 5,
        filters: { type: "eq", key: "category", value: "blog" },
        rankingOptions: { scoreThreshold: 0.8, ranker: "auto" },
      }),
    ],
  }, found),
  "Image Generation Tool": hosted(
    "Generate an image of a gray tabby cat hugging an otter with an orange scarf",
    { tools: [tools.imageGeneration()] },
    image,
  ),
  "Image Generation Tool, Custom size and quality": hosted(
    "Draw a beautiful sunset over mountains",
    {
      tools: [
        tools.imageGeneration({
          size: "1536x1024", // Landscape format (also: "1024x1024", "1024x1536", "auto")
          quality: "high", // Quality level (also: "low", "medium", "auto")
        }),
      ],
    },
    image,
  ),
  "Image Generation Tool, Output format and compression": hosted("Create a product photo", {
    tools: [
      tools.imageGeneration({
        outputFormat: "jpeg", // Format (also: "png", "webp")
        outputCompression: 90, // Compression 0-100 (for JPEG/WebP)
      }),
    ],
  }, image),
  "Image Generation Tool, Transparent background": hosted(
    "Create a logo with transparent background",
    {
      tools: [
        tools.imageGeneration({
          background: "transparent", // Background type (also: "opaque", "auto")
          outputFormat: "png",
        }),
      ],
    },
    image,
  ),
  "Image Generation Tool, Streaming with partial images": hosted("Draw a detailed fantasy castle", {
    tools: [
      tools.imageGeneration({
        partialImages: 2, // Number of partial images (0-3)
      }),
    ],
  }, image),
  "Image Generation Tool, Force image generation": hosted("A serene lake at dawn", {
    tools: [tools.imageGeneration()],
    tool_choice: { type: "image_generation" },
  }, image),
  "Image Generation Tool, Multi-turn editing": {
    replies: [1, 2].map((n) => ({ text: `${n}.`, items: [{ id: `ig_${n}`, ...image }] })),
    records: [
      ["completed", "Draw a red car", `1. ${answered(image)}`],
      ["completed", "Now change the car color to blue", `2. ${answered(image)}`],
    ],
    run: async ({ ChatOpenAI }) => {
      const model = new ChatOpenAI({ model: "gpt-4o" });
      // First turn: generate initial image
      const response1 = await model.invoke("Draw a red car", {
        tools: [tools.imageGeneration()],
      });

      // Second turn: edit the image
      const response2 = await model.invoke(
        [response1, new HumanMessage("Now change the car color to blue")],
        { tools: [tools.imageGeneration()] },
      );
      return [response1, response2];
    },
  },
};

/** An answer that has a tool called on the caller's machine. */
const called = (item: object): readonly Reply[] => [{
  items: [{ id: "item_1", type: "", call_id: "c1", status: "completed", ...item }],
}];

const local: Examples = {
  "Computer Use Tool": {
    replies: called({
      type: "computer_call",
      action: { type: "screenshot" },
      pending_safety_checks: [],
    }),
    records: [
      [
        "completed",
        "Check the latest news on bing.com",
        'computer_use({"action":{"type":"screenshot"}})',
      ],
      ["completed", '{"action":{"type":"screenshot"}}', "A screenshot."],
    ],
    run: async ({ ChatOpenAI, callbacks }) => {
      const model = new ChatOpenAI({ model: "computer-use-preview" });
      const computer = tools.computerUse({
        displayWidth: 1024,
        displayHeight: 768,
        environment: "browser",
        execute: (action) => Promise.resolve(`A ${action?.type}.`),
      });
      const llmWithComputer = model.bindTools([computer]);
      const response = await llmWithComputer.invoke("Check the latest news on bing.com");
      return [response, await run(response, computer, callbacks)];
    },
  },
  "Local Shell Tool": {
    replies: called({
      type: "local_shell_call",
      action: { type: "exec", command: ["ls"], env: {} },
    }),
    records: [["completed", "List files in the current directory", "[local_shell_call]"]],
    run: async ({ ChatOpenAI, callbacks }) => {
      const model = new ChatOpenAI({ model: "codex-mini-latest" });
      const shell = tools.localShell({
        execute: ({ command }) => Promise.resolve(`${command.join(" ")}: a.txt`),
      });
      const llmWithShell = model.bindTools([shell]);
      const response = await llmWithShell.invoke("List files in the current directory");
      return [response, await run(response, shell, callbacks)];
    },
  },
  "Shell Tool": {
    replies: called({
      type: "shell_call",
      action: { commands: ["find ~/Documents"], timeout_ms: null, max_output_length: 100 },
    }),
    records: [["completed", "Find the largest PDF file in ~/Documents", "[shell_call]"]],
    run: async ({ ChatOpenAI, callbacks }) => {
      const model = new ChatOpenAI({ model: "gpt-5.1" });
      const shellTool = tools.shell({
        execute: (action) =>
          Promise.resolve({
            output: action.commands.map((stdout) => ({
              stdout,
              stderr: "",
              outcome: { type: "exit" as const, exit_code: 0 },
            })),
            maxOutputLength: action.max_output_length,
          }),
      });
      const llmWithShell = model.bindTools([shellTool]);
      const response = await llmWithShell.invoke("Find the largest PDF file in ~/Documents");
      return [response, await run(response, shellTool, callbacks)];
    },
  },
  "Apply Patch Tool": {
    replies: called({
      type: "apply_patch_call",
      operation: { type: "create_file", path: "lib/fib.py", diff: "+1" },
    }),
    records: [[
      "completed",
      "Rename the fib() function to fibonacci() in lib/fib.py",
      "[apply_patch_call]",
    ]],
    run: async ({ ChatOpenAI, callbacks }) => {
      const model = new ChatOpenAI({ model: "gpt-5.1" });
      const patchTool = tools.applyPatch({
        execute: (operation) => Promise.resolve(`Created ${operation.path}`),
      });
      const llmWithPatch = model.bindTools([patchTool]);
      const response = await llmWithPatch.invoke(
        "Rename the fib() function to fibonacci() in lib/fib.py",
      );
      return [response, await run(response, patchTool, callbacks)];
    },
  },
};

/** Runs the tool that was asked for, as agents do. */
async function run(
  response: AIMessage,
  tool: { invoke(call: never, config: object): Promise<unknown> },
  callbacks: LangChainParts["callbacks"],
): Promise<unknown[]> {
  const config = { callbacks, state: { messages: [response] } };
  const results: unknown[] = [];
  for (const call of response.tool_calls ?? []) {
    results.push(await tool.invoke(call as never, config));
  }
  return results;
}

sideBySide("README of @langchain/core", langChainParts, core);
for (const examples of [models, builtIn, local]) {
  sideBySide("README of @langchain/openai", langChainParts, examples);
}

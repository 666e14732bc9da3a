// What the documentation of LangChain shows of `@langchain/core` 1 and `@langchain/openai` 1 beyond their READMEs
// (docs.langchain.com/oss/javascript/langchain, "Models", "Messages", "Tools", "Structured output", "Streaming"; and of runnables,
// reference.langchain.com/javascript): by what they show.

import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import {
  RunnableLambda,
  RunnableParallel,
  RunnablePassthrough,
  RunnableSequence,
} from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { all } from "../support/captured.ts";
import { type LangChainParts, langChainParts } from "../support/langchain_side_by_side.ts";
import { Gate } from "../support/providers/server.ts";
import { type Example, sideBySide } from "../support/side_by_side.ts";

type Examples = Record<string, Example<LangChainParts>>;

const model = "gpt-4o-mini";
const PARROTS = "Why do parrots talk?";

const models: Examples = {
  "Models, invoke() with a text, with messages, with what OpenAI has": {
    replies: [{ text: "1" }, { text: "2" }, { text: "3" }],
    records: [["completed", PARROTS, "1"], ["completed", "J'adore", "2"], [
      "completed",
      "Hi",
      "3",
    ]],
    run: async ({ ChatOpenAI }) => {
      const chat = new ChatOpenAI({ model, temperature: 0.7, maxTokens: 1000, timeout: 30_000 });
      return [
        await chat.invoke(PARROTS),
        await chat.invoke([new SystemMessage("You translate."), new HumanMessage("J'adore")]),
        await chat.invoke([{ role: "user", content: "Hi" }]),
      ];
    },
  },
  "Models, stream() and its chunks put together": {
    replies: [{ text: ["They", " mimic."] }],
    records: [["completed", PARROTS, "They mimic."]],
    run: async ({ ChatOpenAI }) => {
      const stream = await new ChatOpenAI({ model }).stream(PARROTS);
      const chunks = await all(stream);
      return [chunks, chunks.reduce((full, chunk) => full.concat(chunk))];
    },
  },
  "Models, batch()": {
    replies: [{ text: "1" }, { text: "2" }, { text: "3" }, { status: 400, error: "No." }],
    records: [
      ["completed", "a", "1"],
      ["completed", "b", "2"],
      ["completed", "c", "3"],
      ["failed", "d", ""],
    ],
    run: ({ ChatOpenAI }) =>
      new ChatOpenAI({ model, maxRetries: 0 })
        .batch(["a", "b", "c", "d"], { maxConcurrency: 1 }, { returnExceptions: true }),
  },
  "Models, streamEvents() version 2": {
    replies: [{ text: ["They", " mimic."] }],
    records: [["completed", PARROTS, "They mimic."]],
    run: async ({ ChatOpenAI }) =>
      await all(new ChatOpenAI({ model }).streamEvents(PARROTS, { version: "v2" })),
  },
  "Models, multimodal input": {
    replies: [{ text: "A cat." }],
    records: [["completed", "What is this? [uri] [blob]", "A cat."]],
    run: ({ ChatOpenAI }) =>
      new ChatOpenAI({ model }).invoke([
        new HumanMessage({
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "https://example.org/a.png" } },
            { type: "image_url", image_url: { url: "data:image/png;base64,aGVsbG8=" } },
          ],
        }),
      ]),
  },
  "errors, and signals": {
    replies: [400, 401, 404, 429, 500].map((status) => ({ status, error: `It is ${status}.` })),
    records: [
      ...Array.from({ length: 5 }, () => ["failed", "Hi", ""] as const),
      ["aborted", "Hi", ""],
      ["aborted", "Hi", ""],
    ],
    run: async ({ ChatOpenAI, provider }) => {
      const chat = new ChatOpenAI({ model, maxRetries: 0 });
      const seen: unknown[] = [];
      for (let n = 0; n < 5; n++) await chat.invoke("Hi").catch((error) => seen.push(error));
      await chat.invoke("Hi", { signal: AbortSignal.abort() }).catch((error) => seen.push(error));
      const [gate, controller] = [new Gate(), new AbortController()];
      provider.reply({ text: ["One", " two"], gate });
      gate.release(); // before the first text
      try {
        for await (const chunk of await chat.stream("Hi", { signal: controller.signal })) {
          seen.push(chunk);
          controller.abort();
        }
      } catch (error) {
        seen.push(error);
      }
      await provider.aborted();
      return seen;
    },
  },
};

const getWeather = tool(({ location }: { location: string }) => `It's sunny in ${location}.`, {
  name: "get_weather",
  description: "Get the weather at a location.",
  schema: z.object({ location: z.string().describe("The location to get the weather for") }),
});
const CALL = {
  toolCalls: [{ id: "c1", name: "get_weather", arguments: ['{"location":', '"Boston"}'] }],
};
const WEATHER = "What's the weather like in Boston?";
const ASKED = 'get_weather({"location":"Boston"})';

const tools: Examples = {
  "Models, Tool calling: a tool is bound, called and answered": {
    replies: [CALL, { text: "Sunny." }],
    records: [
      ["completed", WEATHER, ASKED],
      ["completed", '{"location":"Boston"}', "It's sunny in Boston."],
      ["completed", "= It's sunny in Boston.", "Sunny."],
    ],
    run: async ({ ChatOpenAI, callbacks }) => {
      const modelWithTools = new ChatOpenAI({ model }).bindTools([getWeather]);
      const messages = [new HumanMessage(WEATHER)];
      const asked = await modelWithTools.invoke(messages);
      const results = [];
      for (const call of asked.tool_calls!) {
        results.push(await getWeather.invoke(call, { callbacks }));
      }
      const final = await modelWithTools.invoke([...messages, asked, ...results]);
      return [asked, results, final];
    },
  },
  "Models, Tool calling: streamed, forced": {
    replies: [CALL],
    records: [["completed", WEATHER, ASKED]],
    run: async ({ ChatOpenAI }) =>
      await all(
        await new ChatOpenAI({ model }).bindTools([getWeather], { tool_choice: "get_weather" })
          .stream(WEATHER),
      ),
  },
  "Structured output, of a schema, with the raw answer, and by calling a function": {
    replies: [
      { text: '{"title":"Inception"}' },
      { text: '{"title":"Inception"}' },
      { toolCalls: [{ id: "c1", name: "extract", arguments: '{"title":"Inception"}' }] },
      { text: '{"title":1}' },
    ],
    records: [
      ["completed", "A film!", '{"title":"Inception"}'],
      ["completed", "A film!", '{"title":"Inception"}'],
      ["completed", "A film!", 'extract({"title":"Inception"})'],
      // LangChain tells its handlers no more.
      ["failed", "A film!", ""],
    ],
    run: async ({ ChatOpenAI }) => {
      const chat = new ChatOpenAI({ model, maxRetries: 0 });
      const Movie = z.object({ title: z.string().describe("The title of the movie") });
      const plain = chat.withStructuredOutput(Movie);
      return [
        await plain.invoke("A film!"),
        await chat.withStructuredOutput(Movie, { includeRaw: true }).invoke("A film!"),
        await chat.withStructuredOutput(Movie, { method: "functionCalling" }).invoke("A film!"),
        await plain.invoke("A film!").catch((error: unknown) => error),
      ];
    },
  },
};

const joke = (topic: string) => `Tell me a joke about ${topic}`;

const chains: Examples = {
  "Runnables, a chain by pipe(): invoke(), batch(), stream() and streamEvents()": {
    replies: [{ text: "1" }, { text: "2" }, { text: "3" }, { text: ["4", "."] }, {
      text: ["5", "."],
    }],
    records: [
      ["completed", joke("bears"), "1"],
      ["completed", joke("cats"), "2"],
      ["completed", joke("dogs"), "3"],
      ["completed", joke("owls"), "4."],
      ["completed", joke("bats"), "5."],
    ],
    run: async ({ ChatOpenAI }) => {
      const prompt = ChatPromptTemplate.fromTemplate("Tell me a joke about {topic}");
      const chain = prompt.pipe(new ChatOpenAI({ model })).pipe(new StringOutputParser());
      return [
        await chain.invoke({ topic: "bears" }),
        await chain.batch([{ topic: "cats" }, { topic: "dogs" }], { maxConcurrency: 1 }),
        await all(await chain.stream({ topic: "owls" })),
        await all(chain.streamEvents({ topic: "bats" }, { version: "v2" })),
      ];
    },
  },
  "Runnables, RunnableSequence, RunnableParallel, RunnableLambda and RunnablePassthrough": {
    replies: [{ text: "Bears." }],
    records: [["completed", joke("bears"), "Bears."]],
    run: async ({ ChatOpenAI }) => {
      const chain = RunnableSequence.from([
        { topic: new RunnablePassthrough<string>() },
        ChatPromptTemplate.fromTemplate("Tell me a joke about {topic}"),
        new ChatOpenAI({ model }),
        new StringOutputParser(),
      ]);
      const both = RunnableParallel.from({
        joke: chain,
        length: RunnableLambda.from((topic: string) => topic.length),
      });
      return await both.invoke("bears");
    },
  },
  "Runnables, withRetry(), withFallbacks(), withConfig()": {
    replies: [
      { status: 400, error: "No." },
      { text: "Bears." },
      { status: 400, error: "No." },
      { text: "Cats." },
    ],
    records: [
      ["failed", "bears", ""],
      ["completed", "bears", "Bears."],
      ["failed", "cats", ""],
      ["completed", "cats", "Cats."],
    ],
    run: async ({ ChatOpenAI }) => {
      const chat = new ChatOpenAI({ model, maxRetries: 0 });
      const failed: unknown[] = [];
      const backup = chat.withConfig({ tags: ["backup"], runName: "backup" });
      const once = chat.withRetry({
        stopAfterAttempt: 1,
        onFailedAttempt: (error) => void failed.push(error),
      });
      return [
        await once.withFallbacks([backup]).invoke("bears"),
        await chat.withFallbacks([backup]).invoke("cats"),
        failed,
      ];
    },
  },
};

for (const examples of [models, tools, chains]) {
  sideBySide("documentation of LangChain", langChainParts, examples);
}

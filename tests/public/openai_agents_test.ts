// Agents of OpenAI's, `@openai/agents`, with a wrapped client: each call of a model is recorded once, and the agents do as
// with the client itself (openai.github.io/openai-agents-js: "Quickstart", "Handoffs", "Streaming", "Human in the loop").

import { auditOpenAI } from "@audit-log/llm/openai";
import {
  Agent,
  type AgentInputItem,
  MaxTurnsExceededError,
  OpenAIProvider,
  Runner,
  tool,
} from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
import { all, API_KEY } from "../support/captured.ts";
import type { Reply } from "../support/providers/server.ts";
import { type Example, type Recorded, type Setting, sideBySide } from "../support/side_by_side.ts";

const QUESTION = "How warm is it in Oslo?";
const weather = tool({
  name: "weather",
  description: "The weather of a city.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `${city}: 12 degrees`,
});
const asking: Reply = {
  toolCalls: [{ id: "c1", name: "weather", arguments: ['{"city":', '"Oslo"}'] }],
};
const asked: Recorded = ["completed", QUESTION, 'weather({"city":"Oslo"})'];
const model = "gpt-4o";

const examples: Record<string, Example<Runner>> = {
  "an agent with a tool": {
    replies: [asking, { text: "It is mild." }],
    records: [asked, ["completed", "= Oslo: 12 degrees", "It is mild."]],
    run: async (runner) => {
      const agent = new Agent({
        name: "Weather",
        instructions: "Be brief.",
        model,
        tools: [weather],
      });
      const { finalOutput, history, state } = await runner.run(agent, QUESTION);
      const types = history.map(({ type }: AgentInputItem) => type ?? null);
      return [finalOutput, types, state.usage.totalTokens];
    },
  },
  "a stream of an agent with a tool": {
    replies: [asking, { text: ["It is", " mild."] }],
    records: [asked, ["completed", "= Oslo: 12 degrees", "It is mild."]],
    run: async (runner) => {
      const agent = new Agent({ name: "Weather", model, tools: [weather] });
      const stream = await runner.run(agent, QUESTION, { stream: true });
      const types = (await all(stream)).map(({ type }) => type);
      await stream.completed;
      return [types, stream.finalOutput];
    },
  },
  "an agent that hands over to another": {
    replies: [
      { toolCalls: [{ id: "c1", name: "transfer_to_Norwegian", arguments: "{}" }] },
      { text: "Mildt." },
    ],
    records: [
      ["completed", QUESTION, "transfer_to_Norwegian({})"],
      ["completed", '= {"assistant":"Norwegian"}', "Mildt."],
    ],
    run: async (runner) => {
      const norwegian = new Agent({ name: "Norwegian", model: "gpt-4o-mini" });
      const triage = Agent.create({ name: "Triage", model, handoffs: [norwegian] });
      const { finalOutput, lastAgent } = await runner.run(triage, QUESTION);
      return [finalOutput, lastAgent?.name];
    },
  },
  "a tool that needs an approval": {
    replies: [asking, { text: "It is mild." }],
    records: [asked, ["completed", "= Oslo: 12 degrees", "It is mild."]],
    run: async (runner) => {
      const tools = [{ ...weather, needsApproval: () => Promise.resolve(true) }];
      const agent = new Agent({ name: "Weather", model, tools });
      const { interruptions, state } = await runner.run(agent, QUESTION);
      for (const interruption of interruptions) state.approve(interruption);
      return [interruptions.length, (await runner.run(agent, state)).finalOutput];
    },
  },
  "an agent that needs too many turns": {
    replies: [asking],
    records: [asked],
    run: async (runner) => {
      const agent = new Agent({ name: "Weather", model, tools: [weather] });
      try {
        return (await runner.run(agent, QUESTION, { maxTurns: 1 })).finalOutput;
      } catch (error) {
        return error instanceof MaxTurnsExceededError;
      }
    },
  },
  "a call that is tried again": {
    replies: [{ status: 500, error: "Broken.", headers: { "retry-after-ms": "1" } }, {
      text: "It is mild.",
    }],
    records: [["failed", QUESTION, ""], ["completed", QUESTION, "It is mild."]],
    run: async (runner) =>
      (await runner.run(new Agent({ name: "A", model }), QUESTION)).finalOutput,
  },
};

/** What runs agents, with a client of its own. */
const running = (useResponses: boolean) => ({ url, log }: Setting): Runner => {
  const client = new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, maxRetries: 1 });
  const openAIClient = log === undefined ? client : auditOpenAI(client, log);
  const modelProvider = new OpenAIProvider({ openAIClient, useResponses });
  return new Runner({ modelProvider, tracingDisabled: true });
};

sideBySide("OpenAI's agents, by responses", running(true), examples);
sideBySide("OpenAI's agents, by chat completions", running(false), examples);

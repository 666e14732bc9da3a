// Graphs of LangGraph, `@langchain/langgraph` 1, with the handler for LangChain: each call of a model and a tool is recorded
// once, and the graph does as without it (docs.langchain.com/oss/javascript/langgraph: "Quickstart", "Interrupts", "Streaming").

import { assertEquals } from "@std/assert";
import { AuditLog, withAuditContext } from "@audit-log/llm";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { test } from "node:test";
import { z } from "zod";
import { all, API_KEY } from "../support/captured.ts";
import { type LangChainParts, langChainParts } from "../support/langchain_side_by_side.ts";
import { type Reply, startProvider } from "../support/providers/server.ts";
import { atEnd } from "../support/temp.ts";
import { type Recorded, sideBySide } from "../support/side_by_side.ts";

const messages = [new HumanMessage("How warm is it in Oslo?")];
const schema = z.object({ city: z.string() });
const weather = tool(({ city }) => `${city}: 12 degrees`, { name: "weather", schema });
const asking = tool(({ city }) => `${city}: ${interrupt(`Which ${city}?`)}`, {
  name: "weather",
  schema,
});

const replies: readonly Reply[] = [
  { toolCalls: [{ id: "c1", name: "weather", arguments: ['{"city":', '"Oslo"}'] }] },
  { text: ["It is", " mild."] },
];
const asked: Recorded = ["completed", "How warm is it in Oslo?", 'weather({"city":"Oslo"})'];
const looked: Recorded = ["completed", '{"city":"Oslo"}', "Oslo: 12 degrees"];
const answered: Recorded = ["completed", "= Oslo: 12 degrees", "It is mild."];

/** A model, and the tools that it calls, in turns. */
function agent({ ChatOpenAI }: LangChainParts, tools = [weather]) {
  const model = new ChatOpenAI({ model: "gpt-4o" }).bindTools(tools);
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", async (state) => ({ messages: [await model.invoke(state.messages)] }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", ({ messages }) => {
      const { tool_calls } = messages.at(-1) as { tool_calls?: unknown[] };
      return tool_calls?.length ? "tools" : END;
    })
    .addEdge("tools", "agent");
}

const texts = (state: { messages: { text: string }[] }) => state.messages.map(({ text }) => text);

sideBySide("LangGraph", langChainParts, {
  "a graph with tools": {
    replies,
    records: [asked, looked, answered],
    run: async (parts) =>
      texts(await agent(parts).compile().invoke({ messages }, { callbacks: parts.callbacks })),
  },
  "its stream of messages": {
    replies,
    records: [asked, looked, answered],
    run: async (parts) => {
      const { callbacks } = parts;
      const streamMode = "messages";
      const stream = await agent(parts).compile().stream({ messages }, { callbacks, streamMode });
      return (await all(stream)).map(([message]) => [message.type, message.text]);
    },
  },
  "its stream of events, version 2": {
    replies,
    records: [asked, looked, answered],
    run: async (parts) => {
      const { callbacks } = parts;
      const events = agent(parts).compile()
        .streamEvents({ messages }, { callbacks, version: "v2" });
      return (await all(events)).map(({ event, name }) => [event, name]);
    },
  },
  "a tool that stops to ask a person is aborted, and runs again when it is answered": {
    replies,
    records: [
      asked,
      ["aborted", '{"city":"Oslo"}', ""],
      ["completed", '{"city":"Oslo"}', "Oslo: the one in Norway"],
      ["completed", "= Oslo: the one in Norway", "It is mild."],
    ],
    run: async (parts) => {
      const graph = agent(parts, [asking]).compile({ checkpointer: new MemorySaver() });
      const options = { callbacks: parts.callbacks, configurable: { thread_id: "t-1" } };
      const stopped = await graph.invoke({ messages }, options);
      const resumed = await graph.invoke(new Command({ resume: "the one in Norway" }), options);
      return [texts(stopped), texts(resumed)];
    },
  },
});

test("LangGraph: branches at a time are recorded each, for the user who asked", async (t) => {
  const { url } = await startProvider(t);
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const model = new ChatOpenAI({
    model: "gpt-4o",
    apiKey: API_KEY,
    configuration: { baseURL: `${url}/v1` },
  });
  const State = Annotation.Root({
    user: Annotation<string>,
    texts: Annotation<string[]>({ reducer: (one, other) => one.concat(other), default: () => [] }),
  });
  const ask = (branch: string) => async ({ user }: typeof State.State) => ({
    texts: [(await model.invoke(`${branch} of ${user}`)).text],
  });
  const graph = new StateGraph(State)
    .addNode("left", ask("left")).addNode("right", ask("right"))
    .addEdge(START, "left").addEdge(START, "right")
    .addEdge("left", END).addEdge("right", END)
    .compile();
  const callbacks = [auditCallbacks(log)];
  await Promise.all(
    ["alice", "bob"].map((user) =>
      withAuditContext({ user }, () => graph.invoke({ user }, { callbacks }))
    ),
  );
  const entries = (await log.query()).map(({ user, inputText }) => [user, inputText]);
  assertEquals(entries.sort(), [
    ["alice", "left of alice"],
    ["alice", "right of alice"],
    ["bob", "left of bob"],
    ["bob", "right of bob"],
  ]);
  assertEquals(await log.unfinished(), []);
});

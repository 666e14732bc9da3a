// Who asks for the JSON of an answer gets the value that was read to be recorded: what is recorded must have no part of it.

import { assert, assertEquals } from "@std/assert";
import { anthropicMessages } from "../../capture/wire/anthropic_messages.ts";
import { geminiContent } from "../../capture/wire/gemini_content.ts";
import { geminiEmbeddings } from "../../capture/wire/gemini_embeddings.ts";
import { geminiInteractions } from "../../capture/wire/gemini_interactions.ts";
import { openAIChat } from "../../capture/wire/openai_chat.ts";
import { openAIResponses } from "../../capture/wire/openai_responses.ts";
import { openAICompletions, openAIEmbeddings } from "../../capture/wire/openai_texts.ts";
import type { WireFormat } from "../../capture/wire/wire_format.ts";
import { looseOf } from "../../capture/shared/loose.ts";
import { recordableAnswer } from "../../capture/shared/recordable.ts";
import { test } from "node:test";
import { messages } from "../support/providers/anthropic_messages.ts";
import { geminiContent as contentEndpoint } from "../support/providers/gemini_content.ts";
import { geminiEmbeddings as vectorsEndpoint } from "../support/providers/gemini_embeddings.ts";
import { geminiInteractions as interactionsEndpoint } from "../support/providers/gemini_interactions.ts";
import { chatCompletions } from "../support/providers/openai_chat.ts";
import { embeddings } from "../support/providers/openai_embeddings.ts";
import { responses } from "../support/providers/openai_responses.ts";
import type { Endpoint, Reply } from "../support/providers/reply.ts";

const FORMATS: Readonly<Record<string, readonly [WireFormat, Endpoint]>> = {
  "OpenAI's chat completions": [openAIChat, chatCompletions],
  "OpenAI's completions": [openAICompletions, chatCompletions],
  "OpenAI's responses": [openAIResponses, responses],
  "OpenAI's embeddings": [openAIEmbeddings, embeddings],
  "Anthropic's messages": [anthropicMessages, messages],
  "Gemini's content": [geminiContent, contentEndpoint],
  "Gemini's embeddings": [geminiEmbeddings, vectorsEndpoint],
  "Gemini's interactions": [geminiInteractions, interactionsEndpoint],
};

const NESTED = { list: [{ of: ["things"] }], object: { within: { another: 1 } } };

const REPLY: Reply = {
  text: "Paris",
  reasoning: "It is the capital.",
  refusal: "no",
  toolCalls: [{ id: "t1", name: "find", arguments: '{"of":{"what":["Paris"]}}' }],
  usage: { input: 11, output: 7, cached: 3, cacheCreated: 2, reasoning: 4 },
  embeddings: [[1, 2]],
  blocks: [{ type: "unknown", ...NESTED }, { type: "image", source: NESTED }],
  items: [{ id: "i1", type: "unknown", ...NESTED }],
  message: { annotations: [NESTED], audio: { id: "a", ...NESTED }, images: [NESTED], more: NESTED },
  beside: { service_tier: "flex", more: NESTED },
};

/** Each object of a value, itself and at whatever depth. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== "object" || value === null || found.has(value)) return found;
  found.add(value);
  for (const part of Object.values(value)) objectsIn(part, found);
  return found;
}

/** A value with members in each of its objects that nobody knows. */
function withOthers(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withOthers);
  const others = { unknown: structuredClone(NESTED), unknown_list: [structuredClone(NESTED)] };
  const known = Object.entries(value).map(([name, part]) => [name, withOthers(part)]);
  return { ...Object.fromEntries(known), ...others };
}

for (const [name, [format, endpoint]] of Object.entries(FORMATS)) {
  test(`${name}: what is recorded of an answer has nothing that the answer's reader gets`, async () => {
    const request = { model: "m", input: ["a"], messages: [], requests: [{}] };
    const answers = [endpoint.whole(REPLY, request), endpoint.error(400, "no")];
    for (const answer of answers) {
      for (const body of [answer, withOthers(answer)]) {
        const read = JSON.parse(JSON.stringify(body));
        const theirs = objectsIn(read);
        const { output, metadata, ...others } = format.response(looseOf(read));
        const recorded = await recordableAnswer({ content: output, facts: metadata }, false);
        const ours = objectsIn([others, recorded]);
        assert(theirs.size > 1 && ours.size > 1);
        assertEquals([...ours].filter((object) => theirs.has(object)), []);
        assertEquals(read, JSON.parse(JSON.stringify(body)));
      }
    }
  });
}

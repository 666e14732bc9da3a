/**
 * OpenAI's embeddings and legacy completions, after its API reference, "Embeddings" and "Completions"
 * (https://platform.openai.com/docs/api-reference/embeddings, .../completions).
 *
 * @module
 */
import { listOf, type Loose, looseOf, textOf } from "../shared/loose.ts";
import { isInlineMedia } from "../shared/inline_media.ts";
import { urlPart } from "../shared/media.ts";
import { type Message, type Part, textMessage } from "../shared/messages.ts";
import { chatMessage, chatPart, openAIChat } from "./openai_chat.ts";
import { requestParameters } from "./request_parameters.ts";
import type { WireFormat, WireRequest } from "./wire_format.ts";

/** Embeddings: their vectors are not recorded, only how many there are and how long. */
export const openAIEmbeddings: WireFormat = {
  operation: "embeddings",
  async request(body, keepMedia) {
    const messages: Message[] = [];
    for (const value of valuesIn(body["input"])) messages.push(await embedded(value, keepMedia));
    for (const message of listOf(body["messages"])) {
      messages.push(await chatMessage(message, keepMedia));
    }
    return requestOf(body, messages, ["model", "input", "messages"]);
  },
  response(body) {
    const data = listOf(body["data"]);
    const [first] = data;
    return {
      ...openAIChat.response({ ...body, choices: [] }),
      output: "",
      metadata: {
        "gen_ai.embeddings.dimension.count": dimensions(first?.["embedding"]),
        "embeddings.count": data.length,
      },
    };
  },
  stream: () => openAIChat.stream(),
};

/** Legacy completions. Others answer with messages at such an address, and may be asked by some. */
export const openAICompletions: WireFormat = {
  operation: "text_completion",
  async request(body, keepMedia) {
    if (Array.isArray(body["messages"])) return await openAIChat.request(body, keepMedia);
    const messages = valuesIn(body["prompt"]).map((value) => textMessage("user", textIn(value)));
    return requestOf(body, messages, ["model", "prompt"]);
  },
  response: (body) => openAIChat.response(withMessages(body, "message")),
  stream() {
    const stream = openAIChat.stream();
    return {
      get isComplete() {
        return stream.isComplete;
      },
      take: (name, data) => stream.take(name, withMessages(data, "delta")),
      response: () => stream.response(),
    };
  },
  hasStreamOptions: true,
};

/** An answer whose choices are texts, as one of chat completions. */
function withMessages(body: Loose, name: "message" | "delta"): Loose {
  const choices = listOf(body["choices"]).map((choice) =>
    choice[name] === undefined ? { ...choice, [name]: { content: choice["text"] } } : choice
  );
  return { ...body, choices };
}

/** Numbers, or the base64 of 32-bit floats. */
function dimensions(embedding: unknown): number | undefined {
  if (Array.isArray(embedding)) return embedding.length;
  if (typeof embedding !== "string") return undefined;
  const padding = embedding.endsWith("==") ? 2 : embedding.endsWith("=") ? 1 : 0;
  return (embedding.length / 4 * 3 - padding) / 4;
}

/** What each is a message of its own: texts, or tokens by number. */
function valuesIn(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  const isOne = !Array.isArray(value) || value.every((item) => typeof item === "number");
  return isOne ? [value] : value;
}

/** Tokens by number are written as such. */
function textIn(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

/** What is embedded may be more than a text: a picture, or parts of both kinds, as those have it who embed them. */
async function embedded(value: unknown, keepMedia: boolean): Promise<Message> {
  if (typeof value === "string" && isInlineMedia(value)) {
    return { role: "user", parts: [await urlPart(value, undefined, keepMedia)] };
  }
  if (typeof value !== "object" || Array.isArray(value)) return textMessage("user", textIn(value));
  const { content } = looseOf(value);
  const parts: Part[] = [];
  for (const part of listOf(Array.isArray(content) ? content : [value])) {
    parts.push(await chatPart(part, keepMedia));
  }
  return { role: "user", parts };
}

function requestOf(
  body: Loose,
  messages: readonly Message[],
  content: readonly string[],
): WireRequest {
  return {
    model: textOf(body["model"]),
    input: { messages },
    ...requestParameters(body, content),
  };
}

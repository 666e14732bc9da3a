/**
 * OpenAI's embeddings and legacy completions, after its API reference, "Embeddings" and "Completions"
 * (https://platform.openai.com/docs/api-reference/embeddings, .../completions).
 *
 * @module
 */
import { listOf, type Loose, looseOf, textOf, usageOf } from "../shared/loose.ts";
import { isInlineMedia } from "../shared/inline_media.ts";
import { urlPart } from "../shared/media.ts";
import { finishReasonsOf, type Message, type Part, textMessage } from "../shared/messages.ts";
import { chatMessage, chatPart } from "./openai_chat.ts";
import { requestParameters } from "./request_parameters.ts";
import type { WireFormat, WireRequest, WireResponse, WireStream } from "./wire_format.ts";

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
      ...answerOf(body, []),
      output: "",
      metadata: {
        "gen_ai.embeddings.dimension.count": dimensions(first?.["embedding"]),
        "embeddings.count": data.length,
      },
    };
  },
  stream: () => new CompletionStream(),
};

/** Legacy completions. */
export const openAICompletions: WireFormat = {
  operation: "text_completion",
  request(body) {
    const messages = valuesIn(body["prompt"]).map((value) => textMessage("user", textIn(value)));
    return Promise.resolve(requestOf(body, messages, ["model", "prompt"]));
  },
  response: (body) => answerOf(body, listOf(body["choices"])),
  stream: () => new CompletionStream(),
};

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

function answerOf(body: Loose, choices: readonly Loose[]): WireResponse {
  const { prompt_tokens, completion_tokens } = looseOf(body["usage"]);
  const output = choices.map(({ text, finish_reason }): Message => ({
    ...textMessage("assistant", textOf(text) ?? ""),
    ...(typeof finish_reason === "string" ? { finish_reason } : {}),
  }));
  return {
    output,
    id: textOf(body["id"]),
    model: textOf(body["model"]),
    finishReasons: finishReasonsOf(output),
    usage: usageOf({ inputTokens: prompt_tokens, outputTokens: completion_tokens }),
  };
}

class CompletionStream implements WireStream {
  readonly #head: Record<string, unknown> = {};
  readonly #choices = new Map<number, { text: string; finish_reason?: string }>();

  get isComplete(): boolean {
    const choices = [...this.#choices.values()];
    return choices.length > 0 && choices.every(({ finish_reason }) => finish_reason !== undefined);
  }

  take(_name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    for (const key of ["id", "model", "usage"]) {
      if (data[key] !== undefined) this.#head[key] = data[key];
    }
    let isOutput = false;
    for (const { index, text, finish_reason } of listOf(data["choices"])) {
      const at = typeof index === "number" ? index : 0;
      const choice = this.#choices.get(at) ?? { text: "" };
      choice.text += textOf(text) ?? "";
      if (typeof finish_reason === "string") choice.finish_reason = finish_reason;
      this.#choices.set(at, choice);
      isOutput ||= choice.text !== "";
    }
    return { isOutput, isLast: false };
  }

  response(): WireResponse {
    const choices = [...this.#choices].sort(([a], [b]) => a - b).map(([, choice]) => choice);
    return answerOf(this.#head, choices.map(looseOf));
  }
}

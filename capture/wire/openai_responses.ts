/**
 * OpenAI's responses, after its API reference, "Responses" and "Streaming events"
 * (https://platform.openai.com/docs/api-reference/responses).
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import {
  filledText,
  listOf,
  type Loose,
  looseOf,
  parsedOr,
  textOf,
  usageOf,
  without,
} from "../shared/loose.ts";
import { urlPart } from "../shared/media.ts";
import { type Message, type Part, textMessage, textPart } from "../shared/messages.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import { fileData, heardPart } from "./openai_chat.ts";
import { requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse, type WireStream } from "./wire_format.ts";

const CONTENT = ["model", "input", "instructions", "tools", "prompt", "conversation"];

/** Responses. */
export const openAIResponses: WireFormat = {
  operation: "chat",
  async request(body, keepMedia) {
    const { input, instructions, prompt, conversation } = body;
    const messages = typeof input === "string" ? [textMessage("user", input)] : [];
    for (const item of listOf(input)) messages.push(await askedItem(item, keepMedia));
    const { metadata, parameters } = requestParameters(body, CONTENT);
    const id = textOf(conversation) ?? textOf(looseOf(conversation)["id"]);
    return {
      model: textOf(body["model"]),
      input: {
        system: typeof instructions === "string" ? [textPart(instructions)] : [],
        messages,
        tools: toolsOf(body["tools"]),
        others: prompt === undefined || prompt === null ? {} : plainObject({ prompt }),
      },
      metadata: { ...metadata, "gen_ai.conversation.id": id },
      parameters,
    };
  },
  response: responseOf,
  stream: () => new ResponsesStream(),
};

async function askedItem(item: Loose, keepMedia: boolean): Promise<Message> {
  const { type = "message", role, content } = item;
  if (type !== "message") return { role: roleOf(item), parts: [await itemPart(item, keepMedia)] };
  const parts = typeof content === "string" ? [textPart(content)] : [];
  for (const part of listOf(content)) parts.push(await contentPart(part, keepMedia));
  return { role: textOf(role) ?? "user", parts };
}

/** Outputs of tools come from them, all else that is no message from the model. */
function roleOf({ type }: Loose): string {
  return String(type).endsWith("_output") ? "tool" : "assistant";
}

async function contentPart(part: Loose, keepMedia: boolean): Promise<Part> {
  const { type, text, refusal, image_url, file_data, file_url } = part;
  if (type === "input_text") return textPart(textOf(text) ?? "");
  if (type === "output_text" || type === "refusal") return saidPart({ type, text, refusal });
  if (type === "input_image" && typeof image_url === "string") {
    const others = without(part, ["type", "image_url"]);
    return { ...others, ...await urlPart(image_url, "image", keepMedia) };
  }
  if (type === "input_audio") return await heardPart(part["input_audio"], keepMedia);
  if (type === "input_file" || type === "input_image") {
    const others = without(part, ["type", "file_data", "file_url"]);
    if (typeof file_data === "string") {
      return { ...others, ...await fileData(file_data, keepMedia) };
    }
    if (typeof file_url === "string") {
      return { ...others, ...await urlPart(file_url, undefined, keepMedia) };
    }
    return { ...others, type: "file", modality: type === "input_image" ? "image" : "document" };
  }
  return { ...plainObject(part), type: textOf(type) ?? "unknown" };
}

function saidPart(part: Loose): Part {
  const { type, text, refusal, annotations } = part;
  if (type === "refusal") return { type: "refusal", content: textOf(refusal) ?? "" };
  if (type !== "output_text") return { ...plainObject(part), type: textOf(type) ?? "unknown" };
  const cited = Array.isArray(annotations) && annotations.length > 0;
  return { ...textPart(textOf(text) ?? ""), ...(cited ? plainObject({ annotations }) : {}) };
}

async function itemPart(item: Loose, keepMedia: boolean): Promise<Part> {
  const { type, call_id, output } = item;
  if (type !== "function_call_output" && type !== "custom_tool_call_output") {
    return madePart(item);
  }
  const parts: Part[] = [];
  for (const part of listOf(output)) parts.push(await contentPart(part, keepMedia));
  return {
    type: "tool_call_response",
    id: textOf(call_id) ?? "",
    response: typeof output === "string" ? output : parts,
  };
}

/** What the model made that is no message. */
function madePart(item: Loose): Part {
  const { type, id, call_id, name, arguments: json, input, summary, content } = item;
  switch (type) {
    case "function_call":
    case "custom_tool_call":
      return {
        type: "tool_call",
        id: textOf(call_id) ?? textOf(id) ?? "",
        name: textOf(name) ?? "",
        arguments: typeof json === "string" ? parsedOr(json) : textOf(input) ?? "",
      };
    case "reasoning": {
      const texts = [...listOf(summary), ...listOf(content)].map(({ text }) => textOf(text) ?? "");
      return {
        type,
        content: texts.join("\n\n"),
        ...without(item, ["type", "summary", "content", "status"]),
      };
    }
    default:
      return { ...plainObject(item), type: textOf(type) ?? "unknown" };
  }
}

function responseOf(body: Loose): WireResponse {
  const { status, incomplete_details, error, usage } = body;
  const items = listOf(body["output"]);
  const parts = items.flatMap((item) =>
    item["type"] === "message" ? listOf(item["content"]).map(saidPart) : [madePart(item)]
  );
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = looseOf(
    usage,
  );
  const details = looseOf(input_tokens_details);
  const reason = textOf(looseOf(incomplete_details)["reason"]) ?? textOf(status);
  const failed = status === "failed" || (error !== undefined && error !== null);
  return {
    output: parts.length === 0 ? [] : [{ role: "assistant", parts }],
    id: textOf(body["id"]),
    model: textOf(body["model"]),
    finishReasons: reason === undefined ? [] : [reason],
    usage: usageOf({
      inputTokens: input_tokens,
      outputTokens: output_tokens,
      cacheReadTokens: details["cached_tokens"],
      cacheCreationTokens: details["cache_write_tokens"],
      reasoningTokens: looseOf(output_tokens_details)["reasoning_tokens"],
    }),
    metadata: { "openai.response.service_tier": filledText(body["service_tier"]) },
    ...(failed ? { error: errorIn({ error: error ?? {} }) } : {}),
  };
}

/** Which deltas add to which property of a part, or of an item. */
const PART_DELTAS: Readonly<Record<string, string>> = {
  "response.output_text.delta": "text",
  "response.refusal.delta": "refusal",
  "response.reasoning_text.delta": "text",
  "response.reasoning_summary_text.delta": "text",
};
const ITEM_DELTAS: Readonly<Record<string, string>> = {
  "response.function_call_arguments.delta": "arguments",
  "response.custom_tool_call_input.delta": "input",
};

type Item = Record<string, JsonValue | JsonValue[]>;

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

class ResponsesStream implements WireStream {
  readonly isComplete = false; // its last event says so
  #response: Loose = {};
  readonly #items = new Map<number, Item>();
  #whole: Loose | undefined;

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const type = textOf(data["type"]) ?? name;
    const index = typeof data["output_index"] === "number" ? data["output_index"] : 0;
    switch (type) {
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        this.#whole = looseOf(data["response"]);
        return { isOutput: false, isLast: true };
      case "error":
        this.#response = { ...this.#response, error: data["error"] ?? data, status: "failed" };
        return { isOutput: false, isLast: true };
      case "response.output_item.added":
      case "response.output_item.done":
        this.#items.set(index, plainObject(looseOf(data["item"])) as Item);
        return { isOutput: false, isLast: false };
      case "response.content_part.added":
      case "response.content_part.done":
        this.#setPart(index, "content", data["content_index"], data["part"]);
        return { isOutput: false, isLast: false };
      case "response.reasoning_summary_part.added":
      case "response.reasoning_summary_part.done":
        this.#setPart(index, "summary", data["summary_index"], data["part"]);
        return { isOutput: false, isLast: false };
    }
    if (data["response"] !== undefined) this.#response = looseOf(data["response"]);
    const delta = textOf(data["delta"]);
    if (delta === undefined) return { isOutput: false, isLast: false };
    this.#add(type, index, data, delta);
    const isOutput = Object.hasOwn(PART_DELTAS, type) || Object.hasOwn(ITEM_DELTAS, type);
    return { isOutput, isLast: false };
  }

  #setPart(index: number, list: string, at: unknown, part: unknown): void {
    const item = this.#items.get(index);
    if (item === undefined) return;
    const known = item[list];
    const parts = (Array.isArray(known) ? known : item[list] = []) as JsonValue[];
    // Without holes: what comes from outside may name any place.
    if (isPlace(at) && at <= parts.length) parts[at] = plainJson(part) ?? null;
  }

  #add(type: string, index: number, data: Loose, delta: string): void {
    const item = this.#items.get(index);
    if (item === undefined) return;
    const ofItem = Object.hasOwn(ITEM_DELTAS, type) ? ITEM_DELTAS[type] : undefined;
    if (ofItem !== undefined) item[ofItem] = (textOf(item[ofItem]) ?? "") + delta;
    const ofPart = Object.hasOwn(PART_DELTAS, type) ? PART_DELTAS[type] : undefined;
    if (ofPart === undefined) return;
    const list = "summary_index" in data ? "summary" : "content";
    const at = data["summary_index"] ?? data["content_index"] ?? 0;
    const parts: unknown = item[list];
    // A name such as __proto__ would lead to what all objects share.
    if (!Array.isArray(parts) || !isPlace(at) || at >= parts.length) return;
    const part = looseOf(parts[at]) as Item;
    part[ofPart] = (textOf(part[ofPart]) ?? "") + delta;
  }

  response(): WireResponse {
    const output = [...this.#items].sort(([a], [b]) => a - b).map(([, item]) => item);
    if (this.#whole !== undefined) {
      // One that failed may have nothing in it of what came before.
      const isEmpty = listOf(this.#whole["output"]).length === 0;
      return responseOf(isEmpty ? { ...this.#whole, output } : this.#whole);
    }
    return responseOf({ ...this.#response, output });
  }
}

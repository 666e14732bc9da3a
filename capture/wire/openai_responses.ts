/**
 * OpenAI's responses, after its API reference, "Responses" and "Streaming events"
 * (https://platform.openai.com/docs/api-reference/responses).
 *
 * @module
 */
import {
  filledText,
  listOf,
  type Loose,
  looseOf,
  parsedOr,
  telling,
  textOf,
  usageOf,
  without,
} from "../shared/loose.ts";
import { urlPart } from "../shared/media.ts";
import { type Message, type Part, textMessage, textPart } from "../shared/messages.ts";
import { plainObject } from "../shared/plain_json.ts";
import { fileData, heardPart } from "./openai_chat.ts";
import { toldBeside } from "./openai_chat_members.ts";
import { ResponsesStream } from "./openai_responses_stream.ts";
import { requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse } from "./wire_format.ts";

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
  stream: () => new ResponsesStream(responseOf),
};

/** What of a message is told by other names, or not recorded. */
const MESSAGE: readonly string[] = ["type", "id", "status", "role", "content", "parts"];
/** The same of a tool's call, and of what it answered. */
const CALL: readonly string[] = [
  ...["type", "id", "status", "call_id"],
  ...["name", "arguments", "input"],
];
const ANSWER: readonly string[] = ["type", "id", "status", "call_id", "output"];

async function askedItem(item: Loose, keepMedia: boolean): Promise<Message> {
  const { type = "message", role, content } = item;
  if (type !== "message") return { role: roleOf(item), parts: [await itemPart(item, keepMedia)] };
  const parts = typeof content === "string" ? [textPart(content)] : [];
  for (const part of listOf(content)) parts.push(await contentPart(part, keepMedia));
  return { role: textOf(role) ?? "user", ...telling(item, MESSAGE), parts };
}

/** Outputs of tools come from them, all else that is no message from the model. */
function roleOf({ type }: Loose): string {
  return String(type).endsWith("_output") ? "tool" : "assistant";
}

async function contentPart(part: Loose, keepMedia: boolean): Promise<Part> {
  const { type, image_url, file_data, file_url } = part;
  if (type === "input_text" || type === "output_text" || type === "refusal") return saidPart(part);
  if (type === "input_image" && typeof image_url === "string") {
    const others = without(part, ["type", "image_url"]);
    return { ...others, ...await urlPart(image_url, "image", keepMedia) };
  }
  if (type === "input_audio") {
    const others = telling(part, ["type", "input_audio"]);
    return { ...others, ...await heardPart(part["input_audio"], keepMedia) };
  }
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
  const { type, text, refusal } = part;
  if (type === "refusal") {
    return { ...telling(part, ["type", "refusal"]), type, content: textOf(refusal) ?? "" };
  }
  if (type !== "output_text" && type !== "input_text") {
    return { ...plainObject(part), type: textOf(type) ?? "unknown" };
  }
  return { ...telling(part, ["type", "text", "logprobs"]), ...textPart(textOf(text) ?? "") };
}

async function itemPart(item: Loose, keepMedia: boolean): Promise<Part> {
  const { type, call_id, output } = item;
  if (type !== "function_call_output" && type !== "custom_tool_call_output") {
    return madePart(item);
  }
  const parts: Part[] = [];
  for (const part of listOf(output)) parts.push(await contentPart(part, keepMedia));
  return {
    ...telling(item, ANSWER),
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
        ...telling(item, CALL),
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
  const isOnly = items.filter(({ type }) => type === "message").length === 1;
  const parts = items.flatMap((item) => {
    if (item["type"] !== "message") return [madePart(item)];
    // All that the model made is one message here: what an item tells is each part's. That the only one is the final one says nothing.
    const isFinal = isOnly && item["phase"] === "final_answer";
    const others = telling(item, isFinal ? [...MESSAGE, "phase"] : MESSAGE);
    return listOf(item["content"]).map((part) => ({ ...others, ...saidPart(part) }));
  });
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
    metadata: {
      "openai.response.service_tier": filledText(body["service_tier"]),
      ...toldBeside({
        input_transformations: body["input_transformations"],
        moderation: body["moderation"],
        prompt_cache_diagnostics: body["prompt_cache_diagnostics"],
        tool_usage: usedByTools(body["tool_usage"]),
      }),
    },
    ...(failed ? { error: errorIn({ error: error ?? {} }) } : {}),
  };
}

/** What tools used, if they did: of those that were not, zeros are told. */
function usedByTools(usage: unknown): unknown {
  const counts = Object.values(looseOf(usage)).flatMap((tool) => Object.values(looseOf(tool)));
  return counts.some((count) => typeof count === "number" && count > 0) ? usage : undefined;
}

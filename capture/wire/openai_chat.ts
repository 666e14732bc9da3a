/**
 * OpenAI's chat completions, which many others speak, after its API reference, "Chat"
 * (https://platform.openai.com/docs/api-reference/chat).
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
  telling,
  textOf,
  usageOf,
  without,
} from "../shared/loose.ts";
import { blobPart, isDataUrl, urlPart } from "../shared/media.ts";
import { finishReasonsOf, type Message, type Part, textPart } from "../shared/messages.ts";
import { allOutputTokens } from "../shared/output_tokens.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import {
  ANSWER,
  CALL,
  CHAT_MESSAGE,
  CHOICE,
  COMPLETION,
  toldBeside,
} from "./openai_chat_members.ts";
import { ChatStream, reasoningIn, thoughtIn } from "./openai_chat_stream.ts";
import { requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse } from "./wire_format.ts";

const CONTENT = ["model", "messages", "tools", "functions"];

/** Chat completions. */
export const openAIChat: WireFormat = {
  operation: "chat",
  async request(body, keepMedia) {
    const messages: Message[] = [];
    for (const message of listOf(body["messages"])) {
      messages.push(await chatMessage(message, keepMedia));
    }
    const tools = [...toolsOf(body["tools"]), ...toolsOf(body["functions"])];
    return {
      model: textOf(body["model"]),
      input: { messages, tools },
      ...requestParameters(body, CONTENT),
    };
  },
  response: (body) => responseOf(body, listOf(body["choices"])),
  stream: () => new ChatStream(responseOf),
  hasStreamOptions: true,
};

/** A message of a request. */
export async function chatMessage(message: Loose, keepMedia: boolean): Promise<Message> {
  const { role, content, name, tool_call_id, refusal, audio } = message;
  const others = without(message, CHAT_MESSAGE);
  const said: Part[] = [];
  const reasoning = reasoningIn(message);
  if (reasoning !== undefined) said.push({ type: "reasoning", content: reasoning });
  if (typeof content === "string") said.push(textPart(content));
  for (const part of listOf(content)) said.push(await chatPart(part, keepMedia));
  if (typeof refusal === "string") said.push({ type: "refusal", content: refusal });
  if (typeof audio === "object" && audio !== null) said.push(audioPart(looseOf(audio)));
  const parts = [...said, ...picturesIn(message), ...toolCalls(message)];
  const isToolAnswer = typeof tool_call_id === "string";
  return {
    role: textOf(role) ?? "user",
    ...(typeof name === "string" ? { name } : {}),
    ...(Object.keys(others).length === 0 ? {} : others),
    parts: isToolAnswer
      ? [{ type: "tool_call_response", id: tool_call_id, response: responseIn(parts) }]
      : parts,
  };
}

/** What a tool answered: a text, or parts. */
function responseIn(parts: readonly Part[]): JsonValue {
  const [first] = parts;
  return parts.length === 1 && first!.type === "text" ? first!["content"]! : [...parts];
}

/** A part of a message's content. */
export async function chatPart(part: Loose, keepMedia: boolean): Promise<Part> {
  const { type, text, image_url, input_audio, file, refusal } = part;
  const thought = thoughtIn(part);
  if (thought !== undefined) return { type: "reasoning", content: thought };
  if (type === "text") {
    return { ...without(part, ["type", "text"]), ...textPart(textOf(text) ?? "") };
  }
  if (type === "refusal") return { type, content: textOf(refusal) ?? "" };
  if (type === "image_url") {
    const { url, ...others } = looseOf(
      typeof image_url === "string" ? { url: image_url } : image_url,
    );
    return { ...await urlPart(textOf(url) ?? "", "image", keepMedia), ...plainObject(others) };
  }
  if (type === "input_audio") return await heardPart(input_audio, keepMedia);
  if (type === "file") {
    const { file_data, ...others } = looseOf(file);
    const about = plainObject(others);
    if (typeof file_data !== "string") return { type: "file", modality: "document", ...about };
    return { ...await fileData(file_data, keepMedia), ...about };
  }
  return { ...plainObject(part), type: textOf(type) ?? "unknown" };
}

/** What the model is given to hear. */
export function heardPart(audio: unknown, keepMedia: boolean): Promise<Part> {
  const { data, format } = looseOf(audio);
  return blobPart(textOf(data) ?? "", `audio/${textOf(format) ?? "wav"}`, keepMedia);
}

/** The bytes of a file: a data: URL, or base64 alone. */
export function fileData(data: string, keepMedia: boolean): Promise<Part> {
  return isDataUrl(data)
    ? urlPart(data, undefined, keepMedia)
    : blobPart(data, undefined, keepMedia);
}

function toolCalls({ tool_calls, function_call }: Loose): Part[] {
  const legacy = function_call === undefined || function_call === null
    ? []
    : [{ function: function_call }];
  return [...listOf(tool_calls), ...listOf(legacy)].map((call) => {
    const { id, function: called, custom } = call;
    const { name, arguments: json, input } = looseOf(called ?? custom);
    return {
      ...without(call, CALL),
      type: "tool_call",
      ...(typeof id === "string" ? { id } : {}),
      name: textOf(name) ?? "",
      arguments: typeof json === "string" ? parsedOr(json) : plainJson(json ?? input) ?? "",
    };
  });
}

function answered({ message, finish_reason }: Loose): Message {
  const said = looseOf(message);
  const { role, content, refusal, audio } = said;
  const reasoning = reasoningIn(said);
  const parts: Part[] = [];
  if (reasoning !== undefined) parts.push({ type: "reasoning", content: reasoning });
  const { annotations, ...others } = telling(said, ANSWER);
  const cited: Record<string, JsonValue> = annotations === undefined ? {} : { annotations };
  if (typeof content === "string" && (content !== "" || annotations !== undefined)) {
    parts.push({ ...textPart(content), ...cited });
  } else Object.assign(others, cited);
  if (typeof refusal === "string") parts.push({ type: "refusal", content: refusal });
  for (const part of listOf(content)) parts.push(saidPart(part));
  if (typeof audio === "object" && audio !== null) parts.push(audioPart(looseOf(audio)));
  parts.push(...picturesIn(said));
  const all = [...parts, ...toolCalls(said)];
  return {
    role: textOf(role) ?? "assistant",
    ...others,
    // A stream begins with an empty text, whatever comes; it is the answer only where nothing else came.
    parts: content === "" && all.length === 0 ? [textPart("")] : all,
    ...(typeof finish_reason === "string" ? { finish_reason } : {}),
  };
}

function audioPart(audio: Loose): Part {
  return { ...without(audio, []), type: "audio" };
}

/** Pictures that the model made stand beside the content where others speak as OpenAI does. */
function picturesIn({ images }: Loose): Part[] {
  return listOf(images).map(saidPart);
}

/** A part of an answer that is a list of them, as Mistral's are where the model reasons. */
function saidPart(part: Loose): Part {
  const { type, text, refusal } = part;
  const thought = thoughtIn(part);
  if (thought !== undefined) return { type: "reasoning", content: thought };
  if (type === "text") return textPart(textOf(text) ?? "");
  if (type === "refusal") return { type, content: textOf(refusal) ?? "" };
  return { ...plainObject(part), type: textOf(type) ?? "unknown" };
}

function responseOf(body: Loose, choices: readonly Loose[]): WireResponse {
  const ofChoices = choices.map((choice) => telling(choice, CHOICE));
  // Groq tells it there, at the end of streams that were not asked for it, too.
  const told = looseOf(body["usage"] ?? looseOf(body["x_groq"])["usage"]);
  const { prompt_tokens, prompt_tokens_details, completion_tokens_details } = told;
  const reasoning = looseOf(completion_tokens_details)["reasoning_tokens"];
  const output = choices.map(answered);
  return {
    output,
    id: textOf(body["id"]),
    model: textOf(body["model"]),
    finishReasons: finishReasonsOf(output),
    usage: usageOf({
      inputTokens: prompt_tokens,
      outputTokens: allOutputTokens({
        input: prompt_tokens,
        output: told["completion_tokens"],
        reasoning,
        total: told["total_tokens"],
        model: body["model"],
      }),
      cacheReadTokens: looseOf(prompt_tokens_details)["cached_tokens"],
      cacheCreationTokens: looseOf(prompt_tokens_details)["cache_write_tokens"],
      reasoningTokens: reasoning,
    }),
    metadata: {
      "openai.response.service_tier": filledText(body["service_tier"]),
      "openai.response.system_fingerprint": filledText(body["system_fingerprint"]),
      "openai.response.choices": ofChoices.some((told) => Object.keys(told).length > 0)
        ? ofChoices
        : undefined,
      ...toldBeside(body, COMPLETION),
    },
    ...(body["error"] === undefined || body["error"] === null ? {} : { error: errorIn(body) }),
  };
}

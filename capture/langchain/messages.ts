import type { JsonValue, Usage } from "../../mod.ts";
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
import { blobPart, isDataUrl, urlPart } from "../shared/media.ts";
import { type Message, type Part, textPart } from "../shared/messages.ts";
import { allOutputTokens } from "../shared/output_tokens.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";

/** LangChain's names of roles, and those of the conventions. */
const ROLES: Readonly<Record<string, string>> = {
  human: "user",
  ai: "assistant",
  function: "tool",
  generic: "user",
};

/** A message of LangChain's. */
export async function messageOf(message: unknown, keepMedia: boolean): Promise<Message> {
  const told = looseOf(message);
  const { content, name, tool_calls, invalid_tool_calls, tool_call_id } = told;
  const type = typeOf(told);
  const role = type === "generic" ? textOf(told["role"]) ?? "user" : ROLES[type] ?? type;
  const parts: Part[] = [];
  if (typeof content === "string" && content !== "") parts.push(textPart(content));
  for (const block of listOf(content)) {
    const part = await blockPart(block, keepMedia);
    if (part !== undefined) parts.push(part);
  }
  parts.push(...besideContent(told, parts), ...itemsBeside(told));
  for (const call of [...listOf(tool_calls), ...listOf(invalid_tool_calls)]) {
    const id = filledText(call["id"]);
    parts.push({
      ...without(call, ["type", "id", "name", "args", "index"]),
      type: "tool_call",
      ...(id === undefined ? {} : { id }),
      name: textOf(call["name"]) ?? "",
      arguments: plainJson(call["args"]) ?? null,
    });
  }
  const named: Record<string, string> = typeof name === "string" && name !== "" ? { name } : {};
  if (typeof tool_call_id !== "string") return { role, ...named, parts };
  const response = typeof content === "string" ? content : parts;
  const failed: Record<string, string> = told["status"] === "error" ? { status: "error" } : {};
  const part = { ...named, ...failed, type: "tool_call_response", id: tool_call_id, response };
  return { role, parts: [part] };
}

/** What some models' messages have beside their content. */
function besideContent({ additional_kwargs }: Loose, known: readonly Part[]): Part[] {
  const { refusal, reasoning_content, reasoning, audio, function_call } = looseOf(
    additional_kwargs,
  );
  const parts: Part[] = [];
  const summary = listOf(looseOf(reasoning)["summary"]).map(({ text }) => textOf(text) ?? "");
  const thought = filledText(reasoning_content) ?? filledText(summary.join("\n"));
  if (thought !== undefined && !known.some(({ type }) => type === "reasoning")) {
    parts.push({ type: "reasoning", content: thought });
  }
  if (typeof refusal === "string" && !known.some(({ type }) => type === "refusal")) {
    parts.push({ type: "refusal", content: refusal });
  }
  if (typeof audio === "object" && audio !== null) {
    parts.push({ ...without(looseOf(audio), []), type: "audio" });
  }
  const { name, arguments: json } = looseOf(function_call);
  if (typeof name === "string") {
    parts.push({ type: "tool_call", name, arguments: parsedOr(textOf(json) ?? "") });
  }
  return parts;
}

/**
 * What tools that the provider has itself were asked and answered, shells among them, as OpenAI's responses have it. What is a
 * tool call, too, is told there.
 */
function itemsBeside({ additional_kwargs, tool_calls }: Loose): Part[] {
  const called = new Set(listOf(tool_calls).map(({ id }) => id));
  return listOf(looseOf(additional_kwargs)["tool_outputs"])
    .filter(({ call_id }) => call_id === undefined || !called.has(call_id))
    .map((item) => ({ ...plainObject(item), type: textOf(item["type"]) ?? "unknown" }));
}

/** What kind of message it is; their classes have had several ways to tell. */
function typeOf(message: Loose): string {
  for (const method of ["getType", "_getType"]) {
    const tell = message[method];
    if (typeof tell === "function") return String(tell.call(message));
  }
  return textOf(message["type"]) ?? textOf(message["role"]) ?? "generic";
}

/** A block of content, of LangChain's own form or of a provider's. Tool calls are told beside the content, too. */
async function blockPart(block: Loose, keepMedia: boolean): Promise<Part | undefined> {
  const { type, text, image_url, data, url, source, reasoning, thinking } = block;
  const mediaType = textOf(block["mimeType"]) ?? textOf(block["mime_type"]);
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      return { ...beside(block, "text"), ...textPart(textOf(text) ?? "") };
    case "tool_use":
    case "tool_call":
    case "tool_call_chunk":
    case "input_json_delta":
    case "function_call":
      return undefined;
    case "reasoning":
    case "thinking":
      return {
        ...beside(block, "reasoning", "thinking", "text"),
        type: "reasoning",
        content: textOf(reasoning) ?? textOf(thinking) ?? textOf(text) ?? "",
      };
    case "image_url": {
      const address = textOf(image_url) ?? textOf(looseOf(image_url)["url"]) ?? "";
      return await urlPart(address, "image", keepMedia);
    }
    case "refusal":
      return { type, content: textOf(block["refusal"]) ?? textOf(text) ?? "" };
    case "input_image":
      if (typeof image_url === "string") return await urlPart(image_url, "image", keepMedia);
      break;
    case "input_audio": {
      const { data, format } = looseOf(block["input_audio"]);
      return await blobPart(textOf(data) ?? "", `audio/${textOf(format) ?? "wav"}`, keepMedia);
    }
    case "file":
    case "input_file": {
      const { file_data, ...others } = { ...block, ...looseOf(block["file"]) };
      if (typeof file_data !== "string") break;
      const about = without(others, ["type", "file"]);
      const part = isDataUrl(file_data)
        ? await urlPart(file_data, undefined, keepMedia)
        : await blobPart(file_data, undefined, keepMedia);
      return { ...about, ...part };
    }
  }
  const inner = looseOf(source);
  const bytes = data ?? inner["data"];
  if (bytes instanceof Uint8Array || typeof bytes === "string") {
    const kind = mediaType ?? textOf(inner["media_type"]);
    const others = without(block, ["type", "data", "source", "mimeType", "mime_type"]);
    return { ...others, ...await blobPart(bytes, kind, keepMedia) };
  }
  if (typeof url === "string") return await urlPart(url, mediaType ?? textOf(type), keepMedia);
  return { ...plainObject(block), type: textOf(type) ?? "unknown" };
}

/** What a block has beside its text; a list without members says nothing, and its place in a stream is none of it. */
function beside(block: Loose, ...names: readonly string[]): Record<string, JsonValue> {
  const others = without(block, ["type", "id", "index", ...names]);
  return Object.fromEntries(
    Object.entries(others).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  );
}

/** Usage as LangChain's messages have it, or else as its models' outputs do. */
export function usageIn(message: unknown, llmOutput: unknown): Usage | undefined {
  const { usage_metadata, response_metadata } = looseOf(message);
  const told = looseOf(usage_metadata);
  const { input_tokens, input_token_details, output_token_details } = told;
  const { model_name, model } = looseOf(response_metadata);
  const reasoning = looseOf(output_token_details)["reasoning"];
  const { promptTokens, completionTokens } = looseOf(looseOf(llmOutput)["tokenUsage"]);
  return countedUsage({
    inputTokens: input_tokens,
    outputTokens: allOutputTokens({
      input: input_tokens,
      output: told["output_tokens"],
      reasoning,
      total: told["total_tokens"],
      model: model_name ?? model,
    }),
    cacheReadTokens: looseOf(input_token_details)["cache_read"],
    cacheCreationTokens: looseOf(input_token_details)["cache_creation"],
    reasoningTokens: reasoning,
  }) ?? countedUsage({ inputTokens: promptTokens, outputTokens: completionTokens });
}

/** A usage that LangChain was told. What it was not told, it counts as 0, of messages too; no call takes no token at all. */
function countedUsage(usage: { [Key in keyof Usage]: unknown }): Usage | undefined {
  return usage.inputTokens === 0 && usage.outputTokens === 0 ? undefined : usageOf(usage);
}

/** What a tool was given, or gave: a message's content, a text, or whatever it is. */
export function toolText(value: unknown): string {
  const told = looseOf(value);
  // Only a message's content is all of it.
  const content = typeof told["getType"] === "function" ? told["content"] ?? "" : value;
  if (typeof content === "string") return content;
  return JSON.stringify(plainJson(content) as JsonValue) ?? "";
}

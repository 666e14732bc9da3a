import type { JsonValue } from "../../mod.ts";
import { listOf, type Loose, looseOf, parsedOr, textOf, without } from "../shared/loose.ts";
import { blobPart, modalityOf, urlPart } from "../shared/media.ts";
import { type Message, type Part, textMessage, textPart } from "../shared/messages.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";

/** The messages of a prompt in the AI SDK's form for providers. */
export async function messagesOf(prompt: unknown, keepMedia: boolean): Promise<Message[]> {
  const messages: Message[] = [];
  for (const { role, content } of listOf(prompt)) {
    const name = textOf(role) ?? "user";
    if (typeof content === "string") messages.push(textMessage(name, content));
    else {
      messages.push({ role: name, parts: await answerParts(content, keepMedia) });
    }
  }
  return messages;
}

/** The parts of a message, or of an answer. */
export async function answerParts(content: unknown, keepMedia: boolean): Promise<Part[]> {
  const parts: Part[] = [];
  for (const part of listOf(content)) {
    // Anthropic's provider has it say that the message begins, and nothing else.
    if (part["kind"] === "anthropic.message_start") continue;
    parts.push(await partOf(part, keepMedia));
  }
  return parts;
}

async function partOf(part: Loose, keepMedia: boolean): Promise<Part> {
  const { type, text, toolCallId, toolName, input, output, result, data, mediaType } = part;
  const others = (...names: string[]): Record<string, JsonValue> =>
    without(part, ["type", "providerOptions", "providerMetadata", ...names]);
  switch (type) {
    case "text":
      return { ...others("text"), ...textPart(textOf(text) ?? "") };
    case "reasoning": {
      // Signatures, and reasoning that is told in a form that only the provider reads.
      const known = plainObject(looseOf(part["providerMetadata"] ?? part["providerOptions"]));
      return {
        ...others("text"),
        type,
        content: textOf(text) ?? "",
        ...(Object.keys(known).length === 0 ? {} : { provider_metadata: known }),
      };
    }
    case "tool-call":
      return {
        ...others("toolCallId", "toolName", "input"),
        type: "tool_call",
        id: textOf(toolCallId) ?? "",
        name: textOf(toolName) ?? "",
        // Answers have it as JSON, prompts as the value.
        arguments: typeof input === "string" ? parsedOr(input) : plainJson(input) ?? null,
      };
    case "tool-result":
      return {
        ...others("toolCallId", "toolName", "output", "result"),
        type: "tool_call_response",
        id: textOf(toolCallId) ?? "",
        name: textOf(toolName) ?? "",
        response: await responseOf(output ?? result, keepMedia),
      };
    case "file":
    case "reasoning-file":
      return {
        ...others("data", "mediaType"),
        ...await filePart(data, textOf(mediaType), keepMedia),
      };
    default:
      return { ...plainObject(part), type: textOf(type) ?? "unknown" };
  }
}

/** What a tool answered: a text or a value plainly, all else as it is told. */
async function responseOf(output: unknown, keepMedia: boolean): Promise<JsonValue> {
  const { type, value } = looseOf(output);
  if (type === "content") return await answerParts(value, keepMedia);
  return plainJson(type === "text" || type === "json" ? value : output) ?? null;
}

/** Data of a file: bytes, base64, a URL, a text, or a reference that the provider knows. */
async function filePart(
  data: unknown,
  mediaType: string | undefined,
  keepMedia: boolean,
): Promise<Part> {
  const told = looseOf(data);
  const content = data instanceof Uint8Array || typeof data === "string" || data instanceof URL
    ? data
    : told["data"] ?? told["url"] ?? told["text"];
  if (content instanceof URL || told["type"] === "url") {
    // A URL that is an object may be written otherwise than it was given.
    return await urlPart(textOf(told["originalUrl"]) ?? String(content), mediaType, keepMedia);
  }
  if (told["type"] === "text") return { type: "document", content: String(content) };
  if (content instanceof Uint8Array || typeof content === "string") {
    return await blobPart(content, mediaType, keepMedia);
  }
  return { ...plainObject(told), type: "file", modality: modalityOf(mediaType) };
}

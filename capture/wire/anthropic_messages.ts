/**
 * Anthropic's messages, after its API reference, "Messages" and "Streaming messages"
 * (https://docs.anthropic.com/en/api/messages).
 *
 * @module
 */
import type { JsonValue, Usage } from "../../mod.ts";
import { withoutCredentials } from "../shared/credentials.ts";
import {
  countOf,
  listOf,
  type Loose,
  looseOf,
  parsedOr,
  sumOfKnown,
  telling,
  textOf,
  usageOf,
  without,
} from "../shared/loose.ts";
import { blobPart, urlPart } from "../shared/media.ts";
import { type Message, type Part, textPart } from "../shared/messages.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import { requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse, type WireStream } from "./wire_format.ts";

const CONTENT = ["model", "messages", "system", "tools", "mcp_servers"];

/** Messages. */
export const anthropicMessages: WireFormat = {
  operation: "chat",
  async request(body, keepMedia) {
    const messages: Message[] = [];
    for (const { role, content } of listOf(body["messages"])) {
      messages.push({ role: textOf(role) ?? "user", parts: await partsOf(content, keepMedia) });
    }
    const { metadata, parameters } = requestParameters(body, CONTENT);
    return {
      model: textOf(body["model"]),
      input: {
        system: await partsOf(body["system"], keepMedia),
        messages,
        tools: toolsOf(body["tools"]),
        others: "mcp_servers" in body
          ? { mcp_servers: withoutCredentials(toolsOf(body["mcp_servers"])) }
          : {} as Others,
      },
      metadata,
      parameters,
    };
  },
  response: responseOf,
  stream: () => new MessageStream(),
};

type Others = Record<string, JsonValue>;

async function partsOf(content: unknown, keepMedia: boolean): Promise<Part[]> {
  if (typeof content === "string") return [textPart(content)];
  const parts: Part[] = [];
  for (const block of listOf(content)) parts.push(await askedPart(block, keepMedia));
  return parts;
}

async function askedPart(block: Loose, keepMedia: boolean): Promise<Part> {
  const { type, source, tool_use_id, content } = block;
  if (type === "image" || type === "document") {
    const others = without(block, ["type", "source"]);
    return { ...others, ...await sourcePart(looseOf(source), String(type), keepMedia) };
  }
  if (type === "tool_result") {
    const response = typeof content === "string" ? content : await partsOf(content, keepMedia);
    const others = without(block, ["type", "tool_use_id", "content"]);
    return { ...others, type: "tool_call_response", id: textOf(tool_use_id) ?? "", response };
  }
  return saidPart(block);
}

async function sourcePart(source: Loose, kind: string, keepMedia: boolean): Promise<Part> {
  const { type, media_type, data, url, file_id, content } = source;
  const mediaType = textOf(media_type);
  if (type === "base64") return await blobPart(textOf(data) ?? "", mediaType, keepMedia);
  if (type === "url") return await urlPart(textOf(url) ?? "", kind, keepMedia);
  if (type === "file") return { type: "file", modality: kind, file_id: textOf(file_id) ?? "" };
  if (type === "text") return { type: "document", content: textOf(data) ?? "" };
  if (type === "content") return { type: "document", content: await partsOf(content, keepMedia) };
  return { ...plainObject(source), type: kind };
}

/** A block that the model made; a request may have it, too. */
function saidPart(block: Loose): Part {
  const { type, text, thinking, id, name, input } = block;
  const others = (...names: string[]): Others => telling(block, ["type", ...names]);
  switch (type) {
    case "text":
      return { ...others("text"), ...textPart(textOf(text) ?? "") };
    case "thinking":
      return { ...others("thinking"), type: "reasoning", content: textOf(thinking) ?? "" };
    case "tool_use":
      return {
        ...others("id", "name", "input"),
        type: "tool_call",
        id: textOf(id) ?? "",
        name: textOf(name) ?? "",
        arguments: plainJson(input) ?? null,
      };
    default:
      return { ...plainObject(block), type: textOf(type) ?? "unknown" };
  }
}

function responseOf(body: Loose): WireResponse {
  const parts = listOf(body["content"]).map(saidPart);
  const reason = textOf(body["stop_reason"]);
  const usage = looseOf(body["usage"]);
  return {
    output: parts.length === 0 ? [] : [{
      role: "assistant",
      parts,
      ...(reason === undefined ? {} : { finish_reason: reason }),
    }],
    id: textOf(body["id"]),
    model: textOf(body["model"]),
    finishReasons: reason === undefined ? [] : [reason],
    usage: usageIn(usage),
    metadata: {
      "anthropic.response.stop_sequence": textOf(body["stop_sequence"]),
      "anthropic.response.stop_details": body["stop_details"] ?? undefined,
      "anthropic.response.iterations": iterationsIn(usage),
      "anthropic.response.server_tool_use": usage["server_tool_use"] ?? undefined,
    },
    ...(body["type"] === "error" ? { error: errorIn(body) } : {}),
  };
}

/** What is counted for each of the requests that the answer took; that of the only one is the usage itself. */
function iterationsIn({ iterations }: Loose): unknown {
  const types = listOf(iterations).map(({ type }) => type);
  return types.length > 1 || types.some((type) => type !== "message") ? iterations : undefined;
}

/**
 * What was counted. What it took to summarize a context that had become too long is counted apart; an advisor's tokens, of another model
 * at another price, are with the iterations alone.
 */
function usageIn(usage: Loose): Usage | undefined {
  const parts = [usage, ...listOf(usage["iterations"]).filter(({ type }) => type === "compaction")];
  const sum = (name: string): number | undefined =>
    countOf(usage[name]) === undefined ? undefined : sumOfKnown(...parts.map((part) => part[name]));
  const [read, written] = [sum("cache_read_input_tokens"), sum("cache_creation_input_tokens")];
  const uncached = sum("input_tokens");
  return usageOf({
    // Cached tokens are counted apart.
    inputTokens: uncached === undefined ? undefined : sumOfKnown(uncached, read, written),
    outputTokens: sum("output_tokens"),
    cacheReadTokens: read,
    cacheCreationTokens: written,
    reasoningTokens: looseOf(usage["output_tokens_details"])["thinking_tokens"],
  });
}

/** Which deltas add to which property of a block. */
const DELTAS: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
};
/** Those that bring all of some properties at once. */
const WHOLE_DELTAS: readonly unknown[] = ["signature_delta", "compaction_delta"];

/** An object that shares nothing with others, whatever a provider calls its properties. */
function unshared(): Record<string, unknown> {
  return Object.create(null);
}

class MessageStream implements WireStream {
  readonly isComplete = false; // its last event says so
  #message = unshared();
  readonly #usage = unshared();
  readonly #blocks = new Map<number, Record<string, unknown>>();
  /** The input of tools, as JSON that is still coming. */
  readonly #inputs = new Map<number, string>();
  #error: Loose | undefined;

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const { type = name, index = 0, message, content_block, delta, usage } = data;
    const at = Number(index);
    switch (type) {
      case "message_start":
        this.#message = Object.assign(unshared(), looseOf(message));
        this.#addUsage(looseOf(message)["usage"]);
        break;
      case "content_block_start":
        this.#begin(at, looseOf(content_block));
        break;
      case "content_block_delta":
        return { isOutput: this.#add(at, looseOf(delta)), isLast: false };
      case "message_delta":
        Object.assign(this.#message, looseOf(delta));
        this.#addUsage(usage);
        break;
      case "message_stop":
        return { isOutput: false, isLast: true };
      case "error":
        this.#error = data;
        return { isOutput: false, isLast: true };
    }
    return { isOutput: false, isLast: false };
  }

  /** What says nothing does not undo what was said. */
  #addUsage(usage: unknown): void {
    Object.assign(this.#usage, without(looseOf(usage), []));
  }

  #begin(index: number, block: Loose): void {
    this.#blocks.set(index, Object.assign(unshared(), block));
    const { type, to } = block;
    // From here on another model answers, as a whole message names it.
    const model = type === "fallback" ? textOf(looseOf(to)["model"]) : undefined;
    if (model !== undefined) this.#message["model"] = model;
  }

  #add(index: number, delta: Loose): boolean {
    const block = this.#blocks.get(index);
    if (block === undefined) return false;
    const { type, partial_json, citation } = delta;
    const property = Object.hasOwn(DELTAS, String(type)) ? DELTAS[String(type)] : undefined;
    if (property !== undefined) {
      block[property] = (textOf(block[property]) ?? "") + (textOf(delta[property]) ?? "");
    } else if (WHOLE_DELTAS.includes(type)) {
      const { type: _, ...properties } = delta;
      Object.assign(block, properties);
    } else if (type === "input_json_delta") {
      this.#inputs.set(index, (this.#inputs.get(index) ?? "") + (textOf(partial_json) ?? ""));
    } else if (type === "citations_delta") {
      if (!Array.isArray(block["citations"])) block["citations"] = [];
      (block["citations"] as unknown[]).push(citation);
    }
    return type !== "signature_delta";
  }

  response(): WireResponse {
    const content = [...this.#blocks].sort(([a], [b]) => a - b).map(([index, block]) => {
      const json = this.#inputs.get(index);
      return json === undefined || json === "" ? block : { ...block, input: parsedOr(json) };
    });
    const response = responseOf({ ...this.#message, usage: this.#usage, content });
    return this.#error === undefined ? response : { ...response, error: errorIn(this.#error) };
  }
}

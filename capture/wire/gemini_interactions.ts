/**
 * Gemini's interactions, after its API reference, "Interactions" (https://ai.google.dev/api/interactions-api), as they are since steps
 * took the place of outputs.
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import {
  filledText,
  listOf,
  type Loose,
  looseOf,
  sumOfKnown,
  textOf,
  usageOf,
  without,
} from "../shared/loose.ts";
import { blobPart, modalityOf, urlPart } from "../shared/media.ts";
import { type Message, type Part, textMessage, textPart } from "../shared/messages.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import { InteractionStream } from "./gemini_interactions_stream.ts";
import { requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse } from "./wire_format.ts";

const CONTENT = ["model", "agent", "input", "system_instruction", "tools", "generation_config"];

/** Interactions with a model, or with an agent, which is recorded in its place. */
export const geminiInteractions: WireFormat = {
  operation: "generate_content",
  async request(body, keepMedia) {
    const { model, agent, input, system_instruction: system } = body;
    const config = requestParameters(looseOf(body["generation_config"]), []);
    const { parameters } = requestParameters(body, CONTENT, {});
    const isMore = Object.keys(config.parameters).length > 0;
    return {
      model: textOf(model) ?? textOf(agent),
      input: {
        system: typeof system === "string" ? [textPart(system)] : [],
        messages: await messagesOf(input, keepMedia),
        tools: toolsOf(body["tools"]),
      },
      metadata: { ...config.metadata, "gen_ai.agent.name": textOf(agent) },
      parameters: { ...parameters, ...(isMore ? { generation_config: config.parameters } : {}) },
    };
  },
  response: responseOf,
  stream: () => new InteractionStream(responseOf),
};

/** A text, a content, several of these, which are one message, or the steps of a conversation. */
async function messagesOf(input: unknown, keepMedia: boolean): Promise<Message[]> {
  if (typeof input === "string") return [textMessage("user", input)];
  const messages: Message[] = [];
  let contents: Part[] | undefined;
  for (const item of listOf(Array.isArray(input) ? input : input === undefined ? [] : [input])) {
    const role = roleOf(item);
    if (role !== undefined) {
      messages.push({ role, parts: await askedParts(item, keepMedia) });
      contents = undefined;
      continue;
    }
    if (contents === undefined) messages.push({ role: "user", parts: contents = [] });
    contents.push(await askedContent(item, keepMedia));
  }
  return messages;
}

/** Whose a step is; `undefined` if it is a content, and no step. */
function roleOf({ type, role }: Loose): string | undefined {
  if (type === undefined) return role === "model" ? "assistant" : textOf(role);
  if (type === "user_input") return "user";
  if (type === "function_result") return "tool";
  const isStep = type === "model_output" || type === "thought" ||
    /_(?:call|result)$/.test(textOf(type) ?? "");
  return isStep ? "assistant" : undefined;
}

async function askedParts(step: Loose, keepMedia: boolean): Promise<Part[]> {
  const { type = "user_input", content } = step;
  if (type !== "user_input" && type !== "model_output") return saidParts(step);
  if (typeof content === "string") return [textPart(content)];
  const parts: Part[] = [];
  for (const item of listOf(content)) parts.push(await askedContent(item, keepMedia));
  return parts;
}

async function askedContent(content: Loose, keepMedia: boolean): Promise<Part> {
  const { type, data, uri, mime_type } = content;
  const others = without(content, ["type", "data", "uri", "mime_type"]);
  const mediaType = textOf(mime_type) ?? textOf(type);
  if (typeof data === "string") return { ...others, ...await blobPart(data, mediaType, keepMedia) };
  if (typeof uri === "string") return { ...others, ...await urlPart(uri, mediaType, keepMedia) };
  return saidContent(content);
}

/** A content that the model made; a request may have it, too. */
function saidContent(content: Loose): Part {
  const { type, text, data, mime_type } = content;
  if (type === "text") {
    return { ...without(content, ["type", "text"]), ...textPart(textOf(text) ?? "") };
  }
  if (typeof data !== "string") return { ...plainObject(content), type: textOf(type) ?? "unknown" };
  const mediaType = textOf(mime_type) ?? textOf(type);
  return {
    ...without(content, ["type", "data"]),
    type: "blob",
    modality: modalityOf(mediaType),
    content: data,
  };
}

/** What a step is: of the model's output, a part for each content. */
function saidParts(step: Loose): Part[] {
  const { type, content, summary, id, call_id, name, arguments: args, result, error } = step;
  switch (type) {
    case "model_output":
      return [
        ...listOf(content).map(saidContent),
        ...(error === undefined ? [] : [{ ...plainObject(looseOf(error)), type: "error" }]),
      ];
    case "thought": {
      const contents = listOf(summary);
      const texts = contents.map(({ text }) => filledText(text)).filter((text) =>
        text !== undefined
      );
      return [
        { ...without(step, ["summary"]), type: "reasoning", content: texts.join("\n\n") },
        ...contents.filter(({ type }) => type !== "text").map(saidContent),
      ];
    }
    case "function_call":
      return [{
        ...without(step, ["type", "id", "name", "arguments"]),
        type: "tool_call",
        id: textOf(id) ?? "",
        name: textOf(name) ?? "",
        arguments: plainJson(args) ?? null,
      }];
    case "function_result":
      return [{
        ...without(step, ["type", "call_id", "result"]),
        type: "tool_call_response",
        id: textOf(call_id) ?? "",
        response: Array.isArray(result)
          ? listOf(result).map(saidContent)
          : plainJson(result) ?? null,
      }];
    default:
      return [{ ...plainObject(step), type: textOf(type) ?? "unknown" }];
  }
}

function responseOf(body: Loose): WireResponse {
  const { id, model, status, steps, outputs, usage, errors, service_tier } = body;
  // Those of some models have their contents without steps.
  const made = Array.isArray(steps) ? steps : [{ type: "model_output", content: outputs }];
  const signatures: JsonValue[] = [];
  const parts = listOf(made).flatMap((step) => {
    const { type, summary, signature } = step;
    if (type === "user_input") return [];
    if (type !== "thought" || listOf(summary).length > 0) return saidParts(step);
    // Of most thoughts, no more is told than that there were some.
    if (typeof signature === "string") signatures.push(signature);
    return [];
  });
  const error = body["error"] ?? (status === "failed" ? listOf(errors)[0] ?? {} : undefined);
  const reason = filledText(status);
  return {
    output: parts.length === 0 ? [] : [{ role: "assistant", parts }],
    id: textOf(id),
    model: textOf(model),
    finishReasons: reason === undefined ? [] : [reason],
    usage: interactionUsage(looseOf(usage)),
    metadata: {
      "gemini.response.service_tier": filledText(service_tier),
      "gemini.response.thought_signatures": signatures.length === 0 ? undefined : signatures,
      "gemini.response.errors": listOf(errors).length === 0 ? undefined : errors,
      "gemini.response.continuation_ids": body["continuation_ids"] ?? undefined,
    },
    ...(error === undefined || error === null ? {} : { error: errorIn({ error }) }),
  };
}

/** Tokens: the input has the cached ones among it. What tools answered with, and thoughts, are counted apart. */
function interactionUsage(usage: Loose): WireResponse["usage"] {
  return usageOf({
    inputTokens: sumOfKnown(usage["total_input_tokens"], usage["total_tool_use_tokens"]),
    outputTokens: sumOfKnown(usage["total_output_tokens"], usage["total_thought_tokens"]),
    cacheReadTokens: usage["total_cached_tokens"],
    reasoningTokens: usage["total_thought_tokens"],
  });
}

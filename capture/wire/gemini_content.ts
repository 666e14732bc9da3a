/**
 * Gemini's content, of Google's own API and of Vertex AI, after their API references, "Generating content" and "Method:
 * models.generateContent" (https://ai.google.dev/api/generate-content).
 *
 * @module
 */
import type { JsonValue, Usage } from "../../mod.ts";
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
import { finishReasonsOf, type Message, type Part, textPart } from "../shared/messages.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import { ContentStream, partialArguments, TOLD_APART } from "./gemini_content_stream.ts";
import { CAMEL_CASE_NAMES, requestParameters, toolsOf } from "./request_parameters.ts";
import { errorIn, type WireFormat, type WireResponse } from "./wire_format.ts";

const CONTENT = ["model", "contents", "systemInstruction", "tools", "generationConfig"];
/** What the conventions call parameters of the configuration. */
const PARAMETERS = { ...CAMEL_CASE_NAMES, candidateCount: "choice.count" };

/** Content that is generated. */
export const geminiContent: WireFormat = {
  operation: "generate_content",
  async request(given, keepMedia) {
    const body = camelCased(given);
    const messages: Message[] = [];
    for (const content of severalOf(body["contents"])) {
      messages.push(await geminiMessage(content, keepMedia));
    }
    const system = body["systemInstruction"];
    const config = requestParameters(
      camelCased(looseOf(body["generationConfig"])),
      [],
      PARAMETERS,
    );
    const { parameters } = requestParameters(body, CONTENT, {});
    const isMore = Object.keys(config.parameters).length > 0;
    return {
      model: undefined, // its path names it
      input: {
        system: system === undefined ? [] : (await geminiMessage(system, keepMedia)).parts,
        messages,
        tools: severalOf(body["tools"]).flatMap((tool) => toolsOf([tool])),
      },
      metadata: config.metadata,
      parameters: { ...parameters, ...(isMore ? { generationConfig: config.parameters } : {}) },
    };
  },
  response: responseOf,
  stream: () => new ContentStream(responseOf),
};

/** Content that is generated and comes by stream: its path says so, and nothing in the body. */
export const geminiContentStream: WireFormat = {
  ...geminiContent,
  async request(body, keepMedia) {
    const request = await geminiContent.request(body, keepMedia);
    return { ...request, parameters: { ...request.parameters, stream: true } };
  },
};

/**
 * An object with its names as answers have them, without what is null and says nothing. In requests, Google takes `inline_data` for
 * `inlineData`.
 */
export function camelCased(object: Loose): Loose {
  const said = Object.entries(object).filter(([, value]) => value !== null);
  return Object.fromEntries(said.map(([name, value]) => [
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]));
}

/** Where Google takes a list, it takes one of them, too. */
function severalOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** A content: somebody's parts. */
export async function geminiMessage(content: unknown, keepMedia: boolean): Promise<Message> {
  if (typeof content === "string") return { role: "user", parts: [textPart(content)] };
  const { role, parts: given, ...others } = looseOf(content);
  const parts: Part[] = [];
  for (const part of severalOf(given)) {
    parts.push(
      typeof part === "string" ? textPart(part) : await askedPart(looseOf(part), keepMedia),
    );
  }
  const isOfTools = parts.length > 0 && parts.every(({ type }) => type === "tool_call_response");
  return {
    ...without(others, []),
    role: isOfTools ? "tool" : role === "model" ? "assistant" : filledText(role) ?? "user",
    parts,
  };
}

async function askedPart(given: Loose, keepMedia: boolean): Promise<Part> {
  const part = camelCased(given);
  const { inlineData, fileData, functionResponse } = part;
  if (inlineData !== undefined) {
    const { data, mimeType, ...others } = camelCased(looseOf(inlineData));
    const blob = await blobPart(textOf(data) ?? "", textOf(mimeType), keepMedia);
    return { ...without(part, ["inlineData"]), ...plainObject(others), ...blob };
  }
  if (fileData !== undefined) {
    const { fileUri, mimeType, ...others } = camelCased(looseOf(fileData));
    const uri = await urlPart(textOf(fileUri) ?? "", textOf(mimeType), keepMedia);
    return { ...without(part, ["fileData"]), ...plainObject(others), ...uri };
  }
  if (functionResponse !== undefined) {
    const { id, name, response, parts, ...others } = looseOf(functionResponse);
    const made = await geminiMessage({ parts }, keepMedia);
    return {
      ...without(part, ["functionResponse"]),
      ...without(others, []),
      type: "tool_call_response",
      ...(typeof id === "string" ? { id } : {}),
      name: textOf(name) ?? "",
      response: plainJson(response) ?? null,
      ...(made.parts.length === 0 ? {} : { parts: made.parts }),
    };
  }
  return saidPart(part);
}

/** What a part may have beside what it is. */
const BESIDE = [
  "thought",
  "thoughtSignature",
  "partMetadata",
  "mediaResolution",
  "videoMetadata",
  "mediaProcessing",
  "speechMetadata",
];

/** A part that the model made; a request may have it, too. */
function saidPart(part: Loose): Part {
  const { text, thought, functionCall, inlineData } = part;
  if (typeof text === "string") {
    const others = without(part, ["text", "thought"]);
    if (thought !== true) return { ...others, ...textPart(text) };
    return { ...others, type: "reasoning", content: text };
  }
  if (functionCall !== undefined) {
    const { id, name, args, partialArgs, willContinue: _, ...others } = camelCased(
      looseOf(functionCall),
    );
    return {
      ...without(part, ["functionCall"]),
      ...without(others, []),
      type: "tool_call",
      ...(typeof id === "string" ? { id } : {}),
      name: textOf(name) ?? "",
      arguments: plainJson(args) ?? partialArguments(partialArgs),
    };
  }
  if (inlineData !== undefined) {
    const { data, mimeType, ...others } = looseOf(inlineData);
    const type = textOf(mimeType);
    return {
      ...without(part, ["inlineData"]),
      ...without(others, []),
      type: "blob",
      modality: modalityOf(type),
      ...(type === undefined ? {} : { mime_type: type }),
      content: textOf(data) ?? "",
    };
  }
  // Code that the model ran, what came of it, and whatever else there is: a member says what it is.
  const kind = Object.keys(part).find((name) => !BESIDE.includes(name)) ?? "unknown";
  const value = part[kind];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ...plainObject(part), type: kind };
  }
  return { ...without(part, [kind]), ...plainObject(value), type: kind };
}

function responseOf(body: Loose): WireResponse {
  // A stream that was not asked for as events comes as a list of what they would be.
  if (Array.isArray(body)) return responseOfAll(listOf(body));
  const { candidates, promptFeedback, usageMetadata, modelStatus, error } = body;
  const told = listOf(candidates);
  const signatures: JsonValue[] = [];
  const output = told.map((candidate) => answered(candidate, signatures));
  const { blockReason, blockReasonMessage } = looseOf(promptFeedback);
  const blocked = filledText(blockReason);
  if (blocked !== undefined) {
    const refusal = { type: "refusal", content: filledText(blockReasonMessage) ?? blocked };
    output.push({ role: "assistant", parts: [refusal], finish_reason: blocked });
  }
  const beside = told.map((candidate) => without(candidate, TOLD_APART));
  return {
    output,
    id: textOf(body["responseId"]),
    model: textOf(body["modelVersion"]),
    finishReasons: finishReasonsOf(output),
    usage: geminiUsage(looseOf(usageMetadata)),
    metadata: {
      "gemini.response.prompt_feedback": promptFeedback ?? undefined,
      "gemini.response.candidates": beside.some(isFilled) ? beside : undefined,
      "gemini.response.thought_signatures": signatures.length === 0 ? undefined : signatures,
      "gemini.response.model_status": modelStatus ?? undefined,
    },
    ...(error === undefined || error === null ? {} : { error: errorIn(body) }),
  };
}

function responseOfAll(chunks: readonly Loose[]): WireResponse {
  const stream = new ContentStream(responseOf);
  for (const chunk of chunks) stream.take("", chunk);
  return stream.response();
}

/** @param signatures Takes those of texts, which stay the plain texts that they are. */
function answered({ content, finishReason }: Loose, signatures: JsonValue[]): Message {
  const parts: Part[] = [];
  for (const part of listOf(looseOf(content)["parts"]).map(camelCased)) {
    const { thoughtSignature, ...others } = part;
    const isSigned = isText(part) && typeof thoughtSignature === "string";
    if (isSigned) signatures.push(thoughtSignature);
    parts.push(saidPart(isSigned ? others : part));
  }
  // What says nothing is the answer only where nothing else came.
  const filled = parts.filter(({ type, content }) => type !== "text" || content !== "");
  const reason = filledText(finishReason);
  return {
    role: "assistant",
    parts: filled.length === 0 ? parts : filled,
    ...(reason === undefined ? {} : { finish_reason: reason }),
  };
}

function isText({ text, thought }: Loose): boolean {
  return typeof text === "string" && thought !== true;
}

function isFilled(object: object): boolean {
  return Object.keys(object).length > 0;
}

/**
 * Tokens: those of the prompt have the cached ones among them. What tools answered with, and thoughts, are counted apart from the
 * prompt and the candidates.
 */
function geminiUsage(usage: Loose): Usage | undefined {
  const { promptTokenCount, toolUsePromptTokenCount, candidatesTokenCount, thoughtsTokenCount } =
    usage;
  const inputTokens = sumOfKnown(promptTokenCount, toolUsePromptTokenCount);
  // A count of 0 is left out: of a prompt that was blocked, for example. The total tells it.
  const none = inputTokens !== undefined && usage["totalTokenCount"] === inputTokens
    ? 0
    : undefined;
  return usageOf({
    inputTokens,
    outputTokens: sumOfKnown(candidatesTokenCount, thoughtsTokenCount) ?? none,
    cacheReadTokens: usage["cachedContentTokenCount"],
    reasoningTokens: thoughtsTokenCount,
  });
}

import type { AuditLog } from "../../mod.ts";
import { Capture, type CapturedCall, type CapturedRequest } from "../shared/capture.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { listOf, type Loose, looseOf, without } from "../shared/loose.ts";
import { textMessage } from "../shared/messages.ts";
import { recordedParts, recordError } from "../shared/recorded_parts.ts";
import { AnswerReader, responseOf } from "./answer.ts";
import { type AiSdkModel, providerOf } from "./model_info.ts";
import { answerParts, messagesOf } from "./prompt.ts";

/** What `wrapLanguageModel()` of the AI SDK takes as a middleware: version 4 of its specification, that of `ai` 7. */
export interface AuditMiddleware {
  /** The version of the specification. */
  readonly specificationVersion: "v4";
  /** Records a call that is answered at once. */
  wrapGenerate<Result>(
    call: { doGenerate: () => PromiseLike<Result>; params: object; model: AiSdkModel },
  ): Promise<Result>;
  /** Records a call that is answered by a stream. */
  wrapStream<Result extends { stream: ReadableStream }>(
    call: { doStream: () => PromiseLike<Result>; params: object; model: AiSdkModel },
  ): Promise<Result>;
}

/** What `wrapEmbeddingModel()` of the AI SDK takes as a middleware: version 4 of its specification, that of `ai` 7. */
export interface AuditEmbeddingMiddleware {
  /** The version of the specification. */
  readonly specificationVersion: "v4";
  /** Records a call. */
  wrapEmbed<Result>(
    call: { doEmbed: () => PromiseLike<Result>; params: object; model: AiSdkModel },
  ): Promise<Result>;
}

/** Parameters that the conventions have names for. */
const PARAMETERS: Readonly<Record<string, string>> = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  maxOutputTokens: "max_tokens",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  stopSequences: "stop_sequences",
  seed: "seed",
};
/** What is no parameter: content, credentials, and what concerns this process alone. */
const OTHERS = ["prompt", "tools", "headers", "abortSignal", "includeRawChunks", "values"];

/**
 * A middleware that records the calls of a language model of the AI SDK, for `wrapLanguageModel()`: those of `generateText`,
 * `streamText`, structured output and tools alike. Each step and each attempt is a call of the model, and an entry of its own.
 *
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work.
 * @throws {AuditLogError} `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { openai } from "@ai-sdk/openai";
 * import { AuditLog } from "@audit-log/llm";
 * import { auditMiddleware } from "@audit-log/llm/ai-sdk";
 * import { generateText, wrapLanguageModel } from "ai";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const model = wrapLanguageModel({
 *   model: openai("gpt-4o"),
 *   middleware: auditMiddleware(log, { user: "alice" }),
 * });
 * export function ask(question: string) {
 *   return generateText({ model, prompt: question });
 * }
 * ```
 */
export function auditMiddleware(log: AuditLog, options: CaptureOptions = {}): AuditMiddleware {
  const capture = new Capture(log, options);
  const { inlineMedia: keepMedia = false } = options;
  const attempts = new Attempts();
  const begin = async (params: object, model: AiSdkModel): Promise<CapturedCall> =>
    await capture.begin(
      await chatRequest(looseOf(params), model, keepMedia, attempts.next(params)),
    );
  return {
    specificationVersion: "v4",
    async wrapGenerate({ doGenerate, params, model }) {
      const call = await begin(params, model);
      const result = await answered(call, doGenerate);
      const { content, finishReason, usage, response, warnings } = looseOf(result);
      const parts = await answerParts(content, keepMedia);
      await call.complete(responseOf(parts, { finishReason, usage, response, warnings }));
      return result;
    },
    async wrapStream({ doStream, params, model }) {
      const call = await begin(params, model);
      const result = await answered(call, doStream);
      const stream = recordedParts(result.stream, call, new AnswerReader(keepMedia));
      return { ...result, stream };
    },
  };
}

/**
 * A middleware that records the calls of an embedding model of the AI SDK, for `wrapEmbeddingModel()`. The vectors are not
 * recorded, only how many there are and how long.
 *
 * @param log Where to record.
 * @param options As {@link auditMiddleware}.
 * @throws {AuditLogError} `INVALID_OPTION`.
 */
export function auditEmbeddingMiddleware(
  log: AuditLog,
  options: CaptureOptions = {},
): AuditEmbeddingMiddleware {
  const capture = new Capture(log, options);
  return {
    specificationVersion: "v4",
    async wrapEmbed({ doEmbed, params, model }) {
      const { values } = looseOf(params);
      const texts = Array.isArray(values) ? values.map(String) : [];
      const call = await capture.begin({
        ...aboutModel(model, "embeddings"),
        input: { messages: texts.map((text) => textMessage("user", text)) },
        ...parametersOf(looseOf(params)),
      });
      const result = await answered(call, doEmbed);
      const { embeddings, usage } = looseOf(result);
      const vectors: readonly unknown[] = Array.isArray(embeddings) ? embeddings : [];
      const tokens = looseOf(usage)["tokens"];
      await call.complete({
        output: "",
        usage: { inputTokens: tokens as number | undefined },
        metadata: {
          "gen_ai.embeddings.dimension.count": looseOf(vectors[0])["length"],
          "embeddings.count": vectors.length,
        },
      });
      return result;
    },
  };
}

/** Calls the model; what it rejects with is recorded, and goes on. */
async function answered<Result>(
  call: CapturedCall,
  ask: () => PromiseLike<Result>,
): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    await recordError(call, error);
    throw error;
  }
}

async function chatRequest(
  params: Loose,
  model: AiSdkModel,
  keepMedia: boolean,
  attempt: number | undefined,
): Promise<CapturedRequest> {
  const { metadata, parameters } = parametersOf(params);
  return {
    ...aboutModel(model, "chat"),
    input: {
      messages: await messagesOf(params["prompt"], keepMedia),
      tools: listOf(params["tools"]).map((tool) => without(tool, ["providerOptions"])),
    },
    metadata: { ...metadata, attempt },
    parameters,
  };
}

function aboutModel(model: AiSdkModel, operation: string) {
  return { provider: providerOf(model), operation, model: model.modelId };
}

function parametersOf(params: Loose) {
  const metadata: Record<string, unknown> = {};
  const parameters: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    if (OTHERS.includes(name) || value === undefined) continue;
    const known = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name]! : undefined;
    if (known === undefined) parameters[name] = value;
    else metadata[`gen_ai.request.${known}`] = value;
  }
  return { metadata, parameters };
}

/** Counts the attempts of a call: the SDK makes each with the same prompt, the very object. */
class Attempts {
  readonly #made = new WeakMap<object, number>();

  next(params: object): number | undefined {
    const { prompt } = looseOf(params);
    if (typeof prompt !== "object" || prompt === null) return undefined;
    const attempt = (this.#made.get(prompt) ?? 0) + 1;
    this.#made.set(prompt, attempt);
    return attempt;
  }
}

import type { AuditLog } from "../../mod.ts";
import { Capture } from "../shared/capture.ts";
import type { CapturedCall, CapturedRequest } from "../shared/captured_call.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { looseOf, usageOf } from "../shared/loose.ts";
import { type RecordedEnd, recordedParts, recordError } from "../shared/recorded_parts.ts";
import { transportOf } from "../shared/transport.ts";
import { AnswerReader, responseOf, toldMetadata } from "./answer.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import type { AiSdkModel } from "./model_info.ts";
import { answerParts } from "./prompt.ts";
import { chatRequest, embeddingRequest } from "./requests.ts";

/** What `wrapLanguageModel()` of the AI SDK takes as a middleware: version 4 of its specification, that of `ai` 7. */
export interface AuditMiddleware {
  /** The version of the specification. */
  readonly specificationVersion: "v4";
  /** Records a call that is answered at once. */
  wrapGenerate<Result>(
    call: { doGenerate: () => PromiseLike<Result>; params: object; model: AiSdkModel },
  ): Promise<Result>;
  /** Records a call that is answered by a stream. */
  wrapStream<Result extends { stream: ReadableStream<unknown> }>(
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

/**
 * A middleware that records the calls of a language model of the AI SDK, for `wrapLanguageModel()`: those of `generateText`,
 * `streamText`, structured output and tools alike. Each step and each attempt is a call of the model, and an entry of its own.
 * The results of tools are in the next step's input. Of several middlewares, the last sees what is really asked and answered.
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
  const calls = new Calls(log, options);
  const { inlineMedia: keepMedia = false } = options;
  const begin = async (params: object, model: AiSdkModel): Promise<Begun> => {
    const { prompt } = looseOf(params);
    const request = await chatRequest(looseOf(params), model, keepMedia);
    return await calls.begin(request, model, prompt, signalOf(params));
  };
  return {
    specificationVersion: "v4",
    async wrapGenerate({ doGenerate, params, model }) {
      const { call, end } = await begin(params, model);
      const result = await answered(call, end, signalOf(params), doGenerate);
      const { content, ...facts } = looseOf(result);
      await end.complete(responseOf(await answerParts(content, keepMedia), facts));
      return result;
    },
    async wrapStream({ doStream, params, model }) {
      const { call, end, attempt } = await begin(params, model);
      const signal = signalOf(params);
      const result = await answered(call, end, signal, doStream);
      const reader = new AnswerReader(keepMedia, (error) => attempt.failed(error));
      const stream = recordedParts(result.stream, end, reader, signal);
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
  const calls = new Calls(log, options);
  return {
    specificationVersion: "v4",
    async wrapEmbed({ doEmbed, params, model }) {
      const { values } = looseOf(params);
      const request = embeddingRequest(looseOf(params), model);
      const signal = signalOf(params);
      const { call, end } = await calls.begin(request, model, values, signal);
      const result = await answered(call, end, signal, doEmbed);
      const { embeddings, usage, ...facts } = looseOf(result);
      const vectors: readonly unknown[] = Array.isArray(embeddings) ? embeddings : [];
      await end.complete({
        output: "",
        usage: usageOf({ inputTokens: looseOf(usage)["tokens"] }),
        metadata: {
          "gen_ai.embeddings.dimension.count": looseOf(vectors[0])["length"],
          "embeddings.count": vectors.length,
          ...toldMetadata(facts),
        },
      });
      return result;
    },
  };
}

/** A call that has begun, and how its end is recorded. */
interface Begun {
  readonly call: CapturedCall;
  readonly end: RecordedEnd;
  readonly attempt: Attempt;
}

/** Begins the calls of a middleware, and numbers attempts. */
class Calls {
  readonly #capture: Capture;
  readonly #attempts = new Attempts();

  constructor(log: AuditLog, options: CaptureOptions) {
    this.#capture = new Capture(log, options);
  }

  async begin(
    request: CapturedRequest,
    model: AiSdkModel,
    content: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Begun> {
    const { operation } = request;
    const attempt = await this.#attempts.begin([
      operation,
      model.provider,
      model.modelId,
      content,
    ]);
    const metadata = { ...request.metadata, attempt: attempt.number };
    const call = await this.#capture.begin({ ...request, metadata }, signal);
    return { call, end: attempt.endOf(call), attempt };
  }
}

/** Calls the model; what it rejects with is recorded, and goes on. */
async function answered<Result>(
  call: CapturedCall,
  end: RecordedEnd,
  signal: AbortSignal | undefined,
  ask: () => PromiseLike<Result>,
): Promise<Result> {
  try {
    const result = await ask();
    const { request, response } = looseOf(result);
    call.note(transportOf(looseOf(request)["url"], looseOf(response)["headers"]));
    return result;
  } catch (error) {
    const { url, responseHeaders } = looseOf(error);
    call.note(transportOf(url, responseHeaders));
    await recordError(end, error, {}, signal);
    throw error;
  }
}

function signalOf(params: object): AbortSignal | undefined {
  const { abortSignal } = looseOf(params);
  return abortSignal instanceof AbortSignal ? abortSignal : undefined;
}

import type { AuditLog } from "../../mod.ts";
import {
  Capture,
  type CapturedCall,
  type CapturedRequest,
  type CapturedResponse,
} from "../shared/capture.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { isCredential } from "../shared/credentials.ts";
import { filledText, listOf, type Loose, looseOf, textOf, usageOf } from "../shared/loose.ts";
import type { Message, Part } from "../shared/messages.ts";
import { plainObject } from "../shared/plain_json.ts";

/** A span, as far as it is looked at: one of `@opentelemetry/sdk-trace`. */
export interface OtelSpan {
  /** Its name. */
  readonly name: string;
  /** Its ids. */
  spanContext(): { readonly traceId: string; readonly spanId: string };
  /** What was said of it. */
  readonly attributes: object;
  /** What happened within. */
  readonly events: readonly { readonly name: string; readonly attributes?: object }[];
  /** How it ended: `code` is 2 for an error. */
  readonly status: { readonly code: number; readonly message?: string };
}

const STATUS_ERROR = 2;
/** What is told otherwise, or in the texts. */
const TOLD = [
  "gen_ai.operation.name",
  "gen_ai.provider.name",
  "gen_ai.system",
  "gen_ai.request.model",
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "gen_ai.system_instructions",
  "gen_ai.tool.definitions",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.response.id",
  "gen_ai.response.model",
  "gen_ai.response.finish_reasons",
  "gen_ai.usage.input_tokens",
  "gen_ai.usage.output_tokens",
  "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.cache_creation.input_tokens",
  "gen_ai.usage.reasoning.output_tokens",
];
/** What credentials may be in, whatever its name. */
const CARRIER = /^http\.request\.header\.|^url\.(?:full|query)$|^http\.url$/;
/** What is asked of whom, which may be said when the span starts. */
const REQUEST = /^gen_ai\.(?:request|conversation|agent|tool|output|data_source)\./;

/**
 * A span processor that records the spans of other instrumentations: those that have a `gen_ai.operation.name`, as OpenTelemetry's
 * GenAI semantic conventions say. What they do not tell (many leave out the texts unless they are asked for them) cannot be recorded.
 *
 * A span says what was asked and answered when it ends; so a call is recorded at its end alone, and none is refused. Spans that
 * are not sampled are not seen.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { AuditSpanProcessor } from "@audit-log/llm/otel";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const processor = new AuditSpanProcessor(log, { user: "alice" });
 * // new TracerProvider({ spanProcessors: [processor] })
 * await processor.shutdown(); // waits until all spans are recorded
 * await log.close();
 * ```
 */
export class AuditSpanProcessor {
  readonly #capture: Capture;
  readonly #started = new WeakMap<object, number>();
  readonly #recording = new Set<Promise<void>>();
  #isShutDown = false;

  /**
   * Makes a processor, to be given to a provider of tracers.
   *
   * @param log Where to record.
   * @param options Who asks, what it costs, whom to tell of what could not be recorded.
   * @throws {AuditLogError} `INVALID_OPTION`.
   */
  constructor(log: AuditLog, options: Omit<CaptureOptions, "begin" | "onAuditFailure"> = {}) {
    // Whatever the span is of has been done when it is told of.
    this.#capture = new Capture(log, { ...options, begin: false, onAuditFailure: "continue" });
  }

  /** A span starts. */
  onStart(span: object): void {
    this.#started.set(span, performance.now());
  }

  /** A span has ended. */
  onEnd(span: OtelSpan): void {
    const attributes = looseOf(span.attributes);
    const operation = textOf(attributes["gen_ai.operation.name"]);
    if (operation === undefined || this.#isShutDown) return;
    const recording = this.#record(span, operation).catch((error) => {
      this.#capture.tell(error, {
        provider: undefined,
        operation,
        model: "",
        callId: undefined,
        phase: "end",
        willRetry: false,
      });
    });
    this.#recording.add(recording);
    void recording.finally(() => this.#recording.delete(recording));
  }

  /** Resolves when all spans that have ended are recorded, or are to be tried again. */
  async forceFlush(): Promise<void> {
    await Promise.all(this.#recording);
  }

  /** Records what has ended, and nothing more. The log stays open. */
  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await this.forceFlush();
  }

  async #record(span: OtelSpan, operation: string): Promise<void> {
    const startedMs = this.#started.get(span);
    const latencyMs = startedMs === undefined ? undefined : performance.now() - startedMs;
    const { attributes, status } = span;
    const told = looseOf(attributes);
    const call: CapturedCall = await this.#capture.begin(requestOf(span, told, operation));
    const response: CapturedResponse = { ...responseOf(span, told), latencyMs };
    const type = filledText(told["error.type"]);
    if (type === "AbortError") return await call.abort(response, { name: type });
    if (status.code !== STATUS_ERROR && type === undefined) return await call.complete(response);
    const message = status.message ?? exceptionIn(span) ?? "";
    await call.fail({ name: type ?? "Error", message }, response);
  }
}

function isSecret(key: string): boolean {
  return CARRIER.test(key) || isCredential(key);
}

function requestOf(span: OtelSpan, told: Loose, operation: string): CapturedRequest {
  const { traceId, spanId } = span.spanContext();
  const others = Object.entries(told).filter(([key]) => !TOLD.includes(key) && !isSecret(key));
  const metadata = Object.fromEntries(others.filter(([key]) => REQUEST.test(key)));
  return {
    provider: textOf(told["gen_ai.provider.name"]) ?? textOf(told["gen_ai.system"]),
    operation,
    model: textOf(told["gen_ai.request.model"]) ?? textOf(told["gen_ai.tool.name"]) ??
      textOf(told["gen_ai.agent.name"]) ?? span.name,
    input: textOf(told["gen_ai.tool.call.arguments"]) ?? {
      system: partsIn(contentOf(span, told, "gen_ai.system_instructions")),
      messages: messagesIn(contentOf(span, told, "gen_ai.input.messages")),
      tools: listOf(contentOf(span, told, "gen_ai.tool.definitions")).map(plainObject),
    },
    metadata: { ...metadata, "otel.trace_id": traceId, "otel.span_id": spanId },
  };
}

function responseOf(span: OtelSpan, told: Loose): CapturedResponse {
  const reasons = told["gen_ai.response.finish_reasons"];
  const others = Object.entries(told).filter(([key]) =>
    !TOLD.includes(key) && !REQUEST.test(key) && !isSecret(key) && key !== "error.type"
  );
  return {
    output: textOf(told["gen_ai.tool.call.result"]) ??
      messagesIn(contentOf(span, told, "gen_ai.output.messages")),
    id: textOf(told["gen_ai.response.id"]),
    model: textOf(told["gen_ai.response.model"]),
    finishReasons: Array.isArray(reasons) ? reasons.map(String) : [],
    usage: usageOf({
      inputTokens: told["gen_ai.usage.input_tokens"],
      outputTokens: told["gen_ai.usage.output_tokens"],
      cacheReadTokens: told["gen_ai.usage.cache_read.input_tokens"],
      cacheCreationTokens: told["gen_ai.usage.cache_creation.input_tokens"],
      reasoningTokens: told["gen_ai.usage.reasoning.output_tokens"],
    }),
    metadata: Object.fromEntries(others),
  };
}

/** Content, on the span or on its event of the operation's details; as JSON where attributes can hold no more. */
function contentOf(span: OtelSpan, told: Loose, key: string): unknown {
  const details = span.events.map(({ attributes }) => looseOf(attributes)[key]);
  const value = told[key] ?? details.find((value) => value !== undefined);
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return [{ role: "user", parts: [{ type: "text", content: value }] }];
  }
}

function messagesIn(value: unknown): Message[] {
  return listOf(value).map((message) => ({
    ...plainObject(message),
    role: textOf(message["role"]) ?? "user",
    parts: partsIn(message["parts"]),
  }));
}

function partsIn(value: unknown): Part[] {
  return listOf(value).map((part) => ({
    ...plainObject(part),
    type: textOf(part["type"]) ?? "unknown",
  }));
}

function exceptionIn({ events }: OtelSpan): string | undefined {
  const exception = events.find(({ name }) => name === "exception");
  return textOf(looseOf(exception?.attributes)["exception.message"]);
}

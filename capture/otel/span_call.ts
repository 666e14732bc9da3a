import type { CapturedRequest, CapturedResponse } from "../shared/captured_call.ts";
import type { CapturedCallInfo } from "../shared/capture_options.ts";
import { filledText, type Loose, sumOfKnown, textOf, usageOf } from "../shared/loose.ts";
import { SPAN_CONTEXT, spanMetadata } from "../shared/span_context.ts";
import { aiSdk } from "./forms/ai_sdk.ts";
import { anthropicSdk } from "./forms/anthropic_sdk.ts";
import { conventions } from "./forms/conventions.ts";
import { isTold, type SpanContent, type SpanForm, textIn } from "./forms/form.ts";
import { messageEvents } from "./forms/message_events.ts";
import { openInference } from "./forms/open_inference.ts";
import { openLlmetry } from "./forms/open_llmetry.ts";
import { type OtelSpan, type SpanTold, toldBy, type ToldEvent } from "./span.ts";

/** The forms that are read; what one tells is not taken from those behind it. */
const FORMS: readonly SpanForm[] = [
  conventions,
  messageEvents,
  openLlmetry,
  aiSdk,
  openInference,
  anthropicSdk,
];

/** The attributes of which a call's span has one. */
const OPERATIONS = FORMS.flatMap(({ operation }) => operation ?? []);

/** What the capture records by itself, or is told in the texts. */
const TOLD = [
  "gen_ai.operation.name",
  "gen_ai.provider.name",
  "gen_ai.request.model",
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
  "error.type",
];
/** What credentials may be in, whatever its name. */
const CARRIER =
  /^(?:http\.request\.header|ai\.request\.headers)\.|^url\.(?:full|query)$|^http\.(?:url|target)$/;
/** What is asked of whom, which may be said when the span starts. */
const REQUEST =
  /^gen_ai\.(?:request|conversation|agent|workflow|prompt|tool|output|data_source)\.|^server\./;
/** What asks a model, and so costs something of its own. */
const PRICED = ["chat", "text_completion", "generate_content", "embeddings", "rerank"];
const CLIENT = 2;
const STATUS_OK = 1;
const STATUS_ERROR = 2;
/** The names of the errors by which the SDKs tell that the caller wanted no more. */
const ABORTS = ["AbortError", "APIUserAbortError"];

/** How a span's call ended. */
export type SpanEnding =
  | { readonly as: "complete" }
  | { readonly as: "abort"; readonly reason?: { readonly name: string } }
  | { readonly as: "fail"; readonly error: Error };

/** A call of a model, of a tool or of an agent, as a span tells of it. */
export class SpanCall {
  /** Which call it is. */
  readonly info: CapturedCallInfo;
  readonly #span: OtelSpan;
  readonly #told: SpanTold;
  readonly #facts: Loose;
  readonly #keepMedia: boolean;
  #read: Promise<SpanContent> | undefined;

  private constructor(
    span: OtelSpan,
    told: SpanTold,
    facts: Loose,
    operation: string,
    keepMedia: boolean,
  ) {
    this.#span = span;
    this.#told = told;
    this.#facts = facts;
    this.#keepMedia = keepMedia;
    this.info = {
      provider: this.#text("gen_ai.provider.name"),
      operation,
      model: this.#text("gen_ai.request.model") ?? this.#text("gen_ai.response.model") ??
        this.#text("gen_ai.tool.name") ?? this.#text("gen_ai.agent.name") ??
        this.#text("gen_ai.workflow.name") ?? span.name,
    };
  }

  /**
   * The call that a span is of, as far as is told.
   *
   * @param span The span, at its start or its end. What it tells is copied.
   * @param logged What was said of it in log records.
   * @param keepMedia Whether the bytes of media are kept.
   * @returns `undefined` where it is of something else.
   */
  static of(
    span: OtelSpan,
    logged: readonly ToldEvent[],
    keepMedia: boolean,
  ): SpanCall | undefined {
    // Most spans are of something else, and are not to wait for this.
    if (!OPERATIONS.some((name) => Object.hasOwn(span.attributes, name))) return undefined;
    const told = toldBy(span, logged);
    const { attributes } = told;
    const theirs = FORMS.map((form) => form.facts(attributes));
    const facts: Loose = Object.assign({}, ...theirs, attributes);
    const operation = filledText(facts["gen_ai.operation.name"]);
    return operation === undefined
      ? undefined
      : new SpanCall(span, told, facts, operation, keepMedia);
  }

  /** What was asked. */
  async request(): Promise<CapturedRequest> {
    const { parentSpanContext } = this.#span;
    const { system, messages = [], tools } = await this.#content();
    return {
      ...this.info,
      isModel: this.#text("gen_ai.request.model") !== undefined,
      input: textIn(this.#facts["gen_ai.tool.call.arguments"]) ?? { system, messages, tools },
      metadata: {
        ...this.#others((key) => REQUEST.test(key)),
        ...spanMetadata(this.#span.spanContext()),
        "otel.parent_span_id": parentSpanContext?.spanId,
      },
    };
  }

  /** What came of it. */
  async response(): Promise<CapturedResponse> {
    const { output = [] } = await this.#content();
    const reasons = this.#facts["gen_ai.response.finish_reasons"];
    const count = (name: string): unknown => this.#facts[`gen_ai.usage.${name}`];
    // What it took to summarize a context that had become too long, Anthropic's client tells apart.
    const withCompaction = (name: string): unknown =>
      sumOfKnown(count(name), this.#facts[`anthropic.usage.compaction.${name}`]);
    return {
      output: textIn(this.#facts["gen_ai.tool.call.result"]) ?? output,
      id: this.#text("gen_ai.response.id"),
      model: this.#text("gen_ai.response.model"),
      finishReasons: Array.isArray(reasons) ? reasons.map(String) : [],
      latencyMs: millisecondsOf(this.#span.duration),
      usage: usageOf({
        inputTokens: withCompaction("input_tokens"),
        outputTokens: withCompaction("output_tokens"),
        cacheReadTokens: count("cache_read.input_tokens"),
        cacheCreationTokens: count("cache_creation.input_tokens"),
        reasoningTokens: count("reasoning.output_tokens"),
      }),
      // An agent in this process has asked models by calls that have spans of their own.
      isPriced: PRICED.includes(this.info.operation) || this.#span.kind === CLIENT,
      metadata: this.#others((key) => !REQUEST.test(key)),
    };
  }

  /** How it ended. */
  ending(): SpanEnding {
    const { status } = this.#span;
    const exception = this.#told.events.find(({ name }) => name === "exception")?.attributes ?? {};
    const type = filledText(this.#facts["error.type"]);
    const name = type ?? filledText(exception["exception.type"]);
    const isError = status.code === STATUS_ERROR || type !== undefined;
    if (!isError) return this.#isLeft() ? { as: "abort" } : { as: "complete" };
    if (name !== undefined && ABORTS.includes(name)) return { as: "abort", reason: { name } };
    const message = status.message ?? textOf(exception["exception.message"]) ?? "";
    // The conventions' word for an error that is of no known type.
    return { as: "fail", error: Object.assign(new Error(message), { name: name ?? "_OTHER" }) };
  }

  /** Anthropic's client says that a call has come to its end, and says nothing where its caller wanted no more. */
  #isLeft(): boolean {
    const { status, instrumentationScope } = this.#span;
    return status.code !== STATUS_OK &&
      instrumentationScope?.name.startsWith("com.anthropic.sdk.") === true;
  }

  /** It is read once, for what was asked and what was answered. */
  #content(): Promise<SpanContent> {
    return this.#read ??= this.#contentOfForms();
  }

  async #contentOfForms(): Promise<SpanContent> {
    const content: { -readonly [Key in keyof SpanContent]: SpanContent[Key] } = {};
    for (const form of FORMS) {
      const { system, messages, tools, output } = await form.content(this.#told, this.#keepMedia);
      if (!isTold(content.system)) content.system = system;
      if (!isTold(content.messages)) content.messages = messages;
      if (!isTold(content.tools)) content.tools = tools;
      if (!isTold(content.output)) content.output = output;
    }
    return content;
  }

  #text(name: string): string | undefined {
    return filledText(this.#facts[name]);
  }

  /** What else is told, and may be kept. */
  #others(isOfThese: (key: string) => boolean): Record<string, unknown> {
    const { attributes } = this.#told;
    const kept = Object.entries(this.#facts).filter(([key]) =>
      isOfThese(key) && !TOLD.includes(key) && !CARRIER.test(key) &&
      !FORMS.some((form) => form.isRead(key, attributes))
    );
    return Object.fromEntries(kept.map(([key, value]) => [ownName(key), value]));
  }
}

/** The name under which an attribute is kept: what the log says itself, an attribute may not say. */
function ownName(key: string): string {
  const isTaken = key.startsWith("audit.") || SPAN_CONTEXT.includes(key);
  return isTaken ? `span.${key}` : key;
}

function millisecondsOf(duration: OtelSpan["duration"]): number | undefined {
  if (duration === undefined) return undefined;
  const [seconds, nanoseconds] = duration;
  const milliseconds = seconds * 1e3 + nanoseconds / 1e6;
  return milliseconds >= 0 && milliseconds < Infinity ? milliseconds : undefined;
}

import { looseOf, textOf } from "../shared/loose.ts";
import type { SpanContext } from "../shared/span_context.ts";
import type { ToldEvent } from "./span.ts";

/** A log record, as a processor of `@opentelemetry/sdk-logs` sees it. */
export interface EmittedLogRecord {
  /** The span that it was emitted in. */
  readonly spanContext?: SpanContext | undefined;
  /** The event's name. */
  readonly eventName?: string | undefined;
  /** Its body. */
  readonly body?: unknown;
  /** What is said of it. */
  readonly attributes: object;
}

/** A processor of log records, for a provider of loggers. */
export interface OtelLogRecordProcessor {
  /** Takes a log record. */
  onEmit(logRecord: EmittedLogRecord): void;
  /** Has nothing to wait for. */
  forceFlush(): Promise<void>;
  /** Has nothing to end. */
  shutdown(): Promise<void>;
}

/** How many calls that are under way have their log records kept: of spans that never end, nobody is told. */
const MOST = 10_000;
const EVENT = /^gen_ai\./;

/** What is said of calls in log records while their spans last. */
export class LoggedEvents implements OtelLogRecordProcessor {
  readonly #events = new Map<string, ToldEvent[]>();

  /** Keeps what is said in a span from now on. */
  collect(span: SpanContext): void {
    const [oldest] = this.#events.keys();
    if (this.#events.size >= MOST) this.#events.delete(oldest!);
    this.#events.set(keyOf(span), []);
  }

  /** What was said in a span. */
  of(span: SpanContext): readonly ToldEvent[] {
    return this.#events.get(keyOf(span)) ?? [];
  }

  /** Forgets what was said in a span. */
  release(span: SpanContext): void {
    this.#events.delete(keyOf(span));
  }

  /** Takes a log record: of the GenAI conventions, its name is that of the event, or in the attribute `event.name`. */
  onEmit({ spanContext, eventName, body, attributes }: EmittedLogRecord): void {
    if (spanContext === undefined) return;
    const events = this.#events.get(keyOf(spanContext));
    const said = looseOf(attributes);
    const name = eventName ?? textOf(said["event.name"]);
    if (events === undefined || name === undefined || !EVENT.test(name)) return;
    events.push({ name, attributes: { ...said }, body });
  }

  /** Has nothing to wait for. */
  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  /** Has nothing to end. */
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function keyOf({ traceId, spanId }: SpanContext): string {
  return `${traceId}-${spanId}`;
}

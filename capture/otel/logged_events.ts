import { looseOf, textOf } from "../shared/loose.ts";
import type { SpanContext } from "../shared/span_context.ts";
import type { OtelSpan, ToldEvent } from "./span.ts";

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

/** How many spans that are under way are known at the same time: of those that never end, nobody is told. */
const MOST = 10_000;
const EVENT = /^gen_ai\./;

/** What is said of calls in log records while their spans last. */
export class LoggedEvents implements OtelLogRecordProcessor {
  /** By their ids; of calls, what was said goes with the span: some instrumentations leave spans without ending them. */
  readonly #byIds = new Map<string, ToldEvent[] | WeakRef<ToldEvent[]>>();
  readonly #events = new WeakMap<OtelSpan, ToldEvent[]>();

  /** Keeps what is said in a span from now on, until it is known whether it is of a call. */
  collect(span: OtelSpan): void {
    if (this.#byIds.size >= MOST) {
      const [oldest] = this.#byIds.keys();
      this.#byIds.delete(oldest!);
    }
    this.#byIds.set(keyOf(span.spanContext()), []);
  }

  /** Keeps what is said in a call's span as long as there is the span. */
  keep(span: OtelSpan): void {
    const events = [...this.of(span)];
    this.#events.set(span, events);
    this.#byIds.set(keyOf(span.spanContext()), new WeakRef(events));
  }

  /** What was said in a span. */
  of(span: OtelSpan): readonly ToldEvent[] {
    return this.#events.get(span) ?? this.#eventsOf(span.spanContext()) ?? [];
  }

  /** Keeps nothing more of what is said in a span. */
  release(span: OtelSpan): void {
    this.#byIds.delete(keyOf(span.spanContext()));
  }

  #eventsOf(span: SpanContext): ToldEvent[] | undefined {
    const events = this.#byIds.get(keyOf(span));
    return events instanceof WeakRef ? events.deref() : events;
  }

  /** Takes a log record: of the GenAI conventions, its name is that of the event, or in the attribute `event.name`. */
  onEmit({ spanContext, eventName, body, attributes }: EmittedLogRecord): void {
    if (spanContext === undefined) return;
    const events = this.#eventsOf(spanContext);
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

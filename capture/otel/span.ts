import { type Loose, looseOf } from "../shared/loose.ts";

/** Something that happened within a span. */
export interface OtelEvent {
  /** Its name. */
  readonly name: string;
  /** What is said of it. */
  readonly attributes?: object | undefined;
}

/** A span, as far as it is looked at: one of `@opentelemetry/sdk-trace`, or of `sdk-trace-base`. */
export interface OtelSpan {
  /** Its name. */
  readonly name: string;
  /** Which side of a call it is: 0 for what happens within a process, 2 for the client of another. */
  readonly kind?: number | undefined;
  /** Its ids. */
  spanContext(): {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceFlags?: number | undefined;
  };
  /** The ids of the span around it. */
  readonly parentSpanContext?: { readonly spanId: string } | undefined;
  /** What was said of it. */
  readonly attributes: object;
  /** What happened within. */
  readonly events: readonly OtelEvent[];
  /** What made it. */
  readonly instrumentationScope?: { readonly name: string } | undefined;
  /** How it ended: `code` is 1 for an end that is known to be well, 2 for an error. */
  readonly status: { readonly code: number; readonly message?: string | undefined };
  /** How long it took: seconds, and nanoseconds. */
  readonly duration?: readonly [number, number] | undefined;
}

/** What was said within a span, by an event of the span or by a log record. */
export interface ToldEvent {
  readonly name: string;
  readonly attributes: Loose;
  /** A log record's body. */
  readonly body?: unknown;
}

/** What is told of a call, by a span and what belongs to it: a copy, for a span changes until it ends. */
export interface SpanTold {
  readonly attributes: Loose;
  readonly events: readonly ToldEvent[];
}

/** What a span tells now, with the log records that were emitted within it. */
export function toldBy(span: OtelSpan, logged: readonly ToldEvent[]): SpanTold {
  const events = span.events.map(({ name, attributes }) => ({
    name,
    attributes: looseOf(attributes),
  }));
  return { attributes: { ...span.attributes }, events: [...events, ...logged] };
}

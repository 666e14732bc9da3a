import { SPAN_KEY, type SpanContext } from "../shared/span_context.ts";

/** A context of OpenTelemetry's, as its API has it. */
export interface OtelContext {
  /** The value of a key. */
  getValue(key: symbol): unknown;
  /** A context with one more value. */
  setValue(key: symbol, value: unknown): OtelContext;
  /** A context without a value. */
  deleteValue(key: symbol): OtelContext;
}

/** A context whose span has these ids; the empty one without. */
export function contextOf(span: SpanContext | undefined): OtelContext {
  if (span === undefined) return contextWith(new Map());
  const { traceId, spanId, traceFlags = 0 } = span;
  const spanContext = Object.freeze({ traceId, spanId, traceFlags, isRemote: true });
  // Of a span that has ended, elsewhere perhaps: it takes nothing more.
  const ended = Object.freeze({ spanContext: () => spanContext, isRecording: () => false });
  return contextWith(new Map([[SPAN_KEY, ended]]));
}

function contextWith(values: ReadonlyMap<symbol, unknown>): OtelContext {
  return {
    getValue: (key) => values.get(key),
    setValue: (key, value) => contextWith(new Map([...values, [key, value]])),
    deleteValue: (key) => contextWith(new Map([...values].filter(([other]) => other !== key))),
  };
}

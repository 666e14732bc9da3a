/**
 * The ids by which OpenTelemetry joins what belongs together: those of the span that a call was made in are in its entry's metadata,
 * as `otel.trace_id`, `otel.span_id` and `otel.trace_flags`.
 *
 * Nothing of OpenTelemetry is imported. Its API finds its other copies in a process by names in the runtime's registry of symbols,
 * which stay the same within a major version; so it is found here.
 *
 * @module
 */
import type { JsonObject } from "../../mod.ts";
import { looseOf } from "./loose.ts";

/** A span's ids. */
export interface SpanContext {
  /** That of the trace: 32 hexadecimal digits. */
  readonly traceId: string;
  /** That of the span: 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0 says whether the trace is sampled. */
  readonly traceFlags?: number | undefined;
}

/** Where a context of OpenTelemetry's has the span. */
export const SPAN_KEY: symbol = Symbol.for("OpenTelemetry Context Key SPAN");
/** Where the API keeps what was registered with it. */
const API_KEY = Symbol.for("opentelemetry.js.api.1");

const TRACE_ID = "otel.trace_id";
const SPAN_ID = "otel.span_id";
const TRACE_FLAGS = "otel.trace_flags";

/** The keys of metadata that tell of a span's context. */
export const SPAN_CONTEXT: readonly string[] = [TRACE_ID, SPAN_ID, TRACE_FLAGS];

/** A span's ids as metadata; none where they are none. */
export function spanMetadata(context: SpanContext | undefined): Record<string, string | number> {
  const valid = validContext(context);
  if (valid === undefined) return {};
  const { traceId, spanId, traceFlags } = valid;
  return {
    [TRACE_ID]: traceId,
    [SPAN_ID]: spanId,
    ...(traceFlags === undefined ? {} : { [TRACE_FLAGS]: traceFlags }),
  };
}

/** The ids that are in metadata, which may be anybody's. */
export function spanContextIn(metadata: JsonObject): SpanContext | undefined {
  return validContext({
    traceId: metadata[TRACE_ID],
    spanId: metadata[SPAN_ID],
    traceFlags: metadata[TRACE_FLAGS],
  });
}

/** The ids of the span that this is called in, where OpenTelemetry is at work and knows of contexts. */
export function activeSpanContext(): SpanContext | undefined {
  try {
    const { context } = looseOf(Reflect.get(globalThis, API_KEY)) as ContextApi;
    return validContext(context?.active().getValue(SPAN_KEY)?.spanContext());
  } catch {
    return undefined; // something else has that name
  }
}

interface ContextApi {
  readonly context?: {
    active(): { getValue(key: symbol): { spanContext(): unknown } | undefined };
  };
}

function validContext(context: unknown): SpanContext | undefined {
  const { traceId, spanId, traceFlags } = looseOf(context);
  if (!isId(traceId, 32) || !isId(spanId, 16)) return undefined;
  const isByte = Number.isInteger(traceFlags) && traceFlags as number >= 0 &&
    traceFlags as number < 256;
  return { traceId, spanId, ...(isByte ? { traceFlags: traceFlags as number } : {}) };
}

/** Zeros alone are no id. */
function isId(id: unknown, digits: number): id is string {
  return typeof id === "string" && id.length === digits && /^[0-9a-f]+$/.test(id) &&
    /[1-9a-f]/.test(id);
}

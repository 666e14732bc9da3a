/**
 * OpenTelemetry's SDK with a processor that records spans.
 *
 * @module
 */

import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { type Sampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { AuditSpanProcessor, type SpanProcessorOptions } from "@audit-log/llm/otel";
import type { TestContext } from "node:test";
import { capturing } from "./captured.ts";
import { atEnd } from "./temp.ts";

/** A log, a processor that records in it, a tracer and a logger that it listens to, and what was told to `onError`. */
export async function tracing(
  t: TestContext,
  { sampler, ...options }: SpanProcessorOptions & { sampler?: Sampler } = {},
) {
  const captured = await capturing(t);
  const told: string[] = [];
  const processor = new AuditSpanProcessor(captured.log, {
    user: "alice",
    onError: (_, { phase, operation }) => told.push(`${phase} ${operation}`),
    ...options,
  });
  const tracers = new TracerProvider({
    spanProcessors: [processor],
    ...(sampler === undefined ? {} : { sampler }),
  });
  const logging = new LoggerProvider({ processors: [processor.logRecords] });
  atEnd(t, () => Promise.all([tracers.shutdown(), logging.shutdown()]));
  const [tracer, logger] = [tracers.getTracer("test"), logging.getLogger("test")];
  return { ...captured, told, processor, tracer, logger };
}

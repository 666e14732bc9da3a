/**
 * OpenTelemetry's SDK with a processor that records spans.
 *
 * @module
 */

import type { Tracer } from "@opentelemetry/api";
import type { Logger } from "@opentelemetry/api-logs";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { type Sampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { AuditSpanProcessor, type SpanProcessorOptions } from "@audit-log/llm/otel";
import type { TestContext } from "node:test";
import { capturing } from "./captured.ts";
import { atEnd } from "./temp.ts";

/** A provider, a log, and OpenTelemetry's part of it. */
export interface Tracing extends Awaited<ReturnType<typeof capturing>> {
  readonly processor: AuditSpanProcessor;
  readonly tracers: TracerProvider;
  readonly loggers: LoggerProvider;
  /** Its spans are recorded. */
  readonly tracer: Tracer;
  /** Its log records are recorded with the spans that they are of. */
  readonly logger: Logger;
  /** What `onError` was told. */
  readonly told: string[];
}

/** A log, a processor that records in it, a tracer and a logger that it listens to, and what was told to `onError`. */
export async function tracing(
  t: TestContext,
  { sampler, ...options }: SpanProcessorOptions & { sampler?: Sampler } = {},
): Promise<Tracing> {
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
  const loggers = new LoggerProvider({ processors: [processor.logRecords] });
  atEnd(t, () => Promise.all([tracers.shutdown(), loggers.shutdown()]));
  const [tracer, logger] = [tracers.getTracer("test"), loggers.getLogger("test")];
  return { ...captured, told, processor, tracers, loggers, tracer, logger };
}

/** What is recorded of a call with a tool, whatever told of it. */
export const ASKED = [
  { role: "system", parts: [{ type: "text", content: "Be brief." }] },
  { role: "user", parts: [{ type: "text", content: "Twice four?" }] },
  {
    role: "assistant",
    parts: [{ type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } }],
  },
  { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "8" }] },
];

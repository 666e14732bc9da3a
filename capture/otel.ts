/**
 * OpenTelemetry: entries as its log records, and its spans as entries, in the GenAI semantic conventions as
 * `@opentelemetry/semantic-conventions` 1.45.0 has them.
 *
 * @module
 */
export {
  type Exported,
  exportEntries,
  type ExportOptions,
  type OtelLogger,
} from "./otel/export_entries.ts";
export type { OtelLogRecord, OtelValue } from "./otel/log_records.ts";
export type { OtelContext } from "./otel/otel_context.ts";
export type { EmittedLogRecord, OtelLogRecordProcessor } from "./otel/logged_events.ts";
export type { OtelEvent, OtelSpan } from "./otel/span.ts";
export { AuditSpanProcessor, type SpanProcessorOptions } from "./otel/span_processor.ts";
export type { SpanContext } from "./shared/span_context.ts";
export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";

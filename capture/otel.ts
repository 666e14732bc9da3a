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
export { AuditSpanProcessor, type OtelSpan } from "./otel/span_processor.ts";
export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";

/**
 * Exports the entries of a log as OpenTelemetry log records, and records spans that another instrumentation made.
 *
 * ```sh
 * npm install @opentelemetry/api @opentelemetry/sdk-logs @opentelemetry/sdk-trace
 * node otel.mts audit.db
 * ```
 *
 * @module
 */

import {
  ConsoleLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { AuditLog } from "@audit-log/llm";
import { AuditSpanProcessor, exportEntries } from "@audit-log/llm/otel";
import process from "node:process";

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });

const processor = new AuditSpanProcessor(log, { user: "alice" });
const tracing = new TracerProvider({ spanProcessors: [processor] });
// Some instrumentations emit what was asked and answered as log records.
const content = new LoggerProvider({ processors: [processor.logRecords] });
// An instrumentation does this.
const span = tracing.getTracer("example").startSpan("chat gpt-4o", {
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
  },
});
span.setAttribute(
  "gen_ai.output.messages",
  '[{"role":"assistant","parts":[{"type":"text","content":"Hello!"}]}]',
);
span.end();
await tracing.shutdown(); // until all spans are recorded
await content.shutdown();

const logging = new LoggerProvider({
  processors: [new SimpleLogRecordProcessor({ exporter: new ConsoleLogRecordExporter() })],
});
const { count, last } = await exportEntries(log, logging.getLogger("audit-log"));
console.log(`${count} exported; the next time, go on after ${last}`);
await logging.shutdown();
await log.close();

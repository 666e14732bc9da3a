import { type AuditLog, AuditLogError, type AuditQuery } from "../../mod.ts";
import { hintFor } from "../shared/known_names.ts";
import { annotationRecord, logRecordOf, type OtelLogRecord } from "./log_records.ts";

/** What takes log records: a `Logger` of `@opentelemetry/api-logs`. */
export interface OtelLogger {
  /** Takes a log record. */
  emit(record: OtelLogRecord): void;
}

/** Options of {@link exportEntries}: which entries, and what of them. */
export interface ExportOptions extends Omit<AuditQuery, "annotations" | "order"> {
  /**
   * Whether prompts and responses are exported, too, and all metadata. Default `false`, as the conventions recommend: then only metadata that
   * holds nothing of what was said, by a list of names.
   */
  readonly content?: boolean | undefined;
  /** Keys of metadata that are exported without `content`, too, such as the application's own. Default: none. */
  readonly attributes?: readonly string[] | undefined;
  /** Whether what was said of entries by `annotate()` is exported, too, where it stands in the log. Default `true`. */
  readonly annotations?: boolean | undefined;
}

/** What was exported. */
export interface Exported {
  /** How many log records. */
  readonly count: number;
  /** The id of the last entry that was looked at, to go on `after` the next time; that given when there was none. */
  readonly last: string | undefined;
}

/**
 * Exports entries of a log as OpenTelemetry log records, oldest first, in bounded memory: events of the GenAI semantic
 * conventions as `@opentelemetry/semantic-conventions` 1.45.0 has them, `gen_ai.client.inference.operation.details` for interactions and
 * `gen_ai.evaluation.result` for annotations. Other entries, with `events: "all"`, are `audit.call.begin` and `audit.gap`.
 *
 * Records belong to the span that is told of in their entries' metadata, as `otel.trace_id` and `otel.span_id`, which wrappers and
 * `AuditSpanProcessor` record; those of annotations to the span of what was annotated.
 *
 * @param log The log.
 * @param logger A `Logger` of OpenTelemetry's.
 * @param options Which entries, and what of them. With `after`, the `last` of an earlier export, only newer ones.
 * @returns How many, and the last.
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` what is at fault; and as `AuditLog.query()`.
 *
 * @example
 * ```ts
 * import { logs } from "@opentelemetry/api-logs";
 * import { AuditLog } from "@audit-log/llm";
 * import { exportEntries } from "@audit-log/llm/otel";
 *
 * const log = await AuditLog.open();
 * const { last } = await exportEntries(log, logs.getLogger("audit-log"));
 * await exportEntries(log, logs.getLogger("audit-log"), { after: last }); // what came since
 * await log.close();
 * ```
 */
export async function exportEntries(
  log: AuditLog,
  logger: OtelLogger,
  options: ExportOptions = {},
): Promise<Exported> {
  checkExport(log, logger, options);
  const {
    content = false,
    attributes = [],
    annotations = true,
    events,
    limit = Infinity,
    ...query
  } = options;
  const parts = { content, attributes };
  let count = 0;
  let last = query.after;
  for await (const entry of log.stream({ ...query, order: "asc", events: "all" })) {
    if (count >= limit) break;
    last = entry.entryId;
    const { "audit.event": event, "audit.ref": ref } = entry.metadata;
    if (event === "annotation") {
      if (!annotations) continue;
      const of = typeof ref === "string" ? await log.get(ref) : undefined;
      logger.emit(annotationRecord(entry, of, parts));
    } else if (events === "all" || event === undefined || event === "call.end") {
      logger.emit(logRecordOf(entry, parts));
    } else continue;
    count++;
  }
  return { count, last };
}

const OPTIONS = Object.keys(
  {
    content: true,
    attributes: true,
    annotations: true,
    user: true,
    model: true,
    since: true,
    until: true,
    metadata: true,
    text: true,
    events: true,
    after: true,
    limit: true,
  } satisfies Record<keyof ExportOptions, true>,
);

function checkExport(log: AuditLog, logger: OtelLogger, options: ExportOptions): void {
  const { stream, get } = Object(log) as Partial<AuditLog>;
  if (typeof stream !== "function" || typeof get !== "function") {
    throw invalid("log", "must be an AuditLog; await AuditLog.open()");
  }
  if (typeof Object(logger).emit !== "function") {
    throw invalid(
      "logger",
      "must be a Logger of OpenTelemetry's, as logs.getLogger(name) gives one",
    );
  }
  if (typeof options !== "object" || options === null) throw invalid("", "must be an object");
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw invalid(unknown, `is not an option; ${hintFor(unknown, OPTIONS)}`);
  }
  const { content = false, attributes = [], annotations = true, limit = 0 } = options;
  if (typeof content !== "boolean") throw invalid("content", "must be true or false");
  if (typeof annotations !== "boolean") throw invalid("annotations", "must be true or false");
  if (!Array.isArray(attributes) || !attributes.every((key) => typeof key === "string")) {
    throw invalid("attributes", "must be an array of keys");
  }
  if (!Number.isSafeInteger(limit) || limit < 0) throw invalid("limit", "must be an integer >= 0");
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot export entries: ${path === "" ? "the options" : path} ${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

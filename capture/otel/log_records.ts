import type { AuditEntry, JsonObject, JsonValue } from "../../mod.ts";

/** An attribute's value, as OpenTelemetry's logs have it. */
export type OtelValue = string | number | boolean | null | OtelValue[] | {
  [key: string]: OtelValue;
};

/** A log record, as OpenTelemetry's `Logger.emit()` takes it. */
export interface OtelLogRecord {
  /** The event, as the conventions name it. */
  readonly eventName: string;
  /** When the entry was recorded. */
  readonly timestamp: Date;
  /** 9 for information, 17 for a call that failed. */
  readonly severityNumber: number;
  /** `INFO` or `ERROR`. */
  readonly severityText: string;
  /** The entry's metadata, and what else is known of it. */
  readonly attributes: Record<string, OtelValue>;
}

/** What of an entry is exported. */
export interface RecordOptions {
  /** Whether the texts are, too. */
  readonly content: boolean;
}

// SeverityNumber of OpenTelemetry's log data model.
const INFO = 9;
const ERROR = 17;

const OPERATION_DETAILS = "gen_ai.client.inference.operation.details";
const EVALUATION_RESULT = "gen_ai.evaluation.result";

/** The log record that an entry is. */
export function logRecordOf(entry: AuditEntry, { content }: RecordOptions): OtelLogRecord {
  const { metadata } = entry;
  const event = metadata["audit.event"];
  const failed = metadata["audit.outcome"] === "failed";
  return {
    eventName: eventNameOf(event),
    timestamp: new Date(entry.timestamp),
    severityNumber: failed ? ERROR : INFO,
    severityText: failed ? "ERROR" : "INFO",
    attributes: {
      ...(content ? metadata : withoutContent(metadata)) as unknown as Record<string, OtelValue>,
      "audit.entry_id": entry.entryId,
      ...(event === "gap" ? {} : { "gen_ai.request.model": entry.model }),
      "user.id": entry.user,
      ...(entry.costUsd === null ? {} : { "audit.cost_usd": entry.costUsd }),
      ...(entry.latencyMs === null ? {} : { "audit.latency_ms": entry.latencyMs }),
      ...(content && event !== "annotation" && event !== "gap" ? contentOf(entry) : {}),
    },
  };
}

/**
 * The log record of what was said about an entry.
 *
 * @param annotation The annotation's entry.
 * @param of The entry that it is about, if that is known.
 */
export function annotationRecord(
  annotation: AuditEntry,
  of: AuditEntry | undefined,
  options: RecordOptions,
): OtelLogRecord {
  const record = logRecordOf(annotation, options);
  const id = of?.metadata["gen_ai.response.id"];
  // It says which answer was evaluated.
  return typeof id === "string"
    ? { ...record, attributes: { ...record.attributes, "gen_ai.response.id": id } }
    : record;
}

/** What the conventions have content in, which they recommend to export on request alone. */
const CONTENT =
  /^gen_ai\.(?:(?:input|output)\.messages|system_instructions|tool\.definitions|tool\.call\.(?:arguments|result))$/;

function withoutContent(metadata: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(metadata).filter(([key]) => !CONTENT.test(key) && key !== "request.parameters"),
  );
}

function eventNameOf(event: JsonValue | undefined): string {
  if (event === undefined || event === "call.end") return OPERATION_DETAILS;
  return event === "annotation" ? EVALUATION_RESULT : `audit.${event}`;
}

/** The texts, under the names that the conventions have for them. */
function contentOf({ inputText, outputText, metadata }: AuditEntry): Record<string, OtelValue> {
  const input = metadata["audit.input.format"] === "json" ? parsed(inputText) : undefined;
  const output = metadata["audit.output.format"] === "json" ? parsed(outputText) : undefined;
  const asked = isObject(input) ? input : undefined;
  return {
    ...(asked?.["system_instructions"] === undefined
      ? {}
      : { "gen_ai.system_instructions": asked["system_instructions"] as unknown as OtelValue }),
    ...(asked?.["tool_definitions"] === undefined
      ? {}
      : { "gen_ai.tool.definitions": asked["tool_definitions"] as unknown as OtelValue }),
    "gen_ai.input.messages":
      (asked?.["messages"] ?? said("user", inputText)) as unknown as OtelValue,
    ...(outputText === "" ? {} : {
      "gen_ai.output.messages":
        (Array.isArray(output) ? output : said("assistant", outputText)) as unknown as OtelValue,
    }),
  };
}

function said(role: string, content: string): JsonValue {
  return [{ role, parts: [{ type: "text", content }] }];
}

/** Redactors may have made something else of it. */
function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import type { AuditEntry, JsonObject, JsonValue } from "../../mod.ts";
import { spanContextIn } from "../shared/span_context.ts";
import { exportedMetadata, type ExportedParts } from "./exported_metadata.ts";
import { contextOf, type OtelContext } from "./otel_context.ts";
import { toolDefinitions } from "./tool_definitions.ts";

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
  /** That of the span that the entry is of, by which logs and traces join; without a span where the entry tells of none. */
  readonly context: OtelContext;
  /** The entry's metadata, and what else is known of it. */
  readonly attributes: Record<string, OtelValue>;
}

// SeverityNumber of OpenTelemetry's log data model.
const INFO = 9;
const ERROR = 17;

const OPERATION_DETAILS = "gen_ai.client.inference.operation.details";
const EVALUATION_RESULT = "gen_ai.evaluation.result";

/** The log record that an entry is. */
export function logRecordOf(entry: AuditEntry, parts: ExportedParts): OtelLogRecord {
  const { metadata } = entry;
  const event = metadata["audit.event"];
  const hasTexts = parts.content && event !== "annotation" && event !== "gap";
  const failed = metadata["audit.outcome"] === "failed";
  return {
    eventName: eventNameOf(event),
    timestamp: new Date(entry.timestamp),
    severityNumber: failed ? ERROR : INFO,
    severityText: failed ? "ERROR" : "INFO",
    context: contextOf(spanContextIn(metadata)),
    attributes: {
      ...exportedMetadata(metadata, parts) as unknown as Record<string, OtelValue>,
      "audit.entry_id": entry.entryId,
      ...modelOf(entry),
      "user.id": entry.user,
      ...(entry.costUsd === null ? {} : { "audit.cost_usd": entry.costUsd }),
      ...(entry.latencyMs === null ? {} : { "audit.latency_ms": entry.latencyMs }),
      ...(hasTexts ? contentOf(entry) : {}),
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
  parts: ExportedParts,
): OtelLogRecord {
  const record = logRecordOf(annotation, parts);
  if (of === undefined) return record;
  const { context, attributes } = record;
  const id = of.metadata["gen_ai.response.id"];
  const evaluated = spanContextIn(of.metadata);
  return {
    ...record,
    // The conventions want both: the span and the id of the answer that was evaluated.
    context: evaluated === undefined ? context : contextOf(evaluated),
    attributes: typeof id === "string" ? { ...attributes, "gen_ai.response.id": id } : attributes,
  };
}

/** What is called by the name of something else than a model, which stands in its entry as the model. */
const NO_MODEL = /^(?:execute_tool|create_agent|invoke_agent|invoke_workflow|retrieval)$/;

/** The model that was asked. That of an annotation is the one that was judged, and not the judge. */
function modelOf({ model, metadata }: AuditEntry): Record<string, string> {
  const { "audit.event": event, "gen_ai.operation.name": operation } = metadata;
  const isAsked = event !== "gap" && event !== "annotation" &&
    !("gen_ai.request.model" in metadata) && !NO_MODEL.test(String(operation));
  return isAsked ? { "gen_ai.request.model": model } : {};
}

function eventNameOf(event: JsonValue | undefined): string {
  if (event === undefined || event === "call.end") return OPERATION_DETAILS;
  return event === "annotation" ? EVALUATION_RESULT : `audit.${event}`;
}

/** The texts, under the names that the conventions have for them. */
function contentOf({ inputText, outputText, metadata }: AuditEntry): Record<string, OtelValue> {
  if (metadata["gen_ai.operation.name"] === "execute_tool") {
    return {
      "gen_ai.tool.call.arguments": parsed(inputText) ?? inputText,
      ...(outputText === "" ? {} : { "gen_ai.tool.call.result": parsed(outputText) ?? outputText }),
    } as Record<string, OtelValue>;
  }
  const input = metadata["audit.input.format"] === "json" ? parsed(inputText) : undefined;
  const output = metadata["audit.output.format"] === "json" ? parsed(outputText) : undefined;
  const asked = isObject(input) ? input : undefined;
  return {
    ...(asked?.["system_instructions"] === undefined
      ? {}
      : { "gen_ai.system_instructions": asked["system_instructions"] as unknown as OtelValue }),
    ...(asked?.["tool_definitions"] === undefined
      ? {}
      : { "gen_ai.tool.definitions": toolDefinitions(asked["tool_definitions"]) as OtelValue }),
    "gen_ai.input.messages":
      (asked?.["messages"] ?? said("user", inputText)) as unknown as OtelValue,
    ...(outputText === "" ? {} : {
      "gen_ai.output.messages":
        (Array.isArray(output)
          ? output
          : said("assistant", outputText, finishReasonIn(metadata))) as unknown as OtelValue,
    }),
  };
}

function said(role: string, content: string, finish: JsonObject = {}): JsonValue {
  return [{ role, parts: [{ type: "text", content }], ...finish }];
}

/** Why an answer ended that is one text. */
function finishReasonIn(metadata: JsonObject): JsonObject {
  const reasons = metadata["gen_ai.response.finish_reasons"];
  const [reason] = Array.isArray(reasons) ? reasons : [];
  return reason === undefined ? {} : { finish_reason: reason };
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

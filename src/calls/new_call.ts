import type { NewEntry } from "../entry.ts";
import { AuditLogError } from "../errors.ts";
import { checkFields } from "../known_fields.ts";
import { describe } from "../refusal.ts";
import type { Usage } from "../usage.ts";

/** How a text of an entry is to be read: as it stands, or as JSON. */
export type TextFormat = "text" | "json";

/** A call that is about to be made, for {@link AuditLog.begin}. */
export interface NewCall extends Pick<NewEntry, "model" | "inputText" | "user" | "metadata"> {
  /** How `inputText` is to be read, for `audit.input.format`. Default: it is not said. */
  readonly inputFormat?: TextFormat | undefined;
}

/** Options of {@link AuditLog.begin}. */
export interface BeginOptions {
  /**
   * Whether an entry is written before the call, so that a call whose process dies leaves a trace. Without it, a call is one
   * entry, written at its end. Default `true`.
   */
  readonly begin?: boolean | undefined;
}

/** What is known of a call that ended, in whatever way. */
export interface CallOutcome extends Pick<NewEntry, "costUsd" | "latencyMs" | "metadata"> {
  /**
   * What was asked, as far as it became known only after the call had begun. It takes precedence over what
   * {@link AuditLog.begin} was given, metadata key by key. The user cannot be changed: who asks is known when a call begins.
   */
  readonly asked?: Partial<Omit<NewCall, "user">> | undefined;
  /** How the output is to be read, for `audit.output.format`. Default: it is not said. */
  readonly outputFormat?: TextFormat | undefined;
  /** Tokens, as far as the provider counted them. They are recorded under the names of OpenTelemetry's GenAI conventions. */
  readonly usage?: Usage | undefined;
}

/** What {@link AuditCall.complete} is told. */
export interface CallResult extends CallOutcome {
  /** The response. */
  readonly outputText: string;
}

/** What {@link AuditCall.fail} and {@link AuditCall.abort} are told. */
export interface CallRemains extends CallOutcome {
  /** What came of the response before it ended. Default `""`. */
  readonly partialOutput?: string | undefined;
}

const CALL = ["model", "inputText", "user", "metadata", "inputFormat"];
const ASKED = ["model", "inputText", "metadata", "inputFormat"];
const OUTCOME = ["asked", "costUsd", "latencyMs", "metadata", "outputFormat", "usage"];
const USAGE: Readonly<Record<keyof Usage, string>> = {
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheCreationTokens: "gen_ai.usage.cache_creation.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
};

/** Makes sure that a call is one. @throws {AuditLogError} `INVALID_ENTRY`. */
export function checkCall(call: NewCall, options: BeginOptions): void {
  const refuse = refusing("begin the call");
  checkFields(call, CALL, "a field of a call", refuse);
  checkFormat(call.inputFormat, "inputFormat", refuse);
  checkFields(options, ["begin"], "an option of begin()", refuse);
  if (options.begin !== undefined && typeof options.begin !== "boolean") {
    throw refuse("begin", "must be true or false");
  }
}

const refuseEnd = refusing("end the call");

/** Makes sure that an outcome is one. @throws {AuditLogError} `INVALID_ENTRY`. */
export function checkOutcome(outcome: CallOutcome, output: "outputText" | "partialOutput"): void {
  const meant = { outputText: output, partialOutput: output };
  checkFields(outcome, [...OUTCOME, output], "known here", refuseEnd, meant);
  const text = (outcome as Partial<CallResult & CallRemains>)[output];
  if (typeof text !== "string" && (text !== undefined || output === "outputText")) {
    throw refuseEnd(output, `must be a string, not ${describe(text)}`);
  }
  checkFormat(outcome.outputFormat, "outputFormat", refuseEnd);
  const { asked, usage } = outcome;
  if (asked !== undefined) {
    checkFields(asked, ASKED, "known here", within("asked"));
    checkFormat(asked.inputFormat, "asked.inputFormat", refuseEnd);
  }
  if (usage !== undefined) checkFields(usage, Object.keys(USAGE), "known here", within("usage"));
}

function within(field: string): Refuse {
  return (path, state) => refuseEnd(path === "" ? field : `${field}.${path}`, state);
}

/** Usage as metadata. What the provider did not tell is absent, never 0. @throws {AuditLogError} `INVALID_ENTRY`. */
export function usageMetadata(usage: Usage = {}): Record<string, number> {
  const metadata: Record<string, number> = {};
  for (const [field, key] of Object.entries(USAGE)) {
    const tokens = usage[field as keyof Usage];
    if (tokens === undefined) continue;
    if (!Number.isSafeInteger(tokens) || tokens < 0) {
      throw refuseEnd(`usage.${field}`, "must be an integer >= 0; leave it out");
    }
    metadata[key] = tokens;
  }
  return metadata;
}

type Refuse = (path: string, state: string) => AuditLogError;

function checkFormat(format: unknown, field: string, refuse: Refuse): void {
  if (format === undefined || format === "text" || format === "json") return;
  throw refuse(field, `must be "text" or "json"`);
}

function refusing(action: string): Refuse {
  return (path, state) =>
    new AuditLogError("INVALID_ENTRY", `Cannot ${action}: ${path === "" ? "it" : path} ${state}`, {
      path,
    });
}

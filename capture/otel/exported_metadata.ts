import type { JsonObject } from "../../mod.ts";
import { SPAN_CONTEXT } from "../shared/span_context.ts";

/**
 * Metadata that holds nothing of what was said: names, numbers, ids, and words out of a few. All else may hold some, whatever it is called: what
 * an instrumentation, a provider or the application put there. So it is a list of what is exported, and not of what is not.
 */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set([
  "ai_sdk.raw_finish_reason",
  "attempt",
  "embeddings.count",
  "error.type",
  "gen_ai.agent.id",
  "gen_ai.agent.name",
  "gen_ai.agent.version",
  "gen_ai.conversation.id",
  "gen_ai.data_source.id",
  "gen_ai.embeddings.dimension.count",
  "gen_ai.evaluation.name",
  "gen_ai.evaluation.score.label",
  "gen_ai.evaluation.score.value",
  "gen_ai.operation.name",
  "gen_ai.output.type",
  "gen_ai.prompt.name",
  "gen_ai.provider.name",
  "gen_ai.request.choice.count",
  "gen_ai.request.encoding_formats",
  "gen_ai.request.frequency_penalty",
  "gen_ai.request.max_tokens",
  "gen_ai.request.model",
  "gen_ai.request.presence_penalty",
  "gen_ai.request.seed",
  "gen_ai.request.temperature",
  "gen_ai.request.top_k",
  "gen_ai.request.top_p",
  "gen_ai.response.finish_reasons",
  "gen_ai.response.id",
  "gen_ai.response.model",
  "gen_ai.response.time_to_first_chunk",
  "gen_ai.tool.call.id",
  "gen_ai.tool.name",
  "gen_ai.tool.type",
  "gen_ai.usage.cache_creation.input_tokens",
  "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.input_tokens",
  "gen_ai.usage.output_tokens",
  "gen_ai.usage.reasoning.output_tokens",
  "gen_ai.workflow.name",
  "http.response.status_code",
  "langchain.cached",
  "langchain.parent_run_id",
  "langchain.root_run_id",
  "langchain.run_id",
  "openai.api.type",
  "openai.request.service_tier",
  "openai.response.service_tier",
  "openai.response.system_fingerprint",
  "otel.parent_span_id",
  "request.unreadable",
  "response.unreadable",
  "server.address",
  "server.port",
  "stream.malformed_events",
  "stream.too_long_events",
  "stream.truncated",
  "stream.unreadable",
]);
/** What the log says itself, and the ids that a provider gave a request. */
const OURS = /^(?:audit\.|http\.response\.header\.[\w-]*(?:request-id|requestid)$)/;

/** What of an entry is exported. */
export interface ExportedParts {
  /** Whether the texts are, and all metadata. */
  readonly content: boolean;
  /** Keys of metadata that are, too. */
  readonly attributes: readonly string[];
}

/** Metadata that is exported, without what the record's context says. */
export function exportedMetadata(
  metadata: JsonObject,
  { content, attributes }: ExportedParts,
): JsonObject {
  return Object.fromEntries(
    Object.entries(metadata).filter(([key]) =>
      !SPAN_CONTEXT.includes(key) &&
      (content || WITHOUT_CONTENT.has(key) || OURS.test(key) || attributes.includes(key))
    ),
  );
}

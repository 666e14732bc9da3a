/**
 * Keys of metadata whose values are not what people or models wrote: what the program or the provider chose from a few, and
 * ids that a provider made. A redactor may take an id for a telephone number, and the entry could not be found by it.
 * Ids that an application makes are not among them, for they may be anything, an address for example.
 */
export const SAFE_KEYS: ReadonlySet<string> = new Set([
  "audit.attempt",
  "audit.call",
  "audit.event",
  "audit.input.format",
  "audit.outcome",
  "audit.output.format",
  "audit.ref",
  "error.type",
  "gen_ai.evaluation.name",
  "gen_ai.evaluation.score.label",
  "gen_ai.operation.name",
  "gen_ai.output.type",
  "gen_ai.provider.name",
  "gen_ai.request.encoding_formats",
  "gen_ai.request.model",
  "gen_ai.response.finish_reasons",
  "gen_ai.response.id",
  "gen_ai.response.model",
  "gen_ai.system",
  "gen_ai.token.type",
  "gen_ai.tool.call.id",
  "gen_ai.tool.name",
  "gen_ai.tool.type",
  "langchain.parent_run_id",
  "langchain.root_run_id",
  "langchain.run_id",
  "openai.api.type",
  "openai.request.service_tier",
  "openai.response.service_tier",
  "openai.response.system_fingerprint",
  "otel.parent_span_id",
  "otel.span_id",
  "otel.trace_id",
  "server.address",
]);

/**
 * Names of members that nobody wrote: those of the conventions and of wrappers, whose values may well be what somebody wrote. A name of an
 * application's may be anything, an address for example, even behind the same word.
 */
export const KNOWN_NAMES: Readonly<{ has(name: string): boolean }> = {
  has: (name) => name === "attempt" || name === "warnings" || KNOWN.test(name),
};

const KNOWN =
  /^(?:ai_sdk|anthropic|audit|embeddings|error|gemini|gen_ai|http|langchain|openai|otel|request|response|server|span|stream)(?:\.[a-z][\w-]{0,99}){1,9}$/;

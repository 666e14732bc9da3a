/**
 * What a call of a model took, and what it cost.
 *
 * @module
 */

/** How many tokens a call took, as far as the provider told; what it did not tell is absent, never 0. */
export interface Usage {
  /** All input tokens, cached ones included. */
  readonly inputTokens?: number | undefined;
  /** All output tokens, reasoning included. */
  readonly outputTokens?: number | undefined;
  /** Of the input tokens, those read from a cache. */
  readonly cacheReadTokens?: number | undefined;
  /** Of the input tokens, those written to a cache. */
  readonly cacheCreationTokens?: number | undefined;
  /** Of the output tokens, those of reasoning. */
  readonly reasoningTokens?: number | undefined;
}

/**
 * What a call cost in US dollars; `null` where that is not known.
 *
 * @param usage What it took.
 * @param model Which model answered.
 * @param provider Whose model, as in OpenTelemetry's `gen_ai.provider.name`, where that is known.
 * @param latencyMs How long it took, milliseconds, where that is known. Wrappers tell it.
 */
export type Cost = (
  usage: Usage,
  model: string,
  provider: string | undefined,
  latencyMs?: number | undefined,
) => number | null;

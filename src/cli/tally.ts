import type { AuditEntry } from "../entry.ts";
import { OUTCOME_KEY } from "../entry_event.ts";
import { DecimalSum } from "./decimal_sum.ts";
import { Latencies, type LatencySummary } from "./latencies.ts";

/** What calls took together. A sum is of what is known, and nothing where none is: what is not known is not 0. */
export interface Totals {
  /** How many calls there were. */
  readonly calls: number;
  /** Of them, those that failed. */
  readonly failed: number;
  /** Of them, those that were broken off. */
  readonly aborted: number;
  /** Sum of the costs, in US dollars. */
  readonly costUsd: number | null;
  /** How many calls are not in it. */
  readonly callsWithoutCost: number;
  /** Sum of the input tokens, cached ones included. */
  readonly inputTokens: number | null;
  /** Sum of the output tokens, reasoning included. */
  readonly outputTokens: number | null;
  /** How many calls are in neither. */
  readonly callsWithoutUsage: number;
  /** How long they took. */
  readonly latencyMs: LatencySummary | null;
  /** How many calls are not in it. */
  readonly callsWithoutLatency: number;
}

/** Adds up calls. */
export class Tally {
  readonly #cost = new DecimalSum();
  readonly #latencies = new Latencies();
  #calls = 0;
  #failed = 0;
  #aborted = 0;
  #withCost = 0;
  #withUsage = 0;
  #inputTokens: number | null = null;
  #outputTokens: number | null = null;

  /** Adds one. */
  add({ costUsd, latencyMs, metadata }: AuditEntry): void {
    this.#calls++;
    if (metadata[OUTCOME_KEY] === "failed") this.#failed++;
    if (metadata[OUTCOME_KEY] === "aborted") this.#aborted++;
    if (costUsd !== null) {
      this.#withCost++;
      this.#cost.add(costUsd);
    }
    const input = tokensOf(metadata["gen_ai.usage.input_tokens"]);
    const output = tokensOf(metadata["gen_ai.usage.output_tokens"]);
    if (input !== undefined) this.#inputTokens = (this.#inputTokens ?? 0) + input;
    if (output !== undefined) this.#outputTokens = (this.#outputTokens ?? 0) + output;
    if (input !== undefined || output !== undefined) this.#withUsage++;
    if (latencyMs !== null) this.#latencies.add(latencyMs);
  }

  /** The sums as they are now. */
  totals(): Totals {
    return {
      calls: this.#calls,
      failed: this.#failed,
      aborted: this.#aborted,
      costUsd: this.#withCost === 0 ? null : this.#cost.value,
      callsWithoutCost: this.#calls - this.#withCost,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      callsWithoutUsage: this.#calls - this.#withUsage,
      latencyMs: this.#latencies.summary(),
      callsWithoutLatency: this.#calls - this.#latencies.count,
    };
  }
}

/** Whoever records metadata may write anything there. */
function tokensOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : undefined;
}

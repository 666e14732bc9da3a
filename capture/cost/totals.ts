import type { Usage } from "../../mod.ts";
import { amountOf, usdOf } from "./usd.ts";

/** What the calls of a scope took together, those of the scopes within included. */
export interface CostTotal {
  /** How many calls there were. */
  readonly calls: number;
  /** Of them, those whose cost is not known; `costUsd` is without them. */
  readonly callsWithoutCost: number;
  /** Of them, those of which neither input nor output tokens are known. */
  readonly callsWithoutUsage: number;
  /** Sum of the input tokens that are known. */
  readonly inputTokens: number;
  /** Sum of the output tokens that are known. */
  readonly outputTokens: number;
  /** Sum of the costs that are known, in US dollars, exact to 12 decimals. */
  readonly costUsd: number;
  /** Sum of the durations that are known, in milliseconds. */
  readonly latencyMs: number;
}

/** Adds up calls. */
export class Sum {
  #calls = 0;
  #callsWithoutCost = 0;
  #callsWithoutUsage = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  #amount = 0n;
  #latencyMs = 0;

  /** What was spent. */
  get amount(): bigint {
    return this.#amount;
  }

  /** Adds a call. */
  add(usage: Usage, costUsd: number | null, latencyMs: number | null): void {
    const { inputTokens, outputTokens } = usage;
    this.#calls++;
    if (costUsd === null) this.#callsWithoutCost++;
    else this.#amount += amountOf(costUsd);
    if (inputTokens === undefined && outputTokens === undefined) this.#callsWithoutUsage++;
    this.#inputTokens += inputTokens ?? 0;
    this.#outputTokens += outputTokens ?? 0;
    this.#latencyMs += latencyMs ?? 0;
  }

  /** The sums as they are now. */
  total(): CostTotal {
    return Object.freeze({
      calls: this.#calls,
      callsWithoutCost: this.#callsWithoutCost,
      callsWithoutUsage: this.#callsWithoutUsage,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      costUsd: usdOf(this.#amount),
      latencyMs: this.#latencyMs,
    });
  }
}

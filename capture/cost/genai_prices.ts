import { calcPrice } from "@pydantic/genai-prices";
import type { Cost, Usage } from "../../mod.ts";
import { checkNames, invalidOption, usageFault } from "./checks.ts";
import { type PriceUpdates, startUpdates } from "./price_updates.ts";
import { modelNameFor, providerNameFor } from "./providers.ts";
import { isUsd, roundUsd } from "./usd.ts";

/** Options of {@link genaiPrices}. */
export interface GenaiPricesOptions {
  /** The time whose prices count. Default: the time of each call. */
  readonly at?: Date | undefined;
  /**
   * Whether newer prices are fetched from the network; how often, and from where. Default `false`: the prices are those
   * that came with the package, and nothing is fetched.
   */
  readonly updates?: boolean | PriceUpdates | undefined;
}

/** A price that depends on how many input tokens there are. */
interface Tiered {
  readonly base: number;
  readonly tiers: readonly { readonly price: number }[];
}

/**
 * Makes a {@link Cost} from the prices of the package `@pydantic/genai-prices`.
 *
 * It gives `null`, and never 0, where a provider or model is not known, where its price is not one of tokens, and where
 * the usage does not tell the tokens that are paid for or contradicts itself. It never throws. A provider is named as in
 * OpenTelemetry's `gen_ai.provider.name`; without one, the model's name tells it.
 *
 * Where a price differs for cached or reasoning tokens, it takes what the usage says of them. What a usage does not tell is
 * left out: tokens of audio and images cost what tokens of text do, what was cached for an hour costs what five minutes do,
 * searches and other tools cost nothing, and neither discounts nor batch prices are known.
 *
 * @param options The time whose prices count, and whether newer prices are fetched.
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 *
 * @example
 * ```ts
 * import { genaiPrices } from "@audit-log/llm/cost";
 *
 * const cost = genaiPrices();
 * console.log(cost({ inputTokens: 1000, outputTokens: 500 }, "gpt-4o", "openai")); // 0.0075
 * console.log(cost({ inputTokens: 1000, outputTokens: 500 }, "my-own-model", "openai")); // null
 * ```
 */
export function genaiPrices(options: GenaiPricesOptions = {}): Cost {
  checkNames(options, "", ["at", "updates"]);
  const { at, updates = false } = options;
  if (at !== undefined && !(at instanceof Date && Number.isFinite(at.getTime()))) {
    throw invalidOption("at", "must be a valid Date");
  }
  if (updates !== false) startUpdates(updates === true ? {} : updates);
  const timestamp = at === undefined ? undefined : new Date(at);
  return (usage, model, provider) => {
    try {
      return priceOf(usage, model, provider, timestamp);
    } catch {
      return null; // the package throws at prices that it does not understand
    }
  };
}

function priceOf(
  usage: Usage,
  model: string,
  provider: string | undefined,
  timestamp: Date | undefined,
): number | null {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens === undefined || usageFault(usage) !== undefined) return null;
  const providerId = providerNameFor(provider);
  const calculation = calcPrice(
    {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheCreationTokens,
      output_reasoning_tokens: usage.reasoningTokens,
    },
    modelNameFor(model, providerId),
    { providerId, timestamp },
  );
  if (calculation === null) return null;
  // What has no price counts as free in there: the tokens of a model that is paid for by the hour, for example.
  const { input_mtok: inputPrice, output_mtok: outputPrice } = calculation.model_price;
  if (inputPrice === undefined) return null;
  if (outputPrice === undefined && (outputTokens ?? 0) > 0) return null;
  if (outputTokens === undefined && !isFree(outputPrice)) return null;
  return isUsd(calculation.total_price) ? roundUsd(calculation.total_price) : null;
}

function isFree(price: number | Tiered | undefined): boolean {
  if (price === undefined || typeof price === "number") return (price ?? 0) === 0;
  return price.base === 0 && price.tiers.every((tier) => tier.price === 0);
}

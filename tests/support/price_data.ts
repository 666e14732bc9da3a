/**
 * What calls cost by the price data of `@pydantic/genai-prices`, calculated in whole numbers and without that package's
 * arithmetic.
 *
 * @module
 */

import {
  type ConditionalPrice,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
  type Provider,
  waitForUpdate,
} from "@pydantic/genai-prices";

/** Tokens of a call: of `input`, `read` came from a cache and `written` went into one; of `output`, `reasoning`. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly read: number;
  readonly written: number;
  readonly reasoning: number;
}

/** The providers whose prices are known now, and all their models. */
export async function priceData(): Promise<readonly Provider[]> {
  const providers = await waitForUpdate();
  if (providers === null) throw new Error("there are no prices");
  return providers;
}

/** Whether it is this model that has the prices for its own name; an earlier one may claim that, too. */
export function isNamedByItself(provider: Provider, model: ModelInfo): boolean {
  return provider.models.find(({ match }) => fits(match, model.id)) === model;
}

function fits(logic: MatchLogic, name: string): boolean {
  const text = name.toLowerCase();
  if ("or" in logic) return logic.or.some((part) => fits(part, name));
  if ("and" in logic) return logic.and.every((part) => fits(part, name));
  if ("equals" in logic) return text === logic.equals.toLowerCase();
  if ("starts_with" in logic) return text.startsWith(logic.starts_with.toLowerCase());
  if ("ends_with" in logic) return text.endsWith(logic.ends_with.toLowerCase());
  if ("contains" in logic) return text.includes(logic.contains.toLowerCase());
  return new RegExp(logic.regex).test(name);
}

/** The prices of a model at noon, UTC, of a day such as `2026-01-31`. */
export function pricesOn(model: ModelInfo, day: string): ModelPrice {
  if (!Array.isArray(model.prices)) return model.prices;
  const holds = ({ constraint }: ConditionalPrice) => {
    if (constraint === undefined) return true;
    if (constraint.type === "start_date") return constraint.start_date <= day;
    return constraint.start_time <= "12:00:00Z" && "12:00:00Z" < constraint.end_time;
  };
  return (model.prices.findLast(holds) ?? model.prices[0]!).prices;
}

/**
 * What the tokens cost, in millionths of a millionth of a dollar, or `undefined` where a price is no whole number of them
 * per token.
 */
export function amountFor(prices: ModelPrice, tokens: Tokens): bigint | undefined {
  const { input, output, read, written, reasoning } = tokens;
  const parts: [count: number, name: string, otherwise: string][] = [
    [input - read - written, "input_mtok", "input_mtok"],
    [read, "cache_read_mtok", "input_mtok"],
    [written, "cache_write_mtok", "input_mtok"],
    [output - reasoning, "output_mtok", "output_mtok"],
    [reasoning, "output_reasoning_mtok", "output_mtok"],
  ];
  let amount = 0n;
  for (const [count, name, otherwise] of parts) {
    const perToken = wholePrice(prices[name] ?? prices[otherwise] ?? 0, input);
    if (perToken === undefined) return undefined;
    amount += BigInt(count) * perToken;
  }
  const perThousandRequests = wholePrice(prices["requests_kcount"] ?? 0, input);
  return perThousandRequests === undefined ? undefined : amount + perThousandRequests * 1000n;
}

function wholePrice(price: NonNullable<ModelPrice[string]>, input: number): bigint | undefined {
  const usd = typeof price === "number" ? price : price.tiers.toSorted((a, b) => a.start - b.start)
    .findLast(({ start }) => input > start)?.price ?? price.base;
  const [whole, decimals = ""] = String(usd).split(".");
  return decimals.length > 6 ? undefined : BigInt(whole! + decimals.padEnd(6, "0"));
}

/** The number of dollars that an amount is, as one would write it. */
export function dollars(amount: bigint): number {
  const digits = String(amount).padStart(13, "0");
  return Number(`${digits.slice(0, -12)}.${digits.slice(-12)}`);
}

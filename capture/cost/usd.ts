/**
 * Sums of money without the drift of doubles, in whole millionths of a millionth of a US dollar. Prices are published per
 * million tokens with at most six decimals, so what a token costs is a whole number of those, and sums are exact.
 *
 * @module
 */

/** What one cost may be at most, in US dollars. */
export const MAX_USD: number = Number.MAX_SAFE_INTEGER;

const DECIMALS = 12;

/** The amount nearest to a number of dollars from 0 to {@link MAX_USD}. */
export function amountOf(usd: number): bigint {
  return BigInt(usd.toFixed(DECIMALS).replace(".", ""));
}

/** The number of dollars nearest to an amount: 0.3 for three times 0.1, and not 0.30000000000000004. */
export function usdOf(amount: bigint): number {
  const digits = String(amount).padStart(DECIMALS + 1, "0");
  return Number(`${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`);
}

/** Removes what arithmetic with doubles added to a number of dollars from 0 to {@link MAX_USD}. */
export function roundUsd(usd: number): number {
  return usdOf(amountOf(usd));
}

/** Whether it is a cost that can be counted. */
export function isUsd(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MAX_USD;
}

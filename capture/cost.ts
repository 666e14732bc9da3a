/**
 * What calls of models cost: prices of the known providers, and totals by scope with budgets.
 *
 * The prices are those of the package `@pydantic/genai-prices`.
 *
 * @example
 * ```ts
 * import { CostTracker } from "@audit-log/llm/cost";
 *
 * const tracker = new CostTracker({ budgets: [{ limitUsd: 5, action: "refuse" }] });
 * await tracker.scope("qa", async () => {
 *   tracker.check(); // throws once the budget is used up
 *   const rec = tracker.record("gpt-4o", 1000, 500, 200);
 *   console.log(rec.costUsd); // 0.0075
 * });
 * console.log(tracker.total("qa"));
 * ```
 *
 * @module
 */

export { type BudgetEvent, type CostBudget } from "./cost/budgets.ts";
export {
  type CallToRecord,
  type CostRecord,
  CostTracker,
  type CostTrackerOptions,
} from "./cost/cost_tracker.ts";
export { genaiPrices, type GenaiPricesOptions } from "./cost/genai_prices.ts";
export { type PriceUpdates } from "./cost/price_updates.ts";
export { type CostTotal } from "./cost/totals.ts";
export { type Cost, type Usage } from "../mod.ts";

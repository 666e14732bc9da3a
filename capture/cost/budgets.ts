import { AuditLogError } from "../../mod.ts";
import { ignoreRejection } from "../shared/promises.ts";
import { checkNames, checkScope, invalidOption } from "./checks.ts";
import { amountOf, isUsd, usdOf } from "./usd.ts";

/** How much may be spent, and what happens when it is. */
export interface CostBudget {
  /** The scope whose calls it is for, those of the scopes within included. Default: all calls. */
  readonly scope?: string | undefined;
  /** How much, in US dollars, >= 0. The budget is used up when as much was spent. */
  readonly limitUsd: number;
  /**
   * What happens once it is used up: `"warn"`: `onBudget` is told, no more; `"refuse"`: `check()` and `record()` throw, too.
   */
  readonly action: "warn" | "refuse";
}

/** A budget that is used up. */
export interface BudgetEvent {
  /** The scope it is for, or `undefined` if it is for all calls. */
  readonly scope: string | undefined;
  /** How much might be spent, in US dollars. */
  readonly limitUsd: number;
  /** How much was, in US dollars. */
  readonly spentUsd: number;
  /** What happens. */
  readonly action: "warn" | "refuse";
}

/** Who is told of budgets that are used up. */
export type OnBudget = (event: BudgetEvent) => void;

/** What was spent in a scope, `""` being all. */
type Spent = (scope: string) => bigint;

interface Kept {
  readonly budget: CostBudget;
  readonly scope: string;
  readonly limit: bigint;
  readonly path: string;
  told: boolean;
}

/** The budgets of a tracker. */
export class Budgets {
  readonly #kept: readonly Kept[];
  readonly #onBudget: OnBudget | undefined;
  readonly #spent: Spent;

  /** @throws {AuditLogError} `INVALID_OPTION`. */
  constructor(budgets: readonly CostBudget[], onBudget: OnBudget | undefined, spent: Spent) {
    if (!Array.isArray(budgets)) throw invalidOption("budgets", "must be an array");
    if (onBudget !== undefined && typeof onBudget !== "function") {
      throw invalidOption("onBudget", "must be a function");
    }
    this.#kept = budgets.map((budget, index) => admit(budget, `budgets[${index}]`));
    const unheard = this.#kept.find(({ budget }) => budget.action === "warn");
    if (unheard !== undefined && onBudget === undefined) {
      throw invalidOption("onBudget", `is missing: ${unheard.path} would warn nobody`);
    }
    this.#onBudget = onBudget;
    this.#spent = spent;
  }

  /** The error for a call in these scopes that must not be made, or nothing. */
  refusal(scopes: readonly string[]): AuditLogError | undefined {
    for (const { budget, scope, limit, path } of this.#kept) {
      if (budget.action !== "refuse" || scope !== "" && !scopes.includes(scope)) continue;
      const spent = this.#spent(scope);
      if (spent < limit) continue;
      const whose = scope === "" ? "the budget" : `the budget of the scope ${scope}`;
      const state = `is used up, ${usdOf(spent)} of ${usdOf(limit)} US dollars`;
      return new AuditLogError("BUDGET_EXCEEDED", `Cannot make the call: ${whose} ${state}`, {
        path,
      });
    }
    return undefined;
  }

  /** Tells once of each budget that is used up. */
  tell(): void {
    for (const kept of this.#kept) {
      const spent = this.#spent(kept.scope);
      if (kept.told || spent < kept.limit) continue;
      kept.told = true;
      const { scope, limitUsd, action } = kept.budget;
      const event = Object.freeze({ scope, limitUsd, spentUsd: usdOf(spent), action });
      ignoreRejection(this.#onBudget?.(event));
    }
  }

  /** Forgets what was told. */
  reset(): void {
    for (const kept of this.#kept) kept.told = false;
  }
}

function admit(budget: CostBudget, path: string): Kept {
  checkNames(budget, path, ["scope", "limitUsd", "action"]);
  const { scope, limitUsd, action } = budget;
  if (scope !== undefined) checkScope(scope, `${path}.scope`);
  if (!isUsd(limitUsd)) throw invalidOption(`${path}.limitUsd`, "must be a number >= 0");
  if (action !== "warn" && action !== "refuse") {
    throw invalidOption(`${path}.action`, `must be "warn" or "refuse"`);
  }
  const limit = amountOf(limitUsd);
  return { budget: { scope, limitUsd, action }, scope: scope ?? "", limit, path, told: false };
}

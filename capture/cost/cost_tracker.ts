import { type AsyncStorage, asyncStorage } from "../../adapters/async_storage.ts";
import type { Cost, Usage } from "../../mod.ts";
import { tellFreely } from "../shared/promises.ts";
import { type BudgetEvent, Budgets, type CostBudget } from "./budgets.ts";
import {
  admitUsage,
  checkCallAmount,
  checkNames,
  checkScope,
  invalidCall,
  invalidOption,
  usageFault,
} from "./checks.ts";
import { genaiPrices } from "./genai_prices.ts";
import { type CostTotal, Sum } from "./totals.ts";
import { isUsd } from "./usd.ts";

/** Options of {@link CostTracker}. */
export interface CostTrackerOptions {
  /** What a call costs. Default: {@link genaiPrices}, offline. */
  readonly cost?: Cost | undefined;
  /** How much may be spent. Default: anything. */
  readonly budgets?: readonly CostBudget[] | undefined;
  /**
   * Told once of each budget that is used up, after the call that did it was counted. Needed where a budget's action is
   * `"warn"`. What it throws reaches whoever recorded that call by {@link CostTracker.record}; where a wrapper did, it is
   * ignored, and what the call cost is in the log.
   */
  readonly onBudget?: ((event: BudgetEvent) => void) | undefined;
}

/** A call that is to be recorded. */
export interface CallToRecord {
  /** Which model answered. */
  readonly model: string;
  /** Whose model, as in OpenTelemetry's `gen_ai.provider.name`. Default: whom the model's name tells. */
  readonly provider?: string | undefined;
  /** What it took. Default: not known. */
  readonly usage?: Usage | undefined;
  /** Duration in milliseconds, >= 0. Default: not known. */
  readonly latencyMs?: number | null | undefined;
  /** Cost in US dollars, >= 0, where somebody else knows it. Default: what the tracker's `cost` says. */
  readonly costUsd?: number | null | undefined;
}

/** A call that was recorded. */
export interface CostRecord {
  /** The scope it was made in, or `undefined` outside of all. */
  readonly scope: string | undefined;
  /** Which model answered. */
  readonly model: string;
  /** Whose model, if that was said. */
  readonly provider: string | undefined;
  /** What it took. */
  readonly usage: Usage;
  /** Cost in US dollars, or `null` where it is not known. */
  readonly costUsd: number | null;
  /** Duration in milliseconds, or `null` where it is not known. */
  readonly latencyMs: number | null;
}

/** The scope that all others are in; it has no name. */
const ALL = "";
const NO_SCOPES: readonly string[] = [];

/**
 * Counts what calls cost, by named scopes, and keeps to budgets.
 *
 * Scopes nest, and follow what is started in them through awaits, timers and streams. One within another is named by both,
 * with a slash between, and its calls count in both: those of `"qa/retrieval"` in `"qa"`, too. Calls whose cost is not known
 * are counted as such, and not as free. Only sums are kept, one of each scope.
 *
 * Scopes need a runtime with `AsyncLocalStorage`; all else works anywhere.
 *
 * @example Totals by scope
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { CostTracker } from "@audit-log/llm/cost";
 *
 * const log = await AuditLog.open();
 * const tracker = new CostTracker();
 * await tracker.scope("qa", async () => {
 *   const rec = tracker.record("gpt-4o", 1000, 500, 200);
 *   await log.record({
 *     model: rec.model,
 *     inputText: "What is the capital of France?",
 *     outputText: "Paris.",
 *     costUsd: rec.costUsd,
 *     latencyMs: rec.latencyMs,
 *   });
 * });
 * console.log(tracker.total("qa").costUsd, tracker.total().calls); // 0.0075 1
 * await log.close();
 * ```
 *
 * @example A budget that wrapped calls keep to
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { CostTracker } from "@audit-log/llm/cost";
 * import { auditOpenAI } from "@audit-log/llm/openai";
 * import OpenAI from "openai";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const tracker = new CostTracker({ budgets: [{ scope: "qa", limitUsd: 5, action: "refuse" }] });
 * const { check, cost } = tracker;
 * const client = auditOpenAI(new OpenAI({ apiKey: "..." }), log, { check, cost });
 * export function answer(input: string) {
 *   // Rejects with BUDGET_EXCEEDED, and sends nothing, once 5 dollars were spent.
 *   return tracker.scope("qa", () => client.responses.create({ model: "gpt-4o", input }));
 * }
 * ```
 *
 * @example A budget, asked by hand before each call
 * ```ts
 * import { AuditLogError } from "@audit-log/llm";
 * import { CostTracker } from "@audit-log/llm/cost";
 *
 * const tracker = new CostTracker({
 *   budgets: [
 *     { limitUsd: 0.005, action: "warn" },
 *     { scope: "qa", limitUsd: 0.007, action: "refuse" },
 *   ],
 *   onBudget: ({ spentUsd, limitUsd }) => console.log(`spent ${spentUsd}, more than ${limitUsd}`),
 * });
 * try {
 *   tracker.scope("qa", () => {
 *     for (;;) {
 *       tracker.check();
 *       tracker.record("gpt-4o", 1000, 500);
 *     }
 *   });
 * } catch (error) {
 *   if (!(error instanceof AuditLogError)) throw error;
 *   console.log(error.code); // "BUDGET_EXCEEDED"
 * }
 * ```
 */
export class CostTracker {
  readonly #cost: Cost;
  readonly #budgets: Budgets;
  readonly #sums = new Map<string, Sum>();
  #storage: AsyncStorage<readonly string[]> | undefined;

  /**
   * Makes a tracker that has counted nothing.
   *
   * @param options Prices and budgets.
   * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
   */
  constructor(options: CostTrackerOptions = {}) {
    checkNames(options, "", ["cost", "budgets", "onBudget"]);
    const { cost = genaiPrices(), budgets = [], onBudget } = options;
    if (typeof cost !== "function") throw invalidOption("cost", "must be a function");
    this.#cost = cost;
    this.#budgets = new Budgets(budgets, onBudget, (scope) => this.#sums.get(scope)?.amount ?? 0n);
  }

  /**
   * The tracker as a {@link Cost}, for the option `cost` of a wrapper: it gives what a call cost, and counts the call where
   * it is called. It refuses nothing, since the call was made: {@link CostTracker.check} does, before it. It may be handed on
   * without the tracker. What the tracker's own `cost` throws, it throws after counting the call.
   */
  readonly cost: Cost = (usage, model, provider, given) => {
    const latencyMs = isUsd(given) ? given : null;
    const { costUsd } = this.#count({ model, provider, usage, latencyMs, costUsd: undefined });
    tellFreely(() => this.#budgets.tell()); // what the call cost is known, and shall be recorded
    return costUsd;
  };

  /**
   * Throws if a call that is made now would be one too many: if a budget that refuses, of a scope around or of all calls, is
   * used up. It may be handed on without the tracker: as the option `check` of a wrapper, which asks it before each call.
   *
   * A call is counted when it ends, not when it begins: what it will cost is not known then, and nothing is reserved for it. So
   * what is spent may exceed a budget by all calls that are under way when it is used up.
   *
   * @throws {AuditLogError} `BUDGET_EXCEEDED`, its `path` the budget.
   */
  readonly check = (): void => {
    const refusal = this.#budgets.refusal(this.#scopes());
    if (refusal !== undefined) throw refusal;
  };

  /**
   * Calls a function; what is recorded in it, and in whatever it starts, counts in the scope.
   *
   * @param name The scope within the present one: a name, or several with slashes between.
   * @param fn The function, asynchronous or not.
   * @returns What the function returns.
   * @throws {AuditLogError} `INVALID_OPTION` if that is no name; `UNSUPPORTED_RUNTIME` where the runtime cannot follow calls.
   */
  scope<R>(name: string, fn: () => R): R {
    checkScope(name, "name");
    if (typeof fn !== "function") throw invalidOption("fn", "must be a function");
    const around = this.#scopes();
    const scopes = [...around];
    for (const part of name.split("/")) {
      const outer = scopes.at(-1);
      scopes.push(outer === undefined ? part : `${outer}/${part}`);
    }
    this.#storage ??= asyncStorage();
    return this.#storage.run(scopes, fn);
  }

  /**
   * Records a call that was made, in the present scope.
   *
   * @param model Which model answered.
   * @param inputTokens All input tokens, an integer >= 0.
   * @param outputTokens All output tokens, an integer >= 0.
   * @param latencyMs Duration in milliseconds, >= 0.
   * @returns What was recorded, with what it cost.
   * @throws {AuditLogError} `INVALID_ENTRY`, its `path` the argument at fault, and nothing was counted; `BUDGET_EXCEEDED`
   *   if {@link CostTracker.check} would have thrown before: the call was made all the same, and is counted.
   */
  record(model: string, inputTokens: number, outputTokens: number, latencyMs?: number): CostRecord;
  /**
   * Records a call of which more is known, or less.
   *
   * @param call The call.
   * @returns What was recorded, with what it cost.
   * @throws {AuditLogError} As above.
   */
  record(call: CallToRecord): CostRecord;
  record(
    given: string | CallToRecord,
    inputTokens?: number,
    outputTokens?: number,
    latencyMs?: number,
  ): CostRecord {
    const call = typeof given === "string"
      ? admitNumbers(given, inputTokens, outputTokens, latencyMs)
      : admitCall(given);
    const refusal = this.#budgets.refusal(this.#scopes());
    const record = this.#count(call);
    this.#budgets.tell();
    if (refusal !== undefined) throw refusal;
    return record;
  }

  /**
   * What the calls of a scope took together, those of the scopes within included.
   *
   * @param scope The scope, named by all around it: `"qa/retrieval"`. Default: all calls.
   * @returns The sums; of a scope without a call, zeros.
   * @throws {AuditLogError} `INVALID_OPTION` if that is no name of a scope.
   */
  total(scope?: string): CostTotal {
    if (scope !== undefined) checkScope(scope, "scope");
    return (this.#sums.get(scope ?? ALL) ?? new Sum()).total();
  }

  /**
   * What the calls of each scope took together.
   *
   * @returns The sums by scope, the first to have a call first. What all calls took is `total()`.
   */
  totals(): ReadonlyMap<string, CostTotal> {
    const named = [...this.#sums].filter(([scope]) => scope !== ALL);
    return new Map(named.map(([scope, sum]) => [scope, sum.total()]));
  }

  /** Forgets all that was counted; budgets begin anew. */
  reset(): void {
    this.#sums.clear();
    this.#budgets.reset();
  }

  /** The names of the scopes around, the outermost first. */
  #scopes(): readonly string[] {
    return this.#storage?.getStore() ?? NO_SCOPES;
  }

  #count(call: Admitted): CostRecord {
    const scopes = this.#scopes();
    const { model, provider, latencyMs } = call;
    // A wrapper hands on what a provider said, which may be nonsense.
    const usage = usageFault(call.usage) === undefined ? call.usage : {};
    let costUsd: number | null = null;
    try {
      costUsd = call.costUsd ?? this.#price(call, usage);
    } finally {
      for (const scope of [ALL, ...scopes]) this.#add(scope, usage, costUsd, latencyMs);
    }
    return Object.freeze({ scope: scopes.at(-1), model, provider, usage, costUsd, latencyMs });
  }

  #price({ model, provider, latencyMs }: Admitted, usage: Usage): number | null {
    const costUsd: unknown = this.#cost(usage, model, provider, latencyMs ?? undefined);
    if (costUsd === null || isUsd(costUsd)) return costUsd;
    throw invalidOption("cost", "gave neither null nor a number >= 0");
  }

  #add(scope: string, usage: Usage, costUsd: number | null, latencyMs: number | null): void {
    const sum = this.#sums.get(scope) ?? new Sum();
    this.#sums.set(scope, sum);
    sum.add(usage, costUsd, latencyMs);
  }
}

interface Admitted {
  readonly model: string;
  readonly provider: string | undefined;
  readonly usage: Usage;
  readonly latencyMs: number | null;
  readonly costUsd: number | undefined;
}

function admitNumbers(
  model: string,
  inputTokens: number | undefined,
  outputTokens: number | undefined,
  latencyMs: number | undefined,
): Admitted {
  // Who does not know them has the other form to say so.
  if (inputTokens === undefined) throw invalidCall("inputTokens", "is missing");
  if (outputTokens === undefined) throw invalidCall("outputTokens", "is missing");
  checkModel(model);
  const usage = admitUsage({ inputTokens, outputTokens }, "");
  checkCallAmount("latencyMs", latencyMs);
  return { model, provider: undefined, usage, latencyMs: latencyMs ?? null, costUsd: undefined };
}

function admitCall(call: CallToRecord): Admitted {
  checkNames(call, "", ["model", "provider", "usage", "latencyMs", "costUsd"], invalidCall);
  const { model, provider, usage = {}, latencyMs, costUsd } = call;
  checkModel(model);
  if (provider !== undefined && typeof provider !== "string") {
    throw invalidCall("provider", "must be a string");
  }
  checkCallAmount("latencyMs", latencyMs);
  checkCallAmount("costUsd", costUsd);
  return {
    model,
    provider,
    usage: admitUsage(usage, "usage"),
    latencyMs: latencyMs ?? null,
    costUsd: costUsd ?? undefined,
  };
}

function checkModel(model: unknown): void {
  if (typeof model === "string" && model !== "") return;
  throw invalidCall("model", "must be a string, and not empty");
}

// What a CostTracker counts.

import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { type CallToRecord, type Cost, type CostTotal, CostTracker } from "@audit-log/llm/cost";
import fc from "fast-check";
import { test } from "node:test";
import { dollars } from "../support/price_data.ts";
import { check } from "../support/property.ts";
import { checkRefusal } from "../support/refused.ts";

const nothing: CostTotal = {
  calls: 0,
  callsWithoutCost: 0,
  callsWithoutUsage: 0,
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  latencyMs: 0,
};

test("a record carries what its call cost, for the log", async () => {
  const tracker = new CostTracker();
  const log = await AuditLog.open();
  await tracker.scope("qa", async () => {
    const rec = tracker.record("gpt-4o", 1000, 500, 200);
    assertEquals(rec, {
      scope: "qa",
      model: "gpt-4o",
      provider: undefined,
      usage: { inputTokens: 1000, outputTokens: 500 },
      costUsd: 0.0075,
      latencyMs: 200,
    });
    assert(Object.isFrozen(rec) && Object.isFrozen(rec.usage));
    const { model, costUsd, latencyMs } = rec;
    const texts = { inputText: "in", outputText: "out" };
    const entry = await log.record({ model, ...texts, costUsd, latencyMs });
    assertStrictEquals(entry.costUsd, 0.0075);
  });
  const { costUsd, latencyMs, calls } = tracker.total("qa");
  assertEquals({ costUsd, latencyMs, calls }, { costUsd: 0.0075, latencyMs: 200, calls: 1 });
});

test("a call may be recorded with all that is known of it", () => {
  const tracker = new CostTracker();
  const usage = { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 400 };
  const rec = tracker.record({ model: "gpt-4o", provider: "azure.ai.openai", usage, latencyMs: 1 });
  assertEquals([rec.costUsd, rec.provider, rec.scope], [0.007, "azure.ai.openai", undefined]);
  const told = tracker.record({ model: "mine", usage, costUsd: 0.5 });
  assertEquals([told.costUsd, told.latencyMs], [0.5, null]);
  const { costUsd, inputTokens, outputTokens } = tracker.total();
  assertEquals([costUsd, inputTokens, outputTokens], [0.507, 2000, 1000]);
});

test("calls whose cost or usage is not known are counted as such, not as 0", () => {
  const tracker = new CostTracker();
  assertStrictEquals(tracker.record("my-own-model", 10, 20).costUsd, null);
  assertStrictEquals(tracker.record({ model: "gpt-4o" }).costUsd, null);
  assertStrictEquals(tracker.record({ model: "gpt-4o", usage: { inputTokens: 1 } }).costUsd, null);
  assertStrictEquals(tracker.record("gpt-4o", 0, 0).costUsd, 0);
  assertEquals(tracker.total(), {
    ...nothing,
    calls: 4,
    callsWithoutCost: 3,
    callsWithoutUsage: 1,
    inputTokens: 11,
    outputTokens: 20,
  });
});

test("a tracker that has counted nothing says so, and can begin anew", () => {
  const tracker = new CostTracker();
  assertEquals(tracker.total(), nothing);
  assertEquals(tracker.total("qa"), nothing);
  assertEquals(tracker.totals().size, 0);
  tracker.scope("qa", () => tracker.record("gpt-4o", 1000, 500, 200));
  assertEquals([...tracker.totals().keys()], ["qa"]);
  tracker.reset();
  assertEquals(tracker.total(), nothing);
  assertEquals(tracker.totals().size, 0);
});

test("a total does not change afterwards", () => {
  const tracker = new CostTracker();
  const before = tracker.total();
  const map = tracker.scope("qa", () => {
    tracker.record("gpt-4o", 1, 1);
    return tracker.totals();
  });
  tracker.scope("qa", () => tracker.record("gpt-4o", 1, 1));
  assertEquals([before.calls, map.get("qa")!.calls, tracker.total("qa").calls], [0, 1, 2]);
  assert(Object.isFrozen(before));
});

test("ten cents and twenty cents are thirty", () => {
  const tracker = new CostTracker({ cost: () => 0.1 });
  for (let i = 0; i < 3; i++) tracker.record("m", 1, 1);
  assertStrictEquals(tracker.total().costUsd, 0.3);
  assertStrictEquals(tracker.total().costUsd * 10, 3);
});

const price = fc.bigInt({ min: 0n, max: 10n ** 15n });

test("a sum of costs is exact to the last decimal, in whatever order they come", async () => {
  const property = fc.asyncProperty(
    fc.array(price, { maxLength: 200 }).chain((amounts) =>
      fc.tuple(
        fc.constant(amounts),
        fc.shuffledSubarray(amounts, { minLength: amounts.length, maxLength: amounts.length }),
      )
    ),
    (orders) => {
      for (const amounts of orders) {
        const tracker = new CostTracker();
        for (const amount of amounts) tracker.record({ model: "m", costUsd: dollars(amount) });
        const sum = amounts.reduce((a, b) => a + b, 0n);
        assertStrictEquals(tracker.total().costUsd, dollars(sum));
      }
      return Promise.resolve();
    },
  );
  await check(property, 100);
});

test("what the scopes within a scope took adds up to what it took", async () => {
  const call = fc.record({
    scope: fc.constantFrom("a", "b", "a/b", "b/a/c"),
    inputTokens: fc.option(fc.nat(), { nil: undefined }),
    outputTokens: fc.option(fc.nat(), { nil: undefined }),
    costUsd: fc.option(price.map(dollars), { nil: undefined }),
    latencyMs: fc.option(fc.nat(), { nil: undefined }),
  });
  const property = fc.asyncProperty(fc.array(call, { maxLength: 50 }), (calls) => {
    const inOne = new CostTracker();
    const apart = new Map<string, CostTracker>();
    for (const { scope, costUsd, latencyMs, ...usage } of calls) {
      const call: CallToRecord = { model: "my-own-model", usage, costUsd, latencyMs };
      inOne.scope(scope, () => inOne.record(call));
      const path = scope.split("/");
      for (let depth = 0; depth <= path.length; depth++) {
        const name = path.slice(0, depth).join("/");
        const tracker = apart.get(name) ?? new CostTracker();
        apart.set(name, tracker);
        tracker.record(call);
      }
    }
    assertEquals(inOne.total(), apart.get("")?.total() ?? nothing);
    apart.delete("");
    const expected = [...apart].map(([name, tracker]) => [name, tracker.total()] as const);
    assertEquals(inOne.totals(), new Map(expected));
    return Promise.resolve();
  });
  await check(property, 60);
});

test("tracker.cost is a cost that counts what it is asked for", () => {
  const tracker = new CostTracker();
  const { cost } = tracker;
  const usage = { inputTokens: 1000, outputTokens: 500 };
  tracker.scope("qa", () => {
    assertStrictEquals(cost(usage, "gpt-4o", "openai"), 0.0075);
    assertStrictEquals(cost(usage, "my-own-model", "openai"), null);
    assertStrictEquals(cost({}, "gpt-4o", undefined), null);
  });
  const { calls, callsWithoutCost, callsWithoutUsage, costUsd } = tracker.total("qa");
  assertEquals([calls, callsWithoutCost, callsWithoutUsage, costUsd], [3, 2, 1, 0.0075]);
});

test("tracker.cost counts how long the call took, where that is told", () => {
  const told: unknown[] = [];
  const tracker = new CostTracker({
    cost: (_usage, _model, _provider, latencyMs) => {
      told.push(latencyMs);
      return 1;
    },
  });
  const usage = { inputTokens: 1, outputTokens: 1 };
  const taken = [120.5, undefined, 30, NaN, -1, Infinity, "1"] as (number | undefined)[];
  tracker.scope("qa", () => taken.forEach((ms) => tracker.cost(usage, "m", "openai", ms)));
  assertStrictEquals(tracker.total("qa").latencyMs, 150.5);
  assertStrictEquals(tracker.total().calls, 7);
  assertEquals(told, [120.5, undefined, 30, ...Array(4).fill(undefined)]);
});

test("tracker.cost takes nonsense that a provider said for not known", () => {
  const tracker = new CostTracker();
  const usage = { inputTokens: NaN, outputTokens: 500 };
  assertStrictEquals(tracker.cost(usage, "gpt-4o", "openai"), null);
  assertEquals(tracker.total(), {
    ...nothing,
    calls: 1,
    callsWithoutCost: 1,
    callsWithoutUsage: 1,
  });
});

for (const [what, cost] of [["throws", () => fail()], ["gives NaN", () => NaN]] as const) {
  test(`a call is counted although the cost function ${what}`, () => {
    const tracker = new CostTracker({ cost: cost as Cost });
    assertThrows(() => tracker.record("m", 1, 1));
    assertThrows(() => tracker.cost({ inputTokens: 1 }, "m", undefined));
    const { calls, callsWithoutCost, inputTokens } = tracker.total();
    assertEquals([calls, callsWithoutCost, inputTokens], [2, 2, 2]);
  });
}

function fail(): never {
  throw new Error("no prices today");
}

const refused: [args: readonly unknown[], path: string][] = [
  [["gpt-4o", -1, 1], "inputTokens"],
  [["gpt-4o", NaN, 1], "inputTokens"],
  [["gpt-4o", 1.5, 1], "inputTokens"],
  [["gpt-4o", 2 ** 53, 1], "inputTokens"],
  [["gpt-4o", "1", 1], "inputTokens"],
  [["gpt-4o", null, 1], "inputTokens"],
  [["gpt-4o", 1, -1], "outputTokens"],
  [["gpt-4o", 1, Infinity], "outputTokens"],
  [["gpt-4o", 1], "outputTokens"],
  [["gpt-4o"], "inputTokens"],
  [["gpt-4o", 1, 1, -1], "latencyMs"],
  [["gpt-4o", 1, 1, NaN], "latencyMs"],
  [["", 1, 1], "model"],
  [[{}], "model"],
  [[{ model: 1 }], "model"],
  [[{ model: "m", provider: 1 }], "provider"],
  [[{ model: "m", usage: null }], "usage"],
  [[{ model: "m", usage: { inputTokens: -1 } }], "usage.inputTokens"],
  [[{ model: "m", usage: { input_tokens: 1 } }], "usage.input_tokens"],
  [
    [{ model: "m", usage: { inputTokens: 1, cacheReadTokens: 2 } }],
    "usage.cacheReadTokens",
  ],
  [
    [{ model: "m", usage: { inputTokens: 3, cacheReadTokens: 2, cacheCreationTokens: 2 } }],
    "usage.cacheCreationTokens",
  ],
  [
    [{ model: "m", usage: { outputTokens: 1, reasoningTokens: 2 } }],
    "usage.reasoningTokens",
  ],
  [[{ model: "m", costUsd: -1 }], "costUsd"],
  [[{ model: "m", costUsd: NaN }], "costUsd"],
  [[{ model: "m", costUsd: 1e21 }], "costUsd"],
  [[{ model: "m", latencyMs: "1" }], "latencyMs"],
  [[{ model: "m", cost: 1 }], "cost"],
  [[null], ""],
  [[undefined], ""],
];

for (const [args, path] of refused) {
  const shown = args.map((arg) => typeof arg === "number" ? String(arg) : JSON.stringify(arg));
  test(`record(${shown.join(", ")}) is refused, and nothing counted`, () => {
    const tracker = new CostTracker();
    const record = tracker.record.bind(tracker) as (...args: readonly unknown[]) => unknown;
    checkRefusal(assertThrows(() => record(...args)), "INVALID_ENTRY", path);
    assertEquals(tracker.total(), nothing);
  });
}

test("a name that is written in another way is answered with the one that was meant", () => {
  const tracker = new CostTracker();
  const misspelt = assertThrows(() => tracker.record({ model: "m", cost_usd: 1 } as never));
  assertStringIncludes(checkRefusal(misspelt, "INVALID_ENTRY").message, "did you mean costUsd?");
});

const malformed: [options: unknown, path: string][] = [
  [{ cost: 1 }, "cost"],
  [{ costs: 1 }, "costs"],
  [{ budgets: {} }, "budgets"],
  [{ budgets: [{ limitUsd: -1, action: "refuse" }] }, "budgets[0].limitUsd"],
  [{ budgets: [{ action: "refuse" }] }, "budgets[0].limitUsd"],
  [{ budgets: [{ limitUsd: 1, action: "stop" }] }, "budgets[0].action"],
  [{ budgets: [{ limitUsd: 1, action: "refuse", scope: "" }] }, "budgets[0].scope"],
  [{ budgets: [{ limitUsd: 1, action: "refuse", scopes: "a" }] }, "budgets[0].scopes"],
  [{ budgets: [{ limitUsd: 1, action: "warn" }] }, "onBudget"],
  [{ onBudget: 1 }, "onBudget"],
  [null, ""],
];

for (const [options, path] of malformed) {
  test(`new CostTracker(${JSON.stringify(options)}) is refused`, () => {
    checkRefusal(assertThrows(() => new CostTracker(options as never)), "INVALID_OPTION", path);
  });
}

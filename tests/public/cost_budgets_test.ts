// A CostTracker keeps to budgets.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type BudgetEvent, CostTracker, type CostTrackerOptions } from "@audit-log/llm/cost";
import { test } from "node:test";
import { checkRefusal } from "../support/refused.ts";

/** A tracker whose calls cost ten cents each. */
function tenCents(options: CostTrackerOptions): CostTracker {
  return new CostTracker({ ...options, cost: () => 0.1 });
}

const call = (tracker: CostTracker) => tracker.record("m", 1, 1);

test("a budget that warns tells once, when as much was spent", () => {
  const events: BudgetEvent[] = [];
  const tracker = tenCents({
    budgets: [{ limitUsd: 0.3, action: "warn" }],
    onBudget: (event) => events.push(event),
  });
  call(tracker);
  call(tracker);
  assertEquals(events, []);
  call(tracker);
  assertEquals(events, [{ scope: undefined, limitUsd: 0.3, spentUsd: 0.3, action: "warn" }]);
  assert(Object.isFrozen(events[0]));
  call(tracker);
  tracker.check();
  assertEquals(events.length, 1);
});

test("an onBudget that rejects ends no process", async () => {
  const onBudget = (() => Promise.reject(new Error("mine"))) as () => void;
  call(tenCents({ budgets: [{ limitUsd: 0.1, action: "warn" }], onBudget }));
  await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled one would be told now
});

test("a budget that refuses lets as many calls be made as it pays for", () => {
  const tracker = tenCents({ budgets: [{ limitUsd: 0.3, action: "refuse" }] });
  for (let made = 0; made < 3; made++) {
    tracker.check();
    call(tracker);
  }
  const error = checkRefusal(assertThrows(() => tracker.check()), "BUDGET_EXCEEDED", "budgets[0]");
  assertStringIncludes(error.message, "0.3 of 0.3 US dollars");
});

test("a call that was made all the same is counted, and record() throws", () => {
  const tracker = tenCents({ budgets: [{ limitUsd: 0.1, action: "refuse" }] });
  call(tracker);
  checkRefusal(assertThrows(() => call(tracker)), "BUDGET_EXCEEDED", "budgets[0]");
  assertEquals([tracker.total().calls, tracker.total().costUsd], [2, 0.2]);
});

test("tracker.cost refuses nothing: the call was made", () => {
  const events: BudgetEvent[] = [];
  const tracker = tenCents({
    budgets: [{ limitUsd: 0.1, action: "refuse" }],
    onBudget: (event) => events.push(event),
  });
  for (let made = 0; made < 3; made++) assertEquals(tracker.cost({}, "m", undefined), 0.1);
  assertThrows(() => tracker.check());
  assertEquals(events, [{ scope: undefined, limitUsd: 0.1, spentUsd: 0.1, action: "refuse" }]);
  assertEquals(tracker.total().calls, 3);
});

test("a budget of a scope is about the calls in it, and in the scopes within", () => {
  const tracker = tenCents({ budgets: [{ scope: "qa", limitUsd: 0.2, action: "refuse" }] });
  const check = () => tracker.check();
  call(tracker);
  tracker.scope("chat", () => tracker.scope("qa", () => call(tracker)));
  tracker.scope("qa", () => call(tracker));
  tracker.scope("qa", check);
  tracker.scope("qa", () => tracker.scope("search", () => call(tracker)));
  for (const scope of ["qa", "qa/search", "qa/other"]) {
    const error = assertThrows(() => tracker.scope(scope, check));
    assertStringIncludes(checkRefusal(error, "BUDGET_EXCEEDED").message, "scope qa");
  }
  tracker.scope("chat/qa", check);
  tracker.scope("qa2", check);
  check();
});

test("of several budgets, each has its own say", () => {
  const events: (string | undefined)[] = [];
  const tracker = tenCents({
    budgets: [
      { limitUsd: 0.2, action: "warn" },
      { scope: "a", limitUsd: 0.1, action: "refuse" },
      { limitUsd: 0.3, action: "refuse" },
    ],
    onBudget: ({ scope, action, limitUsd }) => events.push(`${scope} ${action} ${limitUsd}`),
  });
  tracker.scope("a", () => call(tracker));
  assertEquals(events, ["a refuse 0.1"]);
  checkRefusal(assertThrows(() => tracker.scope("a", () => tracker.check())), "BUDGET_EXCEEDED");
  tracker.check();
  call(tracker);
  call(tracker);
  assertEquals(events, ["a refuse 0.1", "undefined warn 0.2", "undefined refuse 0.3"]);
  checkRefusal(assertThrows(() => tracker.check()), "BUDGET_EXCEEDED", "budgets[2]");
});

test("a budget of nothing refuses the first call", () => {
  const tracker = tenCents({ budgets: [{ limitUsd: 0, action: "refuse" }] });
  checkRefusal(assertThrows(() => tracker.check()), "BUDGET_EXCEEDED");
});

test("a call whose cost is not known uses up nothing", () => {
  const tracker = new CostTracker({ budgets: [{ limitUsd: 0.1, action: "refuse" }] });
  for (let made = 0; made < 3; made++) tracker.record("my-own-model", 1000, 1000);
  tracker.check();
  assertEquals(tracker.total().callsWithoutCost, 3);
});

test("reset() gives a budget back, and has its use told again", () => {
  let told = 0;
  const tracker = tenCents({
    budgets: [{ limitUsd: 0.1, action: "refuse" }],
    onBudget: () => told++,
  });
  call(tracker);
  assertThrows(() => tracker.check());
  tracker.reset();
  tracker.check();
  call(tracker);
  assertEquals(told, 2);
});

test("calls that run at the same time use a budget up together", async () => {
  const tracker = tenCents({ budgets: [{ scope: "all", limitUsd: 1, action: "refuse" }] });
  let made = 0;
  const worker = async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve));
      tracker.check();
      made++;
      call(tracker);
    }
  };
  const workers = Array.from({ length: 4 }, () => tracker.scope("all", worker));
  for (const { status } of await Promise.allSettled(workers)) assertEquals(status, "rejected");
  assertEquals([made, tracker.total("all").costUsd], [10, 1]);
});

test("what onBudget throws costs no wrapped call what is known of it", () => {
  const tracker = new CostTracker({
    budgets: [{ limitUsd: 0.1, action: "warn" }, { limitUsd: 0.2, action: "warn" }],
    onBudget: () => {
      throw new Error("mine");
    },
    cost: () => 0.25,
  });
  assertEquals([1, 2].map(() => tracker.cost({}, "m", undefined)), [0.25, 0.25]);
  assertEquals(tracker.total().costUsd, 0.5);
});

test("what onBudget throws reaches who recorded, and the call is counted", () => {
  const tracker = tenCents({
    budgets: [{ limitUsd: 0.1, action: "warn" }],
    onBudget: () => {
      throw new Error("mine");
    },
  });
  assertThrows(() => call(tracker), Error, "mine");
  call(tracker);
  assertEquals(tracker.total().calls, 2);
});

// The scopes of a CostTracker follow what is started in them.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CostTracker } from "@audit-log/llm/cost";
import fc from "fast-check";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { check } from "../support/property.ts";
import { checkRefusal } from "../support/refused.ts";

const counted = (tracker: CostTracker) =>
  Object.fromEntries([...tracker.totals()].map(([scope, { calls }]) => [scope, calls]));

test("a scope within another counts in both, and is named by both", () => {
  const tracker = new CostTracker();
  const rec = tracker.scope("agent", () => {
    tracker.record("gpt-4o", 1, 1);
    return tracker.scope("search", () => tracker.record("gpt-4o", 1, 1));
  });
  tracker.scope("search", () => tracker.record("gpt-4o", 1, 1));
  tracker.record("gpt-4o", 1, 1);
  assertStrictEquals(rec.scope, "agent/search");
  assertEquals(counted(tracker), { agent: 2, "agent/search": 1, search: 1 });
  assertStrictEquals(tracker.total().calls, 4);
});

test("a name with slashes is that of scopes within scopes", () => {
  const tracker = new CostTracker();
  tracker.scope("a/b", () => tracker.scope("c", () => tracker.record("gpt-4o", 1, 1)));
  assertEquals(counted(tracker), { a: 1, "a/b": 1, "a/b/c": 1 });
});

test("a scope may have the name of something else", () => {
  const tracker = new CostTracker();
  for (const name of ["__proto__", "constructor", "toString", " ", "é"]) {
    tracker.scope(name, () => tracker.record("gpt-4o", 1, 1));
    assertStrictEquals(tracker.total(name).calls, 1);
  }
  assertEquals(tracker.totals().size, 5);
});

test("scope() returns what the function does, and throws what it throws", async () => {
  const tracker = new CostTracker();
  assertStrictEquals(tracker.scope("qa", () => 7), 7);
  assertStrictEquals(await tracker.scope("qa", () => Promise.resolve(7)), 7);
  const error = new Error("mine");
  assertStrictEquals(assertThrows(() => tracker.scope("qa", () => raise(error))), error);
  assertStrictEquals(tracker.record("gpt-4o", 1, 1).scope, undefined);
});

function raise(error: Error): never {
  throw error;
}

for (const name of ["", "/", "a/", "/a", "a//b", undefined, 1, null]) {
  test(`the scope ${JSON.stringify(name)} is refused`, () => {
    const tracker = new CostTracker();
    const called = assertThrows(() => tracker.scope(name as string, () => raise(new Error())));
    checkRefusal(called, "INVALID_OPTION", "name");
    if (name === undefined) return;
    checkRefusal(assertThrows(() => tracker.total(name as string)), "INVALID_OPTION", "scope");
  });
}

test("trackers do not see each other's scopes", () => {
  const [one, other] = [new CostTracker(), new CostTracker()];
  one.scope("a", () => other.scope("b", () => other.record("gpt-4o", 1, 1)));
  assertEquals([counted(one), counted(other)], [{}, { b: 1 }]);
});

/** Ways to let time pass, each with its own way through the runtime. */
const waits: Record<string, () => Promise<unknown>> = {
  "an await": async () => await undefined,
  "a microtask": () => new Promise<void>((resolve) => queueMicrotask(resolve)),
  "a timer": () => new Promise((resolve) => setTimeout(resolve)),
  "setImmediate": () => new Promise((resolve) => setImmediate(resolve)),
  "Promise.all": () => Promise.all([Promise.resolve(), new Promise((done) => setTimeout(done))]),
  "a rejection": () => Promise.reject(new Error()).catch(() => {}),
  "a stream": () => new Response("text").text(),
  "a digest": () => crypto.subtle.digest("SHA-256", new Uint8Array(1000)),
};

for (const [name, wait] of Object.entries(waits)) {
  test(`a scope lasts beyond ${name}, for calls that take turns`, async () => {
    const tracker = new CostTracker();
    const scopes = Array.from({ length: 20 }, (_, i) => `scope ${i}`);
    await Promise.all(scopes.map((scope) =>
      tracker.scope(scope, async () => {
        for (let turn = 0; turn < 3; turn++) {
          await wait();
          assertStrictEquals(tracker.record("gpt-4o", 1, 1).scope, scope);
        }
      })
    ));
    assertEquals(counted(tracker), Object.fromEntries(scopes.map((scope) => [scope, 3])));
    assertStrictEquals(tracker.record("gpt-4o", 1, 1).scope, undefined);
  });
}

test("a callback counts in the scope that its timer was started in", async () => {
  const tracker = new CostTracker();
  const called = tracker.scope("timer", () =>
    new Promise<void>((resolve) =>
      setTimeout(() => {
        tracker.record("gpt-4o", 1, 1);
        resolve();
      })
    ));
  tracker.scope("other", () => tracker.record("gpt-4o", 1, 1));
  await called;
  assertEquals(counted(tracker), { timer: 1, other: 1 });
});

test("whoever reads a stream in a scope counts in it, whoever made the stream", async () => {
  const tracker = new CostTracker();
  const make = (scope: string) =>
    tracker.scope(scope, () =>
      new ReadableStream<number>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve));
          controller.enqueue(1);
        },
      }));
  const streams = ["maker a", "maker b"].map(make);
  await Promise.all(streams.map((stream, index) =>
    tracker.scope(`reader ${index}`, async () => {
      let read = 0;
      for await (const count of stream) {
        tracker.record("gpt-4o", count, 1);
        if (++read === 3) break;
      }
    })
  ));
  assertEquals(counted(tracker), { "reader 0": 3, "reader 1": 3 });
});

test("a generator counts in the scope of whoever asks it for more", async () => {
  const tracker = new CostTracker();
  const generator = async function* () {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve));
      yield tracker.record("gpt-4o", 1, 1).scope;
    }
  };
  const made = tracker.scope("maker", generator);
  assertEquals((await tracker.scope("a", () => made.next())).value, "a");
  assertEquals((await tracker.scope("b", () => made.next())).value, "b");
});

test("an event counts in the scope of whoever emits it", () => {
  const tracker = new CostTracker();
  const events = new EventEmitter();
  tracker.scope("listener", () => events.on("call", () => tracker.record("gpt-4o", 1, 1)));
  tracker.scope("emitter", () => events.emit("call"));
  assertEquals(counted(tracker), { emitter: 1 });
});

test("calls in a tree of scopes that run at the same time count where they belong", async () => {
  interface Task {
    name: string;
    wait: string;
    calls: number;
    within: Task[];
  }
  const tasks = (depth: number): fc.Arbitrary<Task[]> =>
    depth === 0 ? fc.constant([]) : fc.array(
      fc.record({
        name: fc.constantFrom("a", "b", "c"),
        wait: fc.constantFrom(...Object.keys(waits)),
        calls: fc.nat(2),
        within: tasks(depth - 1),
      }),
      { maxLength: 3 },
    );
  const run = (tracker: CostTracker, tasks: Task[], path: string): Promise<unknown> =>
    Promise.all(tasks.map((task) =>
      tracker.scope(task.name, async () => {
        const scope = path + task.name;
        for (let call = 0; call < task.calls; call++) {
          await waits[task.wait]!();
          assertStrictEquals(tracker.record("gpt-4o", 1, 1).scope, scope);
        }
        await run(tracker, task.within, `${scope}/`);
      })
    ));
  const count = (tasks: Task[], path: string, counts: Record<string, number>): number => {
    let all = 0;
    for (const { name, calls, within } of tasks) {
      const scope = path + name;
      const inScope = calls + count(within, `${scope}/`, counts);
      if (inScope > 0) counts[scope] = (counts[scope] ?? 0) + inScope;
      all += inScope;
    }
    return all;
  };
  const property = fc.asyncProperty(tasks(3), async (tasks) => {
    const tracker = new CostTracker();
    await run(tracker, tasks, "");
    const counts: Record<string, number> = {};
    assertStrictEquals(tracker.total().calls, count(tasks, "", counts));
    assertEquals(counted(tracker), counts);
  });
  await check(property, 40);
});

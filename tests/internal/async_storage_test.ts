// Values that follow a call; most of what they promise is tested with what is built on them.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { asyncStorage, inPresentContext, outOfContext } from "../../adapters/async_storage.ts";
import { CostTracker } from "../../capture/cost.ts";
import { checkRefusal } from "../support/refused.ts";

test("a storage gives the value of the innermost run() around", async () => {
  const storage = asyncStorage<string>();
  assertStrictEquals(storage.getStore(), undefined);
  const seen = await storage.run("outer", async () => {
    const inner = storage.run("inner", () => storage.getStore());
    await new Promise((resolve) => setTimeout(resolve));
    return [inner, storage.getStore()];
  });
  assertEquals(seen, ["inner", "outer"]);
  assertStrictEquals(storage.getStore(), undefined);
});

test("what is bound to a context sees it whoever calls it, of all storages", async () => {
  const [one, other] = [asyncStorage<string>(), asyncStorage<number>()];
  const ask = (prefix: string) => [prefix, one.getStore(), other.getStore()];
  const bound = one.run("made", () => other.run(1, () => inPresentContext(ask)));
  assertEquals(bound("now"), ["now", "made", 1]);
  assertEquals(one.run("called", () => bound("within")), ["within", "made", 1]);
  await one.run("later", async () => {
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(bound("later"), ["later", "made", 1]);
    assertStrictEquals(one.getStore(), "later");
  });
});

test("what is called out of context sees no value of any storage, nor does what it starts", async () => {
  const [one, other] = [asyncStorage<string>(), asyncStorage<number>()];
  const ask = () => [one.getStore(), other.getStore()];
  await one.run("caller", () =>
    other.run(1, async () => {
      assertEquals(outOfContext(ask), [undefined, undefined]);
      const later = outOfContext(async () => {
        await new Promise((resolve) => setTimeout(resolve));
        return [...ask(), one.run("within", () => one.getStore())];
      });
      assertEquals(await later, [undefined, undefined, "within"]);
      assertEquals(ask(), ["caller", 1]);
    }));
});

test("where the runtime has no AsyncLocalStorage, scopes say so, and all else works", (t) => {
  const { getBuiltinModule } = process;
  t.after(() => {
    process.getBuiltinModule = getBuiltinModule;
  });
  process.getBuiltinModule = (() => undefined) as unknown as typeof getBuiltinModule;
  checkRefusal(assertThrows(() => asyncStorage()), "UNSUPPORTED_RUNTIME");
  checkRefusal(assertThrows(() => inPresentContext(() => {})), "UNSUPPORTED_RUNTIME");
  const tracker = new CostTracker();
  checkRefusal(assertThrows(() => tracker.scope("qa", () => {})), "UNSUPPORTED_RUNTIME");
  assertStrictEquals(tracker.record("gpt-4o", 1000, 500).costUsd, 0.0075);
});

// A store of the user's own, made with nothing but what mod.ts exports.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AuditLog, AuditLogError, type LogStore } from "@audit-log/llm";
import { test } from "node:test";
import { logConformance } from "../conformance/log.ts";
import { storeConformance } from "../conformance/store.ts";
import { ArrayStore } from "../support/array_store.ts";
import { inputs, interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { atEnd } from "../support/temp.ts";

storeConformance("custom store", () => new ArrayStore());
logConformance("custom store's log", (t) => ({
  async open(options = {}) {
    const log = await AuditLog.open({ ...options, backend: new ArrayStore() });
    atEnd(t, () => log.close());
    return log;
  },
}), { persistent: false });

test("a log tells the kind of its custom store, and what the store says of itself", async () => {
  const log = await AuditLog.open({ backend: new ArrayStore() });
  assertEquals(log.backend, "array");
  const { driver, size, backend } = await log.info();
  assertEquals({ driver, size, backend }, { driver: "an array", size: 0, backend: "array" });
});

test("a custom store is closed once, after its last append", async () => {
  const calls: string[] = [];
  class Told extends ArrayStore {
    override async append(records: Parameters<LogStore["append"]>[0]): Promise<number> {
      const first = await super.append(records);
      calls.push("append");
      return first;
    }
    override async close(): Promise<void> {
      await super.close();
      calls.push("close");
    }
  }
  const log = await AuditLog.open({ backend: new Told() });
  const recording = log.record(interaction());
  await Promise.all([log.close(), log.close()]);
  await recording;
  assertEquals(calls, ["append", "close"]);
});

test("what a custom store throws reaches the caller, and a later record may succeed", async () => {
  const full = new Error("disk full");
  let failing = true;
  class Failing extends ArrayStore {
    override append(records: Parameters<LogStore["append"]>[0]): Promise<number> {
      if (failing) throw full;
      return super.append(records);
    }
  }
  const log = await AuditLog.open({ backend: new Failing() });
  assertStrictEquals(await assertRejects(() => log.record(interaction())), full);
  failing = false;
  await log.record(interaction({ inputText: "later" }));
  assertEquals(inputs(await log.query()), ["later"]);
});

test("after a custom store's SYNC_FAILED the log refuses to record until it is reopened", async () => {
  class Unsure extends ArrayStore {
    override append(): Promise<number> {
      return Promise.reject(new AuditLogError("SYNC_FAILED", "Cannot append: not confirmed"));
    }
  }
  const log = await AuditLog.open({ backend: new Unsure() });
  await assertRefused(() => log.record(interaction()), "SYNC_FAILED");
  await assertRefused(() => log.record(interaction()), "LOG_FAILED");
  assertEquals(await log.query(), []);
});

for (
  const [what, backend] of Object.entries({
    "an object without methods": { kind: "x", size: 0 },
    "a class": ArrayStore,
    "null": null,
    "a store that lacks append()": { ...methodsOf(new ArrayStore()), append: undefined },
  })
) {
  test(`${what} is no store`, async () => {
    await assertRefused(
      () => AuditLog.open({ backend: backend as never }),
      "INVALID_OPTION",
      "backend",
    );
  });
}

function methodsOf(store: LogStore): Record<string, unknown> {
  const { kind, size, append, indexOf, read, count, info, close } = store;
  return { kind, size, append, indexOf, read, count, info, close };
}

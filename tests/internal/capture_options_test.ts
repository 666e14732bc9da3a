// What the options of wrappers give that cannot be recorded.

import { assertEquals, assertRejects } from "@std/assert";
import { withAuditContext } from "@audit-log/llm";
import { test } from "node:test";
import type { CaptureOptions } from "../../capture/shared/capture_options.ts";
import { REQUEST, RESPONSE, setUp } from "../support/capture_set_up.ts";

const inadmissible: [CaptureOptions, user: string, tenant: unknown, told: number][] = [
  [{ user: () => "" }, "carol", undefined, 1],
  [{ user: () => 7 as never }, "carol", undefined, 1],
  [{ user: "a\nb", metadata: { tenant: 7 } }, "carol", 7, 1],
  [{ metadata: () => "text" as never }, "carol", undefined, 1],
  [{ metadata: () => new Map([["tenant", 7]]) }, "carol", undefined, 1],
  [{ user: "alice", metadata: () => ({ tenant: NaN }) }, "alice", undefined, 1],
  [{ metadata: () => ({ tenant: 7, "audit.event": "gap" }) }, "carol", undefined, 1],
  [{ user: () => "", metadata: { tenant: () => 7 } }, "carol", undefined, 2],
  [
    {
      user: "alice",
      metadata: () => ({
        get tenant(): number {
          throw new Error("it was asked");
        },
      }),
    },
    "alice",
    undefined,
    1,
  ],
  [
    {
      user: () => {
        throw new Error("who?");
      },
      metadata: { tenant: 7 },
    },
    "carol",
    7,
    1,
  ],
];
for (const [number, [options, user, tenant, count]] of inadmissible.entries()) {
  const name = `what an option gives that cannot be recorded, case ${number},`;

  test(`${name} refuses the call`, async (t) => {
    const { log, capture, told } = await setUp(t, options);
    await assertRejects(() => capture.begin(REQUEST));
    assertEquals([log.size, told], [0, []]);
  });

  for (const begin of [true, false]) {
    test(`${name} is told and left out where calls go on, with begin: ${begin}`, async (t) => {
      const { log, capture, told } = await setUp(t, {
        ...options,
        begin,
        onAuditFailure: "continue",
      });
      const call = await withAuditContext({ user: "carol" }, () => capture.begin(REQUEST));
      await call.complete(RESPONSE);
      const entries = await log.query({ events: "all" });
      assertEquals(
        entries.map((entry) => [entry.user, entry.metadata["tenant"]]),
        Array(begin ? 2 : 1).fill([user, tenant]),
      );
      assertEquals(
        told.map(([, { phase, willRetry }]) => [phase, willRetry]),
        Array(count).fill(["option", false]),
      );
    });
  }
}

test("what an option gives is not asked for again when the beginning cannot be written", async (t) => {
  let asked = 0;
  const { store, log, capture, told } = await setUp(t, {
    onAuditFailure: "continue",
    user: () => `u${asked++}`,
    metadata: () => ({ tenant: NaN }),
  });
  store.full = true;
  const call = await capture.begin(REQUEST);
  store.full = false;
  await call.complete(RESPONSE);
  assertEquals((await log.query()).map(({ user }) => user), ["u0"]);
  assertEquals(told.map(([, { phase }]) => phase), ["option", "begin"]);
});

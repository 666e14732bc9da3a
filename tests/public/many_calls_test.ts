// Calls of many callers at once, whose batches another thread writes and hashes.

import { assert, assertEquals } from "@std/assert";
import { generateSigningKey } from "@audit-log/llm";
import { test } from "node:test";
import { BACKENDS, placeFor } from "../support/backends.ts";

for (const backend of BACKENDS) {
  test(`${backend}: many calls at once, some of them never ended, are told apart`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey("calls.example/many");
    const place = placeFor(backend)(t);
    const log = await place.open({ signingKey });
    const count = 1500;
    const calls = await Promise.all(
      Array.from(
        { length: count },
        (_, n) => log.begin({ model: "m", inputText: `${n}`, user: `u${n % 7}` }),
      ),
    );
    await Promise.all(calls.map(async (call, n) => {
      if (n % 3 === 0) await call.complete({ outputText: "out" });
      else if (n % 3 === 1) await call.abort();
    }));
    assertEquals(await log.count(), 1000);
    assertEquals(await log.count({ events: "all" }), 2500);
    assertEquals((await log.query({ user: "u3" })).length, await log.count({ user: "u3" }));
    const left = await log.unfinished();
    assertEquals(
      left.map(({ entry }) => entry!.inputText),
      Array.from({ length: 500 }, (_, n) => `${3 * n + 2}`),
    );
    const report = await log.verify({ verifierKey });
    assert(report.ok, JSON.stringify(report.faults.slice(0, 3)));
    assertEquals(report.size, 2500);
    if (backend === "memory") return;
    const other = await place.open();
    assertEquals((await other.unfinished()).length, 500);
    assertEquals(await other.count(), 1000);
  });
}

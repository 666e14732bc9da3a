// What may look at many rows to find few does so in parts, so that no statement keeps the event loop for long.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import fc from "fast-check";
import { join } from "node:path";
import { test } from "node:test";
import { Walk } from "../../src/stores/walk.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { check } from "../support/property.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** How long the first part is at most, and by how much the next may be longer. */
const [FIRST, GROWTH] = [4096, 4];

test("a walk goes through each row of a range once, in parts that grow step by step", async () => {
  const cases = fc.asyncProperty(
    fc.nat(1_000_000),
    fc.nat(200_000),
    fc.constantFrom("asc", "desc"),
    fc.array(fc.option(fc.nat(5000)), { maxLength: 30 }),
    // deno-lint-ignore require-await -- properties are asynchronous here
    async (from, length, order, reached) => {
      const walk = new Walk({ from, to: from + length }, order);
      let most = FIRST;
      let at = order === "asc" ? from : from + length;
      const stops = reached[Symbol.iterator]();
      for (const part of walk.parts()) {
        const rows = part.to - part.from;
        assert(rows > 0 && rows <= most, `${rows} of ${most}`);
        assertEquals(order === "asc" ? part.from : part.to, at);
        const stop = stops.next().value ?? undefined;
        if (stop === undefined || stop >= rows) {
          walk.passed(part);
          at = order === "asc" ? part.to : part.from;
          most *= GROWTH;
        } else {
          const seq = order === "asc" ? part.from + stop : part.to - 1 - stop;
          walk.reached(seq);
          at = order === "asc" ? seq + 1 : seq;
        }
      }
      assertEquals(at, order === "asc" ? from + length : from);
    },
  );
  await check(cases, 200);
});

test("how long a walk's parts are follows from the time of its statements, whatever others do meanwhile", () => {
  let now = 0;
  const walk = new Walk({ from: 0, to: 1_000_000 }, "asc", () => now);
  const pass = (ms: number): number => {
    const [part] = walk.parts().take(1);
    now += 1000;
    walk.timed(() => now += ms);
    now += 1000;
    walk.passed(part);
    return part.to - part.from;
  };
  assertEquals([0, 2, 4, 8, 1000, 0].map(pass), [
    FIRST,
    FIRST * GROWTH,
    FIRST * GROWTH * 2,
    FIRST * GROWTH * 2,
    FIRST * GROWTH,
    FIRST,
  ]);
});

for (const backend of FILE_BACKENDS) {
  test(`${backend}: looking for what is rare is done in parts, and finds it wherever it is`, async (t) => {
    const walked: string[] = [];
    const runtime = aroundSqlite(await currentRuntime(), ({ sql, does }, action) => {
      if ((does === "all" || does === "get") && sql.includes("seq >= ? AND seq < ?")) {
        walked.push(sql);
      }
      return action();
    });
    const log = await AuditLog.open({ backend, path: join(tempFolder(t), "log"), runtime });
    // More than what the first part and the second can have.
    const count = FIRST * (1 + GROWTH) + 100;
    const text = "-";
    const open = async (at: string) =>
      (await log.begin({ model: "m", inputText: text, user: at, metadata: { at } })).callId;
    const ids = [await open("start")];
    await log.recordAll(
      Array.from(
        { length: count },
        (_, n) => interaction({ inputText: text, outputText: text, metadata: { n } }),
      ),
    );
    ids.push(await open("end"));

    const inParts = async <T>(ask: () => Promise<T>): Promise<T> => {
      walked.length = 0;
      const answer = await ask();
      assertGreater(walked.length, 2);
      return answer;
    };
    for (const order of ["asc", "desc"] as const) {
      const found = await inParts(() =>
        log.query({ metadata: { at: "end" }, events: "all", order })
      );
      assertEquals(found.map(({ user }) => user), ["end"]);
    }
    assertEquals(await inParts(() => log.count({ metadata: { n: count - 1 } })), 1);
    assertEquals((await inParts(() => log.unfinished())).map(({ callId }) => callId), ids);
    const { model } = interaction();
    assertEquals(await inParts(() => log.count({ model })), count);
    await log.close();
  });
}

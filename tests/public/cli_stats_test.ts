// What models were asked, added up on the command line.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, type NewEntry } from "@audit-log/llm";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cli, cliCutShort, cliOnTerminal, cliScreen, noTerminal } from "../support/cli.ts";
import { foreignLine, interaction, interactions, steadyClock } from "../support/interaction.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

async function logOf(
  t: TestContext,
  file: string,
  record: (log: AuditLog) => Promise<unknown>,
): Promise<string> {
  const path = join(tempFolder(t), file);
  const backend = file.endsWith(".db") ? "sqlite" : "jsonl";
  const log = await AuditLog.open({ backend, path, clock: steadyClock() });
  await record(log);
  await log.close();
  return path;
}

const recording = (entries: NewEntry[]) => (log: AuditLog) => log.recordAll(entries);

/** A log whose interactions have these timestamps. */
async function logAt(t: TestContext, ...timestamps: string[]): Promise<string> {
  const path = join(tempFolder(t), "log.jsonl");
  const lines = timestamps.map((timestamp) =>
    JSON.stringify({ model: "m", input_text: "in", output_text: "out", timestamp })
  );
  const { code } = await cli(["import", "-", "--log", path], { input: lines.join("\n") });
  assertEquals(code, 0);
  return path;
}

// deno-lint-ignore no-explicit-any
async function stats(path: string, ...args: string[]): Promise<any[]> {
  const { code, stdout, stderr } = await cli(["stats", "--log", path, ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

const usage = (inputTokens: number, outputTokens: number) => ({ inputTokens, outputTokens });
const groupsOf = (lines: { group: unknown }[]) => lines.map(({ group }) => group);

for (const file of ["log.db", "log.jsonl"]) {
  test(`of ${file}, stats adds up what each user asked, who cost most first`, async (t) => {
    const path = await logOf(t, file, async (log) => {
      const { entryId } = await log.record(
        interaction({ user: "alice", costUsd: 0.1, latencyMs: 10 }),
      );
      const call = async (user: string) =>
        await log.begin({ model: "m", inputText: "in", user }, { begin: true });
      await (await call("alice")).complete({
        outputText: "out",
        costUsd: 0.2,
        latencyMs: 30,
        usage: usage(7, 5),
      });
      await (await call("alice")).fail(new Error("no"), { latencyMs: 20 });
      await (await call("bob")).complete({ outputText: "out", costUsd: 9, usage: usage(1, 2) });
      await (await call("carol")).abort();
      await call("dave");
      await log.annotate(entryId, { name: "quality", score: 1, user: "judge" });
      await log.recordGap({ lost: 1 });
    });
    const [bob, alice, carol, ...none] = await stats(path, "--by", "user");
    assertEquals(alice, {
      group: "alice",
      calls: 3,
      failed: 1,
      aborted: 0,
      costUsd: 0.3,
      callsWithoutCost: 1,
      inputTokens: 7,
      outputTokens: 5,
      callsWithoutUsage: 2,
      latencyMs: { p50: 20, p95: 30, p99: 30, max: 30 },
      callsWithoutLatency: 0,
    });
    assertEquals([bob.group, bob.calls, bob.costUsd], ["bob", 1, 9]);
    assertEquals([carol.group, carol.aborted, none], ["carol", 1, []]);
    // What is not known is not nothing.
    assertEquals([carol.costUsd, carol.inputTokens, carol.outputTokens], [null, null, null]);
    assertEquals([carol.callsWithoutCost, carol.callsWithoutUsage], [1, 1]);
  });

  test(`of ${file}, stats without --by is one line for all, filtered as asked`, async (t) => {
    const path = await logOf(t, file, async (log) => {
      await log.recordAll(interactions(3, { costUsd: 0.1 }));
      await log.record(interaction({ model: "other", costUsd: 5 }));
      await (await log.begin({ model: "m", inputText: "in" })).fail(new Error("no"));
    });
    const calls = async (...args: string[]) => {
      const [all, ...others] = await stats(path, ...args);
      assertEquals(others, []);
      return [all.calls, all.failed, all.costUsd];
    };
    assertEquals(await calls(), [5, 1, 5.3]);
    assertEquals(await calls("--model", "m"), [4, 1, 0.3]);
    assertEquals(await calls("--outcome", "failed"), [1, 1, null]);
    assertEquals(await calls("--until", "2000-01-01"), [0, 0, null]);
    assertEquals(await stats(path, "--by", "model", "--until", "2000-01-01"), []);
  });
}

test("costs are added up as decimals, whatever their sizes", async (t) => {
  const costs = [0.1, 0.2, 1e-12, 123456789, 5e-9, 0];
  const path = await logOf(
    t,
    "log.db",
    recording(costs.map((costUsd) => interaction({ costUsd }))),
  );
  const [{ costUsd, callsWithoutCost }] = await stats(path);
  assertEquals([costUsd, callsWithoutCost], [123456789.300000005001, 0]);
  const many = await logOf(t, "log.jsonl", recording(interactions(1000, { costUsd: 0.0001 })));
  assertEquals((await stats(many))[0].costUsd, 0.1);
});

test("percentiles of latencies are within half a percent, the longest is exact", async (t) => {
  const path = await logOf(
    t,
    "log.db",
    recording(
      Array.from({ length: 2000 }, (_, n) => interaction({ latencyMs: 7.77 * (2000 - n) })),
    ),
  );
  const [{ latencyMs }] = await stats(path);
  for (const [name, expected] of Object.entries({ p50: 7770, p95: 14763, p99: 15384.6 })) {
    assert(Math.abs(latencyMs[name] / expected - 1) <= 0.005, `${name} ${latencyMs[name]}`);
  }
  assertEquals(latencyMs.max, 15540);
});

test("days and hours are those of UTC, in their order; a limit keeps the newest", async (t) => {
  const path = await logAt(
    t,
    "2026-01-31T23:30:00-01:00",
    "2026-01-31T23:30:00",
    "2026-01-30T08:59:59.999999",
    "2026-01-31T00:00:00Z",
  );
  const byDay = await stats(path, "--by", "day");
  assertEquals(byDay.map(({ group, calls }) => [group, calls]), [
    ["2026-01-30", 1],
    ["2026-01-31", 2],
    ["2026-02-01", 1],
  ]);
  assertEquals(groupsOf(await stats(path, "--by", "hour", "-n", "2")), [
    "2026-01-31T23:00Z",
    "2026-02-01T00:00Z",
  ]);
});

test("groups by metadata tell values apart, and those who have none", async (t) => {
  const values = ["1", 1, { a: [1] }, "1"];
  const path = await logOf(
    t,
    "log.db",
    recording([
      ...values.map((turn) => interaction({ metadata: { turn } })),
      interaction(),
    ]),
  );
  const lines = await stats(path, "--by", "metadata:turn");
  assertEquals(groupsOf(lines), ["1", 1, null, { a: [1] }]);
  assertEquals(groupsOf(await stats(path, "--by", "metadata:turn", "-n", "1")), ["1"]);
  assertEquals(groupsOf(await stats(path, "--by", "metadata:constructor")), [null]);
});

test("groups by metadata are one for equal objects, in whatever order another program wrote their keys", async (t) => {
  const path = join(tempFolder(t), "log.jsonl");
  const turns = [{ a: 1, b: 2 }, { b: 2, a: 1 }];
  const lines = turns.map((turn, n) => foreignLine({ entry_id: `${n}`, metadata: { turn } }));
  writeFileSync(path, `${lines.join("\n")}\n`);
  assertEquals((await stats(path, "--by", "metadata:turn")).map(({ calls }) => calls), [2]);
});

test("an agent and its tools are not counted beside the calls that they made", async (t) => {
  const of = (operation: string, costUsd: number | null) =>
    interaction({
      costUsd,
      metadata: { "gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 10 },
    });
  const path = await logOf(
    t,
    "log.db",
    recording([
      of("chat", 1),
      of("chat", null),
      of("execute_tool", null),
      of("invoke_agent", null),
      of("invoke_agent", 4), // elsewhere: what it cost is told by no other entry
    ]),
  );
  const [{ calls, costUsd, inputTokens }] = await stats(path);
  assertEquals([calls, costUsd, inputTokens], [3, 5, 30]);
});

test("tokens that are no number of tokens are not known", async (t) => {
  const tokens = ["12", -1, 1.5, null];
  const path = await logOf(
    t,
    "log.db",
    recording(
      tokens.map((value) => interaction({ metadata: { "gen_ai.usage.input_tokens": value } })),
    ),
  );
  const [{ inputTokens, callsWithoutUsage }] = await stats(path);
  assertEquals([inputTokens, callsWithoutUsage], [null, 4]);
});

test("a limit without groups, which might be taken for one of entries, is refused", async (t) => {
  const path = await logOf(t, "log.db", recording(interactions(3)));
  const { code, stdout, stderr } = await cli(["stats", "--log", path, "--limit", "2"]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot add up .*--limit .*--by/);
});

test("a table ends with the total, and shows nothing for what is not known", async (t) => {
  const path = await logOf(
    t,
    "log.db",
    recording([
      interaction({ user: "alice", costUsd: 1234.5 }),
      interaction({ user: "alice" }),
      interaction({ user: "bob" }),
    ]),
  );
  const { code, stdout } = await cli(["stats", "--log", path, "--by", "user", "--table"]);
  assertEquals([code, stdout.split("\n")], [0, [
    "USER   CALLS  FAILED  NO USAGE       COST $  NO COST",
    "alice      2       0         2  1234.500000        1",
    "bob        1       0         1                     1",
    "total      3       0         3  1234.500000        2",
    "",
  ]]);
  const one = await cli(["stats", "--log", path, "--by", "model", "--table"]);
  assertEquals(one.stdout.split("\n").length, 3); // one group is the total
});

test("stats says by what it counts, when asked to count by something else", async (t) => {
  const path = await logOf(t, "log.db", recording(interactions(1)));
  for (const by of ["usr", "metadata:", "toString"]) {
    const { code, stdout, stderr } = await cli(["stats", "--log", path, "--by", by]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "It must be user, model, day, hour or");
  }
});

test("stats piped into head ends quietly", async (t) => {
  const path = await logOf(
    t,
    "log.db",
    recording(Array.from({ length: 3000 }, (_, n) => interaction({ user: `user ${n}` }))),
  );
  const { code, stderr } = await cliCutShort(["stats", "--log", path, "--by", "user"]);
  assertEquals([code, stderr], [0, ""]);
});

testUnless(
  noTerminal,
  "stats on a terminal shows 20 groups, and tells of the others",
  async (t) => {
    const path = await logOf(
      t as TestContext,
      "log.db",
      recording([
        ...Array.from({ length: 30 }, (_, n) => interaction({ user: `user ${n}`, costUsd: n })),
        interaction({ user: "tool", metadata: { "gen_ai.operation.name": "execute_tool" } }),
      ]),
    );
    const { code, screen } = await cliOnTerminal(["stats", "--log", path, "--by", "user"], {
      env: { NO_COLOR: "1", TERM: "dumb" },
    });
    const lines = screen.split("\r\n");
    assertMatch(lines[1]!, /^user 29 +1 +0 +1 +29\.000000$/);
    assertMatch(lines[20]!, /^user 10 /);
    assertMatch(lines[21]!, /^total +30 +0 +30 +435\.000000$/);
    assertStringIncludes(lines[22]!, "20 of 30 groups");
    assertStringIncludes(lines[23]!, "Not counted: 1 entry");
    assertEquals([code, lines.length], [0, 25]);
  },
);

test(
  "stats fits a narrow terminal, and its names cannot act on it",
  async (t) => {
    const path = await logOf(
      t,
      "log.db",
      recording([
        interaction({ metadata: { name: "\x1b[2J日本語".repeat(30) }, costUsd: 1, latencyMs: 1 }),
        interaction({
          metadata: { "gen_ai.usage.input_tokens": 1e9, "gen_ai.usage.output_tokens": 1 },
        }),
      ]),
    );
    const args = ["stats", "--log", path, "--by", "metadata:name", "--table"];
    const titles = [
      [60, /^NAME +CALLS +FAILED .*COST \$ +NO COST/],
      [40, /^NAME +CALLS +COST \$ +NO COST$/],
      [30, /^NAME +CALLS +COST \$$/],
    ] as const;
    for (const [columns, title] of titles) {
      const { screen } = await cliScreen(args, { columns, redraws: false });
      // deno-lint-ignore no-control-regex
      assert(!/\x1b/.test(screen), JSON.stringify(screen));
      const [header, ...rows] = screen.split("\r\n").slice(0, -1);
      assertMatch(header!, title);
      for (const row of [header!, ...rows]) {
        const wide = row.match(/[\u3000-\u9fff]/g)?.length ?? 0;
        assert(row.length + wide <= columns, row);
      }
    }
  },
);

test(
  "stats shows days and hours whole, however narrow the terminal",
  async (t) => {
    const entries = [1, 2].map((latencyMs) => interaction({ latencyMs, costUsd: 0.5 }));
    const path = await logOf(t, "log.db", recording(entries));
    for (const columns of [100, 80, 60, 50, 40, 36]) {
      const { screen } = await cliScreen(["stats", "--log", path, "--by", "hour", "--table"], {
        columns,
      });
      assertMatch(screen, /\r\n\d{4}-\d\d-\d\dT\d\d:00Z /);
      const rows = screen.split("\r\n").filter((row) => /^\d/.test(row));
      assert(rows.length > 0 && rows.every((row) => row.length <= columns), screen);
    }
  },
);

test(
  "stats on a terminal does not read the log once more for a progress bar",
  async (t) => {
    const path = await logOf(t, "log.db", recording(interactions(1)));
    const indexed = await cliScreen(["stats", "--log", path]);
    assertStringIncludes(indexed.screen, "reading [");
    for (const filter of [["--text", "in"], ["--metadata", "a=b"]]) {
      const { screen } = await cliScreen(["stats", "--log", path, ...filter]);
      assert(!screen.includes("reading ["), screen);
    }
  },
);

test("stats on a terminal tells when no call has a cost", async (t) => {
  const path = await logOf(
    t,
    "log.db",
    recording([
      interaction({ user: "alice", costUsd: null }),
      interaction({ user: "bob", costUsd: 0 }),
    ]),
  );
  const of = (user: string, ...more: string[]) =>
    cliScreen(["stats", "--log", path, "--user", user, ...more]);
  const sentence = "No call has a cost: docs/capture.md tells how to record it.";
  assertStringIncludes((await of("alice")).screen, sentence);
  assert(!(await of("bob")).screen.includes(sentence));
  assert(!(await of("nobody")).screen.includes(sentence));
  // A single group has no order.
  assertStringIncludes((await of("alice", "--by", "user")).screen, sentence);
});

test("stats on a terminal tells by what groups are sorted", async (t) => {
  const logWith = (costUsd: number | null) =>
    logOf(
      t,
      `${costUsd}.db`,
      recording(["a", "b", "b"].map((user) => interaction({ user, costUsd }))),
    );
  const costless = "No call has a cost, so those with most calls come first: ";
  for (
    const [costUsd, by, told] of [
      [null, "user", "1 of 2 groups, those with most calls; "],
      [null, "metadata:none", costless.replace(/, so.*first/, "")],
      [1, "user", "1 of 2 groups, those that cost most; "],
    ] as const
  ) {
    const path = await logWith(costUsd);
    const { screen } = await cliScreen(["stats", "--log", path, "--by", by, "-n", "1"]);
    assertStringIncludes(screen, told);
    assertEquals(screen.includes(costless), costUsd === null && by === "user");
  }
});

test("stats on a terminal tells when nothing matches", async (t) => {
  const path = await logOf(t, "log.db", recording(interactions(1)));
  const { code, screen } = await cliScreen(["stats", "--log", path, "--user", "nobody"]);
  assertEquals(code, 0);
  assertStringIncludes(screen, "No entry matches.");
});

// What `deno task test` promises of its end: it fails if anything could not be tested, and its last line counts everything.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { attempt, exitCode } from "../../scripts/test/attempt.ts";
import type { TestCase } from "../../scripts/test/junit.ts";
import { printAccount } from "../../scripts/test/print.ts";
import type { Outcome } from "../../scripts/test/suite.ts";

const of = (outcome: TestCase["outcome"], name: string = outcome): TestCase => ({
  name,
  file: "tests/a_test.ts",
  outcome,
  detail: outcome === "passed" ? "" : "why",
});

/** Attempts a part, and gives what came of it and what was told of its end. */
async function attempted(work: () => Promise<Outcome>) {
  const told: Outcome[] = [];
  const outcome = await attempt("a part", work, { end: (outcome) => void told.push(outcome) });
  assertEquals(told, [outcome]);
  return { ...outcome, seconds: typeof outcome.seconds };
}

/** The lines that the account prints. */
function accountOf(outcomes: Outcome[]): string[] {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line = "") => void lines.push(...String(line).split("\n"));
  try {
    printAccount(outcomes);
  } finally {
    console.log = log;
  }
  return lines;
}

const untested = (detail: string) => ({
  title: "a part",
  cases: [{ name: "could not be tested", file: "", outcome: "failed", detail }],
  seconds: "number",
});

test("a part that runs tests counts as what became of them", async () => {
  const cases = [of("passed"), of("failed"), of("skipped")];
  assertEquals(await attempted(() => Promise.resolve({ title: "node 26", cases })), {
    title: "node 26",
    cases,
    seconds: "number",
  });
});

test("a part that throws, such as one whose runtime is not found, is one failed test", async () => {
  assertEquals(
    await attempted(() => Promise.reject(new Error("cannot get bun@1 from npm"))),
    untested("cannot get bun@1 from npm"),
  );
  assertEquals(
    await attempted(() => Promise.reject("no error at all")),
    untested("no error at all"),
  );
});

test("a part that runs no test is one failed test", async () => {
  assertEquals(
    await attempted(() => Promise.resolve({ title: "node 26", cases: [] })),
    untested("no test was run"),
  );
});

test("the exit code tells whether anything failed in any part", () => {
  const parts = (...outcomes: TestCase["outcome"][]): Outcome[] =>
    outcomes.map((outcome) => ({ title: outcome, cases: [of("passed"), of(outcome)] }));
  assertEquals(exitCode(parts("passed", "skipped")), 0);
  assertEquals(exitCode(parts("passed", "failed", "passed")), 1);
});

test("the last line of the account counts the tests of all parts", () => {
  const lines = accountOf([
    { title: "deno 2", cases: [of("passed"), of("passed"), of("skipped")], seconds: 3 },
    { title: "node 26", cases: [of("passed"), of("failed", "breaks"), of("skipped")], seconds: 4 },
  ]);
  assertEquals(lines.at(-1), "3 passed, 1 failed, 2 skipped");
  assertEquals(lines.slice(-3, -1), [
    "deno 2   2 passed, 0 failed, 1 skipped, in 3 s",
    "node 26  1 passed, 1 failed, 1 skipped, in 4 s",
  ]);
  assertEquals(lines.filter((line) => line.startsWith("FAILED")), [
    "FAILED on node 26: tests/a_test.ts: breaks",
  ]);
});

test("of a run that took long, the account names the files that took longest", () => {
  const spent = (file: string, seconds: number) => ({ ...of("passed"), file, seconds });
  const cases = [spent("a_test.ts", 2), spent("b_test.ts", 30), spent("a_test.ts", 31.25)];
  const named = (seconds: number) =>
    accountOf([{ title: "deno 2", cases, seconds }]).filter((line) => line.includes("_test.ts"));
  assertEquals(named(70), ["  33.3  a_test.ts", "  30.0  b_test.ts"]);
  assertEquals(named(40), []);
});

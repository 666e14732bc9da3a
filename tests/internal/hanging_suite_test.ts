// A file of tests that hangs must not hang the run. The programs print what Deno 2.9, Bun 1.4 and Node 26 print, and then wait.

import { assertEquals, assertMatch } from "@std/assert";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Outcome } from "../../scripts/test/suite.ts";
import { runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const reason = runtimeName === "deno" ? undefined : "the test command runs on Deno";

async function outcomeOf(
  t: TestContext,
  name: "bun" | "deno" | "node",
  script: string,
): Promise<Outcome> {
  const { runSuite } = await import("../../scripts/test/suite.ts");
  const cwd = tempFolder(t);
  const program = join(cwd, "program");
  writeFileSync(program, `#!/bin/sh\n${script}`);
  chmodSync(program, 0o755);
  return await runSuite({ name, program, version: "0" }, {
    title: "",
    cwd,
    files: ["tests/a_test.ts", "tests/b_test.ts", "tests/c_test.ts"],
    silenceMs: 1000,
    onLine: () => {},
  });
}

const summary = ({ cases }: Outcome) =>
  cases.map(({ name, file, outcome }) => `${outcome} ${file}: ${name}`);

testUnless(
  reason,
  "a run that falls silent is ended, and the file or group under way has failed",
  async (t) => {
    for (
      const [name, script, underWay] of [
        [
          "deno",
          'for group; do :; done; echo "running 3 tests from ../..$group\na ok ... ok (1ms)\nb hangs ..."; exec sleep 600',
          "a_to_c_test.ts",
        ],
        [
          "bun",
          "echo 'tests/a_test.ts:\n(pass) a ok [1.39ms]\n\ntests/b_test.ts:'; exec sleep 600",
          "tests/b_test.ts",
        ],
        [
          "node",
          "trap \"echo 'Interrupted while running:\n\n⚠ b hangs (tests/b_test.ts:1:1)'; kill \\$!; exit\" TERM\necho '✔ a ok (1ms)'; sleep 600 & wait",
          "tests/b_test.ts",
        ],
      ] as const
    ) {
      const outcome = await outcomeOf(t, name, script);
      assertEquals(summary(outcome), [
        `failed ${underWay}: the run was ended, for it told nothing for 1 s`,
      ], name);
      assertMatch(outcome.cases[0].detail, /a ok/);
    }
  },
);

testUnless(reason, "a run that falls silent before it names a file has failed", async (t) => {
  assertEquals(summary(await outcomeOf(t, "bun", "exec sleep 600")), [
    "failed : the run was ended, for it told nothing for 1 s",
  ]);
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { VerificationReport } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { cliOnTerminal, cliScreen, noTerminal } from "../support/cli.ts";
import { alterDatabase, ORIGIN, signedLog } from "../support/signed_log.ts";
import { testUnless } from "../support/skip.ts";

testUnless(
  noTerminal,
  "verify shows a progress bar on a terminal, and the report beneath it",
  async (t) => {
    const log = await signedLog(t as TestContext, "sqlite", 3000);
    const { code, screen } = await cliOnTerminal(
      ["verify", "--log", log.path, "--verifier-key", log.verifierKey],
    );
    assertEquals(code, 0);
    assertMatch(screen, /verifying \[-+\] 0% +0 entries/);
    assertMatch(screen, /verifying \[=+\] 100% +3,000 entries/);
    assertMatch(screen, /\r\npath {8}.*log\.db\r\nentries {5}3000, all read and hashed\r\n/);
    assertStringIncludes(screen, "\x1b[1mNo fault was found.\x1b[0m\r\n");
  },
);

test("the progress bar counts one entry in the singular", async (t) => {
  const log = await signedLog(t, "sqlite", 1);
  const { screen } = await cliScreen(["verify", "--log", log.path]);
  assertMatch(screen, /verifying \[=+\] 100% +1 entry\b/);
});

testUnless(
  noTerminal,
  "the report of verify is no wider than the terminal, but for paths and hashes",
  async (t) => {
    const log = await signedLog(t as TestContext, "jsonl", 2);
    const { code, screen } = await cliOnTerminal(["verify", "--log", log.path], {
      env: { TERM: "dumb" },
    });
    assertEquals(code, 0);
    const lines = screen.split("\r\n");
    assert(lines.every((line) => line.length <= 100), screen);
    const first = lines.findIndex((line) => line.startsWith("  - No checkpoint was given"));
    assertMatch(lines[first + 1]!, /^ {4}\S/);
    assertEquals(lines.filter((line) => line.includes("verifying")), []);
  },
);

testUnless(noTerminal, "verify on a terminal ends with status 1 on faults, too", async (t) => {
  const log = await signedLog(t as TestContext, "sqlite", 3);
  await alterDatabase(t as TestContext, log.path, "UPDATE audit_record SET user = 'eve'");
  const { code, screen } = await cliOnTerminal(["verify", "--log", log.path, "--json"], {
    env: { TERM: "dumb" },
  });
  const report: VerificationReport = JSON.parse(screen);
  assertEquals([code, report.ok, report.faultCount], [1, false, 3]);
});

test("checkpoints, proofs and records on a terminal are what they are elsewhere", async (t) => {
  const log = await signedLog(t, "sqlite", 3);
  const asked = async (...args: string[]) => {
    const { code, screen } = await cliScreen([...args, "--log", log.path]);
    assertEquals(code, 0);
    return screen.replaceAll("\r\n", "\n");
  };
  assertMatch(await asked("checkpoint", "--key", log.keyFile), new RegExp(`^${ORIGIN}\n3\n`));
  assertMatch(await asked("prove", log.ids[1]!), /^c2sp\.org\/tlog-proof@v1\nindex 1\n/);
  // A line that is longer than the terminal is wide is one line all the same.
  assertEquals(await asked("get", log.ids[1]!), `${log.lines[1]}\n`);
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, type NewEntry } from "@audit-log/llm";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cli, cliOnTerminal, cliScreen, noTerminal } from "../support/cli.ts";
import { interaction, interactions, steadyClock } from "../support/interaction.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const ESCAPE = "\x1b";
// All but the line ends that a terminal gets.
// deno-lint-ignore no-control-regex
const ACTS = /[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e\u200b]/;

async function logOf(t: TestContext, entries: NewEntry[]): Promise<string> {
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path, clock: steadyClock() });
  await log.recordAll(entries);
  await log.close();
  return path;
}

/** A file with so many lines to import, the third of them no JSON. */
function sourceIn(folder: string, count: number): string {
  const path = join(folder, "source.jsonl");
  const line = JSON.stringify({ model: "m", input_text: "in", output_text: "out" });
  const lines = Array.from({ length: count }, (_, n) => n === 2 ? "{" : line);
  writeFileSync(path, lines.join("\n"));
  return path;
}

testUnless(
  noTerminal,
  "query prints a table on a terminal, the newest 20, the newest last",
  async (t) => {
    const path = await logOf(t as TestContext, interactions(30));
    const { code, screen } = await cliOnTerminal(["query", "--log", path]);
    assertEquals(code, 0);
    const lines = screen.split("\r\n");
    assertMatch(
      lines[0]!.replaceAll(ESCAPE, "ESC"),
      /^ESC\[1mTIME \(UTC\) +USER +MODEL +INPUT +OUTPUTESC\[0m$/,
    );
    assertMatch(lines[1]!, /^2026-01-31 08:00:10 +anonymous +m +10 +out$/);
    assertMatch(lines[20]!, /^2026-01-31 08:00:29 +anonymous +m +29 +out$/);
    assertStringIncludes(lines[21]!, "20 of 30 entries that match");
    assertEquals(lines.length, 23);
  },
);

test(
  "query on a terminal does not read the rest of a log to tell how many entries match",
  async (t) => {
    const path = await logOf(t, interactions(30));
    const args = ["query", "--log", path, "--text", "out"];
    const { screen } = await cliScreen([...args, "-n", "5"]);
    assertStringIncludes(
      screen,
      "There may be more than 5; --limit shows more, --count tells how many.",
    );
    assert(!screen.includes("that match"), screen);
    assert(!(await cliScreen([...args, "-n", "31"])).screen.includes("more"));
    const { screen: failed } = await cliScreen(["query", "--log", path, "--outcome", "failed"]);
    assertStringIncludes(failed, "No entry matches.");
  },
);

test("unfinished prints the newest 20 calls on a terminal, and tells of the others", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path });
  for (let n = 0; n < 30; n++) await log.begin({ model: "m", inputText: `asked ${n}` });
  await log.close();
  const shown = async (...args: string[]) => {
    const { screen } = await cliScreen(["unfinished", "--log", path, ...args]);
    return { screen, asked: [...screen.matchAll(/asked (\d+)/g)].map(([, n]) => Number(n)) };
  };
  const { screen, asked } = await shown();
  assertEquals(asked, Array.from({ length: 20 }, (_, n) => n + 10));
  assertStringIncludes(screen, "20 of 30 unfinished calls; --limit shows more.");
  assertEquals((await shown("-n", "2", "--json")).asked, [28, 29]);
  const all = await shown("-n", "all");
  assertEquals([all.asked.length, all.screen.includes("--limit")], [30, false]);
  const { stdout } = await cli(["unfinished", "--log", path]);
  assertEquals(stdout.split("\n").length, 31);
});

testUnless(
  noTerminal,
  "a table is no wider than the terminal, and plain where NO_COLOR is set",
  async (t) => {
    const path = await logOf(t as TestContext, [
      interaction({ inputText: "日本語 ".repeat(200), outputText: "word ".repeat(200) }),
    ]);
    const { screen } = await cliOnTerminal(["query", "--log", path], { env: { NO_COLOR: "1" } });
    assert(!screen.includes(ESCAPE), JSON.stringify(screen));
    const [, row] = screen.split("\r\n");
    const wide = row!.match(/[\u3000-\u9fff]/g)!.length;
    assert(row!.length + wide <= 100, row);
  },
);

test(
  "a table fits a terminal of 80 columns, and of 40, however long names and outcomes are",
  async (t) => {
    const path = join(tempFolder(t), "log.db");
    const log = await AuditLog.open({ backend: "sqlite", path });
    const call = await log.begin({
      user: "u".repeat(99),
      model: "m".repeat(99),
      inputText: "i".repeat(99),
    });
    await call.fail(Object.assign(new Error("no"), { name: "RateLimitExceededError" }));
    await log.close();
    for (const columns of [80, 40]) {
      const { screen } = await cliScreen(["query", "--log", path], { columns });
      const lines = screen.split("\r\n");
      assertMatch(lines[0]!, columns === 80 ? / MODEL +OUTCOME +INPUT$/ : / OUTCOME +INPUT$/);
      assertStringIncludes(lines[1]!, columns === 80 ? "failed: Rate" : "failed:");
      assertMatch(lines[1]!, / {2}i{7,}…$/);
      assert(lines.every(({ length }) => length <= columns), screen);
    }
  },
);

test("query on a terminal tells when nothing matches", async (t) => {
  const path = await logOf(t, interactions(1));
  const { code, screen } = await cliScreen(["query", "--log", path, "--user", "nobody"]);
  assertEquals(code, 0);
  assertStringIncludes(screen, "No entry matches.");
});

test("a text that is not found may be there in other letters", async (t) => {
  const path = await logOf(t, interactions(1));
  for (const command of ["query", "unfinished", "stats"]) {
    const { screen } = await cliScreen([command, "--log", path, "--text", "ORDER"]);
    assertStringIncludes(screen, " matches; --text tells upper and lower case apart.");
  }
});

test(
  "unfinished on a terminal says of all calls that they ended only if it looked at all",
  async (t) => {
    const path = await logOf(t, []);
    const all = await cliScreen(["unfinished", "--log", path]);
    assertStringIncludes(all.screen, "Every call that began has ended.");
    const log = await AuditLog.open({ backend: "sqlite", path });
    await log.begin({ model: "m", inputText: "in", user: "alice" });
    await log.close();
    for (const filter of [["--user", "Alice"], ["--until", "1h"], ["--metadata", "a=b"]]) {
      const { code, screen } = await cliScreen(["unfinished", "--log", path, ...filter]);
      assertEquals(code, 0);
      assertStringIncludes(screen, "No unfinished call matches.");
    }
  },
);

test("no form of output lets recorded text act on a terminal", async (t) => {
  const evil = "\x1b]0;title\x07\x1b[2J \x9b31m \u202etxt \u200b";
  const path = await logOf(t, [
    interaction({ inputText: evil, outputText: evil, metadata: { a: evil } }),
  ]);
  for (const form of ["--table", "--full", "--json"]) {
    const { code, screen } = await cliScreen(["query", "--log", path, form]);
    assertEquals(code, 0);
    assert(!ACTS.test(screen), JSON.stringify(screen));
    if (form === "--json") {
      const record = JSON.parse(screen);
      assertEquals([record.input_text, record.metadata], [evil, { a: evil }]);
    }
  }
});

testUnless(
  noTerminal,
  "import shows a progress bar on a terminal, and messages above it",
  async (t) => {
    const folder = tempFolder(t as TestContext);
    const source = sourceIn(folder, 5000);
    const { code, screen } = await cliOnTerminal(
      ["import", source, "--log", join(folder, "log.db"), "--skip-bad"],
    );
    assertEquals(code, 1);
    assertMatch(screen, /importing \[-+\] 0% +0 entries/);
    assertMatch(screen, /importing \[=+\] 100% +4,999 entries/);
    assertMatch(screen, /audit-log: skipped .*source\.jsonl, line 3: is not JSON\r\n/);
    assertMatch(
      screen,
      /\r\nImported 4999 entries into .*log\.db in \d+\.\d s; not imported: 1 bad\.\r\n$/,
    );
  },
);

testUnless(noTerminal, "import shows no progress bar on a dumb terminal", async (t) => {
  const folder = tempFolder(t as TestContext);
  const { code, screen } = await cliOnTerminal(
    ["import", sourceIn(folder, 2), "--log", join(folder, "log.db")],
    { env: { TERM: "dumb" } },
  );
  assertEquals(code, 0);
  assertMatch(screen, /^Imported 2 entries into .*\r\n$/);
});

test("import shows no progress bar without a terminal", async (t) => {
  const folder = tempFolder(t);
  const { code, stdout, stderr } = await cli(
    ["import", sourceIn(folder, 2), "--log", join(folder, "log.db")],
  );
  assertEquals([code, stdout], [0, ""]);
  assertMatch(stderr, /^Imported 2 entries into .*\n$/);
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, generateSigningKey, type NewEntry } from "@audit-log/llm";
import { copyFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runProgram, scriptCommand } from "../support/child.ts";
import {
  cli,
  cliCommand,
  cliCutShort,
  cliHere,
  noTerminal,
  terminalCommand,
} from "../support/cli.ts";
import { allLines, interaction, interactions } from "../support/interaction.ts";
import { listenTo, type Speaker, startSpeaker } from "../support/say.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

type Backend = "sqlite" | "jsonl";
const BACKENDS: readonly Backend[] = ["sqlite", "jsonl"];

/** Waits for other processes, which may not come. */
const LIMITED = { timeout: 120_000 };

/** A log with these entries. */
async function logOf(t: TestContext, backend: Backend, entries: NewEntry[]) {
  const path = join(tempFolder(t), backend === "sqlite" ? "log.db" : "log.jsonl");
  const log = await AuditLog.open({ backend, path });
  atEnd(t, () => log.close());
  await log.recordAll(entries);
  return { path, log };
}

/** Starts to follow a log, without a terminal. */
function follow(t: TestContext, path: string): Speaker {
  return watched(t, cliCommand("query", "--log", path, "--follow"));
}

/** Starts to follow a log within this process, which takes a small part of the time that another process takes to start. */
function followHere(
  t: TestContext,
  path: string,
  ...args: string[]
): ReturnType<typeof cliHere> {
  const following = cliHere(["query", "--log", path, "--follow", ...args]);
  atEnd(t, async () => {
    rmSync(path, { force: true }); // which ends it
    await following.ended;
  });
  return following;
}

/** What it prints. */
type Printing = Pick<Speaker, "lines">;

function watched(t: TestContext, command: readonly string[]): Speaker {
  const speaker = listenTo(command);
  atEnd(t, async () => {
    speaker.kill();
    await speaker.ended;
  });
  return speaker;
}

/** The prompts of lines. */
function inputsOf(lines: readonly string[]): string[] {
  return lines.map((line) => JSON.parse(line).input_text);
}

/** Waits for so many lines, and returns their prompts. */
async function shown({ lines }: Printing, count: number): Promise<string[]> {
  return inputsOf(await lines.until(({ length }) => length >= count));
}

/** Records until something of it is shown. */
async function recordUntilShown(log: AuditLog, { lines }: Printing): Promise<void> {
  for (let n = 0; lines.all.length === 0; n++) {
    await log.record(interaction({ inputText: `new ${n}` }));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

for (const backend of BACKENDS) {
  test(
    `--follow prints the newest 10 of a ${backend} log, then what any process records, each once, in order`,
    LIMITED,
    async (t) => {
      const { path, log } = await logOf(t, backend, interactions(15));
      const following = follow(t, path);
      assertEquals((await shown(following, 10))[0], "5");
      const writers = ["ada", "bob"].map((user) =>
        runProgram(scriptCommand("write_entries.ts", backend, path, user, "100"))
      );
      for (const { code, stderr } of await Promise.all(writers)) {
        assertEquals([code, stderr], [0, ""]);
      }
      await log.record(interaction({ inputText: "last" }));
      const lines = await following.lines.until((all) => inputsOf(all.slice(-1))[0] === "last");
      assertEquals(lines, (await allLines(log)).slice(5));
    },
  );

  test(
    `--follow -n 0 begins a ${backend} log with what comes, and misses nothing of it`,
    LIMITED,
    async (t) => {
      const { path, log } = await logOf(t, backend, interactions(3, { user: "old" }));
      const following = followHere(t, path, "-n", "0");
      await recordUntilShown(log, following);
      await log.record(interaction({ inputText: "last" }));
      const lines = await following.lines.until((all) => inputsOf(all.slice(-1))[0] === "last");
      assertEquals(lines, (await allLines(log)).slice(-lines.length));
      assert(!lines.some((line) => line.includes('"old"')));
    },
  );

  test(`--follow prints of a ${backend} log only what the filters ask for`, LIMITED, async (t) => {
    const entry = (inputText: string, user: string, turn: number) =>
      interaction({ inputText, user, metadata: { turn } });
    const { path, log } = await logOf(t, backend, [
      entry("0", "alice", 1),
      entry("1", "alice", 2),
      entry("2", "bob", 1),
    ]);
    const args = ["--user", "alice", "--metadata", "turn:=1", "--since", "1h"];
    const following = followHere(t, path, ...args);
    assertEquals(await shown(following, 1), ["0"]);
    // What does not match may come between what does, and alone for a while.
    await log.record(entry("3", "bob", 1));
    await log.recordAll([entry("4", "alice", 2), entry("5", "alice", 1), entry("6", "bob", 1)]);
    assertEquals(await shown(following, 2), ["0", "5"]);
    await log.record(entry("7", "alice", 2));
    await log.annotate((await log.record(entry("8", "alice", 1))).entryId, { name: "n", score: 1 });
    await log.record(entry("9", "alice", 1));
    assertEquals(await shown(following, 4), ["0", "5", "8", "9"]);
  });

  test(
    `--follow shows the ends of calls in a ${backend} log, with --events all also their beginnings`,
    LIMITED,
    async (t) => {
      const { path, log } = await logOf(t, backend, [interaction({ inputText: "old" })]);
      const [ends, all, failed] = [
        followHere(t, path),
        followHere(t, path, "--events", "all"),
        followHere(t, path, "--outcome", "failed"),
      ];
      await shown(ends, 1);
      await shown(all, 1);
      const good = await log.begin({ model: "m", inputText: "good" });
      const bad = await log.begin({ model: "m", inputText: "bad" });
      await bad.fail(new Error("no"));
      await good.complete({ outputText: "out" });
      assertEquals(await shown(ends, 3), ["old", "bad", "good"]);
      assertEquals(await shown(all, 5), ["old", "good", "bad", "bad", "good"]);
      assertEquals(await shown(failed, 1), ["bad"]);
    },
  );

  test(
    `--follow begins with an empty ${backend} log, and goes on when a writer was killed`,
    LIMITED,
    async (t) => {
      const { path, log } = await logOf(t, backend, []);
      const following = followHere(t, path);
      await log.record(interaction({ inputText: "first" }));
      assertEquals(await shown(following, 1), ["first"]);
      const { signingKey } = await generateSigningKey("acme.example/follow");
      const holder = startSpeaker("hold_lock.ts", backend, path, signingKey, "record");
      await holder.lines.until((lines) => lines.includes("in"));
      holder.kill();
      await holder.ended;
      await log.record(interaction({ inputText: "second" }));
      assertEquals(await shown(following, 2), ["first", "second"]);
    },
  );

  const ends: [
    how: string,
    end: (path: string) => void,
    says: RegExp,
    start: (t: TestContext, path: string) => ReturnType<typeof follow | typeof followHere>,
  ][] = [
    ["is deleted", (path) => rmSync(path), /any longer: the file was deleted or moved\n$/, follow],
    [
      "is replaced",
      (path) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
      },
      /any longer: the file was replaced\n$/,
      followHere,
    ],
  ];
  for (const [how, end, says, start] of ends) {
    test(
      `--follow ends with status 2 when the ${backend} log ${how}, after all it had`,
      LIMITED,
      async (t) => {
        const { path, log } = await logOf(t, backend, interactions(1));
        const following = start(t, path);
        await shown(following, 1);
        await log.record(interaction({ inputText: "last" }));
        end(path);
        const { code, stderr } = await following.ended;
        assertEquals([code, inputsOf(following.lines.all)], [2, ["0", "last"]]);
        assertMatch(stderr, says);
        assertStringIncludes(stderr, `audit-log: Cannot follow ${path} `);
      },
    );
  }

  test(
    `--follow of a ${backend} log ends quietly when its reader goes away`,
    LIMITED,
    async (t) => {
      const { path, log } = await logOf(t, backend, interactions(1));
      let running = true;
      const { promise: cut, resolve: onCut } = Promise.withResolvers<void>();
      const ending = cliCutShort(["query", "--log", path, "--follow"], onCut).finally(() =>
        running = false
      );
      await Promise.race([cut, ending]);
      while (running) {
        await log.record(interaction());
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { code, stderr } = await ending;
      assertEquals([code, stderr], [0, ""]);
    },
  );
}

test("--follow ends with status 2 when a JSONL log is cut", LIMITED, async (t) => {
  const { path } = await logOf(t, "jsonl", interactions(3));
  const following = followHere(t, path);
  await shown(following, 3);
  truncateSync(path, 10);
  const { code, stderr } = await following.ended;
  assertEquals(code, 2);
  assertMatch(stderr, /Cannot follow .*log\.jsonl any longer: entries that it had are gone/);
});

test("an interrupt ends --follow as it ends any program", LIMITED, async (t) => {
  const { path } = await logOf(t, "sqlite", interactions(1));
  const following = follow(t, path);
  await shown(following, 1);
  following.interrupt();
  const { code, signal, stderr } = await following.ended;
  assertEquals([code ?? signal, stderr], ["SIGINT", ""]);
});

testUnless(noTerminal, "--follow on a terminal goes on with one table until Ctrl-C", async (t) => {
  const { path, log } = await logOf(t as TestContext, "sqlite", [
    interaction({ user: "bob", inputText: "first" }),
  ]);
  const command = terminalCommand(["query", "--log", path, "-f"], 130);
  const following = watched(t as TestContext, command);
  const { lines } = following;
  await lines.until(({ length }) => length === 2);
  await log.record(interaction({
    user: "alexander-the-great",
    model: "claude",
    inputText: "日本語 ".repeat(200),
    outputText: "\x1b[2J",
    latencyMs: 1234,
    costUsd: 0.0125,
  }));
  await lines.until(({ length }) => length === 3);
  await log.record(interaction({ user: "bob", inputText: "third" }));
  const [titles, first, second, third] = await lines.until(({ length }) => length === 4);
  assertMatch(titles!, /TIME \(UTC\) +USER +MODEL +COST \$ +MS +OUTCOME +INPUT +OUTPUT/);
  assertMatch(first!, / bob +m +first +out\r$/);
  assertMatch(second!, / alexande… {2}claude +0\.0125 +1234 +日本語 .*… +\\x1b\[2J\r$/);
  assertMatch(third!, / bob +m +third +out\r$/);
  assertEquals(third!.indexOf("third"), first!.indexOf("first"));
  assertEquals(second!.indexOf("日"), first!.indexOf("first"));
  following.tell("\x03");
  assertEquals((await following.ended).code, 130);
});

testUnless(noTerminal, "--follow on a terminal tells when it waits", async (t) => {
  const { path } = await logOf(t as TestContext, "sqlite", interactions(1));
  const command = terminalCommand(["query", "--log", path, "-f", "--user", "nobody"]);
  const following = watched(t as TestContext, command);
  const [line] = await following.lines.until(({ length }) => length === 1);
  assertStringIncludes(line!, "Waiting for entries that match.");
});

for (
  const args of [
    ["--order", "desc"],
    ["--order", "asc"],
    ["--after", "id"],
    ["--until", "1h"],
    ["--count"],
  ]
) {
  test(`--follow is refused with ${args.join(" ")}`, async (t) => {
    const { path } = await logOf(t, "jsonl", []);
    const { code, stdout, stderr } = await cli(["query", "--log", path, "--follow", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, new RegExp(`'-f, --follow' cannot be used with option '.*${args[0]}`));
  });
}

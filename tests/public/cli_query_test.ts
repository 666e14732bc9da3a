import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { AuditLog, type NewEntry } from "@audit-log/llm";
import { appendFileSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { cli, cliCutShort } from "../support/cli.ts";
import {
  allLines,
  foreignLine,
  interaction,
  interactions,
  steadyClock,
} from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

/** Makes a log with these interactions, a second apart from 2026-01-31T08:00:00Z on. */
async function logOf(t: TestContext, entries: NewEntry[], file = "log.db") {
  const path = join(tempFolder(t), file);
  const backend = file.endsWith(".db") ? "sqlite" : "jsonl";
  const log = await AuditLog.open({ backend, path, clock: steadyClock() });
  const ids = (await log.recordAll(entries)).map(({ entryId }) => entryId);
  const lines = await allLines(log);
  await log.close();
  return { path, ids, lines };
}

/** What a query without a terminal prints, as the `input_text` of each line. */
async function found(path: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await cli(["query", "--log", path, ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).input_text);
}

for (const file of ["log.db", "log.jsonl"]) {
  test(`without a terminal, query prints the exact lines of ${file}, oldest first`, async (t) => {
    const { path, lines } = await logOf(
      t,
      [
        interaction({ outputText: "\0\ud800\u2028é", metadata: { b: 1, a: [] } }),
        ...interactions(300),
      ],
      file,
    );
    const { code, stdout, stderr } = await cli(["query", "--log", path]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, lines.map((line) => `${line}\n`).join(""));
  });
}

const asked: [name: string, args: string[], answer: string[]][] = [
  ["a user", ["--user", "alice"], ["0", "2"]],
  ["a model", ["-m", "gpt"], ["0", "1"]],
  ["a user and a model", ["-u", "alice", "-m", "gpt"], ["0"]],
  ["a time and later", ["--since", "2026-01-31T08:00:02Z"], ["2", "3"]],
  ["a time and earlier, in another zone", ["--until", "2026-01-31T09:00:01+01:00"], ["0", "1"]],
  ["the last hour, when nothing was", ["--since", "1h"], []],
  ["more than the last hundred years", ["--since", "36500d"], ["0", "1", "2", "3"]],
  ["metadata with a text", ["--metadata", "session=s1"], ["0", "2"]],
  ["metadata with a text that looks like a number", ["--metadata", "turn=2"], ["3"]],
  ["metadata with a number", ["--metadata", "turn:=2"], ["2"]],
  ["metadata with an object", ["--metadata", 'tags:={"b":1,"a":null}'], ["1"]],
  ["metadata with signs in it", ["--metadata", "a.b=c=d:=e"], ["1"]],
  ["two keys of metadata", ["--metadata", "session=s1", "--metadata", "turn:=1"], ["0"]],
  ["a text in the input or the output", ["--text", "ar"], ["1", "2"]],
  ["a text, which is no pattern", ["--text", "."], ["2"]],
  ["a text, told apart by upper and lower case", ["--text", "paris"], []],
  ["the newest two, the newest last", ["--limit", "2"], ["2", "3"]],
  ["the newest of a user", ["-n", "1", "-u", "alice"], ["2"]],
  ["the newest two, the newest first", ["-n", "2", "--order", "desc"], ["3", "2"]],
  ["the oldest two", ["-n", "2", "--order", "asc"], ["0", "1"]],
  ["all", ["-n", "all"], ["0", "1", "2", "3"]],
  ["none", ["-n", "0"], []],
];

for (const [name, args, answer] of asked) {
  test(`query finds ${name}: ${args.join(" ")}`, async (t) => {
    const { path } = await logOf(t, [
      {
        user: "alice",
        model: "gpt",
        inputText: "0",
        outputText: "",
        metadata: { session: "s1", turn: 1 },
      },
      {
        user: "bob",
        model: "gpt",
        inputText: "1",
        outputText: "Paris",
        metadata: { "a.b": "c=d:=e", tags: { a: null, b: 1 } },
      },
      {
        user: "alice",
        model: "claude",
        inputText: "2",
        outputText: "Clear.",
        metadata: { session: "s1", turn: 2 },
      },
      { user: "bob", model: "claude", inputText: "3", outputText: "", metadata: { turn: "2" } },
    ]);
    assertEquals(await found(path, ...args), answer);
  });
}

test("--since takes the usual words for units of time", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const minutesAgo = [1, 30, 90, 48 * 60, 10 * 24 * 60].toReversed();
  const now = Date.now();
  let at = 0;
  const log = await AuditLog.open({
    backend: "sqlite",
    path,
    clock: () => now - minutesAgo[at++]! * 60_000,
  });
  for (const minutes of minutesAgo) await log.record(interaction({ inputText: String(minutes) }));
  await log.close();
  const counts: [words: string[], count: number][] = [
    [["1s", "1sec", "1secs", "1second", "59 seconds", "0m"], 0],
    [["20m", "20min", "20mins", "1200sec", "2minute", "20 minutes"], 1],
    [["1h", "1hour", "1 hour", "60minutes"], 2],
    [["2h", "24hours", "1d", "1day"], 3],
    [["3days", "1w", "1week"], 4],
    [["2w", "2weeks", "52 weeks"], 5],
  ];
  for (const [words, count] of counts) {
    for (const word of words) {
      const { stdout } = await cli(["query", "--log", path, "--since", word, "--count"]);
      assertEquals([word, stdout], [word, `${count}\n`]);
    }
  }
});

test("--after continues behind an entry, in either order", async (t) => {
  const { path, ids } = await logOf(t, interactions(5));
  assertEquals(await found(path, "--after", ids[1]!, "-n", "2"), ["2", "3"]);
  assertEquals(await found(path, "--after", ids[3]!, "-n", "2", "--order", "desc"), ["2", "1"]);
});

/** A log of a call of each outcome, one that is still open, and what was recorded without one. */
async function logOfCalls(t: TestContext, file = "log.db") {
  const path = join(tempFolder(t), file);
  const backend = file.endsWith(".db") ? "sqlite" : "jsonl";
  const log = await AuditLog.open({ backend, path, clock: steadyClock() });
  const begin = (inputText: string) => log.begin({ model: "m", inputText }, { begin: false });
  const entry = await log.record({ model: "m", inputText: "plain", outputText: "out" });
  await (await begin("good")).complete({ outputText: "out", latencyMs: 1 });
  const error = Object.assign(new Error("no"), { name: "RateLimitError" });
  await (await begin("bad")).fail(error, { latencyMs: 1 });
  await (await begin("left")).abort({ partialOutput: "o", latencyMs: 1 });
  await log.begin({ model: "m", inputText: "open" });
  await log.annotate(entry.entryId, { name: "quality", score: 1 });
  await log.close();
  return path;
}

for (const file of ["log.db", "log.jsonl"]) {
  test(`--outcome finds the calls of ${file} that ended so`, async (t) => {
    const path = await logOfCalls(t, file);
    assertEquals(await found(path, "--outcome", "failed"), ["bad"]);
    assertEquals(await found(path, "--outcome", "completed"), ["good"]);
    assertEquals(await found(path, "--outcome", "aborted"), ["left"]);
    assertEquals(await found(path, "--outcome", "failed", "--user", "alice"), []);
    const { stdout } = await cli(["query", "--log", path, "--outcome", "aborted", "--count"]);
    assertEquals(stdout, "1\n");
  });
}

/** The rows of a table without the time, each with single spaces. */
async function rowsOf(path: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await cli(["query", "--log", path, "--table", ...args]);
  return stdout.split("\n").slice(0, -1).map((line) => line.slice(21).replace(/ +/g, " "));
}

test("--table shows how calls ended, and what is no interaction", async (t) => {
  const path = await logOfCalls(t);
  assertEquals(await rowsOf(path, "--events", "all"), [
    "USER MODEL MS OUTCOME INPUT OUTPUT",
    "anonymous m plain out",
    "anonymous m 1 completed good out",
    "anonymous m 1 failed: RateLimitEr… bad",
    "anonymous m 1 aborted left o",
    "anonymous m begun open",
    "anonymous m annotation",
  ]);
});

test("--table has a column for what only late rows have", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.recordAll(interactions(300));
  await (await log.begin({ model: "m", inputText: "late" })).fail(new TypeError("no"));
  await log.close();
  assertMatch((await rowsOf(path)).at(-1)!, / failed: TypeError late$/);
});

test("--full shows how a call ended", async (t) => {
  const path = await logOfCalls(t);
  const { stdout } = await cli(["query", "--log", path, "--full", "--outcome", "failed"]);
  assertMatch(stdout, /^2026.* {2}m {2}1 ms {2}failed: RateLimitError\n/);
});

test("--full says why a call failed, before all else, whatever the provider wrote", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path, clock: steadyClock() });
  const fail = async (inputText: string, error: unknown) =>
    await (await log.begin({ model: "m", inputText }, { begin: false })).fail(error);
  await fail(
    "both",
    Object.assign(new Error("Too many\n\x1b[2Jrequests"), { name: "RateLimitError" }),
  );
  await fail("no text", new TypeError(""));
  await log.record(interaction({ inputText: "text", metadata: { "error.message": "alone" } }));
  await log.record(interaction({ inputText: "none", metadata: { "error.type": 1 } }));
  await log.close();
  const { stdout } = await cli(["query", "--log", path, "--full"]);
  const errors = stdout.split(/^input:\n/m).slice(0, -1)
    .map((text) => /^error:\n([^]*?)metadata:$/m.exec(text)?.[1]);
  assertEquals(errors, [
    "  RateLimitError: Too many\n  \\x1b[2Jrequests\n",
    "  TypeError\n",
    "  alone\n",
    undefined,
  ]);
});

test("--count prints how many match", async (t) => {
  const { path } = await logOf(t, [interaction({ user: "alice" }), ...interactions(4)]);
  const counted = async (...args: string[]) =>
    (await cli(["query", "--log", path, "--count", ...args])).stdout;
  assertEquals(await counted(), "5\n");
  assertEquals(await counted("--user", "alice"), "1\n");
  assertEquals(await counted("--user", "nobody"), "0\n");
});

/** Which times there are, whoever asks for them. */
const TIME_FORMS =
  /It must be a span before now, such as 90s, 30min, 2h, 7d or 4w, or ISO 8601, such as 2026-01-31 or 2026-01-31T08:00:00Z/;

const refused: [args: string[], says: RegExp][] = [
  [["--limit", "-1"], /option '-n, --limit <count>' argument '-1' is invalid/],
  [["--limit", "many"], /'many' is invalid. It must be an integer >= 0, or "all"/],
  [["--metadata", "session"], /It must be key=text or key:=JSON/],
  [["--metadata", "turn:=two"], /What follows := must be JSON/],
  [["--metadata", "a=1", "--metadata", "a=2"], /The key a is given twice/],
  [["--metadata", "n:=12345678901234567890"], /: metadata\["n"\] must not be an integer beyond/],
  [["-u", "alice", "--user", "bob"], /option '-u, --user <name>' is given twice, and takes one/],
  [["--text", "a", "--text", "b"], /option '--text <text>' is given twice/],
  [["--log", "other.db"], /option '--log <path>' is given twice/],
  [["--text", ""], /It must not be empty/],
  [["--order", "up"], /Allowed choices are asc, desc/],
  [["--since", "yesterday"], TIME_FORMS],
  [["--since", "1month"], TIME_FORMS],
  [["--since", "5M"], TIME_FORMS],
  [["--since", "5ms"], TIME_FORMS],
  [["--since", "min"], TIME_FORMS],
  [["--until", "31/01/2026"], TIME_FORMS],
  [["--until", "999999999999d"], TIME_FORMS],
  [["--outcome", "broken"], /Allowed choices are completed, failed, aborted/],
  [
    ["--outcome", "failed", "--metadata", "audit.outcome=aborted"],
    /--outcome and --metadata audit.outcome/,
  ],
  [["--count", "--limit", "2"], /cannot be used with/],
  [["--json", "--table"], /cannot be used with/],
  [["--json", "--full"], /cannot be used with/],
  [["--since", "2026-02-01", "--until", "2026-01-01"], /since must not be later than until/],
  [["--user", ""], /user must not be empty/],
  [["--after", "nobody"], /after "nobody" is no entry of it/],
];

for (const [args, says] of refused) {
  test(`query refuses ${args.join(" ")} with status 2, and prints nothing`, async (t) => {
    const { path } = await logOf(t, interactions(1));
    const { code, stdout, stderr } = await cli(["query", "--log", path, ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
  });
}

test("query ends quietly when its reader goes away", { timeout: 60_000 }, async (t) => {
  // More than a pipe holds.
  const { path } = await logOf(t, interactions(200, { outputText: "x".repeat(10_000) }));
  assertEquals((await cli(["query", "--log", path, "--count"])).stdout, "200\n");
  for (const form of ["--json", "--full"]) {
    const { code, stdout, stderr } = await cliCutShort(["query", "--log", path, form]);
    assertEquals([code, stderr], [0, ""]);
    assertNotEquals(stdout, "");
  }
});

test("query changes nothing, and works on a log that another handle writes", async (t) => {
  const { path } = await logOf(t, interactions(1));
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.record(interaction({ inputText: "new" }));
  assertEquals(await found(path), ["0", "new"]);
  await log.close();
});

test("--table aligns columns, whatever the width of the characters", async (t) => {
  const { path } = await logOf(t, [
    { user: "alice", model: "gpt-4o", inputText: "A question", outputText: "one", costUsd: 0.25 },
    {
      user: "王小明",
      model: "通义",
      inputText: "日本語のテキスト",
      outputText: "two",
      latencyMs: 12.4,
    },
    { user: "e\u0301va", model: "m", inputText: "👍🏽 ok", outputText: "three" },
  ]);
  const { code, stdout, stderr } = await cli(["query", "--log", path, "--table"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.split("\n").map((line) => line.replace(/ {20,}/g, "  ...  ")), [
    "TIME (UTC)           USER    MODEL   COST $  MS  INPUT  ...  OUTPUT",
    "2026-01-31 08:00:00  alice   gpt-4o    0.25      A question  ...  one",
    "2026-01-31 08:00:01  王小明  通义            12  日本語のテキスト  ...  two",
    "2026-01-31 08:00:02  e\u0301va     m                   👍🏽 ok  ...  three",
    "",
  ]);
  const before = stdout.split("\n").map((line) =>
    /^(.*?)(OUTPUT|one|two|three)$/.exec(line)?.[1] ?? ""
  );
  assertEquals(before.map(columnsOf).slice(0, 4), Array(4).fill(columnsOf(before[0]!)));
});

/** The width of the texts above, told by hand. */
function columnsOf(text: string): number {
  const wide = text.match(/[\u3000-\u9fff]|👍🏽/gu)?.join("") ?? "";
  const unitsOfThumb = wide.includes("👍") ? 4 - 2 : 0;
  return text.length - (text.match(/\u0301/g)?.length ?? 0) - unitsOfThumb +
    (text.match(/[\u3000-\u9fff]/gu)?.length ?? 0);
}

test("--table keeps to a line for each entry, and cuts long texts", async (t) => {
  const text = "many words\n\n\tand lines ".repeat(1000);
  const { path } = await logOf(t, [interaction({ inputText: text, outputText: "\r\n" })]);
  const { stdout } = await cli(["query", "--log", path, "--table"]);
  const [, row, ...rest] = stdout.split("\n");
  assertEquals(rest, [""]);
  assertMatch(row!, / {2}many words and lines many words and .*…$/);
  assert(row!.length <= 120, row);
});

const ACTS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9]|[\u{e0000}-\u{e007f}]/u;
const EVIL =
  "\x1b]0;title\x07 \x1b[2J \x9b31m \x7f \u202etxt\u202c \u2066a\u2069 \u200b \ufeff\ufff9 \u2028 \0 \b \r \u{e0041}";

for (const form of ["--table", "--full"]) {
  test(`${form} shows what would act on a terminal, and does not do it`, async (t) => {
    const { path } = await logOf(t, [
      interaction({ inputText: EVIL, outputText: EVIL, metadata: { [EVIL]: EVIL } }),
    ], "log.jsonl");
    // Names like these are refused by record(); a log may have them from elsewhere.
    appendFileSync(
      path,
      `${foreignLine({ user: EVIL, model: EVIL, entry_id: "\x1b[2J\x9b\u202e" })}\n`,
    );
    const { code, stdout } = await cli(["query", "--log", path, form]);
    assertEquals(code, 0);
    assert(!ACTS.test(stdout), JSON.stringify(stdout));
    assertStringIncludes(stdout, "\\x1b]0;title\\x07");
  });
}

test("--full prints whole texts, each line of them behind a margin", async (t) => {
  const { path, ids } = await logOf(t, [
    {
      user: "alice",
      model: "gpt-4o",
      inputText: "Two\nlines\n\tindented",
      outputText: `${"word ".repeat(100)}end`,
      costUsd: 0.003,
      latencyMs: 250,
      metadata: { session: "abc" },
    },
  ]);
  const { code, stdout } = await cli(["query", "--log", path, "--full"]);
  assertEquals(code, 0);
  assertEquals(stdout.split("\n"), [
    "2026-01-31 08:00:00  alice  gpt-4o  $0.003  250 ms",
    ids[0]!,
    "metadata:",
    '  {"session":"abc"}',
    "input:",
    "  Two",
    "  lines",
    "      indented",
    "output:",
    `  ${"word ".repeat(100)}end`,
    "",
    "",
  ]);
});

test("a SQLite file of the Python class is named as what it is, and not touched", async (t) => {
  const python = fileURLToPath(new URL("../testdata/python_class/audit.db", import.meta.url));
  const path = join(tempFolder(t), "audit.db");
  copyFileSync(python, path);
  const before = await cli(["query", "--log", path]);
  assertEquals(before.code, 2);
  assertStringIncludes(before.stderr, "Python class");
  assertEquals((await cli(["import", "-", "--log", path])).code, 0);
  assertEquals((await cli(["query", "--log", path, "--count"])).stdout, "60\n");
});

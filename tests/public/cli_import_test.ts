import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { type AuditEntry, AuditLog } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runProgram } from "../support/child.ts";
import { cli, cliCommand } from "../support/cli.ts";
import { allLines, foreignLine, inputs, interaction } from "../support/interaction.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** Opens a log that the command made. */
async function opened(t: TestContext, path: string): Promise<AuditLog> {
  const backend = path.endsWith(".db") ? "sqlite" : "jsonl";
  const log = await AuditLog.open({ backend, path, readOnly: true });
  atEnd(t, () => log.close());
  return log;
}

/** Imports text into a new log; returns how that went and what the log has then. */
async function imported(t: TestContext, input: string | Uint8Array, ...options: string[]) {
  const path = join(tempFolder(t), "log.db");
  const result = await cli(["import", "-", "--log", path, ...options], { input });
  const log = await opened(t, path);
  return { ...result, entries: await log.query(), lines: await allLines(log) };
}

/** A line with what every line needs, and more. */
function line(fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ model: "m", input_text: "in", output_text: "out", ...fields });
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => line({ input_text: `${n}` }));
}

function withoutStamp({ entryId: _, timestamp: __, ...rest }: AuditEntry) {
  return rest;
}

for (const file of ["log.db", "log.jsonl"]) {
  test(`a file of a thousand lines is imported into ${file}, in order`, async (t) => {
    const folder = tempFolder(t);
    const source = join(folder, "source.jsonl");
    writeFileSync(source, `${numbered(1000).join("\n")}\n`);
    const path = join(folder, file);
    const { code, stdout, stderr } = await cli(["import", source, "--log", path]);
    assertEquals([code, stdout], [0, ""]);
    assertMatch(stderr, /^Imported 1000 entries into .* in \d+\.\d s\.\n$/);
    const entries = await (await opened(t, path)).query();
    assertEquals(inputs(entries), Array.from({ length: 1000 }, (_, n) => `${n}`));
    assertEquals(new Set(entries.map(({ entryId }) => entryId)).size, 1000);
  });
}

test("known keys are used, others go into metadata, and nulls count as absent", async (t) => {
  const { code, entries } = await imported(
    t,
    [
      line({
        user: "alice",
        cost_usd: 0.5,
        latency_ms: 12,
        metadata: { session: "s" },
        dataset: "d",
        tokens: { input: 3 },
      }),
      line({
        user: null,
        cost_usd: null,
        metadata: null,
        entry_id: null,
        timestamp: null,
        tag: null,
      }),
    ].join("\n"),
  );
  assertEquals(code, 0);
  assertEquals(entries.map(withoutStamp), [
    {
      user: "alice",
      model: "m",
      inputText: "in",
      outputText: "out",
      costUsd: 0.5,
      latencyMs: 12,
      metadata: { session: "s", dataset: "d", tokens: { input: 3 } },
    },
    {
      user: "anonymous",
      model: "m",
      inputText: "in",
      outputText: "out",
      costUsd: null,
      latencyMs: null,
      metadata: { tag: null },
    },
  ]);
});

test("a key beside metadata and in it must mean the same in both places", async (t) => {
  const same = line({ metadata: { tag: { a: 1, b: 2 } }, tag: { b: 2, a: 1 } });
  const { code, entries, stderr } = await imported(
    t,
    `${same}\n${line({ metadata: { tag: 1 }, tag: 2 })}`,
  );
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'line 2: has "tag" beside metadata and, with another value, in it');
  assertEquals(entries.map(({ metadata }) => metadata), [{ tag: { a: 1, b: 2 } }]);
});

test("a complete record is taken over byte for byte, whoever wrote it", async (t) => {
  const lines = [
    foreignLine({ metadata: { n: 1 } }),
    foreignLine({ entry_id: "another", cost_usd: 1.0, input_text: "\u2028 \u{1f600}" }),
  ];
  const result = await imported(t, lines.join("\n"));
  assertEquals([result.code, result.lines], [0, lines]);
});

test("a log goes through a pipe into another backend, line for line", async (t) => {
  const folder = tempFolder(t);
  const from = await AuditLog.open({ backend: "jsonl", path: join(folder, "from.jsonl") });
  await from.recordAll([interaction({ inputText: "\0\ud800 é" }), interaction({ costUsd: 0.1 })]);
  await from.close();
  const { stdout } = await cli(["query", "--log", join(folder, "from.jsonl")]);
  const to = join(folder, "to.db");
  assertEquals((await cli(["import", "-", "--log", to], { input: stdout })).code, 0);
  assertEquals((await cli(["query", "--log", to])).stdout, stdout);
  assertEquals(stdout, readFileSync(join(folder, "from.jsonl"), "utf8"));
});

test("a given time is kept, to the millisecond and in UTC, and ids are made of it", async (t) => {
  const { code, entries } = await imported(
    t,
    [
      line({ timestamp: "2026-01-31T09:30:00.123999+01:00" }),
      line({ timestamp: "2026-01-31T08:30:00.123" }),
      line({ timestamp: "2025-12-31" }),
    ].join("\n"),
  );
  assertEquals(code, 0);
  assertEquals(entries.map(({ timestamp }) => timestamp), [
    "2026-01-31T08:30:00.123Z",
    "2026-01-31T08:30:00.123Z",
    "2025-12-31T00:00:00.000Z",
  ]);
  const ids = entries.map(({ entryId }) => entryId);
  const millisecondsOf = (id: string) => parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  assertEquals(ids.map(millisecondsOf), entries.map(({ timestamp }) => Date.parse(timestamp)));
  assert(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(id)));
  assertLess(ids[0]!, ids[1]!);
});

test("a given id is kept, with the time of the import where none is given", async (t) => {
  const before = Date.now();
  const { code, entries: [entry] } = await imported(t, line({ entry_id: "req-17", session: "s" }));
  assertEquals([code, entry!.entryId, entry!.metadata], [0, "req-17", { session: "s" }]);
  assert(Date.parse(entry!.timestamp) >= before);
});

test("lines with and without id keep their order", async (t) => {
  const lines = Array.from(
    { length: 9 },
    (_, n) => line({ input_text: `${n}`, ...n % 3 === 0 ? { entry_id: `id-${n}` } : {} }),
  );
  const { entries } = await imported(t, lines.join("\n"));
  assertEquals(inputs(entries), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
});

const badLines: [name: string, bad: string | Uint8Array, says: string][] = [
  ["that is no JSON", '{"model": ', "is not JSON"],
  ["that is an array", "[1]", "is no JSON object"],
  ["without a model", '{"input_text":"a","output_text":"b"}', "lacks the key model"],
  ["whose text is none", line({ output_text: 3 }), "output_text must be a string, not a number"],
  ["with a negative cost", line({ cost_usd: -1 }), "cost_usd must not be negative"],
  [
    "with metadata that is a list",
    line({ metadata: [] }),
    "metadata must be an object, not an array",
  ],
  [
    "with a key of the library's own",
    line({ "audit.x": 1 }),
    'is reserved, as all keys that start with "audit." are',
  ],
  [
    "with an integer that would be rounded",
    line().replace("}", ',"n":12345678901234567890}'),
    "2^53",
  ],
  ["that names a key twice", line().replace("{", '{"model":"x",'), "names a key twice"],
  ["with a key that is no data", line().replace("}", ',"__proto__":{"a":1}}'), "__proto__"],
  [
    "nested too deep",
    line({ a: JSON.parse("[".repeat(600) + "]".repeat(600)) }),
    "nested too deep",
  ],
  [
    "nested far too deep",
    line().replace("}", `,"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    "nested too deep",
  ],
  [
    "with a time that is none",
    line({ timestamp: "yesterday" }),
    "timestamp must be an ISO 8601 time",
  ],
  ["with a time as a number", line({ timestamp: 1e9 }), "timestamp must be an ISO 8601 time"],
  ["with a time before 1970", line({ timestamp: "1969-12-31" }), "years 1970 to 9999"],
  ["with an empty id", line({ entry_id: "" }), "entry_id must not be empty"],
  ["that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "is not UTF-8"],
];

for (const [name, bad, says] of badLines) {
  test(`a line ${name} stops the import, with its number and what was imported`, async (t) => {
    const bytes = new TextEncoder();
    const input = [
      ...bytes.encode(`${numbered(3).join("\n")}\n`),
      ...typeof bad === "string" ? bytes.encode(bad) : bad,
      ...bytes.encode(`\n${line({ input_text: "behind" })}\n`),
    ];
    const { code, stderr, entries } = await imported(t, new Uint8Array(input));
    assertEquals([code, inputs(entries)], [2, ["0", "1", "2"]]);
    assertMatch(stderr, /^audit-log: Cannot import standard input, line 4: /);
    assertStringIncludes(stderr, says);
    assertMatch(stderr, /\(imported before it: 3 entries\)\n$/);
  });
}

test("an import that fails before it has an entry makes no log", async (t) => {
  const folder = tempFolder(t);
  for (const [name, bad] of badLines) {
    const bytes = typeof bad === "string" ? new TextEncoder().encode(bad) : bad;
    const input = new Uint8Array([...bytes, ...new TextEncoder().encode(`\n${line()}\n`)]);
    for (const file of ["log.db", "log.jsonl"]) {
      const args = ["import", "-", "--log", join(folder, file)];
      assertEquals((await cli(args, { input })).code, 2, name);
      assertEquals(readdirSync(folder), [], name);
      const only = await cli([...args, "--skip-bad"], { input: bytes });
      assertEquals([only.code, readdirSync(folder)], [1, []], name);
      const told = `Imported nothing, and made no log at ${
        join(folder, file)
      }; not imported: 1 bad.\n`;
      assertEquals(only.stderr.split("\n").at(-2) + "\n", told, name);
    }
  }
});

test("an import that fails leaves an empty file as it was", async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, "log.db"), "");
  const { code } = await cli(["import", "-", "--log", join(folder, "log.db")], { input: "{" });
  assertEquals([code, readdirSync(folder)], [2, ["log.db"]]);
  assertEquals(readFileSync(join(folder, "log.db"), "utf8"), "");
});

test("--skip-bad goes on, reports each bad line and ends with status 1", async (t) => {
  const lines = numbered(600);
  lines[1] = "{";
  lines[300] = line({ cost_usd: -1 });
  lines[301] = line({ latency_ms: "fast" });
  const { code, stderr, entries } = await imported(t, lines.join("\n"), "--skip-bad");
  assertEquals([code, entries.length], [1, 597]);
  assertEquals(stderr.split("\n").slice(0, 3), [
    "audit-log: skipped standard input, line 2: is not JSON",
    "audit-log: skipped standard input, line 301: cost_usd must not be negative",
    "audit-log: skipped standard input, line 302: latency_ms must be a number or null, not a string",
  ]);
  assertMatch(stderr, /Imported 597 entries into .* s; not imported: 3 bad\.\n$/);
});

testUnless(
  "Deno" in globalThis
    ? "Deno ends a process that cannot write to standard error"
    : existsSync("/dev/full")
    ? undefined
    : "there is no /dev/full",
  "an import goes on when nothing can be told, and its status says how it went",
  async (t) => {
    const folder = tempFolder(t as TestContext);
    const [source, path] = [join(folder, "source.jsonl"), join(folder, "log.db")];
    for (const [lines, status] of [[["{", ...numbered(600)], 1], [numbered(3), 0]] as const) {
      writeFileSync(source, lines.join("\n"));
      const command = cliCommand("import", source, "--skip-bad", "--log", path);
      const told = ["sh", "-c", 'exec "$@" 2> /dev/full', "sh", ...command];
      assertEquals((await runProgram(told)).code, status);
    }
    assertEquals((await cli(["query", "--log", path, "--count"])).stdout, "603\n");
  },
);

test("records may be larger than record() takes by default, with an id or without", async (t) => {
  const large = "x".repeat(17 * 1024 * 1024);
  const lines = [
    line({ input_text: "first" }),
    line({ input_text: large }),
    line({ input_text: "second" }),
    line({ entry_id: "a", input_text: "third" }),
    line({ entry_id: "b", input_text: large }),
    line({ entry_id: "c", input_text: "fourth" }),
  ];
  const { code, entries } = await imported(t, lines.join("\n"));
  const expected = ["first", large, "second", "third", large, "fourth"];
  assertEquals([code, inputs(entries).map(({ length }) => length)], [
    0,
    expected.map(({ length }) => length),
  ]);
});

test("lines may end in CR LF, be empty, start with a byte order mark or lack the last newline", async (t) => {
  const [a, b, c] = numbered(3);
  const { code, entries } = await imported(t, `\ufeff${a}\r\n\r\n${b}\n\n   \n${c}`);
  assertEquals([code, inputs(entries)], [0, ["0", "1", "2"]]);
});

test("a log whose lines got CR LF on the way is imported as it was, begun calls and all", async (t) => {
  const folder = tempFolder(t);
  const log = await AuditLog.open({ backend: "jsonl", path: join(folder, "from.jsonl") });
  atEnd(t, () => log.close());
  await log.begin({ model: "m", inputText: "in" });
  await log.record(interaction());
  const lines = await allLines(log);
  const path = join(folder, "log.db");
  const input = lines.map((line) => `${line}\r\n`).join("");
  assertEquals((await cli(["import", "-", "--log", path], { input })).code, 0);
  const copy = await opened(t, path);
  assertEquals(await allLines(copy), lines);
  assertEquals([await copy.count(), (await copy.unfinished()).length], [1, 1]);
});

test("a carriage return may be part of a line of another program, and stays", async (t) => {
  const lines = [`${foreignLine()}\r`, foreignLine({ entry_id: "another" })];
  const result = await imported(t, lines.join("\n"));
  assertEquals([result.code, result.lines], [0, lines]);
});

test("a line ends at a newline and nowhere else", async (t) => {
  const text = "a\u2028b\u2029c\u0085d";
  const { code, entries } = await imported(t, line({ input_text: text }));
  assertEquals([code, inputs(entries)], [0, [text]]);
});

test("characters and lines of many bytes survive being read in pieces", async (t) => {
  const texts = [200_000, 262_143, 300_001].map((length) => "é€😀".repeat(length / 3));
  const lines = texts.map((text) => line({ input_text: text })).join("\n");
  const piped = await imported(t, lines);
  assertEquals(piped.code, 0);
  assert(piped.entries.every(({ inputText }, at) => inputText === texts[at]));

  const folder = tempFolder(t);
  const [source, path] = [join(folder, "source.jsonl"), join(folder, "log.db")];
  writeFileSync(source, lines);
  assertEquals((await cli(["import", source, "--log", path])).code, 0);
  const entries = await (await opened(t, path)).query();
  assertEquals(entries.length, 3);
  assert(entries.every(({ inputText }, at) => inputText === texts[at]));
});

test("nothing makes an empty log", async (t) => {
  const { code, stderr, entries } = await imported(t, "");
  assertEquals([code, entries], [0, []]);
  assertMatch(stderr, /^Imported 0 entries /);
});

test("what is compressed is recognised, with advice", async (t) => {
  const args = ["import", "-", "--log", join(tempFolder(t), "log.db")];
  const { code, stderr } = await cli(args, { input: new Uint8Array([0x1f, 0x8b, 8, 0, 0]) });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "gunzip -c FILE | audit-log import -");
});

test("what is UTF-16 is recognised, with advice", async (t) => {
  const args = ["import", "-", "--log", join(tempFolder(t), "log.db")];
  const utf16 = new Uint8Array(Buffer.from(`\ufeff${line()}\r\n`, "utf16le"));
  for (const input of [utf16, new Uint8Array(Buffer.from(utf16).swap16())]) {
    const { code, stderr } = await cli(args, { input });
    assertEquals(code, 2);
    assertMatch(stderr, /line 1: is UTF-16, as Windows PowerShell's > writes; /);
  }
});

test("what is said of a SQLite log moves all that it has", async (t) => {
  const folder = tempFolder(t);
  const [path, copy] = [join(folder, "log.db"), join(folder, "copy.jsonl")];
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.begin({ model: "m", inputText: "in" });
  const { entryId } = await log.record(interaction());
  await log.annotate(entryId, { name: "politeness", score: 1 });
  await log.close();
  const { code, stderr } = await cli(["import", path, "--log", copy]);
  assertEquals(code, 2);
  const advice = /: audit-log (query --log FILE .*) \| audit-log import - \.\.\. /.exec(
    stderr,
  )![1]!;
  const query = await cli(advice.split(" ").map((word) => word === "FILE" ? path : word));
  assertEquals((await cli(["import", "-", "--log", copy], { input: query.stdout })).code, 0);
  assertEquals(await allLines(await opened(t, copy)), await allLines(await opened(t, path)));
});

test("the same file a second time is an error, and nothing with --skip-existing", async (t) => {
  const folder = tempFolder(t);
  const [source, path] = [join(folder, "source.jsonl"), join(folder, "log.db")];
  const lines = [
    foreignLine(),
    line({ entry_id: "a" }),
    line({ entry_id: "b", timestamp: "2026-01-01", tag: 1 }),
  ];
  writeFileSync(source, lines.join("\n"));
  const args = ["import", source, "--log", path];
  assertEquals((await cli(args)).code, 0);

  const again = await cli(args);
  assertEquals(again.code, 2);
  assertMatch(
    again.stderr,
    /line 1: is in the log already, as "4c66.*"; --skip-existing skips such lines \(imported before it: 0 entries\)\n$/,
  );

  writeFileSync(source, [...lines, line({ entry_id: "c" }), line({ entry_id: "c" })].join("\n"));
  const skipping = await cli([...args, "--skip-existing"]);
  assertEquals(skipping.code, 0);
  assertMatch(
    skipping.stderr,
    /^Imported 1 entry into .* s; not imported: 4 in the log already\.\n$/,
  );
  const ids = (await (await opened(t, path)).query()).map(({ entryId }) => entryId);
  assertEquals(ids, ["4c668d10691d428399c5793c059d174a", "a", "b", "c"]);
});

test("an id that another entry of the log has is an error even with --skip-existing", async (t) => {
  const { code, stderr, entries } = await imported(
    t,
    `${line({ entry_id: "a" })}\n${line({ entry_id: "a", output_text: "something else" })}`,
    "--skip-existing",
  );
  assertEquals([code, entries.length], [2, 1]);
  assertStringIncludes(stderr, 'line 2: has the id "a", which another entry of the log has');
});

test("a missing file creates no log, and a log is not imported into itself", async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, "log.jsonl");
  const missing = await cli(["import", join(folder, "nothing.jsonl"), "--log", path]);
  assertEquals(missing.code, 2);
  assertMatch(missing.stderr, /^audit-log: Cannot import .*nothing\.jsonl: no such file\n$/);
  assert(!existsSync(path));
  writeFileSync(path, `${foreignLine()}\n`);
  const itself = await cli(["import", path, "--log", path, "--skip-existing"]);
  assertEquals(itself.code, 2);
  assertMatch(itself.stderr, /log\.jsonl: it is the log itself\n$/);
});

test("what a bad line holds does not reach the terminal raw", async (t) => {
  const id = "\x1b[31m\u009b\u202e";
  const { stderr } = await imported(
    t,
    `${foreignLine({ entry_id: id })}\n${foreignLine({ entry_id: id })}`,
    "--skip-bad",
  );
  assertMatch(stderr, /line 2: is in the log already/);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stderr), JSON.stringify(stderr));
});

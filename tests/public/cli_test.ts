import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram, scriptCommand } from "../support/child.ts";
import { cli, cliCommand, cliProcess, packageVersion } from "../support/cli.ts";
import { foreignLine, interaction } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

const SQLITE_HEADER = "SQLite format 3\0";

test("audit-log --version prints the package's version", async () => {
  assertEquals(await cliProcess(["--version"]), {
    code: 0,
    stdout: `${packageVersion}\n`,
    stderr: "",
  });
});

test("audit-log ends quietly when its reader has gone, whichever way a system tells that", async () => {
  const program = cliCommand("--version").slice(-2);
  for (
    const [told, code, stderr] of [["EPIPE", 0, ""], ["EOF", 0, ""], ["EIO", 2, "EIO"]] as const
  ) {
    assertEquals(await runProgram(scriptCommand("cannot_write.ts", told, ...program)), {
      code,
      stdout: "",
      stderr: stderr && `audit-log: Cannot write to standard output: ${stderr}\n`,
    });
  }
});

test("audit-log --help explains the commands, on standard output", async () => {
  const { code, stdout, stderr } = await cli(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  for (const word of ["import", "query", "info", "Examples:", "Exit status"]) {
    assertStringIncludes(stdout, word);
  }
});

test("audit-log query --help explains its options with examples", async () => {
  const { code, stdout } = await cli(["query", "--help"]);
  assertEquals(code, 0);
  for (const word of ["--user", "--since", "--metadata", "Examples:"]) {
    assertStringIncludes(stdout, word);
  }
});

// The other misuses, and most of what follows, run within the process of the tests: starting one takes longer than what it does.
test("a process that was not told what to do ends with status 2 and its usage on standard error", async () => {
  const { code, stdout, stderr } = await cliProcess([]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /Usage: audit-log/);
});

const misuses: [name: string, args: string[], says: RegExp][] = [
  ["no command", [], /Usage: audit-log/],
  ["an unknown command", ["qurey"], /^audit-log: unknown command 'qurey'\n.*Did you mean query/],
  [
    "an unknown option",
    ["query", "--log", "x.db", "--usr", "a"],
    /^audit-log: unknown option '--usr'/,
  ],
  [
    "a misspelling of an option that is needed",
    ["verify", "--lgo", "x.db"],
    /^audit-log: unknown option '--lgo'\n\(Did you mean --log\?\)\n/,
  ],
  [
    "no log",
    ["query"],
    /^audit-log: required option '--log <path>' not specified; give the log's file, as in --log audit.db\n/,
  ],
  [
    "no file to import",
    ["import", "--log", "x.db"],
    /^audit-log: missing required argument 'file'; give a file with one JSON object a line, or - for standard input\n/,
  ],
  [
    "no entry to get",
    ["get", "--log", "x.db"],
    /^audit-log: missing required argument 'entry-id'; audit-log query --json tells the ids\n/,
  ],
  [
    "no name of a key",
    ["keygen", "--out", "x.key"],
    /^audit-log: missing required argument 'name'; give the log's name, as in acme\.example\/chat\n/,
  ],
  [
    "no file for a key",
    ["keygen", "acme.example"],
    /^audit-log: required option '--out <file>' not specified; name a new file, as in --out audit\.key\n/,
  ],
  [
    "no key to sign with",
    ["checkpoint", "--log", "x.db"],
    /^audit-log: required option '--key <file>' not specified; give the file that audit-log keygen made\n/,
  ],
  [
    "no proof to verify",
    ["verify-proof", "--record", "x", "--verifier-key", "x"],
    /^audit-log: missing required argument 'proof'; give the file that audit-log prove made\n/,
  ],
  [
    "no record to verify a proof of",
    ["verify-proof", "x", "--verifier-key", "x"],
    /^audit-log: required option '--record <file>' not specified; give the file that audit-log prove --record made\n/,
  ],
  [
    "no key to verify a proof with",
    ["verify-proof", "x", "--record", "x"],
    /^audit-log: required option '--verifier-key <key>' not specified; give the key that audit-log keygen printed\n/,
  ],
  ["an argument too many", ["info", "--log", "x.db", "y.db"], /^audit-log: too many arguments/],
  ["a backend that there is not", ["info", "--log", "x", "--backend", "memory"], /Allowed choices/],
];

for (const [name, args, says] of misuses) {
  test(`${name} ends with status 2 and says what is wrong on standard error`, async () => {
    const { code, stdout, stderr } = await cli(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
  });
}

for (const command of ["query", "info"]) {
  test(`${command} never creates a log`, async (t) => {
    const folder = tempFolder(t);
    const { code, stdout, stderr } = await cli([command, "--log", join(folder, "a.db")]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^audit-log: Cannot open .*a\.db: no such file\n$/);
    assertEquals(readdirSync(folder), []);
  });
}

const newLogs: [file: string, backend: string[], starts: string][] = [
  ["new.db", [], SQLITE_HEADER],
  ["new.SQLite3", [], SQLITE_HEADER],
  ["new.jsonl", [], "{"],
  ["new.ndjson", [], "{"],
  ["new", ["--backend", "sqlite"], SQLITE_HEADER],
  ["new.db", ["--backend", "jsonl"], "{"],
];

for (const [file, backend, starts] of newLogs) {
  test(`import makes of ${[file, ...backend].join(" ")} what its name or the option says`, async (t) => {
    const log = join(tempFolder(t), file);
    // One of each backend gets its lines from another process.
    const run = ["new.db", "new.jsonl"].includes(file) && backend.length === 0 ? cliProcess : cli;
    const { code } = await run(["import", "-", "--log", log, ...backend], { input: foreignLine() });
    assertEquals(code, 0);
    assertEquals(readFileSync(log, "latin1").slice(0, starts.length), starts);
  });
}

test("import asks for a backend where a new log's name does not tell", async (t) => {
  const folder = tempFolder(t);
  const { code, stderr } = await cli(["import", "-", "--log", join(folder, "audit.log")]);
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^audit-log: Cannot create .*audit\.log: .*--backend sqlite or --backend jsonl/,
  );
  assertEquals(readdirSync(folder), []);
});

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`a ${backend} log is known by its content, whatever its name`, async (t) => {
    const path = join(tempFolder(t), backend === "sqlite" ? "log.jsonl" : "log.db");
    const log = await AuditLog.open({ backend, path });
    await log.record(interaction());
    await log.close();
    const { code, stdout } = await cli(["info", "--log", path, "--json"]);
    const info = JSON.parse(stdout);
    assertEquals([code, info.backend, info.size, info.path], [0, backend, 1, path]);
  });
}

test("info tells people about a log, its unreadable lines too", async (t) => {
  const path = join(tempFolder(t), "log.jsonl");
  writeFileSync(path, `${foreignLine()}\nno record\u001b[2J\n`);
  const { code, stdout, stderr } = await cli(["info", "--log", path]);
  assertEquals(code, 0);
  assertMatch(stdout, /^path +.*log\.jsonl\nbackend +jsonl\n/);
  assertMatch(stdout, /\nentries +1\n/);
  assertMatch(
    stdout,
    /\nunreadable +1 line, 13 bytes\n +at byte \d+, 13 bytes long: is not JSON\n/,
  );
  assertMatch(stderr, /^(audit-log: warning: .*\n)?$/);
});

test("a log without a name, as of a variable that is not set, is told as that", async () => {
  const { code, stdout, stderr } = await cli(["query", "--log", ""]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr, "audit-log: Cannot open the log: --log is empty; give its file\n");
});

test("an error of the library is told in one line, without a stack", async (t) => {
  const folder = tempFolder(t);
  mkdirSync(join(folder, "a.db"));
  const { code, stdout, stderr } = await cliProcess(["query", "--log", join(folder, "a.db")]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot open .*a\.db: .*folder.*\n$/);
});

test("a file that is no log is refused and left as it is", async (t) => {
  const path = join(tempFolder(t), "notes.jsonl");
  writeFileSync(path, "not a record\n");
  const { code, stderr } = await cli(["import", "-", "--log", path], { input: foreignLine() });
  assertEquals(code, 2);
  assertMatch(stderr, /^audit-log: Cannot open .*notes\.jsonl: /);
  assertEquals(readFileSync(path, "utf8"), "not a record\n");
});

test("a JSONL file of the Python class is queried as it is", async (t) => {
  const python = fileURLToPath(new URL("../testdata/python_class/audit.jsonl", import.meta.url));
  assert(existsSync(python));
  const path = join(tempFolder(t), "audit.jsonl");
  copyFileSync(python, path);
  const { code, stdout } = await cliProcess(["query", "--log", path]);
  assertEquals([code, stdout], [0, readFileSync(python, "utf8")]);
});

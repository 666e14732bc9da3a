import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  AuditLog,
  generateSigningKey,
  publishToFile,
  type VerificationReport,
} from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cli, cliCutShort } from "../support/cli.ts";
import { fingerprints } from "../support/files.ts";
import { foreignLine, interaction, interactions } from "../support/interaction.ts";
import { alterDatabase, ORIGIN, type SignedLog, signedLog } from "../support/signed_log.ts";
import { tempFolder } from "../support/temp.ts";

const BACKENDS = ["sqlite", "jsonl"] as const;

/** Verifies with everything that was kept, unless told otherwise; returns the report too. */
async function verify(log: SignedLog, { kept = true }: { kept?: boolean } = {}) {
  const args = ["verify", "--log", log.path, "--verifier-key", log.verifierKey];
  if (kept) args.push("--checkpoint", log.checkpointFile);
  const json = await cli([...args, "--json"]);
  assertMatch(json.stdout, /^\{.*\}\n$/);
  const report: VerificationReport = JSON.parse(json.stdout);
  const text = await cli(args);
  assertEquals([json.stderr, text.stderr, json.code], ["", "", text.code]);
  return { code: text.code, text: text.stdout, report };
}

/** Changes one line of a JSONL log, whose length stays the same. */
function alterLine(path: string, line: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  assertEquals([from.length, line.includes(from)], [to.length, true]);
  writeFileSync(path, text.replace(line, line.replace(from, to)));
}

for (const backend of BACKENDS) {
  test(`verify finds a ${backend} log intact: status 0, and what was checked`, async (t) => {
    const log = await signedLog(t, backend, 300);
    const before = fingerprints(log.folder);
    const { code, text, report } = await verify(log);
    assertEquals(code, 0);
    assertEquals(
      text.replace(/^root .*$/m, "root").split("\n"),
      [
        `path        ${log.path}`,
        "entries     300, all read and hashed",
        "root",
        "tiles       1 compared",
        "checkpoints 1 of 1 compared, 1 with a signature that was verified",
        "remembered  1 compared, which covers 300 of 300 entries",
        "covered     300 of 300 entries by a checkpoint that agrees with the records",
        text.split("\n").find((line) => line.startsWith("last signed "))!,
        "",
        "What could not be known:",
        "  - Calls that were never recorded leave no trace.",
        "",
        "No fault was found.",
        "",
      ],
    );
    assertMatch(text, /\nlast signed 2026-01-31T08:.*Z, as the signer states\n/);
    assertEquals(text.split("\n")[2], `root        ${log.checkpoint.split("\n")[2]}`);
    assertEquals([report.ok, report.size, report.faults], [true, 300, []]);
    assertEquals(report.checked.remembered, 1);
    if (backend === "jsonl") assertEquals(fingerprints(log.folder), before);
  });

  test(`verify names the entry of a ${backend} log that was altered: status 1`, async (t) => {
    const log = await signedLog(t, backend, 300);
    const line = log.lines[5]!;
    const altered = line.replace('"output_text":"out"', '"output_text":"OUT"');
    if (backend === "jsonl") {
      alterLine(log.path, line, '"output_text":"out"', '"output_text":"OUT"');
    } else {
      const sql = `UPDATE audit_record SET record = '${altered}' WHERE seq = 5`;
      await alterDatabase(t, log.path, sql);
    }
    const { code, text, report } = await verify(log);
    assertEquals([code, report.ok], [1, false]);
    const fault = report.faults.find(({ kind }) => kind === "tile");
    assertEquals([fault?.index, fault?.entryId], [5, log.ids[5]]);
    assertMatch(
      text,
      /\nFaults \(entries, and checkpoints of the log, are counted from 0; those given, from 1\):\n/,
    );
    assertMatch(text, new RegExp(`\\n {2}tile {8}Entry 5: .*\\n {14}id ${log.ids[5]}\\n`));
    assertMatch(text, /\n {2}remembered {2}The checkpoint 1 .*\n {14}in .*kept\.txt\n/);
    assertMatch(text, /\n\d faults were found\.\n$/);
    // Nobody who has the log's file may learn from the report what is in it.
    assert(!text.includes("OUT"));
  });

  test(`verify sees the end of a ${backend} log cut off with a kept checkpoint alone`, async (t) => {
    const log = await signedLog(t, backend, 5);
    if (backend === "jsonl") {
      writeFileSync(log.path, `${log.lines.slice(0, 3).join("\n")}\n`);
      writeFileSync(`${log.path}-checkpoints`, "");
    } else {
      const sql = "DELETE FROM audit_record WHERE seq >= 3; DELETE FROM audit_checkpoint";
      await alterDatabase(t, log.path, sql);
    }
    const without = await cli(["verify", "--log", log.path, "--verifier-key", log.verifierKey]);
    assertEquals(without.code, 0);
    assertMatch(
      without.stdout,
      /\n {2}- No checkpoint was given that was kept elsewhere: .*removed/,
    );
    assertMatch(without.stdout, /\n {2}- The last 3 of 3 entries are covered by no checkpoint/);
    const args = ["verify", "--log", log.path, "--checkpoint", log.checkpointFile, "--json"];
    const { code, stdout } = await cli(args);
    const { faults }: VerificationReport = JSON.parse(stdout);
    assertEquals([code, faults.length, faults[0]?.kind], [1, 1, "remembered"]);
    assertMatch(faults[0]!.message, /signed for 5 entries, and the log has no more than 3/);
  });

  test(`verify says of an empty ${backend} log that it is empty`, async (t) => {
    const path = join(tempFolder(t), backend === "sqlite" ? "log.db" : "log.jsonl");
    assertEquals((await cli(["import", "-", "--log", path])).code, 0);
    const { code, stdout, stderr } = await cli(["verify", "--log", path]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /\nentries +0, all read and hashed\n/);
    assertMatch(stdout, /\ncheckpoints none in the log\n/);
  });
}

test("verify names the column that does not fit its record", async (t) => {
  const log = await signedLog(t, "sqlite", 5);
  await alterDatabase(t, log.path, "UPDATE audit_record SET user = 'mallory' WHERE seq = 3");
  const { code, text, report } = await verify(log);
  assertEquals([code, report.faultCount], [1, 1]);
  assertEquals([report.faults[0]?.kind, report.faults[0]?.entryId], ["record", log.ids[3]]);
  assertMatch(text, /\n {2}record {6}Entry 3: the column user is not what the record says\n/);
  assertMatch(text, /\n1 fault was found\.\n$/);
});

test("verify lists a thousand faults and counts all", async (t) => {
  const log = await signedLog(t, "sqlite", 1200);
  await alterDatabase(t, log.path, "UPDATE audit_record SET user = 'mallory'");
  const { code, text, report } = await verify(log);
  assertEquals([code, report.faultCount, report.faults.length], [1, 1200, 1000]);
  assertEquals(text.match(/^ {2}record {6}/gm)?.length, 1000);
  assertMatch(text, /\n {14}and 200 more\n/);
  assertMatch(text, /\n1200 faults were found\.\n$/);
});

test("faults stay faults when nobody reads the whole report", { timeout: 60_000 }, async (t) => {
  const log = await signedLog(t, "sqlite", 1200);
  await alterDatabase(t, log.path, "UPDATE audit_record SET user = 'mallory'");
  for (const form of [[], ["--json"]]) {
    // More than a pipe holds.
    const { code, stderr } = await cliCutShort(["verify", "--log", log.path, ...form]);
    assertEquals([code, stderr], [1, ""]);
  }
});

test("the help tells of every command, and what the exit status says", async () => {
  const help = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli([...args, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    return stdout;
  };
  const all = await help();
  for (
    const command of [
      "get",
      "keygen",
      "verifier-key",
      "checkpoint",
      "verify",
      "prove",
      "verify-proof",
    ]
  ) {
    assertMatch(all, new RegExp(`^ {2}${command} `, "m"));
    assertMatch(await help(command), new RegExp(`^Usage: audit-log ${command} `));
  }
  assertMatch(all, /\nExit status: 0 .*; 1 .*; 2 /);
  assertMatch(await help("verify"), /\nExit status: 0 .*, 1 .*, 2 /);
});

test("verify without a key or a checkpoint says what it cannot know", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  const { code, stdout } = await cli(["verify", "--log", log.path]);
  assertEquals(code, 0);
  assertMatch(stdout, /\ncheckpoints 1 of 1 compared, their signatures not verified\n/);
  assertMatch(stdout, /\n {2}- No verifier key was given: /);
  assertMatch(stdout, /\n {2}- No checkpoint was given that was kept elsewhere: /);
});

test("verify --strict names all that was not given: status 2, however the log is", async (t) => {
  const { path, verifierKey, checkpointFile, lines } = await signedLog(t, "jsonl", 3);
  const key = ["--verifier-key", verifierKey];
  const kept = ["--checkpoint", checkpointFile];
  const strictly = (...args: string[]) => cli(["verify", "--strict", "--log", path, ...args]);
  const refused = async (says: string, ...args: string[]) => {
    const { code, stdout, stderr } = await strictly(...args);
    const line = `audit-log: Cannot verify as --strict demands: ${says}\n`;
    assertEquals([code, stdout, stderr], [2, "", line]);
  };
  const [noKey, noCheckpoint] = [
    "the log's verifier key, by --verifier-key",
    "a checkpoint that was kept elsewhere, by --checkpoint",
  ];
  assertEquals((await strictly(...key, ...kept)).code, 0);
  await refused(`give ${noKey}, and ${noCheckpoint}`);
  await refused(`give ${noKey}`, ...kept);
  await refused(`give ${noCheckpoint}`, ...key);
  await refused(`give ${noCheckpoint}`, ...key, "--json");
  writeFileSync(path, `${lines[0]}\n`);
  await refused(`give ${noCheckpoint}`, ...key);
  assertEquals((await strictly(...key, ...kept)).code, 1);
});

test("verify --strict is not content with checkpoints of an empty log, with which any agrees", async (t) => {
  const folder = tempFolder(t);
  const [path, empty] = [join(folder, "log.jsonl"), join(folder, "empty.txt")];
  const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
  const log = await AuditLog.open({ backend: "jsonl", path, signingKey });
  writeFileSync(empty, await log.checkpoint());
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--checkpoint", empty];
  assertEquals((await cli([...args, "--strict"])).code, 0);
  await log.record(interaction());
  await log.close();
  assertEquals((await cli(args)).code, 0);
  assertEquals(await cli([...args, "--strict"]), {
    code: 2,
    stdout: "",
    stderr:
      "audit-log: Cannot verify as --strict demands: no checkpoint that was given covers an entry, and the log has 1; " +
      "give a newer one\n",
  });
});

test("verify tells how many entries are covered by what was kept elsewhere alone", async (t) => {
  const { path, verifierKey, notes, folder } = await publishing(t, 5);
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--checkpoint"];
  for (
    const [kept, says, count] of [
      [[1], "1 compared, which covers 2 of 5 entries", 2],
      [[2, 0], "2 compared, which cover 3 of 5 entries", 3],
    ] as const
  ) {
    const files = kept.map((at) => join(folder, `${at}.txt`));
    for (const [at, file] of files.entries()) writeFileSync(file, notes[kept[at]!]!);
    const { code, stdout } = await cli([...args, ...files]);
    assertEquals([code, /^remembered +(.*)$/m.exec(stdout)?.[1]], [0, says]);
    const json = await cli([...args, ...files, "--json"]);
    const { checked }: VerificationReport = JSON.parse(json.stdout);
    assertEquals([checked.coveredByRemembered, checked.covered], [count, 5]);
  }
});

test("verify finds that the checkpoints are of another key", async (t) => {
  const log = await signedLog(t, "sqlite", 2);
  const { verifierKey } = await generateSigningKey(ORIGIN);
  const { code, stdout } = await cli(["verify", "--log", log.path, "--verifier-key", verifierKey]);
  assertEquals(code, 1);
  assertMatch(
    stdout,
    /\n {2}signature +Checkpoint 0 of the log: none of the keys given has signed it/,
  );
});

test("verify says how many of a log's checkpoints it could compare", async (t) => {
  const { path, verifierKey } = await publishing(t, 3);
  const lastSigner = `(SELECT max(rowid) FROM audit_checkpoint)`;
  const sql = `UPDATE audit_checkpoint SET note = replace(note, '${ORIGIN} ', 'other.example ') ` +
    `WHERE rowid = ${lastSigner}`;
  await alterDatabase(t, path, sql);
  const args = ["verify", "--log", path, "--verifier-key", verifierKey];
  const { code, stdout } = await cli(args);
  assertEquals(code, 1);
  assertMatch(stdout, /\ncheckpoints 2 of 3 compared, 2 with a signature that was verified\n/);
  const { checked }: VerificationReport = JSON.parse((await cli([...args, "--json"])).stdout);
  assertEquals([checked.checkpoints, checked.checkpointsKept], [2, 3]);
});

test("one entry, one line and one fault are told of in the singular", async (t) => {
  const folder = tempFolder(t);
  const [path, copy] = [join(folder, "log.jsonl"), join(folder, "copy.db")];
  const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
  const log = await AuditLog.open({ backend: "jsonl", path, signingKey });
  await log.record(interaction());
  const note = await log.checkpoint();
  await log.close();
  const kept = join(folder, "kept.txt");
  writeFileSync(kept, note);
  appendFileSync(path, "no\n");
  const told: string[] = [];
  const tell = async (...args: string[]) => {
    const { stdout, stderr } = await cli(args);
    told.push(...`${stdout}\n${stderr}`.split("\n"));
  };
  await tell("info", "--log", path);
  await tell("verify", "--log", path, "--verifier-key", verifierKey);
  await tell("import", path, "--log", copy, "--skip-bad");
  await tell("verify", "--log", copy);
  truncateSync(path, 0);
  await tell("verify", "--log", path, "--checkpoint", kept);
  const ones = told.filter((line) => /\b1 (entr|line|byte|fault|checkpoint)/.test(line));
  const plain = (line: string) =>
    line.replace(path, "PATH").replace(copy, "COPY").replace(/\d+\.\d s;/, "N s;").trim();
  assertEquals(ones.map(plain), [
    "checkpoints 1, the last of 1 entry",
    "unreadable  1 line, 2 bytes",
    "audit-log: warning: PATH has 1 line that is no record; it stays and is no entry. log.info(), or audit-log info, tells where it is",
    "covered     1 of 1 entry by a checkpoint that agrees with the records",
    "- 1 line of the file is no record (the first at byte 208: it is not JSON): whether it ever was is not known.",
    "audit-log: warning: PATH has 1 line that is no record; it stays and is no entry. log.info(), or audit-log info, tells where it is",
    "Imported 1 entry into COPY in N s; not imported: 1 bad.",
    "covered     0 of 1 entry by a checkpoint that agrees with the records",
    "- The last 1 of 1 entry is covered by no checkpoint that could be compared with it: whether it was altered cannot be seen.",
    "remembered  The checkpoint 1 that was given was signed for 1 entry, and the log has no more than 0: entries were removed, or the log was replaced by an older or another one",
    "checkpoint  Checkpoint 0 of the log is one of 1 entry, and the log has no more than 0: entries were removed, or the log was replaced by an older or another one, or the checkpoint was altered",
  ]);
});

test("verify takes verifier keys as they are, from files and from standard input", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  const file = join(log.folder, "log.pub");
  writeFileSync(file, `${log.verifierKey}\n`);
  const other = await generateSigningKey(ORIGIN);
  for (
    const [keys, input] of [
      [[file], ""],
      [["-"], `${log.verifierKey}\n`],
      [[log.verifierKey, file], ""],
      [[other.verifierKey, log.verifierKey], ""],
    ] as const
  ) {
    const args = ["verify", "--log", log.path, ...keys.flatMap((key) => ["--verifier-key", key])];
    const { code, stdout, stderr } = await cli(args, { input });
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /\ncheckpoints 1 of 1 compared, 1 with a signature that was verified\n/);
  }
});

test("a file with the name of a key does not take the key's place", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  const [name, id] = ["k", "0123abcd"];
  writeFileSync(join(log.folder, `${name}+${id}+AAAA`), log.verifierKey);
  const { code, stderr } = await cli(
    ["verify", "--log", log.path, "--verifier-key", `${name}+${id}+AAAA`],
    { cwd: log.folder },
  );
  assertEquals(code, 2);
  assertMatch(stderr, /^audit-log: Cannot use the verifier key: it is not of the type Ed25519/);
});

/** A log that publishes each checkpoint into a file, and so many entries with one each. */
async function publishing(t: TestContext, count: number) {
  const folder = tempFolder(t);
  const [path, published] = [join(folder, "log.db"), join(folder, "published.txt")];
  const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
  const log = await AuditLog.open({
    backend: "sqlite",
    path,
    signingKey,
    checkpoints: { onClose: false, publish: publishToFile(published) },
  });
  const notes: string[] = [];
  for (const entry of interactions(count)) {
    await log.record(entry);
    notes.push(await log.checkpoint());
  }
  await log.close();
  return { folder, path, published, verifierKey, notes };
}

test("verify compares all checkpoints of a file, and of several files", async (t) => {
  const { folder, path, published, verifierKey, notes } = await publishing(t, 3);
  const single = join(folder, "single.txt");
  writeFileSync(single, notes[1]!);
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--json"];
  for (
    const [files, count] of [
      [["--checkpoint", published], 3],
      [["--checkpoint", published, single], 4],
      [["--checkpoint", single, "--checkpoint", published], 4],
    ] as const
  ) {
    const { code, stdout } = await cli([...args, ...files]);
    const { checked, ok }: VerificationReport = JSON.parse(stdout);
    assertEquals([code, ok, checked.remembered], [0, true, count]);
  }
  const { code, stdout } = await cli([...args, "--checkpoint", "-"], { input: notes[0]! });
  assertEquals([code, JSON.parse(stdout).checked.remembered], [0, 1]);
});

test("verify tells in which file the checkpoint stands that does not fit", async (t) => {
  const { folder, path, published } = await publishing(t, 2);
  const other = await publishing(t, 2);
  const single = join(folder, "single.txt");
  writeFileSync(single, other.notes[0]!);
  const { code, stdout } = await cli(
    ["verify", "--log", path, "--checkpoint", published, single, other.published],
  );
  assertEquals(code, 1);
  assertMatch(stdout, /\n {2}remembered +The checkpoint 3 that was given .*\n +in .*single\.txt\n/);
  assertMatch(
    stdout,
    /\n {2}remembered +The checkpoint 5 that was given .*\n +in .*published\.txt, checkpoint 2\n/,
  );
});

const badNotes: [what: string, spoil: (note: string) => string, says: RegExp][] = [
  ["that is empty", () => "", /kept\.txt: it holds no checkpoint/],
  ["that holds empty lines", () => "\n\n\n", /^audit-log: Cannot use .*kept\.txt: /],
  ["that holds something else", () => "hello\n", /kept\.txt: it has no empty line between/],
  ["with a lone CR", (note) => note.replace("\n", "\r"), /kept\.txt: line 1 has a carriage return/],
  ["with another dash", (note) => note.replaceAll("\u2014", "-"), /^audit-log: Cannot use .*kept/],
  [
    "whose size was altered",
    (note) => note.replace("\n2\n", "\n1\n"),
    /signature .* does not hold/,
  ],
  [
    "that is cut short",
    (note) => note.slice(0, -1),
    /kept\.txt: its last line does not end in a newline/,
  ],
  [
    "whose second checkpoint is none",
    (note) => `${note}\nhello\n\n\u2014 a b\n`,
    /kept\.txt, checkpoint 2: /,
  ],
  [
    "whose only checkpoint was cut",
    (note) => `${note.slice(0, 30)}\n[cut]\n\n`,
    /kept\.txt: it has no empty line between/,
  ],
];

for (const [what, spoil, says] of badNotes) {
  test(`verify cannot check with a file of checkpoints ${what}: status 2`, async (t) => {
    const log = await signedLog(t, "jsonl", 2);
    writeFileSync(log.checkpointFile, spoil(log.checkpoint));
    const args = ["verify", "--log", log.path, "--verifier-key", log.verifierKey];
    const { code, stdout, stderr } = await cli([...args, "--checkpoint", log.checkpointFile]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
    assertEquals(stderr.split("\n").length, 2);
  });
}

test("verify leaves out, and tells, a checkpoint that was not written to its end", async (t) => {
  const { path, published, verifierKey, notes } = await publishing(t, 2);
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--strict", "--json"];
  const second = Buffer.from(notes[1]!);
  const dash = second.indexOf("\u2014");
  for (const length of [30, dash + 1, second.length - 20, second.length - 1]) {
    const cut = second.subarray(0, length);
    writeFileSync(published, `${notes[0]}\n`);
    for (const part of [cut, `\n[cut]\n\n${notes[1]}\n`, cut]) appendFileSync(published, part);
    const { code, stdout, stderr } = await cli([...args, "--checkpoint", published]);
    assertEquals([code, JSON.parse(stdout).checked.remembered], [0, 2]);
    assertMatch(
      stderr,
      /^(?:audit-log: .*, checkpoint \d was not written to its end, and is left out\n){2,4}$/,
    );
  }
});

test("verify leaves out an empty file, which a command that was killed has left, where others hold checkpoints", async (t) => {
  const { path, published, verifierKey } = await publishing(t, 2);
  const empty = `${published}-empty`;
  writeFileSync(empty, "");
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--json", "--checkpoint"];
  const { code, stdout, stderr } = await cli([...args, empty, published]);
  assertEquals([code, JSON.parse(stdout).checked.remembered], [0, 2]);
  assertEquals(stderr, `audit-log: ${empty} was not written to its end, and is left out\n`);
});

test("verify takes checkpoints and keys with a byte order mark, as Windows writes them", async (t) => {
  const { path, published, verifierKey } = await publishing(t, 1);
  for (const [file, text] of [["kept", readFileSync(published, "utf8")], ["key", verifierKey]]) {
    writeFileSync(`${published}-${file}`, `\ufeff${text}`);
  }
  const key = ["--verifier-key", `${published}-key`];
  const { code, stdout, stderr } = await cli(
    ["verify", "--log", path, ...key, "--checkpoint", `${published}-kept`, "--json"],
  );
  assertEquals([code, stderr, JSON.parse(stdout).checked.remembered], [0, "", 1]);
});

test("verify takes checkpoints whose lines got CR LF on the way", async (t) => {
  const { path, published, verifierKey, notes } = await publishing(t, 3);
  const args = ["verify", "--log", path, "--verifier-key", verifierKey, "--json"];
  for (const [text, count] of [[readFileSync(published, "utf8"), 3], [notes[0]!, 1]] as const) {
    const input = text.replaceAll("\n", "\r\n");
    const { code, stdout } = await cli([...args, "--checkpoint", "-"], { input });
    const { checked, ok }: VerificationReport = JSON.parse(stdout);
    assertEquals([code, ok, checked.remembered], [0, true, count]);
  }
});

test("verify names UTF-16 where a checkpoint or a verifier key is in it: status 2", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  for (const text of [log.checkpoint, log.verifierKey]) {
    const file = join(log.folder, "utf16.txt");
    writeFileSync(file, `\ufeff${text}`, "utf16le");
    const option = text === log.checkpoint ? "--checkpoint" : "--verifier-key";
    const { code, stdout, stderr } = await cli(["verify", "--log", log.path, option, file]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(
      stderr,
      /Cannot read .*utf16\.txt: it is UTF-16, as Windows PowerShell's > writes; /,
    );
  }
});

test("verify says what the checkpoints beside a JSONL log are, and how to read a copy that was kept elsewhere", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  const beside = `${log.path}-checkpoints`;
  const args = ["verify", "--log", log.path, "--verifier-key", log.verifierKey, "--checkpoint"];
  const { code, stdout, stderr } = await cli([...args, beside]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(
    stderr,
    /^audit-log: Cannot use .*-checkpoints: it is the file in which a JSONL log /,
  );
  assertStringIncludes(stderr, "jq -r .note FILE | audit-log verify --checkpoint - ...\n");
  // What jq makes of it.
  const lines = readFileSync(beside, "utf8").trimEnd().split("\n");
  const input = lines.map((line) => `${JSON.parse(line).note}\n`).join("");
  const read = await cli([...args, "-", "--json"], { input });
  assertEquals([read.code, JSON.parse(read.stdout).checked.remembered], [0, lines.length]);
});

test("verify cannot check with a checkpoint that another key signed: status 2", async (t) => {
  const [log, other] = [await signedLog(t, "jsonl", 2), await signedLog(t, "jsonl", 2)];
  const { code, stdout, stderr } = await cli([
    "verify",
    "--log",
    log.path,
    "--verifier-key",
    log.verifierKey,
    "--checkpoint",
    other.checkpointFile,
  ]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot use .*kept\.txt: none of the keys given has signed it/);
  // By the names that their verifier keys begin with: nobody knows the id of a cosignature.
  const [known, signer] = [log, other].map(({ verifierKey }) =>
    /^.*?\+.*?(?=\+)/.exec(verifierKey)!
  );
  assertStringIncludes(stderr, `they are ${known}, and it is signed by ${signer}\n`);
});

test("verify reads no file that is far too large: status 2", async (t) => {
  const log = await signedLog(t, "jsonl", 2);
  const large = join(log.folder, "large");
  writeFileSync(large, "");
  truncateSync(large, 2 ** 26 + 1);
  for (
    const [option, most] of [["--checkpoint", 2 ** 26], ["--verifier-key", 4096]] as const
  ) {
    const { code, stdout, stderr } = await cli(["verify", "--log", log.path, option, large]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(
      stderr,
      new RegExp(`^audit-log: Cannot read .*large: it has more than ${most} bytes`),
    );
  }
  const input = new Uint8Array(2 ** 20).fill(0x61);
  const piped = await cli(["verify", "--log", log.path, "--verifier-key", "-"], { input });
  assertEquals(piped.code, 2);
  assertStringIncludes(piped.stderr, "Cannot read standard input: it has more than 4096 bytes");
});

const refused: [what: string, args: string[], says: RegExp][] = [
  ["a key that is a word", ["--verifier-key", "acme"], /verifier key acme: it is neither a key, /],
  ["an empty key", ["--verifier-key", ""], /: Cannot use the verifier key: it is empty\n$/],
  ["a key with a bad id", ["--verifier-key", "a+12+AAAA"], /its id is not eight lower-case/],
  ["a key with a bad end", ["--verifier-key", "a+0123abcd+!"], /not canonical base64/],
  [
    "a key altered",
    ["--verifier-key", "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"],
    /its id does not belong to its name and key/,
  ],
  ["a checkpoint that is missing", ["--checkpoint", "none"], /Cannot read none: no such file\n$/],
  ["a folder as a checkpoint", ["--checkpoint", "."], /Cannot read \.: it is a folder\n$/],
  [
    "standard input twice",
    ["--checkpoint", "-", "--verifier-key", "-"],
    /Cannot (use the verifier key in|read) standard input: /,
  ],
  ["one argument too many", ["log.db"], /too many arguments/],
];

for (const [what, args, says] of refused) {
  test(`verify refuses ${what}: status 2, and nothing on standard output`, async (t) => {
    const { path, folder } = await signedLog(t, "jsonl", 1);
    const { code, stdout, stderr } = await cli(["verify", "--log", path, ...args], { cwd: folder });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
  });
}

test("standard input stands for one file, not for two", async (t) => {
  const { path, verifierKey } = await signedLog(t, "jsonl", 1);
  const { code, stderr } = await cli(
    ["verify", "--log", path, "--verifier-key", "-", "--checkpoint", "-"],
    { input: verifierKey },
  );
  assertEquals(code, 2);
  assertMatch(stderr, /^audit-log: Cannot read standard input: it can stand for one file/);
});

test("verify cannot check what cannot be opened: status 2, with the reason", async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, "diary.jsonl"), "dear diary\n");
  writeFileSync(join(folder, "broken.db"), `SQLite format 3\0${"x".repeat(5000)}`);
  for (
    const [file, says] of [
      ["none.db", /^audit-log: Cannot open none\.db: no such file\n$/],
      ["diary.jsonl", /^audit-log: Cannot open .*diary\.jsonl: /],
      ["broken.db", /^audit-log: Cannot (open|read) .*broken\.db: /],
      [".", /^audit-log: Cannot open .*folder/],
    ] as const
  ) {
    const { code, stdout, stderr } = await cli(["verify", "--log", file], { cwd: folder });
    assertEquals([code, stdout], [2, ""], file);
    assertMatch(stderr, says);
  }
});

test("what a log says of itself does not act on a terminal that shows the report", async (t) => {
  const id = "\x1b[31m\u009b\u202e";
  const path = join(tempFolder(t), "log.db");
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.adopt([foreignLine({ entry_id: id })]);
  await log.record(interaction());
  await log.close();
  await alterDatabase(t, path, "UPDATE audit_record SET user = 'mallory' WHERE seq = 0");
  const { code, stdout } = await cli(["verify", "--log", path]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "id \\x1b[31m\\x9b\\u202e");
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout), JSON.stringify(stdout));
});

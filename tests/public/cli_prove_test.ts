import { assertEquals, assertMatch } from "@std/assert";
import { generateSigningKey, verifyProof } from "@audit-log/llm";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cli } from "../support/cli.ts";
import { fingerprints } from "../support/files.ts";
import { foreignLine, interactions } from "../support/interaction.ts";
import { ORIGIN, signedLog } from "../support/signed_log.ts";
import { tempFolder } from "../support/temp.ts";

const BACKENDS = ["sqlite", "jsonl"] as const;

for (const file of ["log.db", "log.jsonl"]) {
  test(`from a new key to a verified proof, with ${file}`, async (t) => {
    const folder = tempFolder(t);
    /** Runs a command that must succeed, and returns what it prints. */
    const run = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cli(args, { cwd: folder });
      assertEquals([code, stderr.replace(/^Imported .*\n$/, "")], [0, ""], args.join(" "));
      return stdout;
    };
    const source = interactions(5).map(({ model, inputText, outputText }) =>
      JSON.stringify({ model, input_text: inputText, output_text: outputText })
    );
    writeFileSync(join(folder, "source.jsonl"), source.join("\n"));

    const key = (await run("keygen", ORIGIN, "--out", "audit.key")).trim();
    await run("import", "source.jsonl", "--log", file);
    writeFileSync(
      join(folder, "kept.txt"),
      await run("checkpoint", "--log", file, "--key", "audit.key"),
    );
    const checked = await run(
      ...["verify", "--log", file, "--verifier-key", key, "--checkpoint", "kept.txt"],
    );
    assertMatch(checked, /\nNo fault was found\.\n$/);
    const newest = await run("query", "--log", file, "--limit", "1");
    const id = JSON.parse(newest).entry_id;
    const proof = await run("prove", id, "--log", file, "--record", "entry.json");
    writeFileSync(join(folder, "entry.tlog-proof"), proof);
    assertEquals(`${readFileSync(join(folder, "entry.json"), "utf8")}\n`, newest);
    assertEquals(
      await run(
        ...["verify-proof", "entry.tlog-proof", "--record", "entry.json", "--verifier-key", key],
      ),
      `verified: entry 4 of 5, ${ORIGIN}\n`,
    );
  });
}

for (const backend of BACKENDS) {
  test(`prove only reads a ${backend} log, and proves what its checkpoint covers`, async (t) => {
    const log = await signedLog(t, backend, 300);
    const before = fingerprints(log.folder);
    for (const index of [0, 255, 256, 299]) {
      const { code, stdout, stderr } = await cli(["prove", log.ids[index]!, "--log", log.path]);
      assertEquals([code, stderr], [0, ""]);
      const verified = await verifyProof({
        record: log.lines[index]!,
        proof: stdout,
        verifierKey: log.verifierKey,
      });
      assertEquals([verified.index, verified.size], [index, 300]);
    }
    if (backend === "jsonl") assertEquals(fingerprints(log.folder), before);
  });

  test(`prove of a ${backend} log needs a key where no checkpoint covers the entry`, async (t) => {
    const log = await signedLog(t, backend, 2);
    const line = foreignLine();
    const id = JSON.parse(line).entry_id;
    assertEquals((await cli(["import", "-", "--log", log.path], { input: line })).code, 0);
    const args = ["prove", id, "--log", log.path];
    const without = await cli(args);
    assertEquals([without.code, without.stdout], [2, ""]);
    assertMatch(
      without.stderr,
      /^audit-log: Cannot prove the entry: no checkpoint covers it yet; .*audit-log checkpoint.*--key/,
    );
    for (let times = 0; times < 2; times++) {
      const { code, stdout, stderr } = await cli([...args, "--key", log.keyFile]);
      assertEquals([code, stderr], [0, ""]);
      const { verifierKey } = log;
      const { index, size } = await verifyProof({ record: line, proof: stdout, verifierKey });
      assertEquals([index, size], [2, 3]);
    }
    // One was needed, and one was made.
    const info = JSON.parse((await cli(["info", "--log", log.path, "--json"])).stdout);
    assertEquals(info.checkpoints, { count: 2, lastSize: 3 });
  });

  test(`get prints the record of an entry of a ${backend} log exactly`, async (t) => {
    const folder = tempFolder(t);
    const path = join(folder, backend === "sqlite" ? "log.db" : "log.jsonl");
    const line = foreignLine({ entry_id: "a", output_text: "\0\ud800 \u2028 é \u{1f600}" });
    const input = `${foreignLine()}\n${line}\n`;
    assertEquals((await cli(["import", "-", "--log", path], { input })).code, 0);
    const { code, stdout, stderr } = await cli(["get", "a", "--log", path]);
    assertEquals([code, stdout, stderr], [0, `${line}\n`, ""]);
    const missing = await cli(["get", "b\x1b[2J", "--log", path]);
    assertEquals([missing.code, missing.stdout], [2, ""]);
    assertEquals(
      missing.stderr,
      'audit-log: Cannot get the entry: no entry of the log has the id "b\\u001b[2J"; ' +
        "it is given whole, as audit-log query --events all --json tells it\n",
    );
    const unproven = await cli(["prove", "b", "--log", path]);
    assertEquals([unproven.code, unproven.stdout], [2, ""]);
    assertMatch(unproven.stderr, /Cannot prove the entry: .* the id "b"; it is given whole, as /);
  });
}

test("prove writes the proof and the record into new files, for their owner alone", async (t) => {
  const { folder, path, ids, lines, verifierKey } = await signedLog(t, "sqlite", 3);
  const [out, record] = [join(folder, "out"), join(folder, "record")];
  const { code, stdout, stderr } = await cli(
    ["prove", ids[1]!, "--log", path, "--out", out, "--record", record],
  );
  assertEquals([code, stdout, stderr], [0, "", ""]);
  assertEquals(readFileSync(record, "utf8"), lines[1]);
  const proof = readFileSync(out, "utf8");
  assertEquals((await verifyProof({ record: lines[1]!, proof, verifierKey })).index, 1);
});

const unwritten: [what: string, args: string[], id: number | string, says: RegExp][] = [
  ["the proof's file is there", ["--out", "there", "--record", "new"], 0, /there: it is there/],
  ["the record's file is there", ["--out", "new", "--record", "there"], 0, /there: it is there/],
  ["both files are the same", ["--out", "new", "--record", "new"], 0, /new: it is there/],
  ["there is no folder", ["--record", "nowhere/new"], 0, /no such folder/],
  ["no entry has the id", ["--out", "new", "--record", "newer"], "x", /no entry .* the id "x"/],
];

for (const [what, args, id, says] of unwritten) {
  test(`prove writes nothing when ${what}`, async (t) => {
    const { folder, path, ids } = await signedLog(t, "jsonl", 1);
    writeFileSync(join(folder, "there"), "precious");
    const before = fingerprints(folder);
    const { code, stdout, stderr } = await cli(
      ["prove", typeof id === "string" ? id : ids[id]!, "--log", path, ...args],
      { cwd: folder },
    );
    assertEquals([code, stdout, fingerprints(folder)], [2, "", before]);
    assertMatch(stderr, says);
  });
}

for (const command of ["prove", "get"]) {
  test(`${command} never creates a log`, async (t) => {
    const folder = tempFolder(t);
    const { code, stdout, stderr } = await cli([command, "id", "--log", join(folder, "a.db")]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^audit-log: Cannot open .*a\.db: no such file\n$/);
    assertEquals(readdirSync(folder), []);
  });
}

test("prove refuses to prove for an altered log, and names the way to learn more", async (t) => {
  const { path, ids } = await signedLog(t, "jsonl", 2);
  const altered = readFileSync(path, "utf8").replace('"output_text":"out"', '"output_text":"OUT"');
  writeFileSync(path, altered);
  const { code, stdout, stderr } = await cli(["prove", ids[0]!, "--log", path]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot prove the entry: the log is not what .*; verify it\n$/);
});

/** A proof and all that goes with it, in files of one folder: proof, record, key. */
async function proven(t: TestContext) {
  const log = await signedLog(t, "jsonl", 5);
  const folder = tempFolder(t);
  const { stdout: proof } = await cli(["prove", log.ids[3]!, "--log", log.path]);
  const record = log.lines[3]!;
  writeFileSync(join(folder, "proof"), proof);
  writeFileSync(join(folder, "record"), record);
  writeFileSync(join(folder, "key"), `${log.verifierKey}\n`);
  return { ...log, folder, proof, record };
}

const ARGS = ["verify-proof", "proof", "--record", "record", "--verifier-key", "key"];

test("verify-proof takes the proof or the record from standard input", async (t) => {
  const { folder: cwd, proof, record } = await proven(t);
  const [, ...rest] = ARGS;
  const expected = { code: 0, stdout: `verified: entry 3 of 5, ${ORIGIN}\n`, stderr: "" };
  assertEquals(await cli(ARGS, { cwd }), expected);
  const piped = (name: string) => ["verify-proof", ...rest.map((arg) => arg === name ? "-" : arg)];
  assertEquals(await cli(piped("proof"), { cwd, input: proof }), expected);
  assertEquals(await cli(piped("record"), { cwd, input: record }), expected);
  // As Windows writes a file.
  assertEquals(await cli(piped("proof"), { cwd, input: `\ufeff${proof}` }), expected);
});

test("verify-proof shows what it is told of, and does not do it", async (t) => {
  const folder = tempFolder(t);
  const { signingKey, verifierKey } = await generateSigningKey("acme\u202e");
  const path = join(folder, "log.jsonl");
  writeFileSync(join(folder, "audit.key"), signingKey);
  writeFileSync(path, `${foreignLine()}\n`);
  const id = JSON.parse(foreignLine()).entry_id;
  const options = { cwd: folder };
  await cli(
    ["prove", id, "--log", path, "--key", "audit.key", "--out", "proof", "--record", "record"],
    options,
  );
  const { code, stdout } = await cli(
    ["verify-proof", "proof", "--record", "record", "--verifier-key", verifierKey],
    options,
  );
  assertEquals([code, stdout], [0, "verified: entry 0 of 1, acme\\u202e\n"]);
});

const notVerified: [what: string, spoil: (folder: string) => unknown, says: RegExp][] = [
  [
    "the record was altered",
    (folder) =>
      writeFileSync(
        join(folder, "record"),
        readFileSync(join(folder, "record"), "utf8").replace("out", "OUT"),
      ),
    /^audit-log: Cannot verify the proof: this is not record 3 of the 5 .*altered/,
  ],
  [
    "the record's file ends in a newline",
    (folder) => writeFileSync(join(folder, "record"), "\n", { flag: "a" }),
    /the record ends in a newline; give it without\n$/,
  ],
  ["the record is empty", (folder) => writeFileSync(join(folder, "record"), ""), /not record 3/],
  [
    "another key is given",
    async (folder) =>
      writeFileSync(join(folder, "key"), (await generateSigningKey(ORIGIN)).verifierKey),
    /none of the keys given has signed it/,
  ],
  [
    "the proof is for another index",
    (folder) =>
      writeFileSync(
        join(folder, "proof"),
        readFileSync(join(folder, "proof"), "utf8").replace("index 3", "index 2"),
      ),
    /this is not record 2 of the 5/,
  ],
  [
    "the checkpoint's size was altered",
    (folder) =>
      writeFileSync(
        join(folder, "proof"),
        readFileSync(join(folder, "proof"), "utf8").replace("\n5\n", "\n6\n"),
      ),
    /signature of .* does not hold/,
  ],
];

for (const [what, spoil, says] of notVerified) {
  test(`verify-proof ends with status 1 when ${what}`, async (t) => {
    const { folder } = await proven(t);
    await spoil(folder);
    const { code, stdout, stderr } = await cli(ARGS, { cwd: folder });
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, says);
  });
}

const cannotVerify: [what: string, file: string, content: string | undefined, says: RegExp][] = [
  ["the proof is malformed", "proof", "hello\n", /^audit-log: Cannot verify the proof: its first/],
  ["the proof is empty", "proof", "", /^audit-log: Cannot verify the proof: /],
  ["the proof has trailing bytes", "proof", "PROOF\n", /^audit-log: Cannot verify the proof: /],
  ["there is no proof", "proof", undefined, /^audit-log: Cannot read proof: no such file\n$/],
  ["there is no record", "record", undefined, /^audit-log: Cannot read record: no such file\n$/],
  ["there is no key", "key", undefined, /verifier key key: it is neither a key, .* nor a file/],
  ["the key is malformed", "key", "a+b+c", /verifier key in key: its id is not eight/],
];

for (const [what, file, content, says] of cannotVerify) {
  test(`verify-proof ends with status 2 when ${what}`, async (t) => {
    const { folder, proof } = await proven(t);
    if (content === undefined) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), content.replace("PROOF", proof));
    const { code, stdout, stderr } = await cli(ARGS, { cwd: folder });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
  });
}

test("verify-proof reads no file that is far too large", async (t) => {
  for (const [file, most] of [["proof", 2 ** 20], ["record", 2 ** 28]] as const) {
    const { folder: cwd } = await proven(t);
    truncateSync(join(cwd, file), most + 1); // filled up with nothing, which takes no room
    const { code, stdout, stderr } = await cli(ARGS, { cwd });
    assertEquals([code, stdout], [2, ""]);
    assertMatch(
      stderr,
      new RegExp(`^audit-log: Cannot read ${file}: it has more than ${most} bytes`),
    );
  }
});

test("verify-proof asks for a record and a key", async () => {
  for (const args of [["--record", "r"], ["--verifier-key", "k"]]) {
    const { code, stderr } = await cli(["verify-proof", "proof", ...args]);
    assertEquals(code, 2);
    assertMatch(stderr, /required option '--(verifier-key <key>|record <file>)' not specified/);
  }
});

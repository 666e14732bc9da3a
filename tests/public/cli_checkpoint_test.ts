import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { cli } from "../support/cli.ts";
import { fingerprints } from "../support/files.ts";
import { foreignLine } from "../support/interaction.ts";
import { ORIGIN, signedLog } from "../support/signed_log.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

/** The checkpoints that a log keeps, and what verifying it with these keys finds. */
async function looked(path: string, ...verifierKey: string[]) {
  const backend = path.endsWith(".db") ? "sqlite" : "jsonl";
  const log = await AuditLog.open({ backend, path, readOnly: true });
  const notes: string[] = [];
  for await (const note of log.checkpoints()) notes.push(note);
  const report = await log.verify(verifierKey.length === 0 ? {} : { verifierKey });
  await log.close();
  return { notes, report };
}

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`checkpoint signs what a ${backend} log has, once, and prints it`, async (t) => {
    const { path, keyFile, verifierKey, checkpoint } = await signedLog(t, backend, 3);
    assertEquals((await cli(["import", "-", "--log", path], { input: foreignLine() })).code, 0);
    const { code, stdout, stderr } = await cli(["checkpoint", "--log", path, "--key", keyFile]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split("\n").slice(0, 2), [ORIGIN, "4"]);
    const { notes, report } = await looked(path, verifierKey);
    assertEquals(notes, [checkpoint, stdout]);
    assertEquals([report.ok, report.checked.covered, report.checked.signatures], [true, 4, 2]);
  });

  test(`checkpoint never creates a ${backend} log`, async (t) => {
    const { folder, keyFile } = await signedLog(t, backend, 1);
    const before = fingerprints(folder);
    const path = join(folder, backend === "sqlite" ? "other.db" : "other.jsonl");
    const out = join(folder, "out.txt");
    const args = ["checkpoint", "--log", path, "--key", keyFile, "--out", out];
    const { code, stdout, stderr } = await cli(args);
    assertEquals([code, stdout, fingerprints(folder)], [2, "", before]);
    assertMatch(stderr, /^audit-log: Cannot open .*other\.(db|jsonl): no such file\n$/);
  });

  test(`info tells of the checkpoints of a ${backend} log`, async (t) => {
    const { path } = await signedLog(t, backend, 3);
    assertEquals((await cli(["import", "-", "--log", path], { input: foreignLine() })).code, 0);
    assertMatch(
      (await cli(["info", "--log", path])).stdout,
      /\nentries +4\n(.*\n)*checkpoints +1, the last of 3 entries\n/,
    );
    const { stdout } = await cli(["info", "--log", path, "--json"]);
    assertEquals(JSON.parse(stdout).checkpoints, { count: 1, lastSize: 3 });
  });
}

test("info tells when a log has no checkpoint", async (t) => {
  const path = join(tempFolder(t), "log.jsonl");
  writeFileSync(path, `${foreignLine()}\n`);
  assertMatch((await cli(["info", "--log", path])).stdout, /\ncheckpoints +0\n/);
});

test("checkpoint --out writes a new file, for its owner alone, and nothing else", async (t) => {
  const { path, folder, keyFile } = await signedLog(t, "sqlite", 2);
  const out = join(folder, "new.txt");
  const { code, stdout, stderr } = await cli(
    ["checkpoint", "--log", path, "--key", keyFile, "--out", out],
  );
  assertEquals([code, stdout, stderr], [0, "", ""]);
  assertEquals(readFileSync(out, "utf8"), (await looked(path)).notes[1]);
});

testUnless(
  process.platform === "win32" ? "Windows has other rights" : undefined,
  "the file of a checkpoint is for its owner alone",
  async (t) => {
    const { path, folder, keyFile } = await signedLog(t as never, "sqlite", 2);
    const out = join(folder, "new.txt");
    await cli(["checkpoint", "--log", path, "--key", keyFile, "--out", out]);
    assertEquals((statSync(out).mode & 0o777).toString(8), "600");
  },
);

test("checkpoint --out overwrites nothing, and makes no checkpoint then", async (t) => {
  const { path, keyFile, checkpoint } = await signedLog(t, "sqlite", 2);
  const before = readFileSync(keyFile, "utf8");
  const { code, stdout, stderr } = await cli(
    ["checkpoint", "--log", path, "--key", keyFile, "--out", keyFile],
  );
  assertEquals([code, stdout, readFileSync(keyFile, "utf8")], [2, "", before]);
  assertMatch(stderr, /audit\.key: it is there already, and nothing is overwritten\n$/);
  assertEquals((await looked(path)).notes, [checkpoint]);
});

test("checkpoint takes the key from standard input, with or without a newline", async (t) => {
  const { path, signingKey } = await signedLog(t, "jsonl", 2);
  for (const input of [signingKey, `${signingKey}\n`, `${signingKey}\r\n`]) {
    const { code, stderr } = await cli(["checkpoint", "--log", path, "--key", "-"], { input });
    assertEquals([code, stderr], [0, ""]);
  }
  assertEquals((await looked(path)).notes.length, 4);
});

test("two keys change a log's key, and then the new one signs alone", async (t) => {
  const { path, folder, keyFile, verifierKey } = await signedLog(t, "sqlite", 2);
  const next = await generateSigningKey(ORIGIN);
  const nextFile = join(folder, "next.key");
  writeFileSync(nextFile, next.signingKey);
  const alone = ["checkpoint", "--log", path, "--key", nextFile];

  const refused = await cli(alone);
  assertEquals([refused.code, refused.stdout], [2, ""]);
  assertMatch(refused.stderr, /^audit-log: Cannot sign for .*log\.db: .*both keys once/);

  const both = await cli([...alone, "--key", keyFile, "--key", nextFile]);
  assertEquals([both.code, both.stderr], [0, ""]);
  assertEquals((await cli(alone)).code, 0);
  const { notes, report } = await looked(path, verifierKey, next.verifierKey);
  assertEquals([notes.length, report.ok, report.checked.signatures], [3, true, 3]);
});

test("an altered log gets no further checkpoint", async (t) => {
  const { path, keyFile } = await signedLog(t, "jsonl", 2);
  const altered = readFileSync(path, "utf8").replace('"output_text":"out"', '"output_text":"OUT"');
  writeFileSync(path, altered);
  const { code, stdout, stderr } = await cli(["checkpoint", "--log", path, "--key", keyFile]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot sign for .*its first 2 entries are not those .*\n$/);
});

test("checkpoint leaves alone what is no log", async (t) => {
  const { folder, keyFile } = await signedLog(t, "sqlite", 1);
  for (const [file, content] of [["empty.db", ""], ["notes.jsonl", "dear diary\n"]] as const) {
    const path = join(folder, file);
    writeFileSync(path, content);
    const { code, stdout, stderr } = await cli(["checkpoint", "--log", path, "--key", keyFile]);
    assertEquals([code, stdout, readFileSync(path, "utf8")], [2, "", content]);
    assertMatch(stderr, /^audit-log: Cannot open /);
  }
});

const SECRET =
  "PRIVATE+KEY+acme.example/chat+00000000+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh";

const keyFiles: [what: string, content: string | Uint8Array, says: RegExp][] = [
  ["that is empty", "", /key\.txt: it is empty\n$/],
  ["of two lines", `${SECRET}\n${SECRET}\n`, /key\.txt: it contains white space/],
  ["with a space before the key", ` ${SECRET}`, /key\.txt: it contains white space/],
  ["with the id of another", `${SECRET}\n`, /key\.txt: its id does not belong to its name and key/],
  ["with a key cut short", SECRET.slice(0, -8), /key\.txt: it has \d+ bytes of key/],
  ["with bytes that are no text", new Uint8Array([0x22, 0xff]), /key\.txt: it is no text in UTF-8/],
  ["that is far too large", SECRET.repeat(100), /key\.txt: it has more than 4096 bytes/],
];

for (const [what, content, says] of keyFiles) {
  test(`checkpoint refuses a key file ${what}, and shows nothing of it`, async (t) => {
    const { path, folder, checkpoint } = await signedLog(t, "sqlite", 1);
    const file = join(folder, "key.txt");
    writeFileSync(file, content);
    const { code, stdout, stderr } = await cli(["checkpoint", "--log", path, "--key", file]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
    assert(!stderr.includes("AQIDBA"), stderr);
    assertEquals((await looked(path)).notes, [checkpoint]);
  });
}

test("checkpoint refuses a verifier key, a folder and a missing file as a key", async (t) => {
  const { path, folder, verifierKey } = await signedLog(t, "sqlite", 1);
  const [publicFile, inner] = [join(folder, "log.pub"), join(folder, "inner")];
  writeFileSync(publicFile, verifierKey);
  mkdirSync(inner);
  for (
    const [file, says] of [
      [
        publicFile,
        /log\.pub: it does not begin with PRIVATE.*the verifier key does not serve here/,
      ],
      [inner, /^audit-log: Cannot read .*inner: it is a folder\n$/],
      [join(folder, "nothing"), /^audit-log: Cannot read .*nothing: no such file\n$/],
    ] as const
  ) {
    const { code, stdout, stderr } = await cli(["checkpoint", "--log", path, "--key", file]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, says);
  }
});

const misplaced: [what: string, args: string[]][] = [
  ["in place of its file", ["checkpoint", "--log", "x.db", "--key", SECRET]],
  ["as a verifier key", ["verify", "--log", "x.db", "--verifier-key", SECRET]],
  ["as the verifier key of a proof", [
    "verify-proof",
    "proof",
    "--record",
    "record",
    "--verifier-key",
    SECRET,
  ]],
  ["as an option's value that is not known", ["verify", "--log", "x.db", `--key=${SECRET}`]],
  ["as the name of a log", ["info", "--log", SECRET]],
  ["as a command", [SECRET]],
  ["as one argument too many", ["info", "--log", "x.db", SECRET]],
];

for (const [what, args] of misplaced) {
  test(`a private key given ${what} is not shown`, async (t) => {
    const folder = tempFolder(t);
    const { code, stdout, stderr } = await cli(args, { cwd: folder });
    assertEquals([code, stdout, readdirSync(folder)], [2, "", []]);
    assertNotEquals(stderr, "");
    assert(!stderr.includes("AQIDBA"), stderr);
  });
}

test("a private key in a file given for something else is not shown", async (t) => {
  const { path, folder, keyFile, checkpointFile, signingKey } = await signedLog(t, "sqlite", 1);
  const material = signingKey.split("+").slice(4).join("+");
  copyFileSync(keyFile, join(folder, "key.jsonl"));
  for (
    const args of [
      ["verify", "--log", path, "--verifier-key", keyFile],
      ["verify", "--log", path, "--checkpoint", keyFile],
      ["verify", "--log", keyFile],
      ["verify-proof", keyFile, "--record", checkpointFile, "--verifier-key", "a+b+c"],
      ["import", keyFile, "--log", path],
      ["query", "--log", join(folder, "key.jsonl")],
    ]
  ) {
    const { code, stdout, stderr } = await cli(args);
    assertEquals(code, 2, args.join(" "));
    assert(!`${stdout}${stderr}`.includes(material), stderr);
  }
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { signerFrom } from "@audit-log/llm";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { runProgram } from "../support/child.ts";
import { cli, cliCommand, cliOnTerminal, noTerminal } from "../support/cli.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

test("keygen writes a private key and prints the verifier key that belongs to it", async (t) => {
  const out = join(tempFolder(t), "audit.key");
  const { code, stdout, stderr } = await cli(["keygen", "acme.example/chat", "--out", out]);
  assertEquals([code, stderr], [0, ""]);
  const text = readFileSync(out, "utf8");
  assertMatch(text, /^PRIVATE\+KEY\+acme\.example\/chat\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}\n$/);
  const { name, verifierKey } = await signerFrom(text.slice(0, -1));
  assertEquals([name, stdout], ["acme.example/chat", `${verifierKey}\n`]);
});

testUnless(
  process.platform === "win32" ? "Windows has other rights" : undefined,
  "the file of a private key is for its owner alone",
  async (t) => {
    const out = join(tempFolder(t as TestContext), "audit.key");
    assertEquals((await cli(["keygen", "acme.example/chat", "--out", out])).code, 0);
    assertEquals((statSync(out).mode & 0o777).toString(8), "600");
  },
);

test("keygen puts the verifier key into a file of its own, and prints nothing then", async (t) => {
  const folder = tempFolder(t);
  const [out, kept] = [join(folder, "audit.key"), join(folder, "audit.pub")];
  const args = ["keygen", "acme.example/chat", "--out", out, "--public", kept];
  assertEquals(await cli(args), { code: 0, stdout: "", stderr: "" });
  const { verifierKey } = await signerFrom(readFileSync(out, "utf8").slice(0, -1));
  assertEquals(readFileSync(kept, "utf8"), `${verifierKey}\n`);
});

test("keygen makes both files or none, and overwrites neither", async (t) => {
  const folder = tempFolder(t);
  const [out, kept] = [join(folder, "audit.key"), join(folder, "audit.pub")];
  const args = ["keygen", "acme.example/chat", "--out", out, "--public", kept];
  for (const there of [out, kept]) {
    writeFileSync(there, "there");
    const { code, stdout, stderr } = await cli(args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `Cannot write ${there}: it is there already`);
    assertEquals(readdirSync(folder).map((name) => join(folder, name)), [there]);
    assertEquals(readFileSync(there, "utf8"), "there");
    rmSync(there);
  }
});

test("keygen makes another key each time", async (t) => {
  const folder = tempFolder(t);
  const printed = [];
  for (const file of ["a", "b"]) {
    printed.push((await cli(["keygen", "acme.example/chat", "--out", join(folder, file)])).stdout);
  }
  assert(printed[0] !== printed[1]);
});

testUnless(
  existsSync("/dev/full") ? undefined : "there is no /dev/full",
  "keygen leaves no private key whose verifier key could not be printed",
  async (t) => {
    const out = join(tempFolder(t as TestContext), "audit.key");
    const command = cliCommand("keygen", "acme.example/chat", "--out", out);
    const script = 'exec "$@" > /dev/full';
    const { code, stderr } = await runProgram(["sh", "-c", script, "sh", ...command]);
    assertEquals([code, existsSync(out)], [2, false]);
    assertMatch(
      stderr,
      /^audit-log: Cannot write to standard output: .*no space left on device.*\n$/i,
    );
  },
);

test("verifier-key prints the verifier key of a private key again, from a file or standard input", async (t) => {
  const out = join(tempFolder(t), "audit.key");
  const { stdout: printed } = await cli(["keygen", "acme.example/chat", "--out", out]);
  assertEquals(await cli(["verifier-key", out]), { code: 0, stdout: printed, stderr: "" });
  const fromInput = await cli(["verifier-key", "-"], { input: readFileSync(out) });
  assertEquals([fromInput.code, fromInput.stdout], [0, printed]);
});

test("verifier-key refuses what is no private key, and repeats nothing of one that is an argument", async (t) => {
  const out = join(tempFolder(t), "audit.key");
  const { stdout: printed } = await cli(["keygen", "acme.example/chat", "--out", out]);
  const key = readFileSync(out, "utf8").trim();
  writeFileSync(out, printed);
  const { code, stdout, stderr } = await cli(["verifier-key", out]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot use the signing key in .*audit\.key: .*\n$/);
  const given = await cli(["verifier-key", key]);
  assertEquals([given.code, given.stdout], [2, ""]);
  assertStringIncludes(given.stderr, "give the name of a file that holds it");
  assert(!given.stderr.includes(key.slice(-20)));
});

test("keygen overwrites nothing", async (t) => {
  const out = join(tempFolder(t), "audit.key");
  writeFileSync(out, "precious\n");
  const { code, stdout, stderr } = await cli(["keygen", "acme.example/chat", "--out", out]);
  assertEquals([code, stdout, readFileSync(out, "utf8")], [2, "", "precious\n"]);
  assertMatch(stderr, /^audit-log: Cannot write .*audit\.key: it is there already, .*\n$/);
});

test("keygen without --out makes no key and shows none", async (t) => {
  const folder = tempFolder(t);
  const { code, stdout, stderr } = await cli(["keygen", "acme.example/chat"], { cwd: folder });
  assertEquals([code, stdout, readdirSync(folder)], [2, "", []]);
  assertStringIncludes(stderr, "required option '--out <file>' not specified");
});

const names: [what: string, name: string, says: RegExp][] = [
  ["that is empty", "", /^audit-log: Cannot make a key: the name .*empty/],
  ["with a space", "acme example", /^audit-log: Cannot make a key: the name /],
  ["with a plus", "acme+chat", /^audit-log: Cannot make a key: the name /],
  ["with an escape sequence", "\x1b[2J", /^audit-log: Cannot make a key: the name /],
  ["that is far too long", "a".repeat(256), /^audit-log: Cannot make a key: the name /],
];

for (const [what, name, says] of names) {
  test(`keygen refuses a name ${what}, and leaves no file`, async (t) => {
    const folder = tempFolder(t);
    const { code, stdout, stderr } = await cli(["keygen", name, "--out", join(folder, "key")]);
    assertEquals([code, stdout, readdirSync(folder)], [2, "", []]);
    assertMatch(stderr, says);
  });
}

test("keygen says when there is no folder for the file", async (t) => {
  const out = join(tempFolder(t), "nowhere", "audit.key");
  const { code, stdout, stderr } = await cli(["keygen", "acme.example/chat", "--out", out]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^audit-log: Cannot write .*audit\.key: there is no such folder\n$/);
});

testUnless(
  noTerminal,
  "keygen on a terminal tells what to do with the keys, and shows the verifier key alone",
  async (t) => {
    const out = join(tempFolder(t as TestContext), "audit.key");
    const { code, screen } = await cliOnTerminal(["keygen", "acme.example/chat", "--out", out]);
    assertEquals(code, 0);
    const { verifierKey } = await signerFrom(readFileSync(out, "utf8").trim());
    const [first, advice] = screen.split("\r\n");
    assertEquals(first, verifierKey);
    assertMatch(advice!, /verifier key: give it to .*private key is in .*audit\.key/);
    assert(!screen.includes("PRIVATE"));
  },
);

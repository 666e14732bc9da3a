// Files that the command makes, on a file system that fails.

import { assertEquals, assertRejects } from "@std/assert";
import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Host } from "../../src/cli/host.ts";
import { makeFiles } from "../../src/cli/new_files.ts";
import { FailingRuntime } from "../support/failing_runtime.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** The runtime, where one kind of call fails with a code. */
async function failingAt(call: string, code: string): Promise<Host> {
  const error = () => Object.assign(new Error(code), { code });
  const { runtime } = new FailingRuntime(
    await currentRuntime(),
    ({ what }) => what === call ? { done: "nothing", error } : undefined,
  );
  return { runtime } as Host;
}

/** Makes a file that is there and cannot be opened; returns what is in its folder then. */
async function making(t: TestContext, code: string, before: string) {
  const folder = tempFolder(t);
  const path = join(folder, "audit.key");
  writeFileSync(path, before);
  const host = await failingAt("file.open create", code);
  await assertRejects(() => makeFiles(host, [path], () => Promise.resolve()), Error, path);
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

test("a file whose name could not be put on the disk is removed again, and can be made later", async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, "audit.key");
  const host = { runtime: await currentRuntime() } as Host;
  const { fsyncSync } = fs;
  atEnd(t, () => void (fs.fsyncSync = fsyncSync));
  fs.fsyncSync = () => {
    throw Object.assign(new Error("EIO: fsync"), { code: "EIO" });
  };
  await assertRejects(() => makeFiles(host, [path], () => Promise.resolve()), Error, path);
  assertEquals(readdirSync(folder), []);
  fs.fsyncSync = fsyncSync;
  await makeFiles(host, [path], async ([file]) => await file!.write("a key"));
  assertEquals(readFileSync(path, "utf8"), "a key");
});

test("a file that was there stays, even if it is not told that it is why", async (t) => {
  for (const before of ["a key", ""]) {
    assertEquals(await making(t, "EMFILE", before), [["audit.key", before]]);
  }
});

for (const [code, isMade] of [["EINVAL", true], ["ENOTSUP", true], ["EIO", false]] as const) {
  test(`a file is ${isMade ? "made" : "not made"} where the disk says ${code} when it is asked to keep it`, async (t) => {
    const path = join(tempFolder(t), "audit.key");
    const host = await failingAt("file.sync", code);
    const make = () => makeFiles(host, [path], async ([file]) => await file!.write("a key"));
    if (!isMade) await assertRejects(make, Error, path);
    else await make();
    assertEquals(existsSync(path), isMade);
  });
}

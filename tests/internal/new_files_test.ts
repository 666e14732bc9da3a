// Files that the command makes, on a file system that fails.

import { assertEquals, assertRejects } from "@std/assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Host } from "../../src/cli/host.ts";
import { makeFiles } from "../../src/cli/new_files.ts";
import { FailingRuntime, type Fault } from "../support/failing_runtime.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** Makes a file that cannot be created; returns what is in its folder then. */
async function making(t: TestContext, done: Fault["done"], code: string, before?: string) {
  const folder = tempFolder(t);
  const path = join(folder, "audit.key");
  if (before !== undefined) writeFileSync(path, before);
  const { runtime } = new FailingRuntime(
    await currentRuntime(),
    ({ what }) =>
      what === "file.open create"
        ? { done, error: () => Object.assign(new Error(code), { code }) }
        : undefined,
  );
  const host = { runtime } as Host;
  await assertRejects(() => makeFiles(host, [path], () => Promise.resolve()), Error, path);
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

test("a file that was created, and then not confirmed, is removed again", async (t) => {
  assertEquals(await making(t, "all", "EPERM"), []);
});

test("a file that was there stays, even if it is not told that it is why", async (t) => {
  for (const before of ["a key", ""]) {
    assertEquals(await making(t, "nothing", "EMFILE", before), [["audit.key", before]]);
  }
});

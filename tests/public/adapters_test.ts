/**
 * The adapter of the runtime that this runs on.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileAdapterConformance } from "../conformance/file_adapter.ts";
import { sqliteAdapterConformance } from "../conformance/sqlite_adapter.ts";
import { scriptCommand } from "../support/child.ts";
import { currentRuntime, runtimeName } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const runtime = await currentRuntime();

test("the adapter has the name of the runtime", () => {
  assertEquals(runtime.name, runtimeName);
});

sqliteAdapterConformance(runtime.sqlite.name, runtime.sqlite, {
  execTellsCode: runtimeName !== "deno",
  refusesUnsafeIntegers: runtimeName !== "bun",
  opensAnyName: runtimeName !== "bun",
});

fileAdapterConformance(`files of ${runtimeName}`, runtime.file);

// In a process of its own, because the name is relative to the folder that a process runs in.
test("a relative name that begins with file: is a name and no URI", (t) => {
  const folder = tempFolder(t);
  const name = "file:a?mode=memory";
  const [program, ...args] = scriptCommand("open_log.ts", "sqlite", name, "write");
  const { stdout, stderr } = spawnSync(program!, args, { cwd: folder, encoding: "utf8" });
  assertEquals(stdout.trim(), '{"size":1}', stderr);
  assertEquals(readdirSync(folder), [name]);
  assertGreater(statSync(join(folder, name)).size, 0);
});

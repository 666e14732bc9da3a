/**
 * The adapter of the runtime that this runs on.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
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

test("a hash is that of the bytes, put where it may be and else in memory of its own", () => {
  const into = new Uint8Array(32).fill(0xff);
  for (const text of ["", "a", "\0x", "領収書 💬", "x".repeat(100_000)]) {
    const bytes = new TextEncoder().encode(text);
    const digits = createHash("sha256").update(bytes).digest("hex");
    const [ofText, ofBytes] = [runtime.sha256(text), runtime.sha256(bytes.subarray())];
    for (const hash of [ofText, ofBytes, runtime.sha256(text, into), runtime.sha256(bytes, into)]) {
      assertEquals([Buffer.from(hash).toString("hex"), hash.length], [digits, 32]);
    }
    assert(runtime.sha256(bytes, into) === into);
    assert(ofText !== ofBytes && ofText.buffer !== ofBytes.buffer);
  }
});

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

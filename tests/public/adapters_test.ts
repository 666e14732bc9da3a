/**
 * The adapter of the runtime that this runs on.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { fileAdapterConformance } from "../conformance/file_adapter.ts";
import { sqliteAdapterConformance } from "../conformance/sqlite_adapter.ts";
import { currentRuntime, runtimeName } from "../support/runtime.ts";

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

/**
 * The driver `@db/sqlite`, wherever it can be loaded; elsewhere its adapter, on a stand-in for the driver.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { AuditLogError, type Runtime } from "@audit-log/llm";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileAdapterConformance } from "../conformance/file_adapter.ts";
import { logConformance } from "../conformance/log.ts";
import { sqliteAdapterConformance } from "../conformance/sqlite_adapter.ts";
import { openFile } from "../support/backends.ts";
import { makeStandIn, usesOfFreedMemory } from "../support/db_sqlite_stand_in.ts";
import { runtimeName } from "../support/runtime.ts";
import { skipped } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const FLAGS = { execTellsCode: false, refusesUnsafeIntegers: true, opensAnyName: true };

/** Where a network drops what it forbids, loading never ends. */
const PATIENCE_MS = 20_000;

if (existsSync(new URL("../../adapters", import.meta.url))) await testSource();
else skipped("@db/sqlite: all of it", "it is for Deno, and no part of the npm package");

async function testSource(): Promise<void> {
  const { loadRuntime, sqliteAdapter } = await import("@audit-log/llm/db-sqlite");
  const runtime = await withPatience(loadRuntime().catch((error: Error) => error));
  if (!(runtime instanceof Error)) return testDriver(runtime);

  // Of the reason, what may stand in a test's name.
  const reason = runtime.message.split("\n", 1)[0]!.replaceAll(">", "");
  skipped("@db/sqlite: conformance of the driver itself", reason);

  test("loadRuntime() says why the driver cannot be loaded", async () => {
    const error = await assertRejects(loadRuntime, AuditLogError, "Cannot load @db/sqlite: ");
    assertEquals([error.code, error.path], ["UNSUPPORTED_RUNTIME", "runtime"]);
  });

  if (runtimeName === "bun") return;
  const adapter = sqliteAdapter(await makeStandIn());
  sqliteAdapterConformance("stand-in for @db/sqlite", adapter, FLAGS);

  test("in all of this the driver was not made to use freed memory", () => {
    assertEquals(usesOfFreedMemory, 0);
  });
}

function testDriver(runtime: Runtime): void {
  sqliteAdapterConformance("@db/sqlite", runtime.sqlite, FLAGS);
  fileAdapterConformance("files with @db/sqlite", runtime.file);
  logConformance("sqlite by @db/sqlite", (t) => {
    const path = join(tempFolder(t), "log");
    return {
      open: (options = {}) => openFile(t, { backend: "sqlite", path, runtime, ...options }),
    };
  }, { persistent: true });
}

async function withPatience<T>(work: Promise<T>): Promise<T | Error> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error("jsr.io does not answer")), PATIENCE_MS);
  });
  const result = await Promise.race([work, patience]);
  clearTimeout(timer);
  return result;
}

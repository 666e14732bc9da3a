// A relative path means a file in what is the current folder when it is given, whatever becomes of that folder.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AuditLog, generateSigningKey, publishToFile } from "@audit-log/llm";
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey } = await generateSigningKey("acme.example/chat");

/** Goes into a folder until the test ends. */
function goInto(t: TestContext, folder: string): void {
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(folder);
}

for (const backend of FILE_BACKENDS) {
  for (const isGiven of [false, true]) {
    const how = isGiven ? "with an adapter" : "without an adapter";
    test(`${backend}: a log that is opened ${how} is in the folder that was current then`, async (t) => {
      const [folder, elsewhere] = [tempFolder(t), tempFolder(t)];
      const runtime = isGiven ? await currentRuntime() : undefined;
      goInto(t, folder);
      const opening = AuditLog.open({ backend, path: "log", signingKey, runtime });
      process.chdir(elsewhere); // at once
      const log = await opening;
      await log.record(interaction());
      await log.close();
      assert(existsSync(join(folder, "log")));
      assertEquals(readdirSync(elsewhere), []);
    });
  }
}

testUnless(
  process.platform === "win32" ? "Windows keeps the current folder" : undefined,
  "a relative path is refused when the current folder is gone",
  async (t) => {
    const context = t as TestContext;
    const folder = tempFolder(context);
    const elsewhere = tempFolder(context);
    goInto(context, folder);
    rmdirSync(folder);
    for (const backend of FILE_BACKENDS) {
      await assertRefused(() => AuditLog.open({ backend, path: "log" }), "PATH_NOT_FOUND");
    }
    await assertRejects(async () => await publishToFile("kept.txt")("note\n"));
    // Whoever says where a file is does not depend on the folder.
    await publishToFile(join(elsewhere, "kept.txt"))("note\n");
    assert(existsSync(join(elsewhere, "kept.txt")));
  },
);

// Where Deno was not permitted to read the threads' program, what is said can be given to Deno as it is.

import { assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

testUnless(
  runtimeName === "deno" ? undefined : "only Deno has permissions for its own program",
  "the permission that a thread lacks is told by the file's own name, whatever characters are in it",
  (t) => {
    const folder = join(realpathSync(tempFolder(t as TestContext)), "é %20b");
    for (
      const path of ["adapters/worker_thread.ts", "adapters/deno_permissions.ts", "src/version.ts"]
    ) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), join(folder, path));
    }
    const program = join(folder, "program.ts");
    writeFileSync(
      program,
      'import { WorkerThread } from "./adapters/worker_thread.ts"; new WorkerThread({ does: "hash" });',
    );
    // With one permission, or `node:child_process` gives all.
    const args = ["run", "--no-prompt", "--no-config", "--allow-env", program];
    const { stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assertStringIncludes(stderr, `--allow-read=${join(folder, "audit_log_worker.ts")} allows it`);
  },
);

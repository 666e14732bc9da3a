// A JSONL log whose files the system lets nobody change, but append to.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AuditWarning, generateSigningKey } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { inputs, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf } from "../support/notes.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** Sets or takes the attribute; whether that was possible. */
function chattr(change: "+a" | "-a", ...paths: string[]): boolean {
  return spawnSync("chattr", [change, ...paths]).status === 0;
}

/** Appends as the system understands it: Deno's appendFileSync() writes at the end, and does not open the file for appending. */
function append(path: string, text: string): void {
  const descriptor = openSync(path, "a");
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

/** Why no file can be guarded, if so. */
const unguarded: string | undefined = (() => {
  const folder = mkdtempSync(join(tmpdir(), "audit-log-attribute-"));
  const path = join(folder, "file");
  try {
    writeFileSync(path, "");
    if (chattr("+a", path)) return undefined;
    return "chattr +a needs Linux, root, and a file system that has the attribute";
  } finally {
    chattr("-a", path);
    rmSync(folder, { recursive: true });
  }
})();

testUnless(
  unguarded,
  "jsonl: a log that chattr +a guards is recorded in and signed, also after a crash tore its lines",
  async (context) => {
    const t = context as TestContext;
    const path = join(tempFolder(t), "log");
    const files = [path, `${path}-checkpoints`];
    const { signingKey, verifierKey } = await generateSigningKey("acme.example/guarded");
    const warnings: string[] = [];
    const open = () =>
      openFile(t, {
        backend: "jsonl",
        path,
        signingKey,
        checkpoints: BY_HAND,
        onWarning: ({ code }: AuditWarning) => void warnings.push(code),
      });
    /** Records two more entries, and signs. */
    const round = async (): Promise<void> => {
      const log = await open();
      await log.recordAll(interactions(2));
      await log.checkpoint();
      await log.close();
    };
    await round();
    atEnd(t, () => chattr("-a", ...files));
    assert(chattr("+a", ...files));
    for (const file of files) assertThrows(() => truncateSync(file, 1), Error, "EPERM");
    await round();
    const before = files.map((file) => readFileSync(file, "utf8"));
    append(path, '{"cost_usd":nul');
    append(`${path}-checkpoints`, '{"size":4,"no');
    await round();
    files.forEach((file, n) => assert(readFileSync(file, "utf8").startsWith(before[n]!)));
    // The unfinished line gets its newline, and stays.
    assertEquals(warnings, ["TORN_LINE", "UNREADABLE_LINES"]);
    const log = await open();
    assertEquals(inputs(await log.query()), ["0", "1", "0", "1", "0", "1"]);
    assertEquals((await checkpointsOf(log)).length, 3);
    const { ok, checked } = await log.verify({ verifierKey });
    assertEquals([ok, checked.covered, checked.checkpoints], [true, 6, 3]);
  },
);

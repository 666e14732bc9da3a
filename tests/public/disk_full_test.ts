// A disk that is full, or read-only, for real: a small file system in memory, which only the superuser can make.

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

function mount(folder: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]).status === 0;
}

function unmount(folder: string): void {
  assertEquals(spawnSync("umount", [folder]).status, 0);
}

/** Why no small disk can be had, if so. */
function obstacle(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "audit-log-disk-"));
  try {
    if (!mount(folder)) return "this user may not mount a small disk";
    unmount(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const reason = obstacle();

for (const backend of FILE_BACKENDS) {
  testUnless(
    reason,
    `${backend}: records are refused while the disk is full, recorded once it is not, and the log verifies`,
    async (t) => {
      const disk = join(tempFolder(t as TestContext), "disk");
      mkdirSync(disk);
      assert(mount(disk));
      atEnd(t as TestContext, () => unmount(disk));
      const ballast = join(disk, "ballast");
      writeFileSync(ballast, new Uint8Array(1024 * 1024));
      const command = scriptCommand("fill_disk.ts", backend, join(disk, "log"), ballast);
      const { code, stdout, stderr } = await runProgram(command);
      assertEquals(code, 0, stderr);
      const { acknowledged, failures, whileFull, texts, faults } = JSON.parse(stdout);
      assertGreater(acknowledged.length, 10);
      for (const { code, message } of failures) {
        assertEquals(code, "WRITE_FAILED", message);
        assertMatch(message, /no space left|full/i);
      }
      assertEquals(whileFull, acknowledged.length - 5);
      assertEquals(texts, acknowledged);
      assertEquals(faults, []);
    },
  );

  testUnless(
    reason,
    `${backend}: a log on a read-only disk is read, or the message says how it can be`,
    async (t) => {
      const disk = join(tempFolder(t as TestContext), "disk");
      mkdirSync(disk);
      assert(mount(disk));
      atEnd(t as TestContext, () => unmount(disk));
      const use = async (how: string) => {
        const command = scriptCommand("open_log.ts", backend, join(disk, "log"), how);
        const { code, stdout, stderr } = await runProgram(command);
        assertEquals(code, 0, stderr);
        return JSON.parse(stdout);
      };
      assertEquals(await use("write"), { size: 1 });
      assertEquals(spawnSync("mount", ["-o", "remount,ro", disk]).status, 0);
      const { size, message } = await use("read");
      // SQLite needs -shm beside a database in WAL mode, for reading too.
      if (backend === "jsonl") assertEquals(size, 1);
      else assertMatch(message, /where SQLite makes .*-shm; .* copy the log, and .*-wal/);
    },
  );
}

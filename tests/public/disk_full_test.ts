// A disk that is full, or read-only, for real: a small file system in memory, which only the superuser can make. And a limit for the
// size of files, which everybody can set.

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
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).status === 0;
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

type Backend = typeof FILE_BACKENDS[number];

/** Why no limit can be set for the size of a process's files, if so. */
function limitObstacle(): string | undefined {
  return spawnSync("prlimit", ["--version"]).status === 0
    ? undefined
    : "there is no prlimit, which sets limits for a process";
}

/** Has a process record until there is no room, and go on when there is, and makes sure that it lost nothing. */
async function fill(backend: Backend, path: string, atOnce: number, ballast?: string) {
  const command = scriptCommand("fill_disk.ts", backend, path, `${atOnce}`);
  if (ballast !== undefined) command.push(ballast);
  // The system would end a process whose file becomes too large.
  const shell = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
  const { code, stdout, stderr } = await runProgram([...shell, ...command]);
  assertEquals(code, 0, stderr);
  const { before, acknowledged, refused, whileFull, texts, faults, ...rest } = JSON.parse(stdout);
  assertGreater(before, 10);
  assertEquals(acknowledged.length, before + (rest.goesOn ? 4 : 3) * atOnce);
  const isRefused = new Set<string>(refused);
  // Of a group that did not fit, JSONL may have the first lines.
  const mayBeThere = backend === "jsonl" && atOnce > 1;
  const without = (found: string[]) =>
    mayBeThere ? found.filter((text) => !isRefused.has(text)) : found;
  assertEquals(without(whileFull), acknowledged.slice(0, before));
  assertEquals(without(texts), acknowledged);
  assertEquals(faults, []);
  if (backend === "sqlite") assertEquals(rest.writing === "another thread", atOnce > 1);
  return rest;
}

for (const backend of FILE_BACKENDS) {
  for (const [what, atOnce] of Object.entries({ "single records": 1, "groups of 600": 600 })) {
    testUnless(
      reason,
      `${backend}: ${what} are refused while the disk is full, recorded once it is not, and the log verifies`,
      async (t) => {
        const disk = join(tempFolder(t as TestContext), "disk");
        mkdirSync(disk);
        assert(mount(disk));
        atEnd(t as TestContext, () => unmount(disk));
        const ballast = join(disk, "ballast");
        writeFileSync(ballast, new Uint8Array(3 * 1024 * 1024));
        const { failures, goesOn } = await fill(backend, join(disk, "log"), atOnce, ballast);
        for (const { code, message } of failures) {
          assertEquals(code, "WRITE_FAILED", message);
          assertMatch(message, /no space left|full/i);
        }
        assertEquals([failures.length, goesOn], [3, true]);
      },
    );

    testUnless(
      limitObstacle(),
      `${backend}: ${what} are refused when the file may not become larger, and recorded once it may`,
      async (t) => {
        const { failures, goesOn } = await fill(
          backend,
          join(tempFolder(t as TestContext), "log"),
          atOnce,
        );
        const codes = failures.map(({ code }: { code: string }) => code);
        if (backend === "jsonl") {
          assertEquals([codes, goesOn], [Array(3).fill("WRITE_FAILED"), true]);
          assertMatch(failures[0].message, /too large/i);
        } else {
          // SQLite has no word for that: it is an error of the disk, after which nobody knows what was committed.
          assertEquals([codes, goesOn], [["SYNC_FAILED", ...Array(3).fill("LOG_FAILED")], false]);
          assertMatch(failures[0].reason, /I\/O error/);
        }
      },
    );
  }

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

/**
 * What the operating system refuses comes with its POSIX name.
 *
 * @module
 */

import type { FileAdapter } from "@audit-log/llm";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";
import { assertPosix, openFile } from "./file_adapter.ts";

/** An attribute of the kernel that nobody may write, not even root. */
const KERNEL_FILE = "/sys/kernel/uevent_seqnum";
const FULL_DEVICE = "/dev/full";

export function fileErrors(name: string, adapter: FileAdapter): void {
  test(`${name}: what is not there is ENOENT`, async (t) => {
    const folder = tempFolder(t);
    for (const mode of ["read", "append"] as const) {
      await assertPosix("ENOENT", () => adapter.open(join(folder, "missing"), mode), mode);
    }
    for (const mode of ["read", "append", "create"] as const) {
      await assertPosix("ENOENT", () => adapter.open(join(folder, "missing", "a"), mode), mode);
    }
    await assertPosix("ENOENT", () => adapter.create(join(folder, "missing", "a")));
  });

  test(`${name}: what lies beneath a file is ENOTDIR`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "");
    for (const mode of ["read", "append", "create"] as const) {
      await assertPosix("ENOTDIR", () => adapter.open(join(path, "a"), mode), mode);
    }
    await assertPosix("ENOTDIR", () => adapter.create(join(path, "a")));
  });

  test(`${name}: a folder is EISDIR`, async (t) => {
    const folder = join(tempFolder(t), "folder");
    mkdirSync(folder);
    await assertPosix("EISDIR", () => adapter.open(folder, "append"));
    // Opening a folder to read is allowed; reading it is not.
    await assertPosix("EISDIR", async () => {
      await (await openFile(t, adapter, folder, "read")).read(new Uint8Array(1), 0);
    });
  });

  test(`${name}: a file opened to be read cannot be appended to`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "");
    const file = await openFile(t, adapter, path, "read");
    await assertPosix("EBADF", () => file.append(new Uint8Array(1)));
    await assertPosix("EBADF", () => file.append(new Uint8Array(100_000)));
  });

  const isRoot = process.getuid?.() === 0;
  const cannotRefuse = process.platform === "win32" || isRoot && !existsSync(KERNEL_FILE)
    ? "nothing is refused to this user"
    : undefined;
  testUnless(cannotRefuse, `${name}: what one may not write is EACCES`, async (t) => {
    const path = isRoot ? KERNEL_FILE : join(tempFolder(t as TestContext), "file");
    if (!isRoot) {
      writeFileSync(path, "");
      chmodSync(path, 0o444);
    }
    await assertPosix("EACCES", () => adapter.open(path, "append"));
  });

  const noFullDevice = existsSync(FULL_DEVICE) ? undefined : `there is no ${FULL_DEVICE}`;
  testUnless(noFullDevice, `${name}: a full disk is ENOSPC, for few bytes and many`, async (t) => {
    const file = await openFile(t as TestContext, adapter, FULL_DEVICE, "append");
    await assertPosix("ENOSPC", () => file.append(new Uint8Array(1)));
    await assertPosix("ENOSPC", () => file.append(new Uint8Array(100_000)));
  });
}

// What the systems do otherwise than Linux: files of each platform, made on this one.

import { assertEquals, assertRejects } from "@std/assert";
import fs from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { file, filesOn } from "../../adapters/node/file.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** Has the sync of a folder fail, as some file systems have it. */
function failFolders(t: TestContext, code: () => string): void {
  const { fsyncSync } = fs;
  atEnd(t, () => void (fs.fsyncSync = fsyncSync));
  fs.fsyncSync = (descriptor) => {
    if (!fs.fstatSync(descriptor).isDirectory()) return fsyncSync(descriptor);
    throw Object.assign(new Error(`${code()}: fsync`), { code: code() });
  };
}

test("a file is made where the file system cannot sync its folder", async (t) => {
  const folder = tempFolder(t);
  let code = "";
  failFolders(t, () => code);
  for (code of ["EINVAL", "ENOTSUP", "EPERM", "EACCES", "EBADF"]) {
    await (await file.open(join(folder, `opened ${code}`), "create")).close();
    await file.create(join(folder, `created ${code}`));
  }
  assertEquals(fs.readdirSync(folder).length, 10);
});

test("no file is left behind that could not be made for good", async (t) => {
  const folder = tempFolder(t);
  let code = "";
  failFolders(t, () => code);
  for (code of ["EIO", "ENOSPC"]) {
    await assertRejects(() => file.open(join(folder, "opened"), "create"), Error, code);
    await assertRejects(() => file.create(join(folder, `created ${code}`)), Error, code);
  }
  assertEquals(fs.existsSync(join(folder, "opened")), false);
});

test("a file is made on Windows, which refuses to sync a folder", async (t) => {
  const folder = tempFolder(t);
  failFolders(t, () => "EIO");
  const windows = filesOn("win32");
  await (await windows.open(join(folder, "opened"), "create")).close();
  await windows.create(join(folder, "created"));
  assertEquals(fs.readdirSync(folder), ["created", "opened"]);
});

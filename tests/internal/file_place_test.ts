// Where a link leads is found, too, where permissions do not let anybody look at the folder.

import { assertEquals } from "@std/assert";
import { realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "node:test";
import { file } from "../../adapters/node/file.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

testUnless(
  process.platform === "win32" ? "Windows does not tell where a file is" : undefined,
  "a folder that Node's permissions do not let be read is not looked at",
  async (t) => {
    const folder = realpathSync(tempFolder(t as TestContext));
    const [path, link] = [join(folder, "log"), join(folder, "link")];
    writeFileSync(path, "");
    symlinkSync("log", link);
    const before = Object.getOwnPropertyDescriptor(process, "permission");
    atEnd(t as TestContext, () => {
      if (before === undefined) Reflect.deleteProperty(process, "permission");
      else Object.defineProperty(process, "permission", before);
    });
    const has = (scope: string, asked: string) => scope !== "fs.read" || asked !== folder;
    Object.defineProperty(process, "permission", { value: { has }, configurable: true });
    assertEquals(file.folder!(path), undefined);
    assertEquals(await file.place!(path), undefined);
    assertEquals(await file.place!(link), { path, folder: undefined });
  },
);

// Root makes files beside another user's log, in a folder that is that user's to put a link in the place of.

import { assertEquals } from "@std/assert";
import fs from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { file } from "../../adapters/node/file.ts";
import { mayNotGiveAway, owners } from "../support/files.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

testUnless(
  mayNotGiveAway,
  "a file that a link has led into another's folder is not given away",
  async (t) => {
    const folder = fs.realpathSync(tempFolder(t as TestContext));
    const [theirs, moved, roots] = ["theirs", "moved", "roots"].map((name) => join(folder, name));
    for (const path of [theirs!, roots!]) fs.mkdirSync(path);
    const [log, lock] = [join(theirs!, "log"), join(theirs!, "log-lock")];
    fs.writeFileSync(log, "");
    fs.chownSync(log, 4711, 4711);
    const { openSync } = fs;
    atEnd(t as TestContext, () => void (fs.openSync = openSync));
    // The link is there while the file is made, and only then.
    fs.openSync = (path, flags, mode) => {
      if (!String(path).startsWith(lock)) return openSync(path, flags, mode);
      fs.renameSync(theirs!, moved!);
      fs.symlinkSync(roots!, theirs!);
      try {
        return openSync(path, flags, mode);
      } finally {
        fs.unlinkSync(theirs!);
        fs.renameSync(moved!, theirs!);
      }
    };
    await file.create(lock, log);
    assertEquals(owners(roots!), { "log-lock": 0, "log-lock-audit-log-new": 0 });
    fs.openSync = openSync;
    await file.create(lock, log);
    assertEquals(owners(theirs!), { log: 4711, "log-lock": 4711 });
  },
);

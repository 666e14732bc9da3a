// What the systems do otherwise than Linux: files of each platform, made on this one.

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import fs from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { denoIdentity } from "../../adapters/deno/file.ts";
import { file, filesOn, nodeIdentity } from "../../adapters/node/file.ts";
import { mayNotGiveAway, owners } from "../support/files.ts";
import { testUnless } from "../support/skip.ts";
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

const NUMBERS = { dev: 7n, ino: 8n, birthtimeNs: 9n };

test("another volume is another file, but on Windows, which tells one volume in two ways", () => {
  const other = { ...NUMBERS, dev: 6n };
  for (const identityOn of [nodeIdentity, denoIdentity]) {
    assertNotEquals(identityOn("linux")(other), identityOn("linux")(NUMBERS));
    assertEquals(identityOn("win32")(other), identityOn("win32")(NUMBERS));
    assertNotEquals(identityOn("win32")({ ...NUMBERS, ino: 9n }), identityOn("win32")(NUMBERS));
  }
});

test("files whose numbers Deno has rounded to the same are told from each other by when they were made", () => {
  const rounded = { ...NUMBERS, ino: 2n ** 53n };
  const later = { ...rounded, birthtimeNs: 10n };
  for (const platform of ["linux", "win32"]) {
    const identity = denoIdentity(platform);
    assertNotEquals(identity(later), identity(rounded));
    assertEquals(identity({ ...rounded }), identity(rounded));
    // Only where it must: what tells it of all files may be when they were last changed.
    assertEquals(identity({ ...NUMBERS, birthtimeNs: 10n }), identity(NUMBERS));
    assertEquals(nodeIdentity(platform)(later), nodeIdentity(platform)(rounded));
  }
});

test("the draft of another file is not removed whose number Deno has rounded to that of the new one", async (t) => {
  const folder = tempFolder(t);
  const [path, draft] = [join(folder, "log"), join(folder, "log-audit-log-new")];
  fs.writeFileSync(path, "");
  fs.writeFileSync(draft, "another's");
  const { lstatSync, statSync } = fs;
  atEnd(t, () => void Object.assign(fs, { lstatSync, statSync }));
  const rounded = (ask: typeof lstatSync) =>
    ((asked: string, options: fs.StatSyncOptions) => {
      const stats = ask(asked, options);
      return stats && Object.assign(stats, { ino: 2n ** 53n, birthtimeNs: BigInt(asked.length) });
    }) as typeof lstatSync;
  Object.assign(fs, {
    lstatSync: rounded(lstatSync),
    statSync: rounded(statSync as typeof lstatSync),
  });
  const files = filesOn("linux", denoIdentity("linux"));
  await files.create(path).catch(() => {});
  assertEquals(fs.readFileSync(draft, "utf8"), "another's");
});

test("on Windows a new file has no other name for a moment: a virus scanner could keep that", async (t) => {
  const folder = tempFolder(t);
  const { linkSync } = fs;
  atEnd(t, () => void (fs.linkSync = linkSync));
  const linked: string[] = [];
  fs.linkSync = (from, to) => {
    linked.push(String(to));
    linkSync(from, to);
  };
  for (const platform of ["linux", "win32"]) {
    await filesOn(platform).create(join(folder, platform));
  }
  assertEquals(linked, [join(folder, "linux")]);
  assertEquals(fs.readdirSync(folder), ["linux", "win32"]);
});

testUnless(
  mayNotGiveAway,
  "root gives files away on Linux alone, which tells whether a link has led elsewhere",
  async (t) => {
    const folder = tempFolder(t as TestContext);
    const log = join(folder, "log");
    fs.writeFileSync(log, "");
    fs.chownSync(log, 4711, 4711);
    for (const platform of ["linux", "darwin", "freebsd"]) {
      await filesOn(platform).create(join(folder, platform), log);
    }
    assertEquals(owners(folder), { log: 4711, linux: 4711, darwin: 0, freebsd: 0 });
  },
);

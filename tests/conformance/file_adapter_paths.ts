/**
 * What a path leads to, creating and removing.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import type { FileAdapter } from "@audit-log/llm";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { mayNotGiveAway } from "../support/files.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";
import { appendAll, assertPosix, openFile } from "./file_adapter.ts";

export function filePaths(name: string, adapter: FileAdapter): void {
  test(`${name}: stat() tells what a path leads to, links followed`, async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "file"), "12345");
    symlinkSync("file", join(folder, "link"));
    symlinkSync(".", join(folder, "folder"));
    const { kind, size, identity } = (await adapter.stat(join(folder, "file")))!;
    assertEquals({ kind, size }, { kind: "file", size: 5 });
    assertEquals((await adapter.stat(join(folder, "link")))!.identity, identity);
    assertEquals((await adapter.stat(folder))!.kind, "directory");
    assertEquals((await adapter.stat(join(folder, "folder")))!.kind, "directory");
    if (existsSync("/dev/null")) assertEquals((await adapter.stat("/dev/null"))!.kind, "other");
  });

  test(`${name}: stat() tells how many names a file has, if it tells that at all`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "");
    const { names } = (await adapter.stat(path))!;
    if (names === undefined) return;
    linkSync(path, `${path}2`);
    symlinkSync(path, `${path}3`);
    const found = ["", "2", "3"].map(async (more) => (await adapter.stat(path + more))!.names);
    assertEquals([names, ...await Promise.all(found)], [1, 2, 2, 2]);
  });

  test(`${name}: stat() of nothing is undefined`, async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "file"), "");
    symlinkSync("nowhere", join(folder, "link"));
    for (const path of ["missing", "missing/file", "link", "file/beneath"]) {
      assertStrictEquals(await adapter.stat(join(folder, path)), undefined, path);
    }
    symlinkSync("loop", join(folder, "loop"));
    await assertPosix("ELOOP", () => adapter.stat(join(folder, "loop")));
  });

  test(`${name}: a created file is empty, its owner's alone, and read and appended to`, async (t) => {
    const path = join(tempFolder(t), "a ?#%é\u{1f4ac}.jsonl");
    const file = await openFile(t, adapter, path, "create");
    assertEquals(statSync(path).size, 0);
    if (process.platform !== "win32") assertEquals(statSync(path).mode & 0o777, 0o600);
    assertEquals(await file.append(new TextEncoder().encode("abc")), 3);
    const buffer = new Uint8Array(3);
    assertEquals(await file.read(buffer, 0), 3);
    assertEquals(new TextDecoder().decode(buffer), "abc");
  });

  test(`${name}: a file that is created without being opened is the same, and nothing is left beside it`, async (t) => {
    const folder = tempFolder(t);
    const longest = "x".repeat(255); // so that no other name in the folder can be made of it
    for (const path of ["a ?#%é\u{1f4ac}.db", longest]) {
      await adapter.create(join(folder, path));
      const { size, mode, nlink } = statSync(join(folder, path));
      assertEquals([size, nlink], [0, 1]);
      if (process.platform !== "win32") assertEquals(mode & 0o777, 0o600);
      const file = await openFile(t, adapter, join(folder, path), "append");
      assertEquals(await file.append(new Uint8Array(3)), 3);
      await assertPosix("EEXIST", () => adapter.create(join(folder, path)), path);
      assertEquals(statSync(join(folder, path)).size, 3);
    }
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, () => adapter.create(join(folder, "several"))),
    );
    assertEquals(attempts.filter(({ status }) => status === "fulfilled").length, 1);
    assertEquals(readdirSync(folder).length, 3);
  });

  testUnless(
    mayNotGiveAway,
    `${name}: a file that is created beside another belongs to the other's owner`,
    async (t) => {
      const folder = tempFolder(t as TestContext);
      const beside = join(folder, "log");
      writeFileSync(beside, "");
      chownSync(beside, 4711, 4712);
      const longest = "x".repeat(255);
      for (const path of ["log-index", longest]) {
        await adapter.create(join(folder, path), beside);
        const { uid, gid, mode } = statSync(join(folder, path));
        assertEquals([uid, gid, mode & 0o777], [4711, 4712, 0o600]);
      }
      await adapter.create(join(folder, "alone"));
      await adapter.create(join(folder, "of none"), join(folder, "missing"));
      for (const path of ["alone", "of none"]) {
        assertEquals(statSync(join(folder, path)).uid, statSync(folder).uid);
      }
    },
  );

  test(`${name}: what exists is not created again`, async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "file"), "kept");
    symlinkSync("nowhere", join(folder, "link"));
    mkdirSync(join(folder, "folder"));
    for (const path of ["file", "link", "folder"]) {
      await assertPosix("EEXIST", () => adapter.open(join(folder, path), "create"), path);
      await assertPosix("EEXIST", () => adapter.create(join(folder, path)), path);
    }
    assertEquals(readFileSync(join(folder, "file"), "utf8"), "kept");
    assert(!existsSync(join(folder, "nowhere")));
  });

  test(`${name}: of several that create a file at once, one does`, async (t) => {
    const path = join(tempFolder(t), "file");
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, () => openFile(t, adapter, path, "create")),
    );
    assertEquals(attempts.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test(`${name}: the identity is the same for all who opened a file, until another takes its place`, async (t) => {
    const path = join(tempFolder(t), "file");
    const first = await openFile(t, adapter, path, "create");
    const second = await openFile(t, adapter, path, "read");
    const { identity } = await first.stat();
    assertEquals((await second.stat()).identity, identity);
    assertEquals((await adapter.stat(path))!.identity, identity);
    await first.append(new Uint8Array(10));
    assertEquals((await adapter.stat(path))!.identity, identity);

    writeFileSync(`${path}.new`, "x");
    renameSync(`${path}.new`, path);
    assertNotEquals((await adapter.stat(path))!.identity, identity);
    const { kind, size, ...replaced } = await first.stat();
    assertEquals({ kind, size, identity: replaced.identity }, { kind: "file", size: 10, identity });
    const third = await openFile(t, adapter, path, "append");
    assertNotEquals((await third.stat()).identity, identity);
  });

  test(`${name}: a folder tells that a file was made, renamed or removed, and not that one was written to`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "");
    const changed = async () => {
      const folder = (await adapter.place?.(path))?.folder;
      if (adapter.folder !== undefined) assertEquals(adapter.folder(path), folder);
      const changedMs = folder?.changedMs;
      assert(changedMs === undefined || Math.abs(Date.now() - changedMs) < 60_000, `${changedMs}`);
      return changedMs;
    };
    if (await changed() === undefined) return t.diagnostic("not known here");
    const other = `${path} 2`;
    const make = () => writeFileSync(other, "");
    const rename = () => renameSync(other, `${path} 3`);
    const remove = () => rmSync(other, { force: true });
    for (const [prepare, change] of [[remove, make], [make, rename], [make, remove]] as const) {
      let before: number | undefined;
      // The file system's clock may stand still for a while: there are some that count seconds.
      do {
        prepare();
        before = await changed();
        change();
      } while (await changed() === before);
    }
    const before = await changed();
    const file = await openFile(t, adapter, path, "append");
    for (let i = 0; i < 100; i++) {
      await appendAll(file, Uint8Array.from([i]));
      await file.sync();
    }
    assertEquals(await changed(), before);
  });

  test(`${name}: a folder's time that was set back hides no change where the other is told by the second`, (t) => {
    const folder = tempFolder(t);
    const second = Math.floor(Date.now() / 1000) + 10;
    const told = [0.25, 0.75, 0.5].map((fraction) => {
      utimesSync(folder, second + fraction, second + fraction);
      return adapter.folder?.(join(folder, "file"))?.changedMs;
    });
    if (told[0] === undefined) return t.diagnostic("not known here");
    if (statSync(folder).ctimeMs % 1000 !== 0) return t.diagnostic("told more exactly here");
    assertEquals(told, [told[0], told[0], told[0]]);
    assert(told[0] >= (second + 0.75) * 1000, "it could change again");
  });

  test(`${name}: the place of a file is that which links lead to`, async (t) => {
    const folder = realpathSync(tempFolder(t));
    mkdirSync(join(folder, "a"));
    writeFileSync(join(folder, "a", "file"), "");
    symlinkSync("a", join(folder, "b"));
    symlinkSync(join("b", "file"), join(folder, "link"));
    const place = await adapter.place?.(join(folder, "a", "file"));
    if (place === undefined) return t.diagnostic("not known here");
    assertEquals(place.path, join(folder, "a", "file"));
    for (const path of [join("b", "file"), "link"]) {
      assertEquals(await adapter.place?.(join(folder, path)), place);
    }
    await assertPosix("ENOENT", () => adapter.place!(join(folder, "missing")));
    if (adapter.folder === undefined) return;
    // The folder of the name itself, whatever that leads to.
    for (const path of [join("a", "file"), join("b", "file"), join("a", "missing")]) {
      assertEquals(adapter.folder(join(folder, path)), place.folder);
    }
    const { identity } = adapter.folder(join(folder, "link"))!;
    assertEquals(identity, (await adapter.stat(folder))!.identity);
    await assertPosix("ENOENT", async () => await adapter.folder!(join(folder, "missing", "file")));
  });

  test(`${name}: a removed file is gone, and who has it open keeps it`, async (t) => {
    const path = join(tempFolder(t), "file");
    const file = await openFile(t, adapter, path, "create");
    await file.append(Uint8Array.of(7));
    await adapter.remove(path);
    assertStrictEquals(await adapter.stat(path), undefined);
    const buffer = new Uint8Array(1);
    assertEquals([await file.read(buffer, 0), buffer[0]], [1, 7]);
    await assertPosix("ENOENT", () => adapter.remove(path));
  });

  test(`${name}: a folder is not removed`, async (t) => {
    const folder = join(tempFolder(t), "folder");
    mkdirSync(folder);
    await adapter.remove(folder).then(() => assert(false, "removed"), () => {});
    assert(existsSync(folder));
  });
}

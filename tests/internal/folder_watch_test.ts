// Files are not looked at as long as their folder is as it was, which is not told of what has just changed.

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import type { FileAdapter } from "../../src/ports.ts";
import { FolderWatch } from "../../src/stores/folder_watch.ts";
import { currentRuntime } from "../support/runtime.ts";

const SECOND = 1000;

/** A folder, the time, and how often its files were looked at. */
async function watched(unknown: Partial<FileAdapter> = {}) {
  const { file } = await currentRuntime();
  const given = {
    path: "/folder/file",
    folder: "/folder",
    changedMs: 0,
    nowMs: 100 * SECOND,
    looks: 0,
    places: 0,
  };
  const files = {
    ...file,
    place: () => {
      given.places++;
      const { path, changedMs } = given;
      const identity = path.slice(0, path.lastIndexOf("/"));
      return Promise.resolve({ path, folder: { identity, changedMs } });
    },
    folder: () => ({ identity: given.folder, changedMs: given.changedMs }),
    ...unknown,
  };
  const watch = new FolderWatch(files, "/folder/file", () => given.nowMs);
  const look = async () => {
    const { looks } = given;
    const isUnchanged = watch.isUnchanged();
    await watch.look(() => Promise.resolve(void given.looks++));
    const hasLooked = given.looks > looks;
    assertEquals(isUnchanged && hasLooked, false, "it was said to be unchanged");
    return hasLooked;
  };
  return { given, watch, look };
}

test("a folder is asked again after ten milliseconds, and not before", async () => {
  let asked = 0;
  let changedMs = 0;
  const { given, watch, look } = await watched({
    folder: () => {
      asked++;
      return { identity: "/folder", changedMs };
    },
  });
  await look();
  asked = 0;
  given.nowMs += SECOND / 2;
  for (const [ms, times] of [[0, 1], [9, 1], [1, 2], [9, 2]] as const) {
    given.nowMs += ms;
    assertEquals([watch.isUnchanged(), await look(), asked], [true, false, times]);
  }
  changedMs = 3;
  assertEquals(watch.isUnchanged(), true);
  given.nowMs += 1;
  assertEquals([watch.isUnchanged(), await look()], [false, true]);
});

test("files are looked at once a second while their folder is as it was", async () => {
  const { given, look } = await watched();
  const looks: boolean[] = [];
  for (let n = 0; n < 8; n++, given.nowMs += SECOND / 4) looks.push(await look());
  assertEquals(looks, [true, false, false, false, true, false, false, false]);
});

test("a folder that is as it was tells so at once, but not where the path leads through a link", async () => {
  const { given, watch, look } = await watched();
  assertEquals(watch.isUnchanged(), false);
  await look();
  assertEquals(watch.isUnchanged(), true);
  given.nowMs += SECOND;
  assertEquals(watch.isUnchanged(), false);
  await look();
  given.changedMs = 3;
  assertEquals(watch.isUnchanged(), false);
  const linked = await watched();
  linked.given.path = "/elsewhere/file";
  await linked.look();
  assertEquals(linked.watch.isUnchanged(), false);
});

test("files are looked at again when their folder was changed", async () => {
  const { given, look } = await watched();
  await look();
  given.changedMs = 3;
  assertEquals([await look(), await look()], [true, false]);
});

test("files are looked at again when the path leads elsewhere", async () => {
  for (const before of ["/folder/file", "/folder/other", "/elsewhere/file"]) {
    const { given, look } = await watched();
    given.path = before;
    await look();
    assertEquals(await look(), false);
    given.path = "/folder 2/file";
    given.folder = "/folder 2";
    given.nowMs += 10;
    assertEquals([await look(), await look()], [true, false]);
  }
});

test("only where a link leads is found out each time: otherwise the folder tells all", async () => {
  for (const [path, places] of [["/folder/file", 1], ["/folder/other", 3], ["/else/file", 3]]) {
    const { given, look } = await watched();
    given.path = path as string;
    assertEquals([await look(), await look(), await look()], [true, false, false]);
    assertEquals(given.places, places);
  }
});

test("files are looked at as long as their folder was just changed: it may change again before the clock of the file system goes on", async () => {
  for (const [changedMs, settledMs] of [[100 * SECOND + 0.25, 50], [100 * SECOND, 2500]] as const) {
    const { given, look } = await watched();
    given.changedMs = given.nowMs = changedMs;
    for (let n = 0; n < 5; n++, given.nowMs += settledMs / 4) assertEquals(await look(), true);
    assertEquals([await look(), await look()], [true, false]);
  }
});

test("files are looked at where nothing is known of their folder, and when the clock was set back", async () => {
  for (
    const place of [
      undefined,
      () => Promise.resolve(undefined),
      () => Promise.reject(new Error()),
    ]
  ) {
    const { look } = await watched({ place } as Partial<FileAdapter>);
    assertEquals([await look(), await look()], [true, true]);
  }
  const { given, look } = await watched();
  await look();
  given.nowMs -= 1;
  assertEquals(await look(), true);
});

test("files that were not as they should be are looked at again", async () => {
  const { watch, look } = await watched();
  const error = new Error("replaced");
  await assertRejects(async () => await watch.look(() => Promise.reject(error)), Error, "replaced");
  assertEquals([await look(), await look()], [true, false]);
});

import { assert, assertEquals } from "@std/assert";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { cli } from "../support/cli.ts";
import { interactions } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

/** What files take on the disk together. */
function sizeOf(...paths: string[]): number {
  return paths.reduce(
    (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

test("info() counts what a SQLite log has in its write-ahead log", async (t) => {
  const path = join(tempFolder(t), "log.db");
  const log = await openFile(t, { backend: "sqlite", path });
  await log.recordAll(interactions(100));
  const { bytes, indexBytes } = await log.info();
  assert(sizeOf(`${path}-wal`) > 0);
  assertEquals(bytes, sizeOf(path, `${path}-wal`));
  assertEquals(indexBytes, undefined);
});

test("info() tells the size of a JSONL log, and apart from it that of its index", async (t) => {
  const path = join(tempFolder(t), "log.jsonl");
  const log = await openFile(t, { backend: "jsonl", path });
  await log.recordAll(interactions(100));
  const { bytes, indexBytes } = await log.info();
  assertEquals(bytes, sizeOf(path));
  assert(sizeOf(`${path}-index-wal`) > 0);
  assertEquals(indexBytes, sizeOf(`${path}-index`, `${path}-index-wal`));
});

for (const backend of FILE_BACKENDS) {
  test(`audit-log info tells the size of a log and of its index (${backend})`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await openFile(t, { backend, path });
    await log.recordAll(interactions(100));
    await log.close();
    const { stdout } = await cli(["info", "--log", path]);
    const told = (name: string) => Number(new RegExp(`^${name} +(\\d+)$`, "m").exec(stdout)?.[1]);
    assertEquals(told("bytes"), sizeOf(path));
    if (backend === "jsonl") assertEquals(told("index bytes"), sizeOf(`${path}-index`));
  });
}

/**
 * Appending: at the end, wherever that is by then.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { FileAdapter } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";
import { appendAll, assertPosix, openFile } from "./file_adapter.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

export function fileAppending(name: string, adapter: FileAdapter): void {
  test(`${name}: what is appended stands behind what others appended meanwhile`, async (t) => {
    const path = join(tempFolder(t), "file");
    const first = await openFile(t, adapter, path, "create");
    const second = await openFile(t, adapter, path, "append");
    await appendAll(first, bytes("1"));
    await appendAll(second, bytes("2"));
    appendFileSync(path, "3");
    await appendAll(first, bytes("4"));
    await first.read(new Uint8Array(1), 0);
    await appendAll(first, bytes("5"));
    await appendAll(second, bytes("6"));
    assertEquals(readFileSync(path, "utf8"), "123456");
    truncateSync(path, 2);
    await appendAll(first, bytes("7"));
    assertEquals(readFileSync(path, "utf8"), "127");
  });

  test(`${name}: an existing file is appended to, not emptied`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "old ");
    await appendAll(await openFile(t, adapter, path, "append"), bytes("new"));
    assertEquals(readFileSync(path, "utf8"), "old new");
  });

  test(`${name}: append() takes the bytes that it says, of any number`, async (t) => {
    const path = join(tempFolder(t), "file");
    const file = await openFile(t, adapter, path, "create");
    let size = 0;
    for (const length of [0, 1, 65_535, 65_536, 65_537, 1_000_000, 5_000_000]) {
      const given = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 251);
      const taken = await file.append(given);
      if (length > 0) assertGreater(taken, 0);
      await appendAll(file, given.subarray(taken));
      assert(readFileSync(path).subarray(size).equals(given), `${length} bytes`);
      size += length;
      assertEquals((await file.stat()).size, size);
    }
  });

  test(`${name}: of a part of a buffer, that part is appended`, async (t) => {
    const path = join(tempFolder(t), "file");
    const file = await openFile(t, adapter, path, "create");
    for (const length of [3, 100_000]) {
      const whole = new Uint8Array(length + 2).fill(1, 1, length + 1);
      await appendAll(file, whole.subarray(1, length + 1));
    }
    const written = readFileSync(path);
    assertEquals(written.length, 100_003);
    assert(written.every((byte) => byte === 1));
  });

  test(`${name}: lines that two handles append at once stay whole`, async (t) => {
    const path = join(tempFolder(t), "file");
    const files = [
      await openFile(t, adapter, path, "create"),
      await openFile(t, adapter, path, "append"),
    ];
    const line = (i: number) => `${i}:${"x".repeat(i % 50 === 0 ? 100_000 : i)}\n`;
    await Promise.all(files.flatMap((file, n) =>
      Array.from({ length: 200 }, async (_, i) => {
        const given = bytes(line(2 * i + n));
        assertEquals(await file.append(given), given.length);
      })
    ));
    const lines = readFileSync(path, "utf8").split(/(?<=\n)/);
    assertEquals(lines.length, 400);
    lines.sort((a, b) => parseInt(a) - parseInt(b));
    lines.forEach((found, i) => assert(found === line(i), `line ${i}`));
  });

  test(`${name}: what was appended can be synced, again and again`, async (t) => {
    const file = await openFile(t, adapter, join(tempFolder(t), "file"), "create");
    await file.sync();
    for (let i = 0; i < 3; i++) {
      await appendAll(file, bytes("line\n"));
      await Promise.all([file.sync(), file.sync(), file.sync()]);
    }
    assertEquals((await file.stat()).size, 15);
  });

  testUnless(
    process.platform === "linux" ? undefined : "other systems answer otherwise",
    `${name}: sync() asks the system, and tells what it answers: a named pipe is on no disk`,
    async (context) => {
      const t = context as TestContext;
      const path = join(tempFolder(t), "pipe");
      assertEquals(spawnSync("mkfifo", [path]).status, 0);
      const file = await openFile(t, adapter, path, "append");
      await assertPosix("EINVAL", () => file.sync());
    },
  );
}

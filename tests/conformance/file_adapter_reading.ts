/**
 * Reading at a position.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { FileAdapter } from "@audit-log/llm";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tempFolder } from "../support/temp.ts";
import { appendAll, openFile } from "./file_adapter.ts";

/** A file that tells at each place where that is. */
const COUNT = Uint32Array.from(Array(100_000).keys());

export function fileReading(name: string, adapter: FileAdapter): void {
  test(`${name}: reads under way at once, and appends between, each get their bytes`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, new Uint8Array(COUNT.buffer));
    const file = await openFile(t, adapter, path, "append");
    const reads = Array.from({ length: 500 }, async (_, i) => {
      const first = (i * 7919) % 99_000;
      const buffer = new Uint32Array(i % 1000 + 1);
      const bytes = new Uint8Array(buffer.buffer);
      assertEquals(await file.read(bytes, first * 4), bytes.length);
      assert(buffer.every((value, k) => value === first + k), `read ${i}`);
    });
    const appends = Array.from({ length: 50 }, () => appendAll(file, new Uint8Array(70_000)));
    await Promise.all([...reads, ...appends]);
    assertEquals((await file.stat()).size, COUNT.byteLength + 50 * 70_000);
  });

  test(`${name}: a read ends with the file`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "0123456789");
    const file = await openFile(t, adapter, path, "read");
    const buffer = new Uint8Array(8);
    assertEquals(await file.read(buffer, 7), 3);
    assertEquals(new TextDecoder().decode(buffer), "789\0\0\0\0\0");
    assertEquals(await file.read(buffer, 10), 0);
    assertEquals(await file.read(buffer, 1000), 0);
    assertEquals(await file.read(new Uint8Array(), 0), 0);
    assertEquals(await file.read(buffer, 2), 8);
  });

  test(`${name}: a read fills the given part of a buffer and no more`, async (t) => {
    const path = join(tempFolder(t), "file");
    writeFileSync(path, "0123456789");
    const file = await openFile(t, adapter, path, "read");
    const whole = new Uint8Array(6).fill(0x2d);
    assertEquals(await file.read(whole.subarray(2, 4), 5), 2);
    assertEquals(new TextDecoder().decode(whole), "--56--");
  });

  test(`${name}: what is appended can be read at once, by every handle`, async (t) => {
    const path = join(tempFolder(t), "file");
    const writer = await openFile(t, adapter, path, "create");
    const reader = await openFile(t, adapter, path, "read");
    const buffer = new Uint8Array(4);
    for (let i = 0; i < 10; i++) {
      await appendAll(writer, Uint8Array.of(i));
      for (const file of [writer, reader]) {
        assertEquals(await file.read(buffer, i), 1);
        assertEquals(buffer[0], i);
      }
    }
  });

  test(`${name}: positions and sizes beyond 4 GiB are right`, async (t) => {
    const path = join(tempFolder(t), "file");
    const size = 5 * 2 ** 30;
    writeFileSync(path, "at the start");
    // Sparse: it takes no space.
    truncateSync(path, size);
    const file = await openFile(t, adapter, path, "append");
    await appendAll(file, new TextEncoder().encode("at the end"));
    assertEquals((await file.stat()).size, size + 10);
    assertEquals((await adapter.stat(path))!.size, size + 10);
    const buffer = new Uint8Array(12);
    assertEquals(await file.read(buffer, size - 2), 12);
    assertEquals(new TextDecoder().decode(buffer), "\0\0at the end");
    assertEquals(await file.read(buffer, 2 ** 32), 12);
    assert(buffer.every((byte) => byte === 0));
  });
}

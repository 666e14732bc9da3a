// A large log is opened without its texts, and read and verified a part at a time.

import { assert, assertEquals } from "@std/assert";
import type { LogStore, NewEntry, OpenFile, Runtime } from "@audit-log/llm";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { FileSettings } from "../../src/options.ts";
import { everything } from "../../src/query.ts";
import { readLines } from "../../src/stores/line_reader.ts";
import { openJsonlStore } from "../../src/stores/jsonl.ts";
import { openSqliteStore } from "../../src/stores/sqlite.ts";
import { aroundFiles } from "../support/around_files.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interactions } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

type Backend = typeof FILE_BACKENDS[number];

/** Records so long that a page of a usual number of them would be too large. */
function long(count: number, characters: number): NewEntry[] {
  return interactions(count, { outputText: "x".repeat(characters) });
}

/** A log with these entries, closed. */
async function logOf(
  t: TestContext,
  backend: Backend,
  entries: readonly NewEntry[],
): Promise<string> {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend, path, durability: "relaxed" });
  await log.recordAll(entries);
  await log.close();
  return path;
}

/** The store of a log. */
async function storeOf(t: TestContext, backend: Backend, path: string): Promise<LogStore> {
  const settings: FileSettings = {
    path,
    durability: "full",
    readOnly: false,
    busyTimeoutMs: 30_000,
    maxRecordBytes: 2 ** 20,
    warn: () => {},
  };
  const open = backend === "sqlite" ? openSqliteStore : openJsonlStore;
  const store = await open(await currentRuntime(), settings);
  atEnd(t, () => store.close());
  return store;
}

interface Pages {
  /** How many records there were. */
  records: number;
  /** The characters or bytes of the largest chunk. */
  largest: number;
}

/** Reads all, a chunk at a time. */
async function pagesOf<T>(
  chunks: AsyncIterable<readonly T[]>,
  lengthOf: (one: T) => number,
): Promise<Pages> {
  const pages = { records: 0, largest: 0 };
  for await (const chunk of chunks) {
    pages.records += chunk.length;
    pages.largest = Math.max(pages.largest, chunk.reduce((sum, one) => sum + lengthOf(one), 0));
  }
  return pages;
}

const ASCENDING = { ...everything, order: "asc" } as const;
const [SHORT, LONG, CHARACTERS] = [600, 120, 100_000];

for (const backend of FILE_BACKENDS) {
  test(`${backend}: of 12 MB of long records, a few are in memory at a time, those behind many short ones too`, async (t) => {
    const entries = [...interactions(SHORT), ...long(LONG, CHARACTERS)];
    const store = await storeOf(t, backend, await logOf(t, backend, entries));
    const tree = store.tree!;
    const size = SHORT + LONG;
    const check = ({ records, largest }: Pages, expected: number, most: number): void => {
      assertEquals(records, expected);
      assert(largest >= CHARACTERS && largest < most, `${largest} of ${most}`);
    };
    const few = 3e6; // 16 of them at first, then about a million characters
    const most = 7e6; // 64 rows were short before
    const read = (order: "asc" | "desc") =>
      pagesOf(store.read({ ...everything, order }), ({ line }) => line.length);
    check(await read("desc"), size, few);
    check(await read("asc"), size, most);
    check(await pagesOf(tree.lines(SHORT, size), ({ length }) => length), LONG, few);
    check(await pagesOf(tree.lines(0, size), ({ length }) => length), size, most);
  });

  test(`${backend}: of 12 MB of long records, 2 MB are in memory at a time when they are verified`, async (t) => {
    const entries = [...interactions(SHORT), ...long(LONG, CHARACTERS)];
    const path = await logOf(t, backend, entries);
    let largest = 0;
    const see = (bytes: number) => largest = Math.max(largest, bytes);
    const runtime = aroundSqlite(
      watchingReads(await currentRuntime(), path, see),
      ({ does }, action) => {
        const result = action();
        if (does === "all") see(lengthOf(result));
        return result;
      },
    );
    const log = await openFile(t, { backend, path, runtime, readOnly: true });
    largest = 0;
    assertEquals((await log.verify()).size, SHORT + LONG);
    assert(largest > CHARACTERS && largest <= 2 ** 21, `${largest}`);
  });
}

test("jsonl: no more than 1,024 rows of the index are read at a time, however many lines are no records", async (t) => {
  const path = await logOf(t, "jsonl", interactions(10));
  writeFileSync(path, "\n".repeat(150_000), { flag: "a" }); // 146 times as many as rows are read at a time
  const log = await openFile(t, { backend: "jsonl", path });
  await log.recordAll(interactions(3000));
  await log.close();
  let [most, queries] = [0, 0];
  const runtime = aroundSqlite(await currentRuntime(), ({ does }, action) => {
    const result = action();
    if (does === "all") {
      most = Math.max(most, (result as readonly unknown[]).length);
      queries++;
    }
    return result;
  });
  const again = await openFile(t, { backend: "jsonl", path, runtime, readOnly: true });
  [most, queries] = [0, 0];
  const report = await again.verify();
  assertEquals([report.ok, report.size], [true, 3010]);
  assert(most > 100 && most <= 1024 && queries < 100, `${most} in ${queries}`);
});

test("jsonl: no more than 4 MiB of lines are read at a time, however few they are", async (t) => {
  const store = await storeOf(t, "jsonl", await logOf(t, "jsonl", long(16, 400_000)));
  const read = await pagesOf(store.read(ASCENDING), ({ line }) => line.length);
  const lines = await pagesOf(store.tree!.lines(0, 16), ({ length }) => length);
  for (const { records, largest } of [read, lines]) {
    assertEquals(records, 16);
    assert(largest > 2 ** 20 && largest <= 4 * 2 ** 20, `${largest}`);
  }
});

/** How many characters or bytes there are in rows. */
function lengthOf(rows: unknown): number {
  return [rows].flat().flatMap((row) => Object.values(row ?? {}))
    .reduce<number>((sum, value) => sum + ((value as { length?: number } | null)?.length ?? 8), 0);
}

/** The runtime, which tells how long each buffer is that is read into from a file, and how many bytes that gave. */
function watchingReads(
  runtime: Runtime,
  path: string,
  tell: (buffer: number, bytes: number) => void,
): Runtime {
  return aroundFiles(runtime, (file, opened) => ({
    async read(buffer, position) {
      const bytes = await file.read(buffer, position);
      if (opened === path) tell(buffer.length, bytes);
      return bytes;
    },
  }));
}

test("lines that are near to each other are read together, 4 MiB at most", async () => {
  const places = Array.from({ length: 400 }, (_, n) => ({ offset: n * 30_000, length: 100 }));
  const buffers: number[] = [];
  const file: Pick<OpenFile, "read"> = {
    read(buffer, position) {
      buffers.push(buffer.length);
      buffer.forEach((_, at) => buffer[at] = Math.floor((position + at) / 30_000) % 251);
      return Promise.resolve(buffer.length);
    },
  };
  const lines = await readLines(file as OpenFile, places);
  lines.forEach((line, n) => assert(line.length === 101 && line.every((byte) => byte === n % 251)));
  assertEquals(lines.length, places.length);
  assert(buffers.length < 10 && Math.max(...buffers) <= 4 * 2 ** 20, `${buffers}`);
});

test("jsonl: a large file is read once, a megabyte at a time, and opened from then on without its texts", async (t) => {
  const path = await logOf(t, "jsonl", long(200, 20_000));
  rmSync(`${path}-index`);
  const { size } = statSync(path);
  const found: { largest: number; total: number }[] = [];
  for (let n = 0; n < 2; n++) {
    let [largest, total] = [0, 0];
    const runtime = watchingReads(await currentRuntime(), path, (buffer, bytes) => {
      largest = Math.max(largest, buffer);
      total += bytes;
    });
    const log = await openFile(t, { backend: "jsonl", path, runtime });
    assertEquals(await log.count(), 200);
    found.push({ largest, total });
    await log.close();
  }
  const [first, second] = found;
  assert(first!.largest <= 2 ** 20, `${first!.largest}`);
  assert(first!.total >= size && first!.total < 1.5 * size, `${first!.total} of ${size}`);
  // Two of the lines, to see that they are where they were.
  assert(second!.total < 64 * 1024, `${second!.total}`);
});

test("sqlite: a large file is opened without its texts", async (t) => {
  const path = await logOf(t, "sqlite", long(40, CHARACTERS));
  let total = 0;
  const runtime = aroundSqlite(await currentRuntime(), ({ does }, action) => {
    const result = action();
    if (does === "get" || does === "all") total += lengthOf(result);
    return result;
  });
  const log = await openFile(t, { backend: "sqlite", path, runtime });
  assertEquals(await log.count(), 40);
  const atOpening = total;
  await log.query({ limit: 1 });
  assert(atOpening < 64 * 1024, `${atOpening}`);
  assert(total > CHARACTERS); // else it is not so that texts are read
});

// Several threads of one process record into one log at the same time, and somebody reads it. `deno task test:crash` does
// the same with more of them, and with processes of all runtimes.

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { tempFolder } from "../support/temp.ts";
import { readMeanwhile, recordAtOnce, startThread } from "../support/writing.ts";

const THREADS = 4;
const writers = Array.from({ length: THREADS }, () => startThread);

for (const backend of FILE_BACKENDS) {
  test(`${backend}: ${THREADS} threads record at once and some sign, each entry once and each caller's in order`, async (t) => {
    const path = join(tempFolder(t), "log");
    await recordAtOnce({ backend, path, writers, each: 30, groups: [1, 2, 3, 7, 20] });
  });

  test(`${backend}: who reads while ${THREADS} threads record sees whole groups, and what was there before`, async (t) => {
    const path = join(tempFolder(t), "log");
    await readMeanwhile({ backend, path, writers, each: 70, groups: [1, 3, 20, 70] });
  });
}

test("sqlite: two threads have large batches written by threads of their own, each entry once and each caller's in order", async (t) => {
  const path = join(tempFolder(t), "log");
  const few = writers.slice(0, 2);
  const large = { backend: "sqlite", path, writers: few, each: 700, groups: [600] } as const;
  assertEquals(await recordAtOnce(large), 2);
});

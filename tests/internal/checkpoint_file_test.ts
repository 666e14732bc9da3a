// Whatever bytes the file of a log's checkpoints has, it is read to its end, and goes on.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CheckpointFile } from "../../src/stores/checkpoint_file.ts";
import type { StoredCheckpoint } from "../../src/stores/tree_store.ts";
import { mutations } from "../support/mutations.ts";
import { check, LONG_MS } from "../support/property.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const line = fc.oneof(
  fc.record({ size: fc.nat(9), note: fc.string({ unit: "binary", maxLength: 20 }) })
    .map((checkpoint) => JSON.stringify(checkpoint)),
  // Longer than what is read of the end at first.
  fc.record({ size: fc.nat(9), note: fc.integer({ min: 16_300, max: 16_400 }) })
    .map(({ size, note }) => JSON.stringify({ size, note: "\\".repeat(note) })),
  fc.constantFrom("", "{", "null", "5", '{"size":', '{"size":3,"note":"', "\0\0\0", '{"note":"x"}'),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const text = fc.tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom("", "\n", "\0\0"))
  .map(([lines, end]) => lines.join("\n") + end);

async function all(file: CheckpointFile): Promise<StoredCheckpoint[]> {
  const found: StoredCheckpoint[] = [];
  for await (const checkpoints of file.all()) found.push(...checkpoints);
  return found;
}

test(
  "whatever bytes a file of checkpoints has, its last one is the last of all, and the next follows it",
  { timeout: LONG_MS },
  async (t) => {
    const runtime = await currentRuntime();
    const path = join(tempFolder(t), "checkpoints");
    const property = fc.asyncProperty(text, fc.option(mutations), async (text, mutate) => {
      writeFileSync(path, mutate === null ? text : mutate(text));
      const before = readFileSync(path);
      const file = new CheckpointFile(runtime, path);
      const found = await all(file);
      assertEquals(await file.last(), found.at(-1));
      for (const { size, note } of found) {
        assert(typeof size === "number" && typeof note === "string");
      }
      const next = { size: 1e6, note: "next\n" };
      const last = found.at(-1);
      assertEquals(await file.append(next), last === undefined || last.size <= next.size);
      if (last !== undefined && last.size > next.size) return;
      assertEquals(await file.last(), next);
      assertEquals((await all(file)).at(-1), next);
      // All that was there stays.
      assertEquals(readFileSync(path).subarray(0, before.length), before);
      rmSync(path);
    });
    await check(property, 60);
  },
);

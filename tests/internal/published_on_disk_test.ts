// A checkpoint that was published into a file is on that disk.

import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { publisherToFile } from "../../src/transparency/publish_to_file.ts";
import { aroundFiles } from "../support/around_files.ts";
import { Gate } from "../support/notes.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

test("a checkpoint is published into a file when the disk has it, whole", async (t) => {
  const path = join(tempFolder(t), "kept.txt");
  const [reached, gate] = [new Gate(), new Gate()];
  let written = "";
  const runtime = aroundFiles(await currentRuntime(), (file) => ({
    append: (bytes) => file.append(bytes.subarray(0, 3)),
    async sync() {
      written = readFileSync(path, "utf8");
      reached.open();
      await gate.passed;
      await file.sync();
    },
  }));
  let isDone = false;
  const publishing = publisherToFile(path, () => Promise.resolve(runtime))("a note\n")
    .then(() => isDone = true);
  // Where nothing is asked of the disk, it is published at once.
  await Promise.race([reached.passed, publishing]);
  assertEquals([written, isDone], ["a note\n\n", false]);
  gate.open();
  await publishing;
});

// Processes that record are killed. `deno task test:crash` does the same some hundred times.

import { assertEquals, assertGreater } from "@std/assert";
import { test } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { crashRounds } from "../support/crash_rounds.ts";
import { givenSeed } from "../support/random.ts";
import { tempFolder } from "../support/temp.ts";

const KILLS = 3;

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a log whose writers are killed has all they acknowledged, is in order, and goes on`, async (t) => {
    const folder = tempFolder(t);
    const account = await crashRounds({ backend, folder, kills: KILLS, seed: givenSeed() });
    assertEquals(account.kills, KILLS);
    assertGreater(account.acknowledged, 0);
    // Whether two batches of JSONL are under way at once depends on the disk.
    if (backend === "sqlite") assertGreater(account.aside, 0, "no thread wrote large batches");
  });
}

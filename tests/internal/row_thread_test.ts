// The database that another thread writes to.

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { test } from "node:test";
import type { SqliteDatabase } from "../../src/ports.ts";
import { RowThread } from "../../src/stores/row_thread.ts";
import { openFile } from "../support/backends.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

for (const [durability, synchronous] of [["full", 2], ["relaxed", 1]] as const) {
  test(`a thread that writes has synchronous ${synchronous} where durability is ${durability}, and each sync reaches the disk itself`, async (t) => {
    const path = join(tempFolder(t), "log");
    await (await openFile(t, { backend: "sqlite", path })).close();
    const { file, sqlite } = await currentRuntime();
    const { identity } = (await file.stat(path))!;
    let database: SqliteDatabase | undefined;
    const spied: typeof sqlite = {
      ...sqlite,
      open: (path, options) => database = sqlite.open(path, options),
    };
    const settings = { path, identity, durability, busyTimeoutMs: 100 };
    const thread = await RowThread.open({ file, sqlite: spied }, settings);
    atEnd(t, () => thread.close());
    const found = ["synchronous", "fullfsync", "checkpoint_fullfsync"].map((name) =>
      Object.values(database!.prepare(`PRAGMA ${name}`).get()!)[0]
    );
    assertEquals(found, [synchronous, 1, 1]);
  });
}

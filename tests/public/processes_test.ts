// Several processes record into one log at the same time.

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { allLines, inputs, interaction } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

const PROCESSES = 4;
const EACH = 100;

for (const backend of FILE_BACKENDS) {
  test(`${backend}: ${PROCESSES} processes record at once, each entry once and each one's in order`, async (t) => {
    const path = join(tempFolder(t), "log");
    const users = Array.from({ length: PROCESSES }, (_, n) => `user ${n}`);
    const children = users.map((user) =>
      runProgram(scriptCommand("write_entries.ts", backend, path, user, `${EACH}`))
    );
    // This process reads and writes all the while.
    const log = await openFile(t, { backend, path });
    let own = 0;
    let running = true;
    const ending = Promise.all(children).finally(() => running = false);
    while (running) {
      await log.record(interaction({ user: "own", inputText: `${own++}` }));
      const entries = await log.query();
      assertEquals(new Set(entries.map(({ entryId }) => entryId)).size, entries.length);
      assertEquals((await log.query({ user: "own" })).length, own);
    }
    const acknowledged = (await ending).map(({ code, stdout, stderr }) => {
      assertEquals(code, 0, stderr);
      return stdout.trim().split("\n");
    });

    for (const reader of [log, await openFile(t, { backend, path })]) {
      assertEquals(await reader.count(), PROCESSES * EACH + own);
      for (const [n, user] of users.entries()) {
        const entries = await reader.query({ user });
        assertEquals(entries.map(({ entryId }) => entryId), acknowledged[n]);
        assertEquals(inputs(entries), Array.from({ length: EACH }, (_, n) => `${n}`));
      }
      assertEquals((await reader.info()).unreadable?.count ?? 0, 0);
      const lines = await allLines(reader);
      assertEquals(lines.length, new Set(lines).size);
    }
    assertEquals((await log.info()).warnings, []);
  });
}

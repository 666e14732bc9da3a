// Files of versions 2 and 3 of the format, whose indexes on users were not in segments, or in larger ones: they are upgraded when they are
// opened for writing.

import { assertEquals } from "@std/assert";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openFile } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

for (const version of [2, 3]) {
  const fixture = (name: string) =>
    new URL(`../testdata/format_${version}/${name}`, import.meta.url);
  const verifierKey = readFileSync(fixture("verifier.key"), "utf8").trim();

  test(`a log of version ${version} opens with all its entries, and its checkpoints hold`, async (t) => {
    const path = join(tempFolder(t), "audit.db");
    copyFileSync(fixture("audit.db"), path);
    const log = await openFile(t, { backend: "sqlite", path });
    assertEquals((await log.info()).formatVersion, 4);
    const users = ["alice", "bob", "bob", "judge", "carol"];
    assertEquals((await log.query({ events: "all" })).map(({ user }) => user), users);
    assertEquals((await log.query({ user: "bob" })).map(({ inputText }) => inputText), [
      "Hi \0 \ud800",
    ]);
    assertEquals(await log.count({ user: "bob", model: "gpt-4o", events: "all" }), 2);
    assertEquals((await log.unfinished()).map(({ entry }) => entry?.user), ["carol"]);
    const [first] = await log.query({ user: "alice", annotations: true });
    assertEquals(first!.annotations.map(({ name }) => name), ["politeness"]);
    assertEquals((await log.verify({ verifierKey })).faults, []);
    await log.record(interaction({ user: "alice" }));
    assertEquals(await log.count({ user: "alice" }), 2);
    await log.close();

    const again = await openFile(t, { backend: "sqlite", path, readOnly: true });
    assertEquals((await again.query({ user: "alice" })).length, 2);
    assertEquals((await again.verify({ verifierKey })).faults, []);
  });
}

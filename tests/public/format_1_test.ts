// Files of version 1 of the format, which had no events: they are upgraded when they are opened for writing.

import { assert, assertEquals } from "@std/assert";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { inputs, interaction } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { tempFolder } from "../support/temp.ts";

const fixture = (name: string) => new URL(`../testdata/format_1/${name}`, import.meta.url);
const verifierKey = readFileSync(fixture("verifier.key"), "utf8").trim();

/** A copy of the log of version 1. */
function copied(t: TestContext): string {
  const path = join(tempFolder(t), "audit.db");
  copyFileSync(fixture("audit.db"), path);
  return path;
}

test("a log of version 1 opens with all its entries, and its checkpoints hold", async (t) => {
  const path = copied(t);
  const log = await openFile(t, { backend: "sqlite", path });
  assertEquals(log.size, 4);
  assertEquals((await log.info()).formatVersion, 4);
  assertEquals((await log.query()).map(({ user }) => user), ["alice", "bob", "dave"]);
  assertEquals((await log.query({ user: "bob" }))[0]!.inputText, "Hi \0 \ud800");
  const report = await log.verify({ verifierKey });
  assert(report.ok, JSON.stringify(report.faults));
  assertEquals(report.size, 4);
  await log.record(interaction({ inputText: "next" }));
  await (await log.begin({ model: "m", inputText: "a call" })).complete({ outputText: "" });
  await log.close();

  const again = await openFile(t, { backend: "sqlite", path, readOnly: true });
  assertEquals(inputs(await again.query()).slice(-2), ["next", "a call"]);
  assertEquals((await again.verify({ verifierKey })).faults, []);
});

test("an event that a log of version 1 adopted is one after the upgrade, in its view too", async (t) => {
  const path = copied(t);
  const log = await openFile(t, { backend: "sqlite", path });
  const all = await log.query({ events: "all" });
  assertEquals(all.map(({ user }) => user), ["alice", "bob", "carol", "dave"]);
  await log.close();
  const raw = await openRaw(t, path);
  const rows = raw.all("SELECT user FROM audit_log ORDER BY seq");
  assertEquals(rows.map((row) => row["user"]), ["alice", "bob", "dave"]);
  assertEquals(raw.all("SELECT seq, event, subject FROM audit_event").map((row) => ({ ...row })), [
    { seq: 2, event: "annotation", subject: "01a20417-cb8a-7554-a9c1-776c8517ba3b" },
  ]);
});

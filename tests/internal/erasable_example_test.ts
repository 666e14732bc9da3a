// The example of texts that can be erased.

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { linkSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { erasable, readable, UserKeys } from "../../examples/erasable.ts";
import { AuditLog, generateSigningKey, type NewEntry } from "../../mod.ts";
import { tempFolder } from "../support/temp.ts";

const SECRET = "Ida is six";
const ENTRIES: NewEntry[] = [
  {
    user: "user-1",
    model: "gpt-4o",
    inputText: `${SECRET}. When does she start school?`,
    outputText: "This year, or next.",
    metadata: { session: "s-1", note: SECRET, [SECRET]: { deep: [SECRET, 7, true, null] } },
  },
  {
    user: "user-2",
    model: "gpt-4o",
    inputText: `[{"role":"user","content":"${SECRET}"}]`,
    outputText: "\ud800 and \u0000 are kept, and sealed:nothing",
    metadata: { "audit-like": `{"content":"${SECRET}"}` },
  },
  { user: "user-1", model: "gpt-4o", inputText: "", outputText: "" },
];

test("erasable texts are in no file of the log, and read with their users' keys", async (t) => {
  const folder = tempFolder(t);
  const keys = new UserKeys(join(folder, "keys"));
  for (const backend of ["sqlite", "jsonl"] as const) {
    const path = join(folder, backend);
    const redact = erasable(keys, { keep: ["session"] });
    const log = await AuditLog.open({ backend, path, redact });
    await log.recordAll(ENTRIES);
    const call = await log.begin({ user: "user-1", model: "gpt-4o", inputText: SECRET });
    await call.fail(new Error(SECRET), { partialOutput: SECRET });
    for (const name of readdirSync(folder).filter((name) => name.startsWith(backend))) {
      assertEquals(readFileSync(join(folder, name)).includes(SECRET), false, name);
    }
    const found = await log.query({ metadata: { session: "s-1" } });
    assertEquals(found.length, 1);
    const [first, second, third, fourth] = await Promise.all(
      (await log.query()).map((entry) => readable(entry, keys)),
    );
    for (const [n, entry] of [first, second, third].entries()) {
      const { user, inputText, outputText, metadata } = entry!;
      const { "audit.redaction": _, ...own } = metadata;
      const { metadata: given = {}, ...texts } = ENTRIES[n]!;
      assertEquals({ user, model: entry!.model, inputText, outputText }, texts);
      assertEquals(own, given);
    }
    assertStringIncludes(fourth!.outputText, SECRET);
    assertEquals(fourth!.metadata["error.message"], SECRET);
    await log.close();
  }
});

test("once a key is erased, texts of that user are unreadable, and the log verifies", async (t) => {
  const folder = tempFolder(t);
  const keys = new UserKeys(join(folder, "keys"));
  const { signingKey, verifierKey } = await generateSigningKey("erasable.example");
  const log = await AuditLog.open({
    backend: "sqlite",
    path: join(folder, "audit.db"),
    redact: erasable(keys),
    signingKey,
  });
  await log.recordAll(ENTRIES);
  const checkpoint = await log.checkpoint();
  keys.erase("user-1");
  keys.erase("user-1"); // nothing is left to do
  const recorded = await log.query();
  const [first, second] = await Promise.all(recorded.map((entry) => readable(entry, keys)));
  assertEquals(first, recorded[0]);
  assertEquals(second!.inputText, ENTRIES[1]!.inputText);

  await log.record(ENTRIES[0]!); // with a key that is a new one
  const again = await Promise.all((await log.query()).map((entry) => readable(entry, keys)));
  assertEquals(again[0], recorded[0]);
  assertEquals(again[3]!.inputText, ENTRIES[0]!.inputText);
  const report = await log.verify({ verifierKey, checkpoint });
  assert(report.ok);
  await log.close();
});

test("keys are for their owner alone, and the same for whoever asks first", (t) => {
  const folder = join(tempFolder(t), "keys");
  const [keys, others] = [new UserKeys(folder), new UserKeys(folder)];
  assertEquals(keys.get("../../user"), undefined);
  const key = keys.getOrMake("../../user");
  assertEquals(others.getOrMake("../../user"), key);
  assertNotEquals(others.getOrMake("user"), key);
  assertEquals(key.length, 32);
  const names = readdirSync(folder);
  assertEquals(names.length, 2);
  for (const name of names) assertEquals(statSync(join(folder, name)).mode & 0o777, 0o600);
});

test("erasing a key erases the draft of it that a process left when it died, too", (t) => {
  const folder = join(tempFolder(t), "keys");
  const keys = new UserKeys(folder);
  keys.getOrMake("user-1");
  const [name] = readdirSync(folder);
  linkSync(join(folder, name!), join(folder, `${name}.1b9d6bcd.draft`));
  const kept = keys.getOrMake("user-2");
  keys.erase("user-1");
  assertEquals(readdirSync(folder).length, 1);
  assertEquals(keys.get("user-2"), kept);
});

test("what is said of an entry is erased with the key of whoever says it", async (t) => {
  const folder = tempFolder(t);
  const keys = new UserKeys(join(folder, "keys"));
  const log = await AuditLog.open({ redact: erasable(keys) });
  const { entryId } = await log.record(ENTRIES[0]!);
  await log.annotate(entryId, { name: "judged", explanation: SECRET, user: "user-1" });
  await log.annotate(entryId, { name: "judged", explanation: SECRET, user: "judge" });
  keys.erase("user-1");
  const annotations = (await log.query({ events: "all" })).slice(1);
  const [own, others] = await Promise.all(annotations.map((entry) => readable(entry, keys)));
  assert(!JSON.stringify(own).includes(SECRET));
  assertStringIncludes(JSON.stringify(others), SECRET);
  await log.close();
});

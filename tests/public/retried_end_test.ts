// The end of a call that was refused is tried again, and is in the log once: also when it was written before it was refused.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, type LogRecord, type RedactableEntry, type Runtime } from "@audit-log/llm";
import { statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aroundFiles } from "../support/around_files.ts";
import { openFile } from "../support/backends.ts";
import { FullStore } from "../support/captured.ts";
import { inputs, interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** A disk that takes all but so many bytes of one write, and says that it failed. */
class Disk {
  readonly runtime: Runtime;
  /** How many bytes of the next write it does not take. */
  leaves: number | undefined;
  /** Whether the next sync fails. */
  doesNotSync = false;
  syncs = 0;

  constructor(real: Runtime) {
    this.runtime = aroundFiles(real, (file) => ({
      append: async (bytes) => {
        const { leaves } = this;
        if (leaves === undefined) return await file.append(bytes);
        this.leaves = undefined;
        await file.append(bytes.subarray(0, bytes.length - leaves));
        throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      },
      sync: async () => {
        if (this.doesNotSync) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
        await file.sync();
        this.syncs++;
      },
    }));
  }
}

const LEFT: [string, number, "once" | "torn"][] = [
  ["the whole line", 0, "once"],
  ["the line but for its newline", 1, "once"],
  ["the line but for its last byte", 2, "torn"],
];

for (const [what, leaves, left] of LEFT) {
  test(`jsonl: an end that was refused when ${what} was written is in the log once`, async (t) => {
    const path = join(tempFolder(t), "log");
    const disk = new Disk(await currentRuntime());
    const log = await openFile(t, { backend: "jsonl", path, runtime: disk.runtime });
    const call = await log.begin({ model: "m", inputText: "Hi" });
    disk.leaves = leaves;
    await assertRefused(() => call.complete({ outputText: "first" }), "WRITE_FAILED");
    const { syncs } = disk;
    const end = await call.complete({ outputText: "second" });
    assert(disk.syncs > syncs, "what was acknowledged is not on the disk");
    assertEquals(end.outputText, left === "once" ? "first" : "second");
    await assertRefused(() => call.abort(), "CALL_ENDED");
    await log.record({ model: "m", inputText: "next", outputText: "" });
    for (const one of [log, await openFile(t, { backend: "jsonl", path })]) {
      const entries = await one.query();
      assertEquals(inputs(entries), ["Hi", "next"]);
      assertEquals(entries[0], end);
      assertEquals(await one.unfinished(), []);
      assertEquals((await one.info()).unreadable?.count, left === "once" ? 0 : 1);
      assert((await one.verify()).ok);
    }
  });
}

test("jsonl: an end of which a crash left all but the newline is in the log once when the call is resumed", async (t) => {
  const path = join(tempFolder(t), "log");
  const before = await openFile(t, { backend: "jsonl", path });
  const end = await (await before.begin({ model: "m", inputText: "Hi" })).complete({
    outputText: "first",
  });
  await before.close();
  truncateSync(path, statSync(path).size - 1);
  const log = await openFile(t, { backend: "jsonl", path });
  const [call, ...others] = await log.unfinished();
  assertEquals(others, []);
  assertEquals(await call!.complete({ outputText: "second" }), end);
  assertEquals([await log.query(), await log.unfinished()], [[end], []]);
});

test("jsonl: an end that was refused is not taken for recorded when the disk does not confirm it", async (t) => {
  const path = join(tempFolder(t), "log");
  const disk = new Disk(await currentRuntime());
  const log = await openFile(t, { backend: "jsonl", path, runtime: disk.runtime });
  const call = await log.begin({ model: "m", inputText: "Hi" });
  disk.leaves = 0;
  await assertRefused(() => call.complete({ outputText: "" }), "WRITE_FAILED");
  disk.doesNotSync = true;
  await assertRefused(() => call.complete({ outputText: "" }), "SYNC_FAILED");
  disk.doesNotSync = false;
  // What is on the disk is not known to this handle, and stays so.
  await assertRefused(() => call.complete({ outputText: "" }), "LOG_FAILED");
  await assertRefused(() => log.recordGap({ lost: 1 }), "LOG_FAILED");
  const other = await openFile(t, { backend: "jsonl", path });
  assertEquals([await other.count(), await other.unfinished()], [1, []]);
});

test("the end of a call whose log was closed is refused, again and again", async () => {
  const log = await AuditLog.open();
  const call = await log.begin({ model: "m", inputText: "Hi" });
  await log.close();
  for (let attempt = 0; attempt < 3; attempt++) {
    await assertRefused(() => call.complete({ outputText: "" }), "LOG_CLOSED");
  }
});

/** A store that refuses appends, and reconciles and reads when it is told to. */
class SlowStore extends FullStore {
  readonly reconciles = Promise.withResolvers<void>();
  readonly go = Promise.withResolvers<void>();
  readonly did: string[] = [];

  async reconcile(): Promise<void> {
    this.reconciles.resolve();
    await this.go.promise;
    this.did.push("reconciled");
  }

  override async append(records: readonly LogRecord[]): Promise<number> {
    const first = await super.append(records);
    this.did.push(`appended ${first}`);
    return first;
  }

  override close(): Promise<void> {
    this.did.push("closed");
    return super.close();
  }
}

for (const redacts of [false, true]) {
  const how = redacts ? " in a log that redacts" : "";
  test(`closing the log waits for the end of a call that is tried again${how}`, async () => {
    const store = new SlowStore();
    const redact = redacts ? (entry: RedactableEntry) => Promise.resolve(entry) : undefined;
    const log = await AuditLog.open({ backend: store, redact });
    const call = await log.begin({ model: "m", inputText: "Hi" });
    store.full = true;
    await assertRefused(() => call.complete({ outputText: "Hello!" }), "WRITE_FAILED");
    store.full = false;
    const ending = call.complete({ outputText: "Hello!" });
    const settled = Promise.allSettled([ending]);
    await store.reconciles.promise;
    const closing = log.close();
    await assertRefused(() => log.record(interaction({})), "LOG_CLOSED");
    store.go.resolve();
    await Promise.all([settled, closing]);
    assertEquals((await ending).outputText, "Hello!");
    assertEquals(store.did, ["appended 0", "reconciled", "appended 1", "closed"]);
    await assertRefused(() => call.abort(), "CALL_ENDED");
  });
}

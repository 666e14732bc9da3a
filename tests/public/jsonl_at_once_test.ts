// One caller's record is appended without a promise, where nothing is to be waited for. What is promised is the same.

import { assert, assertEquals } from "@std/assert";
import { type AuditLog, type FileAtOnce, generateSigningKey } from "@audit-log/llm";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { aroundFiles } from "../support/around_files.ts";
import { openFile } from "../support/backends.ts";
import { foreignLine, interaction, interactions } from "../support/interaction.ts";
import { Gate } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

interface Watched {
  readonly path: string;
  readonly log: AuditLog;
  /** What was done with the log's file, and by whom. */
  readonly done: string[];
  /** Is called before the next write, and behind it. */
  next: { before?: () => void; behind?: () => void };
  /** Opens the log once more, with files of its own. */
  readonly again: () => Promise<AuditLog>;
}

/** A JSONL log whose disk is quick, and has shown it. */
async function openWatched(
  t: TestContext,
  durability: "full" | "relaxed" = "full",
): Promise<Watched> {
  const path = join(tempFolder(t), "log");
  const done: string[] = [];
  const present = await currentRuntime();
  const runtime = aroundFiles(present, (file, opened) => {
    if (opened !== path) return {};
    const atOnce: FileAtOnce = {
      ...file.atOnce!,
      append(bytes) {
        done.push("append at once");
        const { before, behind } = watched.next;
        watched.next = {};
        before?.();
        const count = file.atOnce!.append(bytes);
        behind?.();
        return count;
      },
      sync: () => void done.push("sync at once"),
    };
    return {
      append(bytes) {
        done.push("append");
        return file.append(bytes);
      },
      sync: () => Promise.resolve(void done.push("sync")),
      atOnce,
    };
  });
  const log = await openFile(t, { backend: "jsonl", path, runtime, durability });
  const again = () => openFile(t, { backend: "jsonl", path, runtime: present, durability });
  const watched: Watched = { path, log, done, next: {}, again };
  while (done.at(-1) !== (durability === "full" ? "sync at once" : "append at once")) {
    await log.record(interaction({ inputText: "before" }));
  }
  done.length = 0;
  return watched;
}

const textsOf = (path: string): string[] =>
  readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line).input_text)
    .filter((text) => text !== "before");

test("jsonl: one caller's records, and those of a few, are appended and synced at once", async (t) => {
  const { log, done, path } = await openWatched(t);
  for (let n = 0; n < 3; n++) await log.record(interaction({ inputText: `${n}` }));
  await Promise.all([3, 4].map((n) => log.record(interaction({ inputText: `${n}` }))));
  await log.recordAll([interaction({ inputText: "5" }), interaction({ inputText: "6" })]);
  assertEquals(done, Array(5).fill(["append at once", "sync at once"]).flat());
  assertEquals(textsOf(path), [..."0123456"]);
  assertEquals((await log.verify()).faults, []);
});

test("jsonl: with durability relaxed, they are appended at once and not synced", async (t) => {
  const { log, done } = await openWatched(t, "relaxed");
  await log.record(interaction());
  assertEquals(done, ["append at once"]);
});

test("jsonl: many records, and long ones, are appended in turn", async (t) => {
  const { log, done } = await openWatched(t);
  await log.recordAll(interactions(17));
  assertEquals(done.splice(0), ["append", "sync"]);
  await log.record(interaction({ outputText: "x".repeat(70_000) }));
  assertEquals(done[0], "append");
});

test("jsonl: what another handle wrote in between is seen first", async (t) => {
  const { log, done, path, again } = await openWatched(t);
  const other = await again();
  for (let n = 0; n < 6; n++) {
    await (n % 2 === 0 ? log : other).record(interaction({ inputText: `${n}` }));
  }
  assertEquals(textsOf(path), [..."012345"]);
  assertEquals(done[0], "append at once");
  assert(done.includes("append"), `${done}`);
  assertEquals(log.size, other.size - 1);
  const found = await log.query({ order: "desc", limit: 6 });
  assertEquals(found.map(({ inputText }) => inputText), [..."543210"]);
});

test("jsonl: a record waits for whoever has the lock, and so do those behind it, in order", async (t) => {
  const { log, done, path } = await openWatched(t);
  const raw = await openRaw(t, `${path}-lock`);
  raw.exec("BEGIN IMMEDIATE");
  let settled = 0;
  const recording = Promise.all([0, 1, 2].map(async (n) => {
    // A turn apart, so that each comes alone.
    for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve));
    await log.record(interaction({ inputText: `${n}` }));
    settled++;
  }));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([settled, done], [0, []]);
  raw.exec("ROLLBACK");
  await recording;
  assertEquals(textsOf(path), [..."012"]);
});

test("jsonl: what another program appends behind a record, without the lock, is in the log behind it", async (t) => {
  const watched = await openWatched(t);
  const { log, path } = watched;
  const foreign = foreignLine({ input_text: "foreign" });
  watched.next = { behind: () => appendFileSync(path, `${foreign}\n`) };
  const entry = await log.record(interaction({ inputText: "0" }));
  await log.record(interaction({ inputText: "1" }));
  assertEquals(textsOf(path), ["0", "foreign", "1"]);
  assertEquals(await log.get(entry.entryId), entry);
  const found = await log.query({ order: "desc", limit: 3 });
  assertEquals(found.map(({ inputText }) => inputText), ["1", "foreign", "0"]);
});

test("jsonl: a record that another program's unfinished line has swallowed is refused, and others are not kept from the lock", async (t) => {
  const watched = await openWatched(t);
  const { log, path, again } = watched;
  watched.next = { before: () => appendFileSync(path, "unfinished") };
  await assertRefused(() => log.record(interaction({ inputText: "swallowed" })), "WRITE_FAILED");
  await (await again()).record(interaction({ inputText: "other" }));
  await log.record(interaction({ inputText: "0" }));
  const found = await log.query({ order: "desc", limit: 2 });
  assertEquals(found.map(({ inputText }) => inputText), ["0", "other"]);
});

test("jsonl: as long as it is looked for what became of a record, nobody else has the lock", async (t) => {
  const watched = await openWatched(t);
  const { log, path } = watched;
  const raw = await openRaw(t, `${path}-lock`);
  raw.exec("PRAGMA busy_timeout = 0");
  let isHeld = false;
  let counted: Promise<number> | undefined;
  watched.next = {
    behind() {
      appendFileSync(path, "unfinished");
      // Once this is over, and before the file has been read.
      queueMicrotask(() => {
        counted = log.count();
        try {
          raw.exec("BEGIN IMMEDIATE; ROLLBACK");
        } catch {
          isHeld = true;
        }
      });
    },
  };
  const { size } = log;
  await log.record(interaction({ inputText: "0" }));
  assert(isHeld, "the lock was free");
  assertEquals(await counted, size + 1);
  raw.exec("BEGIN IMMEDIATE; ROLLBACK");
});

test("jsonl: a record waits for whoever reads under the lock by the same handle", async (t) => {
  const path = join(tempFolder(t), "log");
  const [reached, gate] = [new Gate(), new Gate()];
  let isHeld = false;
  const present = await currentRuntime();
  const runtime = aroundFiles(present, (file, opened) => {
    if (opened !== path) return {};
    return {
      async read(buffer, position) {
        if (isHeld) reached.open();
        if (isHeld) await gate.passed;
        return await file.read(buffer, position);
      },
      atOnce: file.atOnce,
    };
  });
  const log = await openFile(t, { backend: "jsonl", path, runtime });
  await log.record(interaction({ inputText: "before" }));
  const other = await openFile(t, { backend: "jsonl", path, runtime: present });
  await other.record(interaction({ inputText: "0" }));
  isHeld = true;
  const counted = log.count();
  await reached.passed;
  const recorded = log.record(interaction({ inputText: "1" }));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(textsOf(path), ["0"]);
  isHeld = false;
  gate.open();
  assert(await counted >= 2);
  await recorded;
  assertEquals(textsOf(path), ["0", "1"]);
});

test("jsonl: a disk that fails when it is asked at once ends the handle", async (t) => {
  const path = join(tempFolder(t), "log");
  let isBroken = false;
  let atOnce = 0;
  const runtime = aroundFiles(await currentRuntime(), (file, opened) =>
    opened !== path ? {} : {
      sync: () => Promise.resolve(),
      atOnce: {
        ...file.atOnce!,
        sync() {
          atOnce++;
          if (!isBroken) return;
          isBroken = false; // it tells once
          throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
        },
      },
    });
  const log = await openFile(t, { backend: "jsonl", path, runtime });
  while (atOnce === 0) await log.record(interaction());
  isBroken = true;
  for (const code of ["SYNC_FAILED", "LOG_FAILED", "LOG_FAILED"] as const) {
    await assertRefused(() => log.record(interaction()), code);
  }
});

test("jsonl: with durability relaxed, nothing is acknowledged behind a sync that failed", async (t) => {
  const path = join(tempFolder(t), "log");
  let isBroken = false;
  const runtime = aroundFiles(await currentRuntime(), (file, opened) =>
    opened !== path ? {} : {
      sync: () => isBroken ? Promise.reject(new Error("EIO: i/o error")) : file.sync(),
      atOnce: file.atOnce,
    });
  const { signingKey } = await generateSigningKey("acme.example/relaxed");
  const options = { backend: "jsonl", path, runtime, durability: "relaxed" } as const;
  const log = await openFile(t, { ...options, signingKey });
  await log.record(interaction());
  isBroken = true;
  await assertRefused(() => log.checkpoint(), "SYNC_FAILED");
  await assertRefused(() => log.record(interaction()), "SYNC_FAILED");
  await assertRefused(() => log.record(interaction()), "LOG_FAILED");
});

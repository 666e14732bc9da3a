// Writing to SQLite on another thread: the same log, and one that works whatever becomes of the thread.

import { assertEquals, assertMatch } from "@std/assert";
import {
  type AuditLog,
  type FileOptions,
  generateSigningKey,
  type NewEntry,
  type RowBatch,
  type RowWriter,
  type SqliteAdapter,
} from "@audit-log/llm";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import {
  allLines,
  foreignLine,
  inputs,
  interaction,
  interactions,
} from "../support/interaction.ts";
import { partsOf, rootOfLines } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/aside");

/** A SQLite log whose threads are made so: the runtime's own writer may be passed on by way of another. */
async function logWith(
  t: TestContext,
  through: ((start: () => Promise<RowWriter>) => Promise<RowWriter>) | undefined,
  options: Partial<FileOptions> = {},
): Promise<AuditLog> {
  const runtime = await currentRuntime();
  const { name, open, startRowWriter } = runtime.sqlite;
  const sqlite: SqliteAdapter = {
    name,
    open,
    ...(through && { startRowWriter: (settings) => through(() => startRowWriter!(settings)) }),
  };
  const path = join(tempFolder(t), "log");
  const given = { backend: "sqlite", path, runtime: { ...runtime, sqlite }, ...options } as const;
  return await openFile(t, given);
}

async function untilAside(log: AuditLog): Promise<void> {
  while ((await log.info()).writing !== "another thread") await log.recordAll(interactions(64));
}

async function opened(t: TestContext, options: Partial<FileOptions> = {}): Promise<AuditLog> {
  const log = await logWith(t, (start) => start(), options);
  await untilAside(log);
  return log;
}

test("few records at a time are written on the calling thread, and so are many for once", async (t) => {
  const log = await logWith(t, () => Promise.reject(new Error("nobody asked for a thread")));
  for (const entry of interactions(70)) await log.record(entry);
  await log.recordAll(interactions(500));
  assertEquals(
    (await log.info()).writing,
    "this thread: no other was needed so far",
  );
});

test("many and few at a time, written here and there, are in the order of the calls", async (t) => {
  const log = await opened(t, { signingKey });
  const before = log.size;
  const recorded: Promise<unknown>[] = [];
  const texts: string[] = [];
  for (let round = 0; round < 4; round++) {
    for (const count of [1, 300, 1, 2, 1500, 63, 64]) {
      const group = Array.from({ length: count }, (_, n) => `${round} ${count} ${n}`);
      texts.push(...group);
      recorded.push(log.recordAll(group.map((inputText) => interaction({ inputText }))));
    }
    if (round % 3 === 0) await Promise.all(recorded);
    if (round % 3 === 1) {
      await log.record(interaction({ inputText: "alone" })).then(() => texts.push("alone"));
    }
    if (round % 3 === 2) recorded.push(log.checkpoint());
  }
  await Promise.all(recorded);
  assertEquals(inputs(await log.query()).slice(before), texts);
  assertEquals(log.size, before + texts.length);
  const { root } = partsOf(await log.checkpoint());
  assertEquals(root, rootOfLines(await allLines(log)));
  assertEquals((await log.verify({ verifierKey })).faults, []);
});

test("a batch that is made while another is under way comes behind it", async (t) => {
  let [underWay, most] = [0, 0];
  const log = await logWith(t, async (start) => {
    const writer = await start();
    return {
      async write(rows) {
        if (rows.then === "commit") most = Math.max(most, ++underWay);
        const written = await writer.write(rows);
        if (rows.then === "commit") underWay--;
        return written;
      },
      close: () => writer.close(),
    };
  }, { signingKey });
  await untilAside(log);
  const before = log.size;
  const texts = Array.from({ length: 5000 }, (_, n) => `${n}`);
  const checkpoints: Promise<string>[] = [];
  await Promise.all(texts.map((inputText, n) => {
    if (n % 1000 === 0) checkpoints.push(log.checkpoint());
    return log.record(interaction({ inputText }));
  }));
  assertEquals(most, 2);
  assertEquals(inputs(await log.query()).slice(before), texts);
  await Promise.all(checkpoints);
  assertEquals(partsOf(await log.checkpoint()).root, rootOfLines(await allLines(log)));
  assertEquals((await log.verify({ verifierKey })).faults, []);
});

test("what is written there is what would be written here, to the byte", async (t) => {
  const names = ["a b", "李雷", "💬", "o'\"\\", "é", "x".repeat(200)];
  const numbers = [null, 0, 1e-7, 2 ** 53 - 1, 0.1, 250];
  const entries: NewEntry[] = Array.from({ length: 200 }, (_, n) => ({
    user: names[n % names.length]!,
    model: names[(n * 3) % names.length]!,
    inputText: `\0\ud800${n}`,
    outputText: "é".repeat(n),
    costUsd: numbers[n % numbers.length]!,
    latencyMs: numbers[(n * 3) % numbers.length]!,
    metadata: { n },
  }));
  const rows = [];
  for (const through of [undefined, (start: () => Promise<RowWriter>) => start()]) {
    const log = await logWith(t, through);
    for (let n = 0; n < 3; n++) await log.recordAll(interactions(64));
    assertEquals((await log.info()).writing === "another thread", through !== undefined);
    const first = log.size;
    await log.recordAll(entries);
    const lines = (await allLines(log)).slice(first);
    const other = await logWith(t, through);
    for (let n = 0; n < 3; n++) await other.recordAll(interactions(64));
    await other.adopt([...lines, foreignLine(), foreignLine({ entry_id: "f", user: "\0\x01" })]);
    assertEquals((await other.verify()).faults, []);
    assertEquals((await allLines(other)).slice(first, -2), lines);
    assertEquals((await log.verify()).faults, []);
    const { path } = await log.info();
    await log.close();
    const raw = await openRaw(t, path!);
    rows.push(raw.all(
      "SELECT seq, lag_us, canonical, hex(user) AS user, hex(model) AS model, cost_usd, latency_ms, " +
        "json_remove(record, '$.entry_id', '$.timestamp') AS record, typeof(record) AS type, " +
        `entry_id = json_extract(record, '$.entry_id') AS same FROM audit_record WHERE seq >= ${first}`,
    ));
  }
  assertEquals(rows[0]!.length, entries.length);
  assertEquals(rows[1], rows[0]);
});

const WHEN = {
  "at its start": () => Promise.reject(new Error("it was lost")),
  "before it writes anything": failing(0, "commit", "before"),
  "before it commits, later": failing(4, "commit", "before"),
  "after it has committed, before it says so": failing(4, "commit", "after"),
  "in the middle of a batch": failing(2, "more", "before"),
  "in the middle of a batch, after it has written a part": failing(2, "more", "after"),
};

/** Passes on the runtime's writer, which ends with some request of a kind: before or after what it asks for is done. */
function failing(good: number, kind: RowBatch["then"], when: "before" | "after") {
  return async (start: () => Promise<RowWriter>): Promise<RowWriter> => {
    const writer = await start();
    let left = good;
    let lost = false;
    return {
      async write(rows) {
        const isLast = rows.then === kind && left-- === 0;
        if (isLast && when === "after") await writer.write(rows);
        if (isLast || lost) {
          lost = true;
          await writer.close();
          throw new Error("it was lost");
        }
        return await writer.write(rows);
      },
      close: () => writer.close(),
    };
  };
}

/** Where records are written once the thread was lost, whoever tells of that first: the writer here, or the thread that has ended. */
const LOST = /^this thread: (?!few records)/;

for (const [when, through] of Object.entries(WHEN)) {
  test(`a thread that is lost ${when} costs no record`, async (t) => {
    const log = await logWith(t, through, { signingKey });
    const texts: string[] = [];
    let writing = "";
    for (let n = 0; n < 100 && !LOST.test(writing); n++) {
      const group = (count: number) => {
        const made = Array.from({ length: count }, () => `${texts.push(`${texts.length}`) - 1}`);
        return made.map((inputText) => interaction({ inputText }));
      };
      // Alone and in groups, more than fit into one batch.
      const recording = [200, 1, 800, 1, 1, 500].map((count) => log.recordAll(group(count)));
      // And so many that a batch is under way while the next is made.
      await Promise.all([...recording, ...group(2500).map((entry) => log.record(entry))]);
      writing = (await log.info()).writing!;
    }
    assertMatch(writing, LOST);
    await log.recordAll(interactions(100, { user: "after" }));
    assertEquals(inputs(await log.query({ user: "anonymous" })), texts);
    assertEquals(await log.count({ user: "after" }), 100);
    assertEquals(log.size, texts.length + 100);
    await log.checkpoint();
    assertEquals((await log.verify({ verifierKey })).faults, []);
  });
}

test("where a driver has no threads, a log writes by itself", async (t) => {
  const log = await logWith(t, undefined);
  for (let n = 0; n < 3; n++) await log.recordAll(interactions(100));
  assertEquals(log.size, 300);
  assertMatch((await log.info()).writing!, /^this thread: the runtime/);
});

test("a group with an id that is in the log is refused there, and no other with it", async (t) => {
  const log = await opened(t);
  const line = foreignLine({ entry_id: "one" });
  await log.adopt([line]);
  const before = log.size;
  const many = Array.from({ length: 100 }, (_, n) => foreignLine({ entry_id: `${n}` }));
  // Both pass the look at the log, and meet in the queue.
  const adopting = [log.adopt(many), log.adopt([...many].reverse())];
  const results = await Promise.allSettled([...adopting, log.recordAll(interactions(100))]);
  assertEquals(results.map(({ status }) => status).sort(), ["fulfilled", "fulfilled", "rejected"]);
  const refused = results.find((result) => result.status === "rejected");
  await assertRefused(() => Promise.reject(refused!.reason), "DUPLICATE_ENTRY");
  assertEquals(log.size, before + 200);
  assertEquals((await log.verify()).faults, []);
});

test("rows that a trigger drops are told of, and the next are written", async (t) => {
  const log = await opened(t);
  const before = log.size;
  const raw = await openRaw(t, (await log.info()).path!);
  raw.exec(
    "CREATE TRIGGER other BEFORE INSERT ON audit_record WHEN NEW.user = 'u299' " +
      "BEGIN SELECT RAISE(IGNORE); END",
  );
  const entries = interactions(300).map((entry, n) => ({ ...entry, user: `u${n}` }));
  await assertRefused(() => log.recordAll(entries), "WRITE_FAILED");
  raw.exec("DROP TRIGGER other");
  assertEquals(await log.count(), before);
  await log.recordAll(entries);
  assertEquals(await log.count(), before + 300);
  assertEquals((await log.info()).writing, "another thread");
});

test("a write that the disk did not confirm there ends the handle", async (t) => {
  let fails = false;
  const log = await logWith(t, async (start) => {
    const writer = await start();
    return {
      async write(rows) {
        const written = await writer.write(rows);
        if (!fails || rows.then === "more") return written;
        const failure = {
          code: "SYNC_FAILED",
          message: "Cannot write: the disk did not confirm it",
        };
        return {
          ...written,
          first: -1,
          failure: { ...failure, cause: { resultCode: 1034, message: "disk I/O error" } },
        };
      },
      close: () => writer.close(),
    };
  });
  await untilAside(log);
  fails = true;
  const failed = await assertRefused(() => log.recordAll(interactions(200)), "SYNC_FAILED");
  assertEquals((failed.cause as Error).message, "disk I/O error");
  await assertRefused(() => log.record(interaction()), "LOG_FAILED");
});

test("a file that was moved away gets nothing more", async (t) => {
  const log = await opened(t);
  const { path } = await log.info();
  renameSync(path!, `${path}.old`);
  await assertRefused(() => log.recordAll(interactions(100)), "LOG_REPLACED");
});

test("close() waits for what is written there, and leaves nothing beside the file", async (t) => {
  const log = await opened(t);
  const path = (await log.info()).path!;
  const before = log.size;
  const recording = [log.recordAll(interactions(3000)), log.recordAll(interactions(10))];
  await log.close();
  await Promise.all(recording);
  assertEquals(["-wal", "-shm"].filter((side) => existsSync(path + side)), []);
  const again = await openFile(t, { backend: "sqlite", path });
  assertEquals(again.size, before + 3010);
});

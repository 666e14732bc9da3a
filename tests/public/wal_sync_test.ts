// What another thread commits to SQLite is acknowledged when the disk has it, and the thread does not wait for that.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type AuditLog,
  AuditLogError,
  type FileOptions,
  generateSigningKey,
  type OpenFile,
  type RowWriterSettings,
} from "@audit-log/llm";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { inputs, interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** How many records go to the thread as one batch, however they come. */
const BATCH = 512;

interface Watched {
  readonly path: string;
  readonly log: AuditLog;
  /** How often the write-ahead log was opened, and synced. */
  readonly told: { opened: number; syncs: number; settings?: RowWriterSettings };
  /** Called instead of syncing the write-ahead log. */
  sync: (real: () => Promise<void>) => Promise<void>;
  /** Resolves when the thread has answered for so many batches more. */
  committed(batches: number): Promise<void>;
}

/** A log that has a thread, whose write-ahead log is watched. */
async function watched(
  t: TestContext,
  options: Partial<FileOptions> = {},
  open: (real: () => Promise<OpenFile>) => Promise<OpenFile> = (real) => real(),
): Promise<Watched> {
  const path = join(tempFolder(t), "log");
  const real = await currentRuntime();
  const told: Watched["told"] = { opened: 0, syncs: 0 };
  let answered = 0;
  let tell = (): void => {};
  const file = {
    ...real.file,
    async open(opened: string, mode: Parameters<typeof real.file.open>[1]): Promise<OpenFile> {
      if (opened !== `${path}-wal`) return await real.file.open(opened, mode);
      told.opened++;
      const wal = await open(() => real.file.open(opened, mode));
      return {
        stat: () => wal.stat(),
        read: (buffer, position) => wal.read(buffer, position),
        append: (bytes) => wal.append(bytes),
        close: () => wal.close(),
        sync() {
          told.syncs++;
          return made.sync(() => wal.sync());
        },
      };
    },
  };
  const sqlite = {
    ...real.sqlite,
    async startRowWriter(settings: RowWriterSettings) {
      told.settings = settings;
      const writer = await real.sqlite.startRowWriter!(settings);
      return {
        async write(rows: Parameters<typeof writer.write>[0]) {
          const written = await writer.write(rows);
          if (rows.then === "commit") answered++;
          tell();
          return written;
        },
        close: () => writer.close(),
      };
    },
  };
  const log = await openFile(t, {
    backend: "sqlite",
    path,
    runtime: { ...real, file, sqlite },
    ...options,
  });
  const made: Watched = {
    path,
    log,
    told,
    sync: (real) => real(),
    async committed(batches) {
      const wanted = answered + batches;
      while (answered < wanted) await new Promise<void>((resolve) => tell = resolve);
    },
  };
  await log.recordAll(interactions(BATCH));
  assertEquals((await log.info()).writing, "another thread");
  return made;
}

/** A promise, and what settles it. */
function gate(): { passed: Promise<void>; open: () => void; break: (error: unknown) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve, break: reject };
}

test("what another thread has committed is acknowledged when the disk has it, and not before", async (t) => {
  const watch = await watched(t);
  const { log, path } = watch;
  const [synced, asked] = [gate(), gate()];
  watch.sync = async (real) => {
    asked.open();
    await synced.passed;
    await real();
  };
  let acknowledged = 0;
  const recorded = interactions(BATCH).map((entry) => log.record(entry).then(() => acknowledged++));
  await asked.passed;
  const raw = await openRaw(t, path);
  assertEquals(raw.all("SELECT count(*) AS n FROM audit_record"), [{ n: 2 * BATCH }]);
  assertEquals(acknowledged, 0);
  // What the disk is about to have is enough to open the log with.
  const copy = join(tempFolder(t), "log");
  for (const side of ["", "-wal"]) copyFileSync(`${path}${side}`, `${copy}${side}`);
  const left = await openFile(t, { backend: "sqlite", path: copy });
  assertEquals(left.size, 2 * BATCH);
  assertEquals((await left.verify()).faults, []);
  synced.open();
  await Promise.all(recorded);
  assertEquals(acknowledged, BATCH);
});

test("while the disk takes a batch the thread writes the next, and both are acknowledged in their order", async (t) => {
  const watch = await watched(t);
  const { log } = watch;
  const synced = gate();
  watch.sync = async (real) => {
    await synced.passed;
    await real();
  };
  const order: number[] = [];
  const both = watch.committed(2);
  const recorded = interactions(2 * BATCH)
    .map((entry, n) => log.record(entry).then(() => order.push(n)));
  await both;
  assertEquals(order, []);
  synced.open();
  await Promise.all(recorded);
  assertEquals(order, order.toSorted((a, b) => a - b));
  assertEquals(order.length, 2 * BATCH);
});

test("after a sync that failed nothing is acknowledged, not even what a later sync would confirm", async (t) => {
  const watch = await watched(t);
  const { log, path } = watch;
  const broken = Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
  const failing = gate();
  watch.sync = async () => {
    watch.sync = (real) => real(); // a disk tells of an error once
    await failing.passed;
  };
  const both = watch.committed(2);
  const recording = Promise.allSettled(interactions(2 * BATCH).map((entry) => log.record(entry)));
  await both;
  failing.break(broken);
  for (const result of await recording) {
    assert(result.status === "rejected" && result.reason instanceof AuditLogError);
    assertEquals(result.reason.code, "SYNC_FAILED");
    assertStrictEquals(result.reason.cause, broken);
  }
  await assertRefused(() => log.recordAll(interactions(BATCH)), "LOG_FAILED");
  await log.close();
  const again = await openFile(t, { backend: "sqlite", path });
  await again.record(interactions(1)[0]!);
  // What was not confirmed may be there, whole batches of it.
  assertEquals(again.size % BATCH, 1);
  assertEquals((await again.verify()).faults, []);
});

test("after a sync that failed no checkpoint is signed over what was refused, at the close neither", async (t) => {
  const { signingKey } = await generateSigningKey("acme.example/wal");
  const published: string[] = [];
  const watch = await watched(t, {
    signingKey,
    checkpoints: { publish: (checkpoint) => Promise.resolve(void published.push(checkpoint)) },
  });
  const { log } = watch;
  watch.sync = () => {
    watch.sync = (real) => real();
    return Promise.reject(new Error("EIO"));
  };
  await assertRefused(() => log.recordAll(interactions(BATCH)), "SYNC_FAILED");
  await assertRefused(() => log.checkpoint(), "SYNC_FAILED");
  await log.close().catch(() => {});
  assertEquals(published, []);
});

test("the disk is asked for one thing at a time: it tells of an error to whoever asks first", async (t) => {
  const watch = await watched(t);
  const { log } = watch;
  let [underWay, most] = [0, 0];
  const first = gate();
  watch.sync = async (real) => {
    most = Math.max(most, ++underWay);
    await first.passed;
    await real();
    underWay--;
  };
  const both = watch.committed(2);
  const recorded = interactions(2 * BATCH).map((entry) => log.record(entry));
  await both;
  first.open();
  await Promise.all(recorded);
  assertEquals(most, 1);
});

test("SQLite waits for the disk itself where its write-ahead log cannot be opened or synced, or is another file by now", async (t) => {
  const refused = await watched(t, {}, () => Promise.reject(new Error("EACCES")));
  assertEquals(refused.told.settings?.durability, "full");
  const changed = async (real: () => Promise<OpenFile>, changes: Partial<OpenFile>) => {
    const file = await real();
    return {
      stat: file.stat.bind(file),
      read: file.read.bind(file),
      append: file.append.bind(file),
      sync: file.sync.bind(file),
      close: file.close.bind(file),
      ...changes,
    };
  };
  const other = { kind: "file", size: 0, identity: "another" } as const;
  const replaced = await watched(
    t,
    {},
    (real) => changed(real, { stat: () => Promise.resolve(other) }),
  );
  assertEquals(replaced.told.settings?.durability, "full");
  // As with Node's permission model.
  const unsynced = await watched(
    t,
    {},
    (real) => changed(real, { sync: () => Promise.reject(new Error("ERR_ACCESS_DENIED")) }),
  );
  assertEquals(unsynced.told.settings?.durability, "full");
  for (const { log, told } of [refused, replaced, unsynced]) {
    const { syncs } = told;
    await log.recordAll(interactions(BATCH));
    assertEquals(told.syncs, syncs);
    assertEquals(inputs(await log.query({ limit: 1 })), ["0"]);
  }
});

test("with relaxed durability nobody waits for the disk", async (t) => {
  const { log, told } = await watched(t, { durability: "relaxed" });
  await log.recordAll(interactions(BATCH));
  assertEquals(told.settings?.durability, "relaxed");
  assertEquals([told.opened, told.syncs], [0, 0]);
});

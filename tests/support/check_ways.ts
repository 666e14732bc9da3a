/**
 * Verifying a log by other threads, or not, in parts of any length.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { AuditLog, RecordChecker, RecordCheckerSettings, Runtime } from "@audit-log/llm";
import type { FileSettings } from "../../src/options.ts";
import { IndexedFile } from "../../src/stores/jsonl_indexed_file.ts";
import { closeAll, openJsonlFile } from "../../src/stores/jsonl_open.ts";
import { JsonlTree } from "../../src/stores/jsonl_tree.ts";
import { RecordCheckThread } from "../../src/stores/record_check_thread.ts";
import type { CheckTrial } from "../../src/stores/record_checkers.ts";
import { LayoutGuard } from "../../src/stores/sqlite_layout.ts";
import { CONNECTION_SQL } from "../../src/stores/sqlite_schema.ts";
import { SqliteTree } from "../../src/stores/sqlite_tree.ts";
import type { TreeStore } from "../../src/stores/tree_store.ts";
import { type Verification, verifyLog } from "../../src/transparency/verification.ts";
import { type Original, verifierKey } from "./altered.ts";
import { foreignLine } from "./interaction.ts";
import { currentRuntime } from "./runtime.ts";

/** Starts a thread that checks records. */
export type StartChecker = () => Promise<RecordChecker>;

/** How a log is verified. */
export interface Way extends CheckTrial {
  /** Makes others of the runtime's threads. */
  readonly through?: (
    start: StartChecker,
    settings: RecordCheckerSettings,
  ) => StartChecker | undefined;
  /** Told how far it has got. */
  readonly onProgress?: (done: number) => void;
}

/** Threads for however few records. */
export const THREADS: Way = { worth: 0, threads: 2 };
/** The same work with connections and files of its own, but on this thread: it is started sooner. */
export const ASIDE: Way = {
  ...THREADS,
  through: (_, settings) => async () =>
    await RecordCheckThread.open(await currentRuntime(), settings),
};
/** On this thread, in the log's usual parts. */
export const HERE: Way = { through: () => undefined };

/** What is verified, and what it has open. */
interface OpenTree {
  readonly tree: TreeStore;
  size(): Promise<number>;
  close(): Promise<void>;
}

const NOTHING_WRITTEN = () => Promise.reject(new Error("nothing is written"));

/** Verifies a log that nobody has open, and tells what was found and how far it got meanwhile. */
export async function verifiedBy(
  { backend, path }: Pick<Original, "backend" | "path">,
  { through = (start) => start, onProgress = () => {}, ...trial }: Way,
  remembered: readonly string[] = [],
): Promise<{ found: unknown; progress: readonly number[] }> {
  const runtime = await currentRuntime();
  const settings: FileSettings = {
    path,
    durability: "full",
    readOnly: true,
    busyTimeoutMs: 5000,
    maxRecordBytes: 2 ** 24,
    warn: () => {},
  };
  const starter: Starter = async (index) => {
    const { identity } = (await runtime.file.stat(path))!;
    const of = { path, identity, busyTimeoutMs: 5000, ...(index === undefined ? {} : { index }) };
    return through(() => runtime.sqlite.startRecordChecker!(of), of);
  };
  const open = backend === "sqlite" ? openSqlite : openJsonl;
  const { tree, size, close } = await open(runtime, settings, trial, starter);
  try {
    const progress: number[] = [];
    const { checkpoints, ...rest }: Verification = await verifyLog({
      store: tree,
      sha256: runtime.sha256,
      size,
      given: { verifierKeys: [verifierKey], remembered },
      onProgress(done) {
        if (done !== progress.at(-1)) progress.push(done);
        onProgress(done);
      },
    });
    const { compared, covered, coveredByRemembered } = checkpoints;
    // What was found of the same records is told in an order that depends on how many are looked at together.
    const faults = rest.faults.map((fault) => JSON.stringify(fault)).sort();
    return { found: { ...rest, faults, compared, covered, coveredByRemembered }, progress };
  } finally {
    await close();
  }
}

/** Finds what starts a thread for a log, with an index or without. */
type Starter = (index?: RecordCheckerSettings["index"]) => Promise<StartChecker | undefined>;

async function openSqlite(
  { sqlite, sha256 }: Runtime,
  settings: FileSettings,
  trial: CheckTrial,
  starter: Starter,
): Promise<OpenTree> {
  const { path } = settings;
  const database = sqlite.open(path, { readOnly: true });
  database.exec(CONNECTION_SQL);
  const access = {
    database,
    layout: new LayoutGuard(sqlite, database, path),
    sha256,
    exclusively: NOTHING_WRITTEN,
    startChecker: await starter(),
  };
  const count = database.prepare("SELECT count(*) AS n FROM audit_record");
  return {
    tree: new SqliteTree(access, settings, trial),
    size: () => Promise.resolve(count.get()!["n"] as number),
    close: () => Promise.resolve(database.close()),
  };
}

async function openJsonl(
  runtime: Runtime,
  settings: FileSettings,
  trial: CheckTrial,
  starter: Starter,
): Promise<OpenTree> {
  const opened = await openJsonlFile(runtime, settings);
  const { file, place, lock } = opened;
  const indexed = new IndexedFile(runtime, settings, opened);
  const start = indexed.indexFile === undefined ? undefined : await starter(indexed.indexFile);
  const access = {
    file,
    place,
    index: <T>(attempt: Parameters<typeof indexed.ask<T>>[0]) =>
      indexed.reading(() => indexed.ask(attempt)),
    pendingAt: () => undefined,
    sync: NOTHING_WRITTEN,
    exclusively: NOTHING_WRITTEN,
    refresh: () => indexed.reading(() => indexed.refresh()),
    acknowledged: NOTHING_WRITTEN,
    sha256: runtime.sha256,
    startChecker: () => start,
  };
  return {
    tree: new JsonlTree(runtime, settings, access, trial),
    async size() {
      await access.refresh();
      return indexed.size;
    },
    close: () => closeAll([indexed, lock, file]),
  };
}

/** Records a call, and 150 entries of other programs with long texts, odd names and times that run backwards. */
export async function recordOddly(log: AuditLog): Promise<void> {
  const call = await log.begin({ model: "m", inputText: "\0\u2028💬" });
  await call.complete({ outputText: "out" });
  await log.adopt(
    Array.from({ length: 150 }, (_, n) =>
      foreignLine({
        entry_id: `foreign ${n}`,
        user: ["", "a\0b", "é\u0002"][n % 3]!,
        output_text: n % 40 === 7 ? "long ".repeat(20_000) : "short",
        timestamp: `${n % 2 === 0 ? 2026 : 1999}-01-31T08:00:00.000001+00:00`,
      })),
  );
}

/** Makes sure that a log is found to be the same in each way. */
export async function checkSame(log: Original, ...ways: readonly Way[]): Promise<void> {
  const remembered = [log.notes[1]!];
  const { found } = await verifiedBy(log, HERE, remembered);
  for (const way of ways) {
    assertEquals((await verifiedBy(log, way, remembered)).found, found, JSON.stringify(way));
  }
}

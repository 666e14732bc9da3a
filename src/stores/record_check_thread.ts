/**
 * What the thread of a `RecordChecker` does.
 *
 * @module
 */
import { Mutex } from "../mutex.ts";
import type { OpenFile, RecordCheckerSettings, RecordsChecked, Runtime } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { openIndex } from "./jsonl_index_open.ts";
import { type AskIndex, LineCheck } from "./line_check.ts";
import type { ReadFile } from "./line_scanner.ts";
import { checkSamePlace, PUT_DATABASE_BACK, sizeIfSame } from "./log_file.ts";
import { RowCheck } from "./row_check.ts";
import { InspectedRows } from "./row_inspector.ts";
import { CONNECTION_SQL } from "./sqlite_schema.ts";
import type { FoundRecords } from "./tree_store.ts";

/** A line that is longer is left to the thread that joins what is found: others would all look for its end. */
const MOST_SEARCHED_BYTES = 4 * 1024 * 1024;

/** How many pages of an index are kept in memory, KiB: each thread has its own. */
const CACHE_KIB = 4096;

/** A log that is open for being checked. */
interface OpenLog {
  check(from: number, to: number): Promise<FoundRecords>;
  close(): void | Promise<void>;
}

/** Checks records, part by part in the order in which that is asked for. */
export class RecordCheckThread {
  readonly #log: OpenLog;
  readonly #mutex = new Mutex();

  private constructor(log: OpenLog) {
    this.#log = log;
  }

  /** Opens a log that another thread has open. */
  static async open(runtime: Runtime, settings: RecordCheckerSettings): Promise<RecordCheckThread> {
    const { index } = settings;
    return new RecordCheckThread(
      index === undefined
        ? await openRows(runtime, settings)
        : await openLines(runtime, { ...settings, index }),
    );
  }

  /** Checks a part; see `RecordChecker.check()`. */
  check(from: number, to: number): Promise<RecordsChecked | undefined> {
    return this.#mutex.run(async () => {
      try {
        const { faulty, ...checked } = await this.#log.check(from, to);
        return faulty.length === 0 ? checked : undefined;
      } catch {
        // Why something cannot be read is told by whoever reads it instead.
      }
    });
  }

  /** Closes the log, once all is checked. */
  close(): Promise<void> {
    return this.#mutex.run(async () => await this.#log.close());
  }
}

async function openRows(
  { file, sqlite, sha256 }: Runtime,
  { path, identity, busyTimeoutMs }: RecordCheckerSettings,
): Promise<OpenLog> {
  const database = sqlite.open(path, { readOnly: true });
  try {
    await checkSamePlace(file, path, identity, `read ${path}`, PUT_DATABASE_BACK);
    return await whenFree(() => {
      database.exec(CONNECTION_SQL);
      const check = new RowCheck(new InspectedRows(database), sha256, busyTimeoutMs);
      return { check: (from, to) => check.check(from, to), close: () => database.close() };
    }, busyTimeoutMs);
  } catch (error) {
    database.close();
    throw error;
  }
}

async function openLines(
  runtime: Runtime,
  { path, identity, index: beside, busyTimeoutMs }: Required<RecordCheckerSettings>,
): Promise<OpenLog> {
  const index = await whenFree(() => openIndex(runtime, beside.path, CACHE_KIB), busyTimeoutMs);
  if (index === undefined) throw new Error(`${beside.path} is no index`);
  let file: OpenFile | undefined;
  try {
    // Who asks may have one open that has no name any more.
    await checkSamePlace(runtime.file, beside.path, beside.identity, `read ${beside.path}`);
    file = await runtime.file.open(path, "read");
    const opened = file;
    sizeIfSame(await opened.stat(), identity, `read ${path}`);
    const ask: AskIndex = (attempt) => whenFree(() => attempt(index), busyTimeoutMs);
    const check = new LineCheck(reading(opened), ask, runtime.sha256, MOST_SEARCHED_BYTES);
    return {
      check: (from, to) => check.check(from, to),
      async close(): Promise<void> {
        index.close();
        await opened.close();
      },
    };
  } catch (error) {
    index.close();
    await file?.close();
    throw error;
  }
}

/** A file that is read without waiting for another thread: this one has nothing else to do. */
function reading(file: OpenFile): ReadFile {
  const { atOnce } = file;
  if (atOnce?.read === undefined) return file;
  // deno-lint-ignore require-await -- asynchronous by its interface
  return { read: async (buffer, position) => atOnce.read!(buffer, position) };
}

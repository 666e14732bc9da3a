import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { Runtime, SqliteDatabase, SqliteRow } from "../ports.ts";
import { Mutex } from "../mutex.ts";
import { matches, needlesOf, type Selection } from "../query.ts";
import { LogRecord, NotARecord } from "../record.ts";
import { Turns } from "../turns.ts";
import { type AppendedAside, AsideWriter } from "./aside_writer.ts";
import { whenFree } from "./busy.ts";
import { faultOf, isBusy } from "./faults.ts";
import { FilesBeside } from "./files_beside.ts";
import { FolderWatch } from "./folder_watch.ts";
import {
  checkSamePlace,
  createFile,
  databaseBytes,
  openingFault,
  placeOf,
  PUT_DATABASE_BACK,
} from "./log_file.ts";
import { PageSize } from "./page_size.ts";
import { RecordTable, type RowFilter } from "./record_table.ts";
import { SqliteAppender } from "./sqlite_appender.ts";
import { LayoutGuard } from "./sqlite_layout.ts";
import {
  findDatabase,
  openFault,
  prepareDatabase,
  refuseLinks,
  refuseOrphan,
} from "./sqlite_open.ts";
import { EVENT_TABLE, FORMAT_VERSION, RECORD_TABLE } from "./sqlite_schema.ts";
import { SqliteTree } from "./sqlite_tree.ts";
import type { LogStore, StoreInfo, WrittenLines } from "./store.ts";
import type { SeqRange } from "./user_segments.ts";
import { Walk } from "./walk.ts";
import { WalSync } from "./wal_sync.ts";

/**
 * Opens a SQLite log, creates it where there is none, upgrades a file of the Python class.
 *
 * @throws {AuditLogError} See `AuditLog.open()`.
 */
export async function openSqliteStore(
  runtime: Runtime,
  settings: FileSettings,
): Promise<LogStore> {
  const { path, readOnly, busyTimeoutMs } = settings;
  await refuseOrphan(runtime.file, path);
  await createFile(runtime.file, settings, LONGEST_ADDED);
  let database: SqliteDatabase | undefined;
  try {
    if (!readOnly) await refuseLinks(runtime.file, path);
    const found = await findDatabase(runtime.file, path);
    const opened = database = runtime.sqlite.open(path, { readOnly });
    // Each of these reads the file, and may meet another process that is opening or closing it.
    const store = await whenFree(() => {
      prepareDatabase(runtime, opened, settings);
      return new SqliteStore(runtime, opened, settings, found);
    }, busyTimeoutMs);
    await store.lookBeside();
    return store;
  } catch (error) {
    try {
      database?.close();
    } catch {
      // The first error tells what is wrong.
    }
    const place = await placeOf(runtime.file, path).catch(() => path);
    throw openFault(settings, await openingFault(runtime.file, place + LONGEST_ADDED, error));
  }
}

/** The longest of what SQLite adds to a database's name for the files beside it. */
const LONGEST_ADDED = "-journal";

/** So that one batch is inserted while the disk takes the one before, with a thousand callers that wait for both. */
const OVERLAPPING_RECORDS = 512;

/**
 * Keeps the log in a SQLite database. Many records at a time are written by another thread, which has a connection of its
 * own, few by this one: `full` commits wait for the disk, and this thread would stand still meanwhile.
 */
class SqliteStore implements LogStore {
  readonly kind = "sqlite";
  readonly tree: SqliteTree;
  readonly #runtime: Runtime;
  readonly #database: SqliteDatabase;
  readonly #settings: FileSettings;
  readonly #identity: string;
  readonly #place: string;
  readonly #folder: FolderWatch;
  readonly #beside: FilesBeside;
  readonly #table: RecordTable;
  readonly #appender: SqliteAppender | undefined;
  readonly #aside: AsideWriter;
  /** Held while something is written here, and while it is handed to the other thread. */
  readonly #writing = new Mutex();
  #size: number;
  /** What waits for the disk while the other thread is at the next batch. */
  #walSync: WalSync | undefined;

  constructor(
    runtime: Runtime,
    database: SqliteDatabase,
    settings: FileSettings,
    { identity, place }: { readonly identity: string; readonly place: string },
  ) {
    const { path, durability, busyTimeoutMs, readOnly } = settings;
    this.#runtime = runtime;
    this.#database = database;
    this.#settings = settings;
    this.#identity = identity;
    this.#place = place;
    this.#folder = new FolderWatch(runtime.file, path);
    this.#beside = new FilesBeside(runtime.file, place);
    this.#table = new RecordTable(database, RECORD_TABLE, EVENT_TABLE, "seq, record");
    const layout = new LayoutGuard(runtime.sqlite, database, path);
    this.#appender = readOnly ? undefined : new SqliteAppender(database, path, layout);
    this.#size = this.#table.end().size;
    const start = runtime.sqlite.startRowWriter;
    this.#aside = new AsideWriter(
      start && (async () => {
        if (durability === "full") {
          this.#walSync = await WalSync.open(runtime.file, place, this.#beside.walIdentity);
        }
        const waits = this.#walSync === undefined ? durability : "relaxed";
        return await start({ path, identity, durability: waits, busyTimeoutMs });
      }),
      (records) => this.#appendAgain(records),
      async () => await this.#walSync?.sync(),
    );
    const startChecker = runtime.sqlite.startRecordChecker;
    this.tree = new SqliteTree({
      database,
      layout,
      sha256: runtime.sha256,
      exclusively: (section) => this.#exclusively(section),
      startChecker: startChecker && (() => startChecker({ path, identity, busyTimeoutMs })),
    }, settings);
  }

  get size(): number {
    return this.#size;
  }

  get overlapsFrom(): number | undefined {
    return this.#aside.isReady ? OVERLAPPING_RECORDS : undefined;
  }

  /** Remembers which files SQLite has beside the database. */
  async lookBeside(): Promise<void> {
    await this.#beside.look();
  }

  append(
    records: readonly LogRecord[],
    written?: (lines: WrittenLines) => void,
  ): number | Promise<number> {
    const action = `write to ${this.#settings.path}`;
    try {
      const first = this.#appendAtOnce(records);
      return first ?? this.#appendInTurn(records, action, written);
    } catch (error) {
      throw faultOf(action, error, "WRITE_FAILED");
    }
  }

  async #appendInTurn(
    records: readonly LogRecord[],
    action: string,
    written: ((lines: WrittenLines) => void) | undefined,
  ): Promise<number> {
    try {
      // What is handed to the other thread is awaited outside, so that the next batch can be handed to it meanwhile.
      const { aside } = await this.#writing.run(async () => {
        const looked = this.#look(action);
        if (looked !== undefined) await looked;
        if (!this.#aside.spares(records.length)) {
          // What may be refused for what is in the log is not given away.
          if (
            !records.some(({ endsOnce }) => endsOnce) && await this.#aside.takes(records.length)
          ) {
            return { aside: this.#aside.append(records) };
          }
          await this.#aside.idle();
        }
        return { aside: { first: await this.#appendHere(records), lines: [] } };
      });
      const { first, lines }: AppendedAside = await aside;
      for (const part of lines) {
        if (written === undefined) part.release(part.slab);
        else written(part);
      }
      return this.#appended(first, records.length);
    } catch (error) {
      throw faultOf(action, error, "WRITE_FAILED");
    }
  }

  /** Makes sure that the files are where they were, and those that they were. */
  #look(action: string): Promise<void> | undefined {
    return this.#folder.look(async () => {
      const { path } = this.#settings;
      const files = this.#runtime.file;
      await checkSamePlace(files, path, this.#identity, action, PUT_DATABASE_BACK);
      await this.#beside.check(this.#database);
    });
  }

  #appended(first: number, count: number): number {
    this.#size = Math.max(this.#size, first + count);
    return first;
  }

  /**
   * Appends a few records here, if nothing is to be waited for but the disk. One caller alone records so, and each promise on the way
   * takes longer than it seems: since the last record, the processor has had other things to do. None is appended before a batch that
   * waits for its turn, or for the lock.
   */
  #appendAtOnce(records: readonly LogRecord[]): number | undefined {
    const mayBegin = this.#writing.isFree && this.#aside.spares(records.length) &&
      this.#folder.isUnchanged();
    if (!mayBegin) return undefined;
    try {
      return this.#appended(this.#appender!.append(records), records.length);
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  #appendHere(records: readonly LogRecord[]): Promise<number> {
    return whenFree(() => this.#appender!.append(records), this.#settings.busyTimeoutMs);
  }

  /** Appends what another thread was to append and may have: a transaction leaves all of it or nothing. */
  async #appendAgain(records: readonly LogRecord[]): Promise<number> {
    const [{ entryId: firstId }, { entryId: lastId }] = [records[0]!.entry, records.at(-1)!.entry];
    const first = await this.#reading(() => this.#table.seqOf(firstId));
    const last = await this.#reading(() => this.#table.seqOf(lastId));
    const isThere = first !== undefined && last === first + records.length - 1;
    return isThere ? first : await this.#appendHere(records);
  }

  /** Writes something else than records, while nobody else of this handle writes. */
  #exclusively<T>(action: () => T): Promise<T> {
    return this.#writing.run(async () => {
      await this.#look(`write to ${this.#settings.path}`);
      await this.#aside.idle();
      // What is signed covers records: none of which the disk may not have. All were synced, unless that failed.
      await this.#walSync?.settled();
      return await whenFree(action, this.#settings.busyTimeoutMs);
    });
  }

  async indexOf(entryId: string): Promise<number | undefined> {
    return await this.#reading(() => this.#table.seqOf(entryId));
  }

  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    const { order } = selection;
    const walk = new Walk(await this.#range(selection), order);
    const filter = rowFilter(selection);
    const pageSize = new PageSize();
    const turns = new Turns();
    let left = selection.limit;
    for (const part of walk.parts()) {
      if (left === 0) return;
      const asked = Math.min(left, pageSize.rows);
      const rows = await this.#reading(() =>
        walk.timed(() => this.#table.page(filter, part, order, asked))
      );
      if (rows.length < asked) walk.passed(part);
      else walk.reached(rows.at(-1)!["seq"] as number);
      if (rows.length > 0) {
        const decoded = rows.map((row) => this.#decode(row));
        pageSize.seen(rows.length, decoded.reduce((sum, { line }) => sum + line.length, 0));
        const records = decoded.filter((record) => matches(selection, record));
        left -= records.length;
        if (records.length > 0) yield records;
      }
      await turns.give();
    }
  }

  async #range(selection: Selection): Promise<SeqRange> {
    return await this.#reading(() => {
      this.#size = this.#table.end().size;
      return this.#table.range(selection, this.#size);
    });
  }

  async count(selection: Selection): Promise<number> {
    let count = 0;
    if (needlesOf(selection).length > 0) {
      for await (const records of this.read(selection)) count += records.length;
      return count;
    }
    const walk = new Walk(await this.#range(selection), "asc");
    const turns = new Turns();
    const filter = rowFilter(selection);
    for (const part of walk.parts()) {
      count += await this.#reading(() => walk.timed(() => this.#table.count(filter, part)));
      walk.passed(part);
      await turns.give();
    }
    return count;
  }

  async info(): Promise<StoreInfo> {
    const { path } = this.#settings;
    const version = await this.#reading(() => {
      this.#size = this.#table.end().size;
      return this.#database.prepare("SELECT sqlite_version() AS version").get()!["version"];
    });
    try {
      return {
        path,
        driver: `${this.#runtime.sqlite.name} ${version}`,
        formatVersion: FORMAT_VERSION,
        writing: this.#aside.place,
        bytes: await databaseBytes(this.#runtime.file, this.#place),
      };
    } catch (error) {
      throw faultOf(`read ${path}`, error, "READ_FAILED");
    }
  }

  async close(): Promise<void> {
    try {
      // Before the connection here, which as the last one leaves the file in order.
      await this.#aside.close();
      try {
        await this.#walSync?.close();
      } finally {
        await this.#beside.close(this.#database, this.#runtime.sqlite);
      }
    } catch (error) {
      throw faultOf(`close ${this.#settings.path}`, error, "WRITE_FAILED");
    }
  }

  async #reading<T>(attempt: () => T): Promise<T> {
    try {
      return await whenFree(attempt, this.#settings.busyTimeoutMs);
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }

  #decode(row: SqliteRow): LogRecord {
    try {
      return LogRecord.ofLine(row["record"] as string);
    } catch (error) {
      if (!(error instanceof NotARecord)) throw error;
      throw new AuditLogError(
        "DAMAGED",
        `Cannot read ${this.#settings.path}: what is stored as entry ${
          row["seq"]
        } ${error.message}`,
        { cause: error },
      );
    }
  }
}

function rowFilter(selection: Selection): RowFilter {
  return { ...selection, needles: needlesOf(selection) };
}

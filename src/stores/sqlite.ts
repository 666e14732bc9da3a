import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { Runtime, SqliteDatabase, SqliteRow, SqliteStatement } from "../ports.ts";
import { matches, type Selection } from "../query.ts";
import { LogRecord, NotARecord } from "../record.ts";
import { Turns } from "../turns.ts";
import { whenFree } from "./busy.ts";
import { faultOf, isConstraint, isIoError } from "./faults.ts";
import { checkSamePlace, createFile } from "./log_file.ts";
import { PageSize } from "./page_size.ts";
import { upgradePythonTable } from "./python_class.ts";
import { RecordTable, type RowFilter } from "./record_table.ts";
import { checkObjects, checkReadable, layoutOf } from "./sqlite_layout.ts";
import {
  CONNECTION_SQL,
  FORMAT_VERSION,
  RECORD_TABLE,
  RecordInserter,
  SCHEMA_SQL,
} from "./sqlite_schema.ts";
import { SqliteTree } from "./sqlite_tree.ts";
import type { LogStore, StoreInfo } from "./store.ts";
import { rollBack, transact } from "./transact.ts";

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
  await createFile(runtime.file, settings);
  let database: SqliteDatabase | undefined;
  try {
    const { identity, size } = await runtime.file.stat(path) ?? { identity: "", size: 0 };
    // SQLite takes a file of one byte for an empty one, and would write over it.
    if (size > 0 && size < SMALLEST_BYTES) throw noDatabase(path);
    database = runtime.sqlite.open(path, { readOnly });
    const opened = database;
    // Each of these reads the file, and may meet another process that is opening or closing it.
    return await whenFree(() => {
      opened.exec(CONNECTION_SQL);
      if (readOnly) {
        transact(opened, () => checkReadable(runtime, opened, path), "BEGIN DEFERRED");
      } else prepareForWriting(runtime, opened, settings);
      return new SqliteStore(runtime, opened, settings, identity);
    }, busyTimeoutMs);
  } catch (error) {
    try {
      database?.close();
    } catch {
      // The first error tells what is wrong.
    }
    const fault = faultOf(`open ${path}`, error, "READ_FAILED");
    throw readOnly && fault.code === "READ_ONLY" ? needsSharedMemory(path, fault) : fault;
  }
}

function needsSharedMemory(path: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    "READ_ONLY",
    `Cannot open ${path} for reading: SQLite makes ${path}-shm beside it, and the folder may not be written to; copy ` +
      `the log, and ${path}-wal where there is one, to a folder of your own`,
    { cause },
  );
}

/** SQLite's smallest page: no database is smaller, but the empty one. */
const SMALLEST_BYTES = 512;

function noDatabase(path: string): AuditLogError {
  return new AuditLogError(
    "NOT_A_LOG",
    `Cannot open ${path}: it is no SQLite database; give another path`,
  );
}

/** Leaves the file ready to be written to, and untouched if it is something else's. */
function prepareForWriting(
  runtime: Runtime,
  database: SqliteDatabase,
  settings: FileSettings,
): void {
  const { path, durability, warn } = settings;
  // In one look: another process may be upgrading the file.
  const layout = transact(database, () => layoutOf(database, path), "BEGIN DEFERRED");
  if (layout === "empty") database.exec("PRAGMA page_size = 8192");
  // Lasting, and not possible within a transaction; it also finds out whether the file can be written.
  const useWal = () => database.exec("PRAGMA journal_mode = WAL");
  // A table of the Python class that cannot be copied leaves its file as it was, byte for byte.
  if (layout !== "python") useWal();
  database.exec(`PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`);
  const upgraded = transact(database, () => {
    // Asked again, now that no other process can change it.
    switch (layoutOf(database, path)) {
      case "empty":
        database.exec(SCHEMA_SQL);
        return;
      case "python":
        return upgradePythonTable(database, path);
      case "present":
        checkObjects(runtime, database, path);
    }
  });
  if (upgraded !== undefined) {
    warn({
      code: "UPGRADED",
      message: `${path} had the layout of the Python class: its ${upgraded} entries were copied ` +
        "into the present one, and its table was kept as audit_log_python",
    });
  }
  if (layout === "python") useWal();
}

class SqliteStore implements LogStore {
  readonly kind = "sqlite";
  readonly tree: SqliteTree;
  readonly #runtime: Runtime;
  readonly #database: SqliteDatabase;
  readonly #settings: FileSettings;
  readonly #identity: string;
  readonly #table: RecordTable;
  readonly #inserter: RecordInserter | undefined;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  #size: number;

  constructor(
    runtime: Runtime,
    database: SqliteDatabase,
    settings: FileSettings,
    identity: string,
  ) {
    this.#runtime = runtime;
    this.#database = database;
    this.#settings = settings;
    this.#identity = identity;
    this.#table = new RecordTable(database, RECORD_TABLE, "seq, record");
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#inserter = settings.readOnly ? undefined : new RecordInserter(database);
    this.#size = this.#table.end().size;
    this.tree = new SqliteTree(database, settings);
  }

  get size(): number {
    return this.#size;
  }

  async append(records: readonly LogRecord[]): Promise<number> {
    const { path, busyTimeoutMs } = this.#settings;
    const action = `write to ${path}`;
    try {
      await checkSamePlace(this.#runtime.file, path, this.#identity, action);
      // One attempt from BEGIN to COMMIT, so that nothing else uses the connection in between.
      return await whenFree(() => this.#insert(records, action), busyTimeoutMs);
    } catch (error) {
      throw faultOf(action, error, "WRITE_FAILED");
    }
  }

  #insert(records: readonly LogRecord[], action: string): number {
    let committing = false;
    try {
      this.#begin.run();
      const end = this.#table.end();
      const { size } = this.#inserter!.add(records, end);
      // A trigger of somebody else's can drop rows without an error.
      if (this.#table.end().size !== size) throw notKept(action);
      committing = true;
      this.#commit.run();
      this.#size = size;
      return end.size;
    } catch (error) {
      // Also when BEGIN failed: it may have begun all the same.
      rollBack(this.#database);
      if (committing && isIoError(error)) {
        throw new AuditLogError(
          "SYNC_FAILED",
          `Cannot ${action}: the disk did not confirm the write; close the log and open it again`,
          { cause: error },
        );
      }
      if (isConstraint(error)) throw duplicate(this.#settings.path, error);
      throw error;
    }
  }

  async indexOf(entryId: string): Promise<number | undefined> {
    return await this.#reading(() => this.#table.seqOf(entryId));
  }

  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    let { from, to } = await this.#reading(() => {
      this.#size = this.#table.end().size;
      return this.#table.range(selection, this.#size);
    });
    const filter = rowFilter(selection);
    const pageSize = new PageSize();
    const turns = new Turns();
    let left = selection.limit;
    while (left > 0 && from < to) {
      const asked = Math.min(left, pageSize.rows);
      const rows = await this.#reading(() =>
        this.#table.page(filter, { from, to }, selection.order, asked)
      );
      if (rows.length === 0) return;
      const last = rows.at(-1)!["seq"] as number;
      if (selection.order === "asc") from = last + 1;
      else to = last;
      const decoded = rows.map((row) => this.#decode(row));
      pageSize.seen(rows.length, decoded.reduce((sum, { line }) => sum + line.length, 0));
      const records = decoded.filter((record) => matches(selection, record));
      left -= records.length;
      if (records.length > 0) yield records;
      if (rows.length < asked) return;
      await turns.give();
    }
  }

  async count(selection: Selection): Promise<number> {
    if (selection.metadata.length === 0) {
      return await this.#reading(() => {
        this.#size = this.#table.end().size;
        const range = this.#table.range(selection, this.#size);
        return isWholeRange(selection) ? range.to - range.from : this.#table.count(
          rowFilter(selection),
          range,
        );
      });
    }
    let count = 0;
    for await (const records of this.read(selection)) count += records.length;
    return count;
  }

  async info(): Promise<StoreInfo> {
    const { path } = this.#settings;
    const version = await this.#reading(() => {
      this.#size = this.#table.end().size;
      return this.#database.prepare("SELECT sqlite_version() AS version").get()!["version"];
    });
    const bytes = (await this.#runtime.file.stat(path))?.size;
    return {
      path,
      driver: `${this.#runtime.sqlite.name} ${version}`,
      formatVersion: FORMAT_VERSION,
      ...(bytes === undefined ? {} : { bytes }),
    };
  }

  // deno-lint-ignore require-await -- so that what the driver throws becomes a rejection
  async close(): Promise<void> {
    try {
      this.#database.close();
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

/** Whether a range of rows is the answer already, when times never ran backwards. */
function isWholeRange(selection: Selection): boolean {
  const { user, model, sinceUs, untilUs } = selection;
  return [user, model, sinceUs, untilUs].every((filter) => filter === undefined);
}

function rowFilter(selection: Selection): RowFilter {
  const { user, model, sinceUs, untilUs, metadata } = selection;
  return { user, model, sinceUs, untilUs, needles: metadata.map(({ needle }) => needle) };
}

function notKept(action: string): AuditLogError {
  return new AuditLogError(
    "WRITE_FAILED",
    `Cannot ${action}: the database did not keep the rows; look for triggers that are not this ` +
      "library's: SELECT name FROM sqlite_schema WHERE type = 'trigger'",
  );
}

function duplicate(path: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    "DUPLICATE_ENTRY",
    `Cannot write to ${path}: an entry with the same id is in the log already`,
    { cause },
  );
}

import { AuditLogError } from "../errors.ts";
import type { SqliteDatabase, SqliteStatement, SqliteValue } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import { isConstraint, isIoError, unconfirmed } from "./faults.ts";
import { callsEndedOnce, endedAlready } from "./ended_once.ts";
import { endSql } from "./event_table.ts";
import { type LogEnd, RecordTable } from "./record_table.ts";
import { EVENT_TABLE, RECORD_TABLE, RecordInserter, type RowSource } from "./sqlite_schema.ts";
import type { LayoutGuard } from "./sqlite_layout.ts";
import { rollBack } from "./transact.ts";

/** Appends records to their table, each batch in a transaction of its own. */
export class SqliteAppender {
  readonly #database: SqliteDatabase;
  readonly #path: string;
  readonly #layout: LayoutGuard;
  readonly #table: RecordTable;
  readonly #inserter: RecordInserter;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #selectCallEnd: SqliteStatement;
  readonly #selectVersion: SqliteStatement;
  /**
   * What SQLite tells by when another connection has committed. As long as it stays so, the layout is what was checked, and the log
   * ends where the last transaction has left it. Unknown after one that failed.
   */
  #version: SqliteValue | undefined;
  /** Where the transaction that is open has begun, and where it is. */
  #first = 0;
  #end: LogEnd = { size: 0, highUs: -Infinity };
  #unconfirmed: AuditLogError | undefined;

  /**
   * @param database A database with the layout.
   * @param path Its file, for people.
   */
  constructor(database: SqliteDatabase, path: string, layout: LayoutGuard) {
    this.#database = database;
    this.#path = path;
    this.#layout = layout;
    this.#table = new RecordTable(database, RECORD_TABLE, EVENT_TABLE, "seq");
    this.#inserter = new RecordInserter(database);
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#selectCallEnd = database.prepare(endSql(EVENT_TABLE));
    // SQLite keeps the pages that it has read by the same sign: https://sqlite.org/pragma.html#pragma_data_version
    this.#selectVersion = database.prepare("PRAGMA data_version");
  }

  /**
   * Appends records, all or none. They are durable then, as far as the connection's settings go. From BEGIN to COMMIT
   * nothing else uses the connection.
   *
   * @returns The index of the first of them.
   * @throws {AuditLogError | SqliteError} As {@link SqliteAppender.commit}.
   */
  append(records: readonly LogRecord[]): number {
    this.begin();
    this.#attempt(() => this.#refuseEnded(records));
    this.add(records);
    return this.commit();
  }

  /**
   * Begins a transaction.
   *
   * @throws {AuditLogError} `SYNC_FAILED` when it was thrown before; `WRITE_FAILED` when the layout was changed.
   * @throws {SqliteError} It may have been busy.
   */
  begin(): void {
    if (this.#unconfirmed !== undefined) throw this.#unconfirmed;
    this.#attempt(() => {
      this.#begin.run();
      const version = this.#selectVersion.get()!["data_version"];
      if (version !== this.#version) {
        this.#version = undefined;
        this.#layout.check();
        this.#end = this.#table.end();
        this.#version = version;
      }
      this.#first = this.#end.size;
    });
  }

  /**
   * Adds records to the transaction.
   *
   * @throws {AuditLogError | SqliteError} As {@link SqliteAppender.commit}.
   */
  add(records: Iterable<RowSource>): void {
    this.#attempt(() => {
      this.#end = this.#inserter.add(records, this.#end);
    });
  }

  /**
   * Ends the transaction.
   *
   * @returns The index of its first record.
   * @throws {AuditLogError} `SYNC_FAILED`, now and from now on: what is on the disk is unknown. `DUPLICATE_ENTRY`,
   *   `WRITE_FAILED`: none was written.
   * @throws {SqliteError} None was written.
   */
  commit(): number {
    this.#attempt(() => this.#commit.run(), true);
    return this.#first;
  }

  #refuseEnded(records: readonly LogRecord[]): void {
    for (const callId of callsEndedOnce(records)) {
      if (this.#selectCallEnd.get(callId) === undefined) continue;
      throw endedAlready(`write to ${this.#path}`, callId);
    }
  }

  /** Undoes the transaction. */
  abandon(): void {
    this.#version = undefined;
    rollBack(this.#database);
  }

  /** Does a part of the transaction, which is undone when that fails. */
  #attempt(part: () => void, isCommit = false): void {
    try {
      part();
    } catch (error) {
      // Also when BEGIN failed: it may have begun all the same.
      this.abandon();
      if (isCommit && isIoError(error)) throw this.#unconfirmed = unconfirmed(this.#path, error);
      if (isConstraint(error)) throw duplicate(this.#path, error);
      throw error;
    }
  }
}

function duplicate(path: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    "DUPLICATE_ENTRY",
    `Cannot write to ${path}: an entry with the same id is in the log already`,
    { cause },
  );
}

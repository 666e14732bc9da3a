/**
 * The layout of a SQLite log, version 4. docs/format.md explains it.
 *
 * `audit_record` holds the records and `audit_log`, a view, shows them under the Python class's column names. Why a
 * view and not generated columns: SQLite computes every generated column of a table on each insert, the virtual
 * ones too, and once more for a trigger. With the nine columns generated and the trigger that refuses INSERT OR
 * REPLACE, an insert took 1.9 times as long as with this layout (docs/benchmarks.md). The columns beside `record` are
 * derived from it and serve queries; what a query returns is read from `record` and compared.
 *
 * Raising FAIL and not ABORT, and `INSERT OR FAIL` in the statements of this library, spare SQLite (as Node and Deno
 * build it) the copy of each page that it makes to undo one statement alone; a transaction that fails is rolled back whole.
 *
 * @module
 */
import { EVENT_KEY } from "../entry_event.ts";
import type { SqliteDatabase, SqliteStatement } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import { EventInserter, eventTableSql, otherSql } from "./event_table.ts";
import { indexSql } from "./record_indexes.ts";
import { lagBehind, type LogEnd } from "./record_table.ts";
import { tileTableSql } from "./tile_table.ts";

/** "ALOG": marks the file as an audit log in SQLite's header, for `file` and for us. */
export const APPLICATION_ID = 0x414c4f47;
/** The version of the layout. */
export const FORMAT_VERSION = 4;

/** Where the records are. */
export const RECORD_TABLE = "audit_record";
/** Where it is kept what records are about that are more than an interaction recorded in one go. */
export const EVENT_TABLE = "audit_event";
/** Where the tiles of the Merkle tree are. */
export const TILE_TABLE = "audit_tile";
/** Where the checkpoints are. */
export const CHECKPOINT_TABLE = "audit_checkpoint";
/** Where upgrading leaves the table of the Python class. */
export const PYTHON_TABLE = "audit_log_python";

/** Refuses every change of a table's rows by anyone. */
export function guardSql(table: string): string {
  return `
CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only: rows cannot be changed');
END;
CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only: rows cannot be deleted');
END;
`;
}

/** Lets rows of {@link EVENT_TABLE} be added with their records, and at no other time. */
export const EVENT_GUARD_SQL: string = `
CREATE TRIGGER ${EVENT_TABLE}_only_append BEFORE INSERT ON ${EVENT_TABLE}
WHEN NEW.seq IS NOT (SELECT max(seq) FROM ${RECORD_TABLE})
  OR EXISTS (SELECT 1 FROM ${EVENT_TABLE} WHERE seq = NEW.seq)
  -- Nobody shall hide an interaction by saying that it is none.
  OR NOT EXISTS (
    SELECT 1 FROM ${RECORD_TABLE} WHERE seq = NEW.seq AND canonical = 1
      AND json_extract(record, '$.metadata."${EVENT_KEY}"') IS NEW.event
  )
BEGIN
  SELECT RAISE(FAIL, 'the audit log is append-only: an event can only be added with its record');
END;
${guardSql(EVENT_TABLE)}
`;

/** The view of the interactions, under the Python class's column names. */
export const VIEW_SQL: string = `
CREATE VIEW audit_log AS SELECT
  seq, entry_id, timestamp, user, model,
  json_extract(record, '$.input_text') AS input_text,
  json_extract(record, '$.output_text') AS output_text,
  cost_usd, latency_ms,
  json_extract(record, '$.metadata') AS metadata,
  record
FROM ${RECORD_TABLE} WHERE NOT EXISTS (${otherSql(EVENT_TABLE, RECORD_TABLE)});
`;

/** Makes the table of statistics, by way of a table that is small. */
export const STATISTICS_TABLE_SQL: string = `ANALYZE ${CHECKPOINT_TABLE};`;

/**
 * Tells SQLite's planner what a large log is like, as ANALYZE would. So other tools that ask for a user walk the segments of the
 * index, and not the table. The statements of this library name their indexes.
 */
export const STATISTICS_SQL: string = `
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('${RECORD_TABLE}', '${RECORD_TABLE}_entry_id', '1000000 1'),
  ('${RECORD_TABLE}', '${RECORD_TABLE}_model', '1000000 100000'),
  ('${RECORD_TABLE}', '${RECORD_TABLE}_user', '1000000 16384 16'),
  ('${RECORD_TABLE}', '${RECORD_TABLE}_user_model', '1000000 16384 16 4');
`;

/** Creates the layout in an empty database, or beside the Python class's renamed table. */
export const SCHEMA_SQL: string = `
CREATE TABLE ${RECORD_TABLE} (
  seq INTEGER PRIMARY KEY,
  instant_us REAL NOT NULL,
  lag_us REAL NOT NULL CHECK (lag_us >= 0),
  canonical INTEGER NOT NULL CHECK (canonical IN (0, 1)),
  entry_id TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  user TEXT NOT NULL,
  model TEXT NOT NULL,
  cost_usd REAL,
  latency_ms REAL,
  record TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX ${RECORD_TABLE}_entry_id ON ${RECORD_TABLE} (entry_id);
${indexSql(RECORD_TABLE)}
-- REPLACE deletes the rows that are in its way without asking the trigger on DELETE, unless the
-- connection says so: hence this one, which also keeps seq free of gaps.
CREATE TRIGGER ${RECORD_TABLE}_only_append BEFORE INSERT ON ${RECORD_TABLE}
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM ${RECORD_TABLE})
  OR EXISTS (SELECT 1 FROM ${RECORD_TABLE} WHERE entry_id = NEW.entry_id)
BEGIN
  SELECT RAISE(FAIL, 'the audit log is append-only: rows can only be added at its end, with new ids');
END;
${guardSql(RECORD_TABLE)}
${eventTableSql(EVENT_TABLE)}
${EVENT_GUARD_SQL}
${tileTableSql(TILE_TABLE)}
CREATE TABLE ${CHECKPOINT_TABLE} (
  number INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;
CREATE TRIGGER ${CHECKPOINT_TABLE}_only_append BEFORE INSERT ON ${CHECKPOINT_TABLE}
WHEN NEW.number IS NOT (SELECT coalesce(max(number) + 1, 0) FROM ${CHECKPOINT_TABLE})
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only: checkpoints can only be added at the end');
END;
${guardSql(CHECKPOINT_TABLE)}
${VIEW_SQL}
${STATISTICS_TABLE_SQL}
${STATISTICS_SQL}
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT_VERSION};
`;

const COLUMNS = [
  "seq",
  "instant_us",
  "lag_us",
  "canonical",
  "entry_id",
  "timestamp",
  "user",
  "model",
  "cost_usd",
  "latency_ms",
  "record",
];

/**
 * UTF-8 that is there already is stored as it is, for a log has its texts in UTF-8: a string made of it would be encoded again by
 * the driver.
 */
const RECORD_SQL = "CAST(? AS TEXT)";

/** What a row is made of: a {@link LogRecord}, or what another thread got of one. */
export interface RowSource extends Pick<LogRecord, "instantUs" | "canonical" | "event"> {
  /** The line, or its UTF-8. */
  readonly line: string | Uint8Array;
  /** The entry without its texts. */
  readonly entry: Pick<
    LogRecord["entry"],
    "entryId" | "timestamp" | "user" | "model" | "costUsd" | "latencyMs"
  >;
}

/** Adds records at the end of {@link RECORD_TABLE}, and their events, within the caller's transaction. */
export class RecordInserter {
  readonly #insert: SqliteStatement;
  readonly #events: EventInserter;

  /** @param database A database with the layout. */
  constructor(database: SqliteDatabase) {
    this.#insert = database.prepare(
      `INSERT OR FAIL INTO ${RECORD_TABLE} (${COLUMNS.join()}) ` +
        `VALUES (${COLUMNS.map((column) => column === "record" ? RECORD_SQL : "?").join()})`,
    );
    this.#events = new EventInserter(database, EVENT_TABLE);
  }

  /**
   * Adds records behind the end of the log.
   *
   * @returns The end of the log with them.
   */
  add(records: Iterable<RowSource>, end: LogEnd): LogEnd {
    let { size, highUs } = end;
    for (const record of records) {
      const { entry, instantUs } = record;
      const lagUs = lagBehind(highUs, instantUs);
      highUs = instantUs + lagUs;
      this.#insert.run(
        size++,
        instantUs,
        lagUs,
        record.canonical ? 1 : 0,
        entry.entryId,
        entry.timestamp,
        entry.user,
        entry.model,
        entry.costUsd,
        entry.latencyMs,
        record.line,
      );
      this.#events.add(size - 1, record.event);
    }
    return { size, highUs };
  }
}

/**
 * Settings that hold for a connection to a log. The pages that a log of any size has in use are a few megabytes, and with
 * a thread there are two caches. `temp_store` is where SQLite keeps what it needs to undo one
 * statement: bun:sqlite (3.54) writes that for every insert into a table with triggers, FAIL or not.
 */
export const CONNECTION_SQL: string = `
PRAGMA busy_timeout = 10;
PRAGMA cache_size = -8192;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA temp_store = MEMORY;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA trusted_schema = OFF;
`;

/** What a commit waits for: the disk, or that the operating system has it. */
export function synchronousSql(durability: "full" | "relaxed"): string {
  return `PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`;
}

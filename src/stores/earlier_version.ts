import { type EntryEvent, EVENT_KEY } from "../entry_event.ts";
import { type SqliteDatabase, SqliteError } from "../ports.ts";
import { factsOf, NotARecord } from "../record.ts";
import { isBusy } from "./faults.ts";
import { EventInserter, eventTableSql } from "./event_table.ts";
import { userIndexSql } from "./record_indexes.ts";
import {
  EVENT_GUARD_SQL,
  EVENT_TABLE,
  FORMAT_VERSION,
  RECORD_TABLE,
  STATISTICS_SQL,
  STATISTICS_TABLE_SQL,
  VIEW_SQL,
} from "./sqlite_schema.ts";

/** How many rows are looked at at a time. */
const PAGE = 64;

/** The versions that can be upgraded. */
export const EARLIER_VERSIONS: readonly number[] = [1, 2, 3];

/** Adds to a log of an earlier version what this one has beside the records, within the caller's transaction. It touches no record. */
export function upgradeEarlierVersion(database: SqliteDatabase): void {
  const version = database.prepare("PRAGMA user_version").get()!["user_version"];
  if (version === 1) addEvents(database);
  // Their indexes on users were not in segments, or in larger ones; somebody may have had statistics made of them.
  database.exec(`
DROP INDEX IF EXISTS ${RECORD_TABLE}_user;
DROP INDEX IF EXISTS ${RECORD_TABLE}_user_model;
${userIndexSql(RECORD_TABLE)}
${STATISTICS_TABLE_SQL}
DELETE FROM sqlite_stat1 WHERE tbl = '${RECORD_TABLE}';
${STATISTICS_SQL}
PRAGMA user_version = ${FORMAT_VERSION};`);
}

/**
 * Does what puts many rows into indexes: SQLite sorts them in files of its own, so that memory does not grow with the log. In memory
 * where it finds no folder that it may write to, or no room there.
 *
 * @param upgrade What is undone when it fails.
 */
export function sortingInFiles<T>(database: SqliteDatabase, upgrade: () => T): T {
  database.exec("PRAGMA temp_store = FILE");
  try {
    return upgrade();
  } catch (error) {
    // Deno's driver does not say what kind of error it is.
    if (!(error instanceof SqliteError) || isBusy(error)) throw error;
  } finally {
    database.exec("PRAGMA temp_store = MEMORY");
  }
  return upgrade();
}

/** Version 1 wrote no events, but may have adopted lines that have them. */
function addEvents(database: SqliteDatabase): void {
  database.exec(`DROP VIEW IF EXISTS audit_log;${eventTableSql(EVENT_TABLE)}`);
  const events = new EventInserter(database, EVENT_TABLE);
  const page = database.prepare(
    `SELECT seq, CAST(record AS BLOB) AS record FROM ${RECORD_TABLE} NOT INDEXED WHERE seq > ? AND canonical = 1 ` +
      `AND instr(record, '"${EVENT_KEY}":') > 0 ORDER BY seq LIMIT ${PAGE}`,
  );
  for (let last = -1;;) {
    const rows = page.all(last);
    for (const { seq, record } of rows) {
      events.add(seq as number, eventOfLine(record as Uint8Array));
    }
    if (rows.length < PAGE) break;
    last = rows.at(-1)!["seq"] as number;
  }
  database.exec(`${EVENT_GUARD_SQL}${VIEW_SQL}`);
}

function eventOfLine(line: Uint8Array): EntryEvent | undefined {
  try {
    return factsOf(line).event;
  } catch (error) {
    // Damage is for whoever reads or verifies the record.
    if (error instanceof NotARecord) return undefined;
    throw error;
  }
}

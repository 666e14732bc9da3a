/**
 * The table of events beside a table of records: a row for each record that is more than an interaction which was
 * recorded in one go. It is derived from the records. A log without such records has it empty.
 *
 * @module
 */
import { CALL_BEGIN, CALL_END, type EntryEvent } from "../entry_event.ts";
import type { SqliteDatabase, SqliteStatement } from "../ports.ts";

/** The table, and its indexes. */
export function eventTableSql(events: string): string {
  return `
CREATE TABLE ${events} (seq INTEGER PRIMARY KEY, event TEXT NOT NULL, subject TEXT) STRICT;
CREATE INDEX ${events}_event ON ${events} (event);
CREATE INDEX ${events}_subject ON ${events} (subject, event);
`;
}

/** Adds the events of records to their table, within the caller's transaction. */
export class EventInserter {
  readonly #insert: SqliteStatement;

  /**
   * @param database The open database.
   * @param events The table of events.
   */
  constructor(database: SqliteDatabase, events: string) {
    this.#insert = database.prepare(
      `INSERT OR FAIL INTO ${events} (seq, event, subject) VALUES (?, ?, ?)`,
    );
  }

  /** Adds what the record at an index is about, once the record is there. */
  add(seq: number, event: EntryEvent | undefined): void {
    if (event !== undefined) this.#insert.run(seq, event.name, event.subject);
  }
}

/** Condition on `seq`: its event has the subject that is the parameter. */
export function subjectSql(events: string): string {
  return `seq IN (SELECT seq FROM ${events} INDEXED BY ${events}_subject WHERE subject = ?)`;
}

/** Finds out whether the call that is the parameter has an end. */
export function endSql(events: string): string {
  return `SELECT 1 FROM ${events} INDEXED BY ${events}_subject WHERE subject = ? AND event = '${CALL_END}'`;
}

/** Condition on `seq`: a call begins there that nothing ends. The parameters are the range of `seq` to look at. */
export function begunSql(events: string): string {
  const end = `SELECT 1 FROM ${events} AS o INDEXED BY ${events}_subject ` +
    `WHERE o.subject = b.subject AND o.event = '${CALL_END}'`;
  return `seq IN (SELECT b.seq FROM ${events} AS b INDEXED BY ${events}_event ` +
    `WHERE b.event = '${CALL_BEGIN}' AND b.seq >= ? AND b.seq < ? AND NOT EXISTS (${end}))`;
}

/** Selects something for a row of a table that is no interaction. */
export function otherSql(events: string, table: string): string {
  return `SELECT 1 FROM ${events} AS e NOT INDEXED ` +
    `WHERE e.seq = ${table}.seq AND e.event <> '${CALL_END}'`;
}

/**
 * Condition for verification: a row has no event, or both indexes lead to it.
 *
 * @param event The name that the event has where it is joined to its row.
 */
export function eventChecksSql(events: string, event: string): string {
  const found = (index: string): string =>
    `EXISTS (SELECT 1 FROM ${events} AS i INDEXED BY ${events}_${index} WHERE i.event = ${event}.event ` +
    `AND i.subject IS ${event}.subject AND i.seq = ${event}.seq)`;
  return `(${event}.seq IS NULL OR (${found("event")} AND ${found("subject")}))`;
}

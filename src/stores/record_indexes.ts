/**
 * The indexes of a table of records, and what verification asks of them.
 *
 * @module
 */
import type { SqliteRow } from "../ports.ts";
import { eventChecksSql } from "./event_table.ts";

/**
 * How many rows a segment of the indexes on users has: two to the power of this. Within a segment, rows are listed by user.
 *
 * A new row goes into the last segment, which is small. In one list of all rows, each user's next row would go to another page,
 * and a batch with many users would have to write all these pages. With a thousand users, 512 small records write 87 pages on
 * average; in segments of 65,536 rows, 227. Smaller ones gain less, and a query passes over each in which its user has no row.
 */
export const SEGMENT_BITS = 14;

/** The segment of a row, as SQL. */
export function segmentSql(segmentBits: number = SEGMENT_BITS): string {
  return `seq >> ${segmentBits}`;
}

/** The indexes on users; see {@link indexSql}. */
export function userIndexSql(table: string, segmentBits: number = SEGMENT_BITS): string {
  const segment = segmentSql(segmentBits);
  return `
CREATE INDEX ${table}_user ON ${table} (${segment}, user);
CREATE INDEX ${table}_user_model ON ${table} (${segment}, user, model);
`;
}

/**
 * All indexes that a `RecordTable` names.
 *
 * @param table The table.
 * @param segmentBits As {@link SEGMENT_BITS}; tests have smaller ones.
 */
export function indexSql(table: string, segmentBits: number = SEGMENT_BITS): string {
  return `${userIndexSql(table, segmentBits)}
CREATE INDEX ${table}_model ON ${table} (model);
CREATE INDEX ${table}_lag ON ${table} (lag_us) WHERE lag_us > 0;
`;
}

/**
 * SQL for verification: `indexed` says whether the indexes on names and lags and those of its event lead to the row, and
 * `first` which row the index on ids gives for its id. SQLite believes what an index says, whoever wrote it.
 *
 * Each row is searched for, as a query would. It would be quicker to see whether an index is in order from one end to the other,
 * but that is not enough: of a damaged entry, SQLite may read something else than what it compares. Each search has a subquery of its
 * own, which begins at the root: a joined index stays open, and SQLite would look on its present page first.
 *
 * @param table The table.
 * @param events The table of its events.
 * @param row The row's name in the statement, another one.
 * @param event The name of the row's event, which is joined to it.
 */
export function indexChecksSql(
  table: string,
  events: string,
  row: string,
  event: string,
): { indexed: string; first: string } {
  const found = (index: string, columns: readonly string[], also = ""): string => {
    const same = [...columns, "seq"].map((column) => `i.${column} = ${row}.${column}`)
      .join(" AND ");
    return `EXISTS (SELECT 1 FROM ${table} AS i INDEXED BY ${table}_${index} WHERE ${same}${also})`;
  };
  const all = [
    found("user", [segmentSql(), "user"]),
    found("model", ["model"]),
    found("user_model", [segmentSql(), "user", "model"]),
    // What queries by time take the largest lag from; it holds no others.
    `(${row}.lag_us <= 0 OR ${found("lag", ["lag_us"], " AND i.lag_us > 0")})`,
    eventChecksSql(events, event),
  ];
  const first = `SELECT i.seq FROM ${table} AS i INDEXED BY ${table}_entry_id ` +
    `WHERE i.entry_id = ${row}.entry_id ORDER BY i.seq LIMIT 1`;
  return { indexed: `(${all.join(" AND ")})`, first: `(${first})` };
}

const NONE: readonly string[] = [];

/** What is wrong with a row, by the columns `indexed` and `first` of {@link indexChecksSql}; one sentence each. */
export function indexFaults(row: SqliteRow): readonly string[] {
  const { seq, indexed, first } = row as Record<string, number | null>;
  if (indexed === 1 && first === seq) return NONE;
  const faults: string[] = [];
  const isRepeated = typeof first === "number" && first < seq!;
  if (indexed !== 1 || (first !== seq && !isRepeated)) {
    faults.push("an index does not lead to it, so that queries miss it");
  }
  if (isRepeated) faults.push("it has the id of an earlier entry");
  return faults;
}

/** How many events of no record are told of by one question. */
const STRAY = 20;
/** How many rows a question is about, and how many parts there are at most: a damaged number can make a log look huge. */
const [PART, MOST_PARTS] = [65_536, 4096];

/** A question that verification asks when it has looked at each row. */
export interface StrayCheck {
  /** SQL that gives a row for each thing that belongs to no record. */
  readonly sql: string;
  /** What is wrong; one sentence. */
  readonly says: (row: SqliteRow) => string;
}

/**
 * Finds events, and entries of indexes, that belong to no record: numbers of entries, and whether a call has ended, are
 * taken from the indexes alone. One question each, so that whoever asks them can do something else in between.
 *
 * @param table The table.
 * @param events The table of its events.
 * @param lowest The first number of a row that is looked at anyway.
 * @param size How many records there are, about.
 */
export function strayChecks(
  table: string,
  events: string,
  lowest: number,
  size: number,
): readonly StrayCheck[] {
  // As texts: not all of these numbers are exact in JavaScript.
  const number = "CAST(seq AS TEXT) AS number";
  const below: StrayCheck = {
    sql: `SELECT ${number} FROM ${table} NOT INDEXED WHERE seq < ${lowest} LIMIT ${STRAY}`,
    says: ({ number }) => `${table} has a row with the number ${number}, which no entry has`,
  };
  const stray = partsOf(size).map((condition): StrayCheck => ({
    sql: `SELECT ${number} FROM ${events} AS e NOT INDEXED WHERE ${condition}NOT EXISTS ` +
      `(SELECT 1 FROM ${table} AS t NOT INDEXED WHERE t.seq = e.seq) LIMIT ${STRAY}`,
    says: ({ number }) => `${events} has a row with the number ${number}, which no record has`,
  }));
  const check = (of: string, index: string, rows: string): StrayCheck => ({
    sql: spareEntriesSql(of, index, rows),
    says: () => `the index ${index} has entries of no record, which mislead queries`,
  });
  // Without reading all of the table once more: where a number is missing, that is found already.
  const end = (which: string) => `(SELECT ${which}(seq) FROM ${table} NOT INDEXED)`;
  const records = `coalesce(${end("max")} - ${end("min")} + 1, 0)`;
  const all = `(SELECT count(*) FROM ${events} NOT INDEXED)`;
  return [
    below,
    ...stray,
    ...["user", "model", "user_model", "entry_id"]
      .map((name) => check(table, `${table}_${name}`, records)),
    ...["event", "subject"].map((name) => check(events, `${events}_${name}`, all)),
  ];
}

/** Conditions, each of a part of all numbers: none is left out, whatever the size. */
function partsOf(size: number): readonly string[] {
  const length = Math.max(PART, Math.ceil(size / MOST_PARTS));
  const count = Math.max(1, Math.ceil(size / length));
  return Array.from({ length: count }, (_, part) => {
    const from = part === 0 ? "" : `e.seq >= ${part * length} AND `;
    return from + (part === count - 1 ? "" : `e.seq < ${(part + 1) * length} AND `);
  });
}

/**
 * SQL that gives a row if an index has more entries than there are rows. Where each row has its own, the others are of none.
 *
 * @param rows SQL of how many rows there are. In one statement, so that none is added in between.
 */
export function spareEntriesSql(table: string, index: string, rows: string): string {
  // SQLite would answer count(*) from whichever index it likes best.
  return `SELECT 1 AS spare WHERE (SELECT sum(1) FROM ${table} INDEXED BY ${index}) > ${rows}`;
}

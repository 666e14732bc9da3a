import { CALL_END } from "../entry_event.ts";
import type { Selection } from "../query.ts";
import type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from "../ports.ts";
import { begunSql, otherSql, subjectSql } from "./event_table.ts";
import { checkEnd, checkNumber, LARGEST_NUMBER } from "./faults.ts";
import { LIMIT_SQL } from "./page_size.ts";
import { SEGMENT_BITS } from "./record_indexes.ts";
import { nameIndexSql, segmentsSql, type SeqRange, UserSegments } from "./user_segments.ts";

/** What a selection asks of the rows; names are given as the table stores them. */
export interface RowFilter {
  /** Value of the column `user`. */
  readonly user?: SqliteValue | undefined;
  /** Value of the column `model`. */
  readonly model?: SqliteValue | undefined;
  /** Lower bound of `instant_us`. */
  readonly sinceUs: number | undefined;
  /** Upper bound of `instant_us`. */
  readonly untilUs: number | undefined;
  /** Which events; see {@link Selection.events}. Default: all. */
  readonly events?: Selection["events"] | undefined;
  /** The subject of the events. */
  readonly subject?: string | undefined;
  /** Texts that the column `record` contains in canonical rows. */
  readonly needles?: readonly string[];
}

/** Which rows, as SQL. */
interface Where {
  /** The table, and how to walk it. */
  readonly from: string;
  readonly conditions: string[];
  /** Of the parameters in the conditions, in their order. */
  readonly values: SqliteValue[];
}

/** The last row's place in the log and in time. */
export interface LogEnd {
  /** How many rows there are. */
  readonly size: number;
  /** The latest instant of all rows, microseconds since the epoch. */
  readonly highUs: number;
}

/**
 * How far an instant is behind the latest before it, microseconds. From the year 2255 on sums of instants are rounded, so the latest is
 * always taken to be `instantUs + lagUs`: that is all that the next batch finds, and what verification has to come to.
 */
export function lagBehind(highUs: number, instantUs: number): number {
  return Math.max(highUs, instantUs) - instantUs;
}

/** More than a sum of two instants can be off by rounding, microseconds. */
const ROUNDING_US = 1000;

/**
 * Reads a table of records in the order of the log, which is that of its key `seq`: 0, 1, 2, ...
 *
 * Every query is one walk along an index, without a sort:
 * - Indexes on `user`, on `model` and on both hold `seq` as their last part, as all of SQLite's do. Those on `user` are
 *   walked segment by segment, past those in which the user has no row.
 * - A span of time is turned into a range of `seq` by binary search. Times may run backwards here and there (several
 *   writers, adopted files): `lag_us` says how far a row is behind the latest before it. Widened by the largest lag in the
 *   log, the range holds every row of the span, and each row is then checked. If times never ran backwards, nothing needs
 *   checking.
 * - An entry that is more than an interaction recorded in one go has a row in a table of events beside it: `seq`, `event`,
 *   `subject`. A log without such entries pays nothing for them.
 *
 * Statements name their index: left to choose, SQLite's planner walks all rows of a popular model to find those of a rare
 * user.
 */
export class RecordTable {
  readonly #database: SqliteDatabase;
  readonly #table: string;
  readonly #events: string;
  readonly #columns: string;
  readonly #segments: UserSegments;
  readonly #statements = new Map<string, SqliteStatement>();

  /**
   * @param database The open database.
   * @param table The table's name; its indexes are called after it.
   * @param events The name of the table of its events.
   * @param columns What {@link RecordTable.page} returns, as SQL.
   * @param segmentBits As {@link indexSql} was given.
   */
  constructor(
    database: SqliteDatabase,
    table: string,
    events: string,
    columns: string,
    segmentBits: number = SEGMENT_BITS,
  ) {
    this.#database = database;
    this.#table = table;
    this.#events = events;
    this.#columns = columns;
    this.#segments = new UserSegments((sql) => this.#prepare(sql), table, segmentBits);
  }

  /** The end of the log. */
  end(): LogEnd {
    const row = this.#prepare(
      `SELECT min(seq, ${LARGEST_NUMBER}) AS last, instant_us + lag_us AS high_us ` +
        `FROM ${this.#table} ORDER BY seq DESC LIMIT 1`,
    ).get();
    if (row === undefined) return { size: 0, highUs: -Infinity };
    const last = row["last"] as number;
    checkNumber(last);
    return { size: last + 1, highUs: row["high_us"] as number };
  }

  /** The `seq` of the first row with this id. */
  seqOf(entryId: string): number | undefined {
    const row = this.#prepare(
      `SELECT seq FROM ${this.#table} WHERE entry_id = ? ORDER BY seq LIMIT 1`,
    ).get(entryId);
    return row?.["seq"] as number | undefined;
  }

  /** A range that holds all rows of a selection, out of the first `size`. */
  range(selection: Selection, size: number): SeqRange {
    const { sinceUs, untilUs, order, afterIndex } = selection;
    let [from, to] = [0, size];
    if (afterIndex !== undefined) {
      if (order === "asc") from = Math.max(0, afterIndex + 1);
      else to = Math.min(size, Math.max(0, afterIndex));
    }
    const inTime = sinceUs !== undefined || untilUs !== undefined;
    const largestLag = inTime ? this.#largestLag() : 0;
    // Sums of instants are rounded, from the year 2255 on instants themselves.
    const lag = largestLag === 0 ? 0 : largestLag + ROUNDING_US;
    // Of two rows the earlier one's time exceeds the later one's by at most the largest lag.
    if (sinceUs !== undefined) {
      from = this.#search(from, to, (instant) => instant + lag >= sinceUs);
    }
    if (untilUs !== undefined) to = this.#search(from, to, (instant) => instant - lag > untilUs);
    return { from, to };
  }

  /** The rows of a range that pass a filter: the first `limit` of them, or the last in `desc` order. */
  page(
    filter: RowFilter,
    range: SeqRange,
    order: "asc" | "desc",
    limit: number,
  ): readonly SqliteRow[] {
    if (!isByUser(filter)) return this.#rows(this.#where(filter, range), range, order, limit);
    const rows: SqliteRow[] = [];
    for (const part of this.#segments.parts(filter, range, order)) {
      const where = this.#where(filter, part);
      where.conditions.unshift(`${this.#segments.sql} = ?`);
      where.values.unshift(part.segment);
      rows.push(...this.#rows(where, part, order, limit - rows.length));
      if (rows.length >= limit) return rows;
    }
    return rows;
  }

  #rows(
    { from, conditions, values }: Where,
    range: SeqRange,
    order: "asc" | "desc",
    limit: number,
  ): readonly SqliteRow[] {
    const statement = this.#prepare(
      `SELECT ${this.#columns} FROM ${from} WHERE ${conditions.join(" AND ")} ` +
        `ORDER BY seq${order === "desc" ? " DESC" : ""} ${LIMIT_SQL}`,
    );
    const rows = statement.all(...values, limit);
    checkEnd(rows, range.from, range.to);
    return rows;
  }

  /** How many rows of a range pass a filter. */
  count(filter: RowFilter, range: SeqRange): number {
    if (isWholeRange(filter) && (this.#largestLag() === 0 || !isTimed(filter))) {
      const others = filter.events === "interactions" ? this.#others(range) : 0;
      return Math.max(0, range.to - range.from) - others;
    }
    if (range.from >= range.to) return 0;
    if (!isByUser(filter)) return this.#counted("", this.#where(filter, range));
    let count = 0;
    for (const stretch of this.#segments.stretches(range, "asc")) {
      const { from, conditions, values } = this.#where(filter, stretch);
      count += this.#counted(`WITH RECURSIVE ${segmentsSql()} `, {
        from: `segments CROSS JOIN ${from}`,
        conditions: [`${this.#segments.sql} = segments.n`, ...conditions],
        values: [...this.#segments.ends(stretch), ...values],
      });
    }
    return count;
  }

  #counted(segments: string, { from, conditions, values }: Where): number {
    return this.#prepare(
      `${segments}SELECT count(*) AS n FROM ${from} WHERE ${conditions.join(" AND ")}`,
    ).get(...values)!["n"] as number;
  }

  #where(filter: RowFilter, range: SeqRange): Where {
    const { user, model, subject, events = "all", needles = [] } = filter;
    const conditions = ["seq >= ?", "seq < ?"];
    const values: SqliteValue[] = [range.from, range.to];
    const add = (condition: string, ...bound: SqliteValue[]): void => {
      conditions.push(condition);
      values.push(...bound);
    };
    if (user !== undefined) add("user = ?", user);
    if (model !== undefined) add("model = ?", model);
    if (this.#largestLag() > 0) {
      if (filter.sinceUs !== undefined) add("instant_us >= ?", filter.sinceUs);
      if (filter.untilUs !== undefined) add("instant_us <= ?", filter.untilUs);
    }
    if (subject !== undefined) add(subjectSql(this.#events), subject);
    if (events === "begun") add(begunSql(this.#events), range.from, range.to);
    else if (events === "interactions" && this.#hasOthers()) {
      add(`NOT EXISTS (${otherSql(this.#events, this.#table)})`);
    }
    for (const needle of needles) add("(canonical = 0 OR instr(record, ?) > 0)", needle);
    const index = isByEvent(filter) ? "NOT INDEXED" : nameIndexSql(this.#table, filter);
    return { from: `${this.#table} ${index}`, conditions, values };
  }

  /** Whether there is any entry that is no interaction. */
  #hasOthers(): boolean {
    return ["<", ">"].some((beside) =>
      this.#prepare(
        `SELECT 1 AS found FROM ${this.#events} INDEXED BY ${this.#events}_event ` +
          `WHERE event ${beside} '${CALL_END}' LIMIT 1`,
      ).get() !== undefined
    );
  }

  /** How many rows of a range are no interactions. */
  #others(range: SeqRange): number {
    if (!this.#hasOthers()) return 0;
    return this.#prepare(
      `SELECT count(*) AS n FROM ${this.#events} NOT INDEXED ` +
        `WHERE seq >= ? AND seq < ? AND event <> '${CALL_END}'`,
    ).get(range.from, range.to)!["n"] as number;
  }

  #largestLag(): number {
    const row = this.#prepare(
      `SELECT lag_us FROM ${this.#table} INDEXED BY ${this.#table}_lag WHERE lag_us > 0 ` +
        "ORDER BY lag_us DESC LIMIT 1",
    ).get();
    return row === undefined ? 0 : row["lag_us"] as number;
  }

  /** The first `seq` of a range whose instant passes, were the instants in order; `to` if none does. */
  #search(from: number, to: number, passes: (instantUs: number) => boolean): number {
    const statement = this.#prepare(`SELECT instant_us FROM ${this.#table} WHERE seq = ?`);
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const instant = statement.get(middle)?.["instant_us"] as number | undefined;
      if (instant === undefined || passes(instant)) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #prepare(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Whether events are asked for by what they are about: they are few, and found by their own table. */
function isByEvent({ subject, events }: RowFilter): boolean {
  return subject !== undefined || events === "begun";
}

/** Whether rows are found by an index on users. */
function isByUser(filter: RowFilter): boolean {
  return filter.user !== undefined && !isByEvent(filter);
}

/** Whether a filter is one that all rows of a range pass, but for their time and their events. */
function isWholeRange(filter: RowFilter): boolean {
  const { user, model, subject, events, needles = [] } = filter;
  return user === undefined && model === undefined && subject === undefined &&
    events !== "begun" && needles.length === 0;
}

function isTimed({ sinceUs, untilUs }: RowFilter): boolean {
  return sinceUs !== undefined || untilUs !== undefined;
}

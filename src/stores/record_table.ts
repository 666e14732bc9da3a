import { CALL_END } from "../entry_event.ts";
import type { Selection } from "../query.ts";
import type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from "../ports.ts";
import { begunSql, otherSql, subjectSql } from "./event_table.ts";
import { checkEnd, checkNumber, LARGEST_NUMBER } from "./faults.ts";
import { SEGMENT_BITS, segmentSql } from "./record_indexes.ts";

/** Part of a table: the rows whose `seq` is at least `from` and less than `to`. */
export interface SeqRange {
  /** The first `seq`. */
  readonly from: number;
  /** The first `seq` beyond. */
  readonly to: number;
}

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
 * How far an instant is behind the latest before it, microseconds. The latest from then on is the sum of the two, in that row as in the next
 * batch, which knows no more of it: from the year 2255 on sums are rounded, and verification has to come to the same.
 */
export function lagBehind(highUs: number, instantUs: number): number {
  return Math.max(highUs, instantUs) - instantUs;
}

/** How many segments are gone through at a time: those of 268 million rows. */
const STRETCH = 4096;
/** More than a sum of two instants can be off by rounding, microseconds. */
const ROUNDING_US = 1000;

/**
 * Reads a table of records in the order of the log, which is that of its key `seq`: 0, 1, 2, ...
 *
 * Every query is one walk along an index, without a sort:
 * - indexes on `user`, on `model` and on both hold `seq` as their last part, as all of SQLite's do; those on `user` are
 *   walked segment by segment, past those in which the user has no row;
 * - a span of time is turned into a range of `seq` by binary search. Times may run backwards here and
 *   there (several writers, adopted files): `lag_us` says how far a row is behind the latest before
 *   it. Widened by the largest lag in the log, the range holds every row of the span, and each row is
 *   then checked. Where times never ran backwards nothing needs checking.
 *
 * - what is more than an interaction that was recorded in one go has a row in a table of events beside it: `seq`, `event`,
 *   `subject`. A log without such entries pays nothing for them.
 *
 * The index is named in the statement: SQLite's planner, left to choose, walks all rows of a popular
 * model to find a rare user's.
 */
export class RecordTable {
  readonly #database: SqliteDatabase;
  readonly #table: string;
  readonly #events: string;
  readonly #columns: string;
  readonly #segmentBits: number;
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
    this.#segmentBits = segmentBits;
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
    for (const stretch of this.#stretches(range, order)) {
      for (const { segment, ...part } of this.#segments(filter, stretch, order)) {
        const where = this.#where(filter, part);
        where.conditions.unshift(`${segmentSql(this.#segmentBits)} = ?`);
        where.values.unshift(segment);
        rows.push(...this.#rows(where, part, order, limit - rows.length));
        if (rows.length >= limit) return rows;
      }
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
        `ORDER BY seq${order === "desc" ? " DESC" : ""} LIMIT ?`,
    );
    const rows = statement.all(...values, limit);
    checkEnd(rows, range.from, range.to);
    return rows;
  }

  /**
   * The parts of a range, in order, that have so many segments at most, and all of its rows. Numbers go on without a gap; where one
   * is damaged, there may be more segments without a row than could ever be gone through.
   */
  *#stretches({ from, to }: SeqRange, order: "asc" | "desc"): Generator<SeqRange> {
    const length = STRETCH * 2 ** this.#segmentBits;
    while (from < to) {
      if (order === "asc") {
        const end = Math.min(to, from + length);
        yield { from, to: end };
        from = end < to ? this.#beside("min", { from: end, to }) ?? to : to;
      } else {
        const start = Math.max(from, to - length);
        yield { from: start, to };
        to = start > from ? (this.#beside("max", { from, to: start }) ?? from - 1) + 1 : from;
      }
    }
  }

  /** The first or the last row of a range. */
  #beside(which: "min" | "max", { from, to }: SeqRange): number | undefined {
    const row = this.#prepare(
      `SELECT ${which}(seq) AS seq FROM ${this.#table} NOT INDEXED WHERE seq >= ? AND seq < ?`,
    ).get(from, to);
    return row?.["seq"] as number | null ?? undefined;
  }

  /** The parts of a range, in order, that are in different segments. The first, and then those with a row of the filter's user. */
  *#segments(
    filter: RowFilter,
    { from, to }: SeqRange,
    order: "asc" | "desc",
  ): Generator<SeqRange & { readonly segment: number }> {
    if (from >= to) return;
    const ends = [this.#segmentOf(from), this.#segmentOf(to - 1)];
    const [first, last] = order === "asc" ? ends : ends.reverse();
    const length = 2 ** this.#segmentBits;
    for (let segment: number | undefined = first; segment !== undefined;) {
      const start = segment * length;
      yield { segment, from: Math.max(from, start), to: Math.min(to, start + length) };
      segment = segment === last ? undefined : this.#nextSegment(filter, segment, last!);
    }
  }

  /** The first segment behind one, on the way to the last, that has a row of the filter's user. */
  #nextSegment({ user, model }: RowFilter, segment: number, last: number): number | undefined {
    const names = model === undefined ? [user!] : [user!, model];
    const [step, before] = segment < last ? [1, "<"] : [-1, ">"];
    const conditions = [`${segmentSql(this.#segmentBits)} = n`, "user = ?"];
    if (model !== undefined) conditions.push("model = ?");
    const rows = `${this.#table} ${this.#index(user, model)} WHERE ${conditions.join(" AND ")}`;
    const row = this.#prepare(
      `WITH RECURSIVE ${segmentsSql(step, before)} ` +
        `SELECT n FROM segments WHERE EXISTS (SELECT 1 FROM ${rows}) LIMIT 1`,
    ).get(segment + step, last, ...names);
    return row?.["n"] as number | undefined;
  }

  #segmentOf(seq: number): number {
    return Math.floor(seq / 2 ** this.#segmentBits);
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
    for (const stretch of this.#stretches(range, "asc")) {
      const { from, conditions, values } = this.#where(filter, stretch);
      const ends = [this.#segmentOf(stretch.from), this.#segmentOf(stretch.to - 1)];
      count += this.#counted(`WITH RECURSIVE ${segmentsSql(1, "<")} `, {
        from: `segments CROSS JOIN ${from}`,
        conditions: [`${segmentSql(this.#segmentBits)} = segments.n`, ...conditions],
        values: [...ends, ...values],
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
    const index = isByEvent(filter) ? "NOT INDEXED" : this.#index(user, model);
    return { from: `${this.#table} ${index}`, conditions, values };
  }

  #index(user: unknown, model: unknown): string {
    if (user === undefined && model === undefined) return "NOT INDEXED";
    const names = [user === undefined ? "" : "_user", model === undefined ? "" : "_model"];
    return `INDEXED BY ${this.#table}${names.join("")}`;
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

/** A table of the segments from one, the first parameter, to another, the second. */
function segmentsSql(step: number, before: string): string {
  return `segments (n) AS (SELECT ? UNION ALL SELECT n + ${step} FROM segments WHERE n ${before} ?)`;
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

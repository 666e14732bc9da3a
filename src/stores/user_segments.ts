import type { SqliteStatement, SqliteValue } from "../ports.ts";
import { segmentSql } from "./record_indexes.ts";

/** Part of a table: the rows whose `seq` is at least `from` and less than `to`. */
export interface SeqRange {
  /** The first `seq`. */
  readonly from: number;
  /** The first `seq` beyond. */
  readonly to: number;
}

/** The part of a range that is in one segment. */
export interface SegmentPart extends SeqRange {
  /** The segment's number. */
  readonly segment: number;
}

/** Whose rows are looked for; names are given as the table stores them. */
interface Names {
  readonly user?: SqliteValue | undefined;
  readonly model?: SqliteValue | undefined;
}

/** How many segments are gone through at a time: as many as 67 million rows have. */
const STRETCH = 4096;

/**
 * Finds the segments of the indexes on users in which a user has rows; see `SEGMENT_BITS` in record_indexes.ts.
 */
export class UserSegments {
  readonly #prepare: (sql: string) => SqliteStatement;
  readonly #table: string;
  readonly #bits: number;

  /**
   * @param prepare Prepares a statement, or finds one that was prepared before.
   * @param table The table's name.
   * @param bits As the table's indexes were made with.
   */
  constructor(prepare: (sql: string) => SqliteStatement, table: string, bits: number) {
    this.#prepare = prepare;
    this.#table = table;
    this.#bits = bits;
  }

  /** A row's segment, as SQL. */
  get sql(): string {
    return segmentSql(this.#bits);
  }

  /** The parts of a range, in order, that are in one segment each and may have rows of a user. */
  *parts(names: Names, range: SeqRange, order: "asc" | "desc"): Generator<SegmentPart> {
    for (const stretch of this.stretches(range, order)) {
      yield* this.#partsOf(names, stretch, order);
    }
  }

  /**
   * Parts of a range, in order, with at most {@link STRETCH} segments each. Together they hold all rows of the range. Usually
   * `seq` has no gaps; if a number was damaged, there may be more empty segments than could ever be gone through.
   */
  *stretches({ from, to }: SeqRange, order: "asc" | "desc"): Generator<SeqRange> {
    const length = STRETCH * 2 ** this.#bits;
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

  /** The first and the last segment of a range that is not empty. */
  ends({ from, to }: SeqRange): [first: number, last: number] {
    const length = 2 ** this.#bits;
    return [Math.floor(from / length), Math.floor((to - 1) / length)];
  }

  /** The first or the last row of a range. */
  #beside(which: "min" | "max", { from, to }: SeqRange): number | undefined {
    const row = this.#prepare(
      `SELECT ${which}(seq) AS seq FROM ${this.#table} NOT INDEXED WHERE seq >= ? AND seq < ?`,
    ).get(from, to);
    return row?.["seq"] as number | null ?? undefined;
  }

  /** The parts of a stretch, in order: that in the first segment, and then those with a row of the user. */
  *#partsOf(names: Names, stretch: SeqRange, order: "asc" | "desc"): Generator<SegmentPart> {
    const { from, to } = stretch;
    const ends = this.ends(stretch);
    const [first, last] = order === "asc" ? ends : ends.reverse();
    const length = 2 ** this.#bits;
    for (let segment: number | undefined = first; segment !== undefined;) {
      const start = segment * length;
      yield { segment, from: Math.max(from, start), to: Math.min(to, start + length) };
      segment = segment === last ? undefined : this.#next(names, segment, last!);
    }
  }

  /** The first segment behind one, on the way to the last, that has a row of the user. */
  #next({ user, model }: Names, segment: number, last: number): number | undefined {
    const names = model === undefined ? [user!] : [user!, model];
    const [step, before] = segment < last ? [1, "<"] : [-1, ">"];
    const conditions = [`${this.sql} = n`, "user = ?"];
    if (model !== undefined) conditions.push("model = ?");
    const rows = `${this.#table} ${nameIndexSql(this.#table, { user, model })}`;
    const row = this.#prepare(
      `WITH RECURSIVE ${segmentsSql(step, before)} SELECT n FROM segments ` +
        `WHERE EXISTS (SELECT 1 FROM ${rows} WHERE ${conditions.join(" AND ")}) LIMIT 1`,
    ).get(segment + step, last, ...names);
    return row?.["n"] as number | undefined;
  }
}

/** A table of the segments from one, the first parameter, to another, the second. */
export function segmentsSql(step = 1, before = "<"): string {
  return `segments (n) AS (SELECT ? UNION ALL SELECT n + ${step} FROM segments WHERE n ${before} ?)`;
}

/** Names the index on the names that are given, as SQL. */
export function nameIndexSql(table: string, { user, model }: Names): string {
  if (user === undefined && model === undefined) return "NOT INDEXED";
  const names = [user === undefined ? "" : "_user", model === undefined ? "" : "_model"];
  return `INDEXED BY ${table}${names.join("")}`;
}

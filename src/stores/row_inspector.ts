/**
 * Comparing the rows of a SQLite log with the records in them.
 *
 * @module
 */
import { type RecordFacts, scanCanonical, type ScannedName } from "../canonical_scan.ts";
import type { CheckStand, SqliteDatabase, SqliteRow, SqliteStatement } from "../ports.ts";
import { factsOf, NotARecord } from "../record.ts";
import { Turns } from "../turns.ts";
import { textIn } from "../utf8.ts";
import { startAt } from "./check_findings.ts";
import { checkEnd } from "./faults.ts";
import { indexChecksSql, indexFaults } from "./record_indexes.ts";
import { aboutSql, firstName, isAbout, joinedSql } from "./joined_names.ts";
import { FIRST_ROWS, LIMIT_SQL, PageSize } from "./page_size.ts";
import { lagBehind } from "./record_table.ts";
import { EVENT_TABLE, RECORD_TABLE } from "./sqlite_schema.ts";
import type { InspectedRecord } from "./tree_store.ts";

/** As bytes: no driver decodes them, nor cuts them at U+0000. In a damaged row there may be no text. */
export const RECORD_SQL = "CAST(coalesce(record, '') AS BLOB) AS record";
const TEXTS = ["entry_id", "timestamp", "user", "model"];
const SEEN_NAMES: readonly ScannedName[] = ["entryId", "timestamp", "user", "model"];

/** What is read of a row when it is first looked at. */
export interface InspectedRow extends SqliteRow {
  readonly seq: number;
  readonly names: string;
  readonly cost_usd: number | null;
  readonly latency_ms: number | null;
  readonly instant_us: number;
  readonly lag_us: number;
  readonly sound: number;
  /** The event; see {@link aboutSql}. */
  readonly about: string | null;
  readonly record: Uint8Array;
}

/** Reads rows to be inspected. */
export class InspectedRows {
  readonly #selectRows: SqliteStatement;
  readonly #selectRow: SqliteStatement;
  readonly #selectBefore: SqliteStatement;

  /** @param database A database with the layout. */
  constructor(database: SqliteDatabase) {
    const { indexed, first } = indexChecksSql(RECORD_TABLE, EVENT_TABLE, "t", "ev");
    const from = `FROM ${RECORD_TABLE} AS t NOT INDEXED ` +
      `LEFT JOIN ${EVENT_TABLE} AS ev NOT INDEXED ON ev.seq = t.seq`;
    // As few columns as will do: each costs a fraction of a microsecond, for each row of the log.
    this.#selectRows = database.prepare(
      `SELECT t.seq AS seq, coalesce(${
        joinedSql(...TEXTS)
      }, '') AS names, cost_usd, latency_ms, instant_us, lag_us, ` +
        `canonical = 1 AND ${indexed} AND ${first} = t.seq AS sound, ` +
        `${RECORD_SQL}, ${aboutSql("ev")} AS about ${from} ` +
        `WHERE t.seq >= ? AND t.seq < ? ORDER BY t.seq ${LIMIT_SQL}`,
    );
    // Texts as bytes: some drivers cut them at U+0000.
    const texts = TEXTS.map((column) => `CAST(${column} AS BLOB) AS ${column}`).join();
    this.#selectRow = database.prepare(
      `SELECT t.seq AS seq, instant_us, lag_us, canonical, cost_usd, latency_ms, ${texts}, ` +
        `CAST(ev.event AS BLOB) AS event, CAST(ev.subject AS BLOB) AS subject, ` +
        `${indexed} AS indexed, ${first} AS first ${from} WHERE t.seq = ?`,
    );
    this.#selectBefore = database.prepare(
      `SELECT seq, instant_us, lag_us FROM ${RECORD_TABLE} NOT INDEXED WHERE seq < ? ORDER BY seq DESC LIMIT 1`,
    );
  }

  /**
   * The rows from one number to before another, page by page.
   *
   * @param reading Reads a page, which may meet another's lock.
   */
  async *pages(
    from: number,
    to: number,
    reading: <T>(attempt: () => T) => Promise<T>,
  ): AsyncGenerator<readonly InspectedRow[]> {
    // No larger ones: several threads read at a time, and each could come upon long rows.
    const pageSize = new PageSize(FIRST_ROWS);
    const turns = new Turns();
    while (from < to) {
      const rows = await reading(() => this.#page(from, to, pageSize.rows));
      if (rows.length === 0) return;
      from = rows.at(-1)!.seq + 1;
      pageSize.seen(rows.length, rows.reduce((sum, { record }) => sum + record.length, 0));
      yield rows;
      await turns.give();
    }
  }

  #page(from: number, to: number, limit: number): readonly InspectedRow[] {
    const rows = this.#selectRows.all(from, to, limit);
    checkEnd(rows, from, to);
    return rows as readonly InspectedRow[];
  }

  /** All of a row, its texts as bytes. */
  whole(seq: number): SqliteRow | undefined {
    return this.#selectRow.get(seq);
  }

  /** Where whoever compared all rows before a number stands, if the last of them is as it should be. */
  standBefore(seq: number): CheckStand {
    const last = this.#selectBefore.get(seq) as
      | Record<"seq" | "instant_us" | "lag_us", number>
      | undefined;
    if (last === undefined) return startAt(seq);
    const next = last.seq + 1;
    return { at: next, next, highUs: last.instant_us + last.lag_us };
  }
}

/**
 * Whether a record is the canonical line of what the columns of its row say. Where it does not plainly say so, a closer look
 * may.
 */
function isPlainly(record: Uint8Array, row: InspectedRow): boolean {
  const facts = scanCanonical(record);
  if (facts === undefined) return false;
  return facts.costUsd === row.cost_usd && facts.latencyMs === row.latency_ms &&
    facts.instantUs === row.instant_us && isAbout(row.about, facts.event) &&
    facts.reads(row.names, SEEN_NAMES);
}

/** Compares rows with the records in them, in their order. */
export class RowInspector {
  readonly #whole: (seq: number) => SqliteRow | undefined;
  #at: number;
  #next: number;
  #highUs: number;

  /**
   * @param whole Reads all of a row.
   * @param stand Where to begin.
   */
  constructor(whole: (seq: number) => SqliteRow | undefined, { at, next, highUs }: CheckStand) {
    this.#whole = whole;
    [this.#at, this.#next, this.#highUs] = [at, next, highUs];
  }

  /** Where it stands: behind the last row that was inspected. */
  get stand(): CheckStand {
    return { at: this.#at, next: this.#next, highUs: this.#highUs };
  }

  /** Compares the next row with its record. */
  inspect(row: InspectedRow): Omit<InspectedRecord, "bytes"> {
    const { record, seq, names, instant_us, lag_us, sound } = row;
    this.#at = seq + 1;
    const lagUs = lagBehind(this.#highUs, instant_us);
    if (sound !== 1 || seq !== this.#next || lag_us !== lagUs || !isPlainly(record, row)) {
      return this.#look(row);
    }
    this.#highUs = instant_us + lagUs;
    this.#next++;
    return { entryId: firstName(names), faults: NONE };
  }

  /** Looks closer at what is not plainly as it should be. */
  #look({ record, seq, names }: InspectedRow): Omit<InspectedRecord, "bytes"> {
    const row = this.#whole(seq);
    const faults = row === undefined
      ? ["its row was removed while it was looked at"]
      : [...indexFaults(row)];
    if (seq !== this.#next) {
      faults.push(`has the row number ${seq} where ${this.#next} should follow`);
    }
    this.#next = seq + 1;
    let facts: RecordFacts;
    try {
      facts = factsOf(record);
    } catch (error) {
      if (!(error instanceof NotARecord)) throw error;
      return { entryId: firstName(names), faults: [...faults, `the record ${error.message}`] };
    }
    const { entryId, instantUs } = facts;
    const lagUs = lagBehind(this.#highUs, instantUs);
    this.#highUs = instantUs + lagUs;
    const compare = (column: string, value: string | number | null): void => {
      const stored = row?.[column];
      const actual = stored instanceof Uint8Array ? textIn(stored) : stored;
      if (row === undefined || actual === value) return;
      faults.push(`the column ${column} is not what the record says`);
    };
    compare("entry_id", entryId);
    compare("timestamp", facts.timestamp);
    compare("user", facts.user);
    compare("model", facts.model);
    compare("cost_usd", facts.costUsd);
    compare("latency_ms", facts.latencyMs);
    compare("instant_us", instantUs);
    compare("lag_us", lagUs);
    compare("canonical", facts.canonical ? 1 : 0);
    compare("event", facts.event?.name ?? null);
    compare("subject", facts.event?.subject ?? null);
    return { entryId, faults };
  }
}

const NONE: readonly string[] = [];

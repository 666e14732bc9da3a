import type { ScannedName } from "../canonical_scan.ts";
import type { CheckStand, SqliteDatabase, SqliteRow, SqliteStatement } from "../ports.ts";
import type { Selection } from "../query.ts";
import type { FullTile } from "../transparency/tree.ts";
import { checkEnd, LARGEST_NUMBER, malformed } from "./faults.ts";
import { endSql, EventInserter } from "./event_table.ts";
import { aboutSql, joinedSql } from "./joined_names.ts";
import type { IndexedLine, IndexRow, LinePlace } from "./jsonl_lines.ts";
import { NameTable } from "./name_table.ts";
import { indexChecksSql, indexFaults, type StrayCheck, strayChecks } from "./record_indexes.ts";
import { LIMIT_SQL } from "./page_size.ts";
import { lagBehind, type LogEnd, RecordTable, type RowFilter } from "./record_table.ts";
import type { UnreadableLine, UnreadableLines } from "./store.ts";
import { TileTable } from "./tile_table.ts";
import { transact } from "./transact.ts";
import type { SeqRange } from "./user_segments.ts";
import { textIn } from "../utf8.ts";

/** What is read of a row when it is first looked at. */
export interface SeenRow extends SqliteRow {
  readonly seq: number;
  readonly offset: number;
  readonly length: number;
  readonly instant_us: number;
  readonly lag_us: number;
  /** {@link SEEN_NAMES} in one. */
  readonly names: string;
  /** The event; see {@link aboutSql}. */
  readonly about: string | null;
  /** 2 if queries find it as a canonical line, 1 if as another. */
  readonly sound: number;
}

/** Which names are in a {@link SeenRow}, in their order. */
export const SEEN_NAMES: readonly ScannedName[] = ["entryId", "user", "model"];

/** How many unreadable lines are listed. */
const LISTED = 20;

/** What verification asks of the index when it has looked at each line. */
export function strayLineChecks(size: number): readonly StrayCheck[] {
  return strayChecks("line", "event", 0, size);
}

/**
 * The index beside a JSONL log: where each record is, by user, model, time and id, and which lines are no
 * records. It is derived from the file and made anew when it is missing, damaged or does not fit; several
 * processes share it.
 *
 * It covers the file from its start up to some offset. Writes are not synced one by one: after a power
 * failure it covers less, never anything wrong.
 */
export class JsonlIndex {
  /** Tiles of the Merkle tree, derived from the file as all else here. */
  readonly tiles: TileTable;
  readonly #database: SqliteDatabase;
  readonly #table: RecordTable;
  readonly #insertLine: SqliteStatement;
  readonly #insertEvent: EventInserter;
  readonly #selectLines: SqliteStatement;
  readonly #selectLine: SqliteStatement;
  readonly #selectFrom: SqliteStatement;
  readonly #names: NameTable;
  readonly #insertUnreadable: SqliteStatement;
  readonly #selectCovered: SqliteStatement;
  readonly #updateCovered: SqliteStatement;

  /** Its file, unless it is nowhere but in memory. */
  readonly path: string | undefined;

  /**
   * @param database A database with the tables of an index; it is closed with the index.
   * @param path Its file, unless it is nowhere but in memory.
   */
  constructor(database: SqliteDatabase, path: string | undefined) {
    this.#database = database;
    this.path = path;
    this.tiles = new TileTable(database, "tile");
    this.#table = new RecordTable(
      database,
      "line",
      "event",
      "seq, offset, length, entry_id, canonical",
    );
    this.#insertLine = database.prepare(
      "INSERT INTO line (seq, instant_us, lag_us, canonical, user, model, offset, length, entry_id) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#insertEvent = new EventInserter(database, "event");
    const { indexed, first } = indexChecksSql("line", "event", "line", "ev");
    const tables =
      "FROM line LEFT JOIN name u ON u.id = line.user LEFT JOIN name m ON m.id = line.model " +
      "LEFT JOIN event ev ON ev.seq = line.seq";
    // As few columns as will do: each costs a fraction of a microsecond, for each line of the log.
    this.#selectLines = database.prepare(
      `SELECT line.seq AS seq, offset, length, instant_us, lag_us, ` +
        `${joinedSql("entry_id")} || coalesce(${joinedSql("u.text", "m.text")}, '') AS names, ` +
        `${aboutSql("ev")} AS about, ` +
        `(${indexed} AND ${first} = line.seq) * (1 + canonical) AS sound ${tables} ` +
        `WHERE line.seq >= ? AND line.seq < ${LARGEST_NUMBER} ORDER BY line.seq ${LIMIT_SQL}`,
    );
    // Texts as bytes: some drivers cut them at U+0000, or replace what is not UTF-8.
    const texts = {
      entry_id: "entry_id",
      user: "u.text",
      model: "m.text",
      event: "ev.event",
      subject: "ev.subject",
    };
    const bytes = Object.entries(texts).map(([name, text]) => `CAST(${text} AS BLOB) AS ${name}`);
    this.#selectLine = database.prepare(
      `SELECT line.seq AS seq, instant_us, lag_us, canonical, offset, length, ${bytes.join()}, ` +
        `${indexed} AS indexed, ${first} AS first ${tables} WHERE line.seq = ?`,
    );
    this.#selectFrom = database.prepare(
      "SELECT seq, offset, instant_us + lag_us AS high_us FROM line WHERE seq >= ? ORDER BY seq LIMIT 1",
    );
    this.#names = new NameTable(database);
    this.#insertUnreadable = database.prepare("INSERT INTO unreadable VALUES (?, ?, ?)");
    this.#selectCovered = database.prepare("SELECT to_offset FROM covered");
    this.#updateCovered = database.prepare("UPDATE covered SET to_offset = ?");
  }

  /** Up to where in the file all lines are in the index. */
  get coveredTo(): number {
    const row = this.#selectCovered.get();
    if (row === undefined) throw malformed("it does not tell what it covers");
    return row["to_offset"] as number;
  }

  /** The end of the log, as far as it is in the index. */
  end(): LogEnd {
    return this.#table.end();
  }

  /** Whether a call has an end. */
  hasEnd(callId: string): boolean {
    return this.#database.prepare(endSql("event")).get(callId) !== undefined;
  }

  /** The index of the first entry with this id. */
  seqOf(entryId: string): number | undefined {
    return this.#table.seqOf(entryId);
  }

  /**
   * Adds lines, which follow each other and what is covered.
   *
   * @param from Where the first of them starts.
   * @param to Where the line behind the last of them starts.
   * @returns Whether they were added; `false` when another process was quicker: read on from `coveredTo`.
   * @throws {SqliteError} Busy, when another process is adding.
   */
  add(
    lines: readonly IndexedLine[],
    unreadable: readonly UnreadableLine[],
    from: number,
    to: number,
  ): boolean {
    return this.#transact(() => {
      if (this.coveredTo !== from) return false;
      let { size, highUs } = this.#table.end();
      for (const line of lines) {
        const lagUs = lagBehind(highUs, line.instantUs);
        highUs = line.instantUs + lagUs;
        this.#insertLine.run(
          size++,
          line.instantUs,
          lagUs,
          line.canonical ? 1 : 0,
          this.#names.numberOf(line.user),
          this.#names.numberOf(line.model),
          line.offset,
          line.length,
          line.entryId,
        );
        this.#insertEvent.add(size - 1, line.event);
      }
      for (const { offset, length, reason } of unreadable) {
        this.#insertUnreadable.run(offset, length, reason);
      }
      this.#updateCovered.run(to);
      return true;
    });
  }

  /** Forgets everything, so that the file is read from its start. */
  reset(): void {
    this.#transact(() => {
      this.#database.exec(
        "DELETE FROM line; DELETE FROM event; DELETE FROM unreadable; DELETE FROM tile",
      );
      this.#updateCovered.run(0);
    });
  }

  /** Marks a damaged index, so that opening the log makes it anew. */
  condemn(): void {
    try {
      this.#database.exec("PRAGMA application_id = 0");
    } catch {
      // So damaged that opening it will fail, which does as well.
    }
  }

  /** A range that holds all lines of a selection, out of the first `size`. */
  range(selection: Selection, size: number): SeqRange {
    return this.#table.range(selection, size);
  }

  /** The places of the lines in a range that pass the filters of a selection that the index knows. */
  page(selection: Selection, range: SeqRange, limit: number): readonly LinePlace[] {
    const filter = this.#filter(selection);
    if (filter === undefined) return [];
    return this.#table.page(filter, range, selection.order, limit).map(toPlace);
  }

  /** How many lines {@link JsonlIndex.page} finds without a limit. */
  count(selection: Selection, range: SeqRange): number {
    const filter = this.#filter(selection);
    return filter === undefined ? 0 : this.#table.count(filter, range);
  }

  /** Where the records from one index to before another are, the first `limit` of them. */
  places(range: SeqRange, limit: number): readonly LinePlace[] {
    const everything = { sinceUs: undefined, untilUs: undefined };
    return this.#table.page(everything, range, "asc", limit).map(toPlace);
  }

  /** What is kept of the lines from one index on, the first `limit` of them. */
  lines(from: number, limit: number): readonly SeenRow[] {
    const rows = this.#selectLines.all(from, limit);
    checkEnd(rows, from, Infinity);
    return rows as readonly SeenRow[];
  }

  /** Looks closer at a row that is not plainly as it should be, unless it was removed meanwhile. */
  look(seq: number): IndexRow | undefined {
    const row = this.#selectLine.get(seq);
    return row && toRow(row);
  }

  /**
   * Where whoever compared all lines before a byte stands, if what is kept of the last of them is as it should be.
   *
   * @param at Where a line starts.
   */
  standAt(at: number): CheckStand {
    const first = (from: number) =>
      this.#selectFrom.get(from) as Record<"seq" | "offset" | "high_us", number> | undefined;
    let [next, end] = [0, this.#table.end().size];
    while (next < end) {
      const middle = Math.floor((next + end) / 2);
      const row = first(middle);
      // Of a damaged table, SQLite may give any row.
      if (row !== undefined && row.offset < at) next = Math.max(middle, row.seq) + 1;
      else end = middle;
    }
    const before = next === 0 ? undefined : first(next - 1);
    return { at, next, highUs: before?.high_us ?? -Infinity };
  }

  /** Whether each name is found by its text, as queries look for it, and no other text is. */
  get findsNames(): boolean {
    return this.#names.areFound;
  }

  /** What one of {@link strayLineChecks} finds; one sentence each. */
  strays({ sql, says }: StrayCheck): readonly string[] {
    return this.#database.prepare(sql).all().map(says);
  }

  /** Adds tiles of the Merkle tree that are not there yet. */
  addTiles(tiles: readonly FullTile[]): void {
    this.#transact(() => this.tiles.add(tiles));
  }

  /** Forgets the tiles. */
  clearTiles(): void {
    this.#transact(() => this.tiles.clear());
  }

  /** The places of the first and the last record. */
  ends(): readonly LinePlace[] {
    const { size } = this.#table.end();
    return [
      ...this.places({ from: 0, to: size }, 1),
      ...this.places({ from: size - 1, to: size }, 1),
    ];
  }

  /** The lines that are no records. */
  unreadable(): UnreadableLines {
    const sum = this.#database.prepare(
      "SELECT count(*) AS count, coalesce(sum(length), 0) AS bytes FROM unreadable",
    ).get()!;
    const first = this.#database.prepare(
      `SELECT offset, length, reason FROM unreadable ORDER BY offset LIMIT ${LISTED}`,
    ).all();
    return {
      count: sum["count"] as number,
      bytes: sum["bytes"] as number,
      first: first as unknown as readonly UnreadableLine[],
    };
  }

  /** What sums up the lines before a place in the file that are no records: how many, where, how long. */
  unreadableBefore(end: number): readonly number[] {
    const sums = this.#database.prepare(
      "SELECT count(*) AS count, total(offset) AS offsets, total(length) AS lengths FROM unreadable WHERE offset < ?",
    ).get(end)! as Record<string, number>;
    return [sums["count"]!, sums["offsets"]!, sums["lengths"]!];
  }

  /** Closes the index. */
  close(): void {
    this.#database.close();
  }

  /** A selection in terms of the table, or `undefined` when it names somebody of whom there is no line. */
  #filter(selection: Selection): RowFilter | undefined {
    const { user, model, sinceUs, untilUs, events, subject } = selection;
    const numbers = [user, model].map((name) =>
      name === undefined ? undefined : this.#names.find(name)
    );
    if (numbers.includes(null)) return undefined;
    return { user: numbers[0], model: numbers[1], sinceUs, untilUs, events, subject };
  }

  #transact<T>(action: () => T): T {
    try {
      return transact(this.#database, action);
    } catch (error) {
      this.#names.forget(); // some may have been rolled back
      throw error;
    }
  }
}

function toRow(row: SqliteRow): IndexRow {
  const text = (column: string): string | undefined => {
    const bytes = row[column];
    return bytes instanceof Uint8Array ? textIn(bytes) : undefined;
  };
  // No event has an empty name, nor subject.
  const subject = row["subject"] === null ? null : text("subject") ?? "";
  return {
    seq: row["seq"] as number,
    instantUs: row["instant_us"] as number,
    lagUs: row["lag_us"] as number,
    faults: indexFaults(row),
    canonical: row["canonical"] === 1 || (row["canonical"] === 0 ? false : undefined),
    event: row["event"] === null ? undefined : { name: text("event") ?? "", subject },
    offset: row["offset"] as number,
    length: row["length"] as number,
    entryId: text("entry_id"),
    user: text("user"),
    model: text("model"),
  };
}

function toPlace(row: SqliteRow): LinePlace {
  return {
    seq: row["seq"] as number,
    offset: row["offset"] as number,
    length: row["length"] as number,
    entryId: row["entry_id"] as string,
    canonical: row["canonical"] === 1,
  };
}

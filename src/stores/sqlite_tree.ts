import type { FileSettings } from "../options.ts";
import type { SqliteDatabase, SqliteRow, SqliteStatement } from "../ports.ts";
import type { RecordFacts } from "../canonical_scan.ts";
import { factsOf, NotARecord } from "../record.ts";
import type { TileId } from "../transparency/tile.ts";
import type { FullTile } from "../transparency/tree.ts";
import { claimOf, idIn, NAMES_SQL } from "../transparency/claims.ts";
import { Turns } from "../turns.ts";
import { whenFree } from "./busy.ts";
import { eventIn } from "./event_table.ts";
import { checkEnd, checkNumber, faultOf, LARGEST_NUMBER } from "./faults.ts";
import { LIMIT_SQL, PageSize } from "./page_size.ts";
import type { LayoutGuard } from "./sqlite_layout.ts";
import { indexChecksSql, indexFaults, strayChecks } from "./record_indexes.ts";
import { lagBehind } from "./record_table.ts";
import {
  CHECKPOINT_TABLE,
  EVENT_TABLE,
  RECORD_TABLE,
  synchronousSql,
  TILE_TABLE,
} from "./sqlite_schema.ts";
import { TileTable } from "./tile_table.ts";
import { transact } from "./transact.ts";
import type {
  InspectedCheckpoint,
  InspectedRecord,
  StoredCheckpoint,
  TreeStore,
  UnsettledRecord,
} from "./tree_store.ts";

/** How many checkpoints are read at a time. */
const CHECKPOINTS = 256;
/** No row that was put in from outside shall escape for its number; beyond these two it is looked for apart. */
const [LOWEST, HIGHEST] = [-LARGEST_NUMBER, LARGEST_NUMBER - 1];
/** As bytes: no driver decodes them, nor cuts them at U+0000. In a damaged row there may be no text. */
const RECORD_SQL = "CAST(coalesce(record, '') AS BLOB) AS record";
/** As above; and the size as a number that each driver gives, be it as large as it will. */
const CHECKPOINT_SQL = "CAST(size AS REAL) AS size, CAST(coalesce(note, '') AS BLOB) AS note";
/** No name of an event has a U+0000, at which some drivers cut a text. */
const WHOLE_EVENT_SQL =
  "(ev.seq IS NULL OR instr(CAST(ev.event || coalesce(ev.subject, '') AS BLOB), x'00') = 0)";

/** Tiles and checkpoints in the tables beside the records. */
export class SqliteTree implements TreeStore {
  readonly #database: SqliteDatabase;
  readonly #settings: FileSettings;
  readonly #layout: LayoutGuard;
  readonly #exclusively: <T>(action: () => T) => Promise<T>;
  readonly #tiles: TileTable;
  readonly #selectLines: SqliteStatement;
  readonly #selectRows: SqliteStatement;
  readonly #selectRow: SqliteStatement;
  readonly #selectCheckpoints: SqliteStatement;
  readonly #selectStray: SqliteStatement;
  readonly #selectLast: SqliteStatement;

  /**
   * @param database A database with the layout.
   * @param exclusively Does something that writes, when no one else of the handle does.
   */
  constructor(
    database: SqliteDatabase,
    settings: FileSettings,
    layout: LayoutGuard,
    exclusively: <T>(action: () => T) => Promise<T>,
  ) {
    this.#database = database;
    this.#settings = settings;
    this.#layout = layout;
    this.#exclusively = exclusively;
    this.#tiles = new TileTable(database, TILE_TABLE);
    const range = `FROM ${RECORD_TABLE} WHERE seq >= ? AND seq < ? ORDER BY seq ${LIMIT_SQL}`;
    this.#selectLines = database.prepare(`SELECT seq, ${RECORD_SQL} ${range}`);
    const { indexed, first } = indexChecksSql(RECORD_TABLE, EVENT_TABLE, "t", "ev");
    // As few columns as will do: each costs a fraction of a microsecond, for each row of the log.
    this.#selectRows = database.prepare(
      `SELECT t.seq AS seq, coalesce(${NAMES_SQL}, '') AS names, cost_usd, latency_ms, instant_us, lag_us, ` +
        `canonical = 1 AND ${indexed} AND ${first} = t.seq AND ${WHOLE_EVENT_SQL} AS sound, ` +
        `${RECORD_SQL}, ev.event, ev.subject ` +
        `FROM ${RECORD_TABLE} AS t NOT INDEXED LEFT JOIN ${EVENT_TABLE} AS ev NOT INDEXED ON ev.seq = t.seq ` +
        `WHERE t.seq >= ? AND t.seq < ? ORDER BY t.seq ${LIMIT_SQL}`,
    );
    // Texts as bytes: some drivers cut them at U+0000.
    const texts = TEXTS.map((column) => `CAST(${column} AS BLOB) AS ${column}`).join();
    this.#selectRow = database.prepare(
      `SELECT t.seq AS seq, instant_us, lag_us, canonical, cost_usd, latency_ms, ${texts}, ` +
        `CAST(ev.event AS BLOB) AS event, CAST(ev.subject AS BLOB) AS subject, ` +
        `${indexed} AS indexed, ${first} AS first FROM ${RECORD_TABLE} AS t NOT INDEXED ` +
        `LEFT JOIN ${EVENT_TABLE} AS ev NOT INDEXED ON ev.seq = t.seq WHERE t.seq = ?`,
    );
    this.#selectCheckpoints = database.prepare(
      `SELECT number, ${CHECKPOINT_SQL} FROM ${CHECKPOINT_TABLE} ` +
        `WHERE number >= ? AND number <= ${HIGHEST} ORDER BY number LIMIT ${CHECKPOINTS}`,
    );
    this.#selectStray = database.prepare(
      `SELECT CAST(number AS TEXT) AS number, ${CHECKPOINT_SQL} FROM ${CHECKPOINT_TABLE} ` +
        `WHERE number < ${LOWEST} OR number > ${HIGHEST} LIMIT ${CHECKPOINTS}`,
    );
    this.#selectLast = database.prepare(
      `SELECT ${CHECKPOINT_SQL} FROM ${CHECKPOINT_TABLE} ORDER BY number DESC LIMIT 1`,
    );
  }

  async *lines(from: number, to: number): AsyncGenerator<readonly Uint8Array[]> {
    const pageSize = new PageSize();
    const turns = new Turns();
    while (from < to) {
      const rows = await this.#rows(this.#selectLines, from, to, pageSize);
      if (rows.length === 0) return;
      const lines = rows.map(({ record }) => record as Uint8Array);
      from = rows.at(-1)!["seq"] as number + 1; // where a number was damaged, they do not follow each other
      pageSize.seen(lines.length, lines.reduce((sum, { length }) => sum + length, 0));
      yield lines;
      await turns.give();
    }
  }

  async *inspect(): AsyncGenerator<readonly (InspectedRecord | UnsettledRecord)[]> {
    const pageSize = new PageSize();
    const turns = new Turns();
    const inspector = new RowInspector((seq) => this.#row(seq));
    const last = await this.#reading(() =>
      this.#database.prepare(
        `SELECT min(max(seq), ${LARGEST_NUMBER}) AS last FROM ${RECORD_TABLE}`,
      ).get()!["last"] as number | null
    );
    if (last !== null) await this.#reading(() => checkNumber(last));
    const end = last === null ? 0 : last + 1;
    for (let from = LOWEST; from < end;) {
      const rows = await this.#rows(this.#selectRows, from, end, pageSize);
      if (rows.length === 0) return;
      from = rows.at(-1)!["seq"] as number + 1;
      pageSize.seen(
        rows.length,
        rows.reduce((sum, { record }) => sum + (record as Uint8Array).length, 0),
      );
      yield rows.map((row) => inspector.inspect(row as InspectedRow));
      await turns.give();
    }
    for (const { sql, says } of strayChecks(RECORD_TABLE, EVENT_TABLE, LOWEST, end)) {
      const found = await this.#reading(() => this.#database.prepare(sql).all());
      if (found.length > 0) {
        yield [{ bytes: undefined, entryId: undefined, faults: found.map(says) }];
      }
      await turns.give();
    }
  }

  async inspectLayout(): Promise<readonly string[]> {
    const changes = await this.#reading(() => this.#layout.changes());
    return changes.map(({ says }) => `The layout of the database was changed: ${says}`);
  }

  /** A page of the rows from one number to before another. */
  #rows(
    select: SqliteStatement,
    from: number,
    to: number,
    pageSize: PageSize,
  ): Promise<readonly SqliteRow[]> {
    return this.#reading(() => {
      const rows = select.all(from, to, pageSize.rows);
      checkEnd(rows, from, to);
      return rows;
    });
  }

  /** All of a row, its texts as bytes. */
  #row(seq: number): SqliteRow | undefined {
    try {
      return this.#selectRow.get(seq);
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }

  tileCount(level: number): Promise<number> {
    return this.#reading(() => this.#tiles.count(level));
  }

  tile(id: TileId): Promise<Uint8Array | undefined> {
    return this.#reading(() => this.#tiles.get(id));
  }

  tileRoots(level: number, from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#reading(() => this.#tiles.roots(level, from, to));
  }

  async keepTiles(tiles: readonly FullTile[]): Promise<boolean> {
    if (this.#settings.readOnly) return false;
    await this.#writing("relaxed", () => this.#tiles.add(tiles));
    return true;
  }

  async dropTiles(): Promise<void> {
    if (!this.#settings.readOnly) await this.#writing("relaxed", () => this.#tiles.clear());
  }

  async keepCheckpoint(
    { size, note }: StoredCheckpoint,
    tiles: readonly FullTile[],
  ): Promise<boolean> {
    let kept = false;
    // The commit syncs the write-ahead log from its start, records that were written with less included.
    await this.#writing("full", () => {
      this.#tiles.add(tiles);
      const last = this.#selectLast.get();
      kept = last === undefined || last["size"] as number <= size;
      if (!kept) return;
      this.#database.prepare(
        `INSERT INTO ${CHECKPOINT_TABLE} (number, size, note) ` +
          `SELECT coalesce(max(number) + 1, 0), ?, ? FROM ${CHECKPOINT_TABLE}`,
      ).run(size, note);
    });
    return kept;
  }

  async *checkpoints(): AsyncGenerator<readonly InspectedCheckpoint[]> {
    let next = 0;
    const inspected = (row: SqliteRow): InspectedCheckpoint => {
      const { number, size } = row as { number: number | string; size: number };
      const note = noteIn(row);
      if (number === next++) return { size, note, faults: [] };
      const faults = [`has the row number ${number} where ${next - 1} should follow`];
      if (typeof number === "number") next = number + 1;
      return { size, note, faults };
    };
    for (let from = LOWEST;; from = next) {
      const rows = await this.#reading(() => this.#selectCheckpoints.all(from));
      if (rows.length === 0) break;
      yield rows.map(inspected);
    }
    const strays = await this.#reading(() => this.#selectStray.all());
    if (strays.length > 0) yield strays.map(inspected);
  }

  lastCheckpoint(): Promise<string | undefined> {
    return this.#reading(() => {
      const last = this.#selectLast.get();
      return last && noteIn(last);
    });
  }

  async #reading<T>(attempt: () => T): Promise<T> {
    try {
      return await whenFree(attempt, this.#settings.busyTimeoutMs);
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }

  /** Does something in a transaction of its own, as durable as is said. */
  async #writing(durability: "full" | "relaxed", action: () => void): Promise<void> {
    const { path, durability: usual } = this.#settings;
    try {
      await this.#exclusively(() => {
        const guarded = (): void => {
          this.#layout.check();
          action();
        };
        if (durability === usual) return transact(this.#database, guarded);
        // Between the two nothing is awaited, so that no other transaction gets the setting.
        this.#database.exec(synchronousSql(durability));
        try {
          transact(this.#database, guarded);
        } finally {
          this.#database.exec(synchronousSql(usual));
        }
      });
    } catch (error) {
      throw faultOf(`write to ${path}`, error, "WRITE_FAILED");
    }
  }
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

const TEXTS = ["entry_id", "timestamp", "user", "model"];

function noteIn(row: SqliteRow): string {
  return LOSSY.decode(row["note"] as Uint8Array);
}

/** What is read of a row when it is first looked at. */
interface InspectedRow extends SqliteRow {
  readonly seq: number;
  readonly names: string;
  readonly cost_usd: number | null;
  readonly latency_ms: number | null;
  readonly instant_us: number;
  readonly lag_us: number;
  readonly sound: number;
  readonly record: Uint8Array;
}

/** Compares rows with the records in them, in their order. */
class RowInspector {
  readonly #whole: (seq: number) => SqliteRow | undefined;
  #next = 0;
  #highUs = -Infinity;

  /** @param whole Reads all of a row. */
  constructor(whole: (seq: number) => SqliteRow | undefined) {
    this.#whole = whole;
  }

  inspect(row: InspectedRow): UnsettledRecord {
    return {
      bytes: row.record,
      claim: claimOf(row.names, row.cost_usd, row.latency_ms, row.instant_us, eventIn(row)),
      settle: (isPlain) => this.#settle(row, isPlain),
    };
  }

  #settle(row: InspectedRow, isPlain: boolean): InspectedRecord {
    const { record: bytes, seq, names, instant_us, lag_us, sound } = row;
    const lagUs = lagBehind(this.#highUs, instant_us);
    if (!isPlain || sound !== 1 || seq !== this.#next || lag_us !== lagUs) {
      return this.#look(row);
    }
    this.#highUs = instant_us + lagUs;
    this.#next++;
    return { bytes, entryId: idIn(names), faults: NONE };
  }

  /** Looks closer at what is not plainly as it should be. */
  #look({ record: bytes, seq, names }: InspectedRow): InspectedRecord {
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
      facts = factsOf(UTF_8.decode(bytes));
    } catch (error) {
      const state = error instanceof NotARecord ? error.message : "is not UTF-8";
      return { bytes, entryId: idIn(names), faults: [...faults, `the record ${state}`] };
    }
    const { entryId, instantUs } = facts;
    const lagUs = lagBehind(this.#highUs, instantUs);
    this.#highUs = instantUs + lagUs;
    const compare = (column: string, value: string | number | null): void => {
      const stored = row?.[column];
      const actual = stored instanceof Uint8Array ? LOSSY.decode(stored) : stored;
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
    return { bytes, entryId, faults };
  }
}

const NONE: readonly string[] = [];

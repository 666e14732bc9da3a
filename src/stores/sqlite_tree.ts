import type { FileSettings } from "../options.ts";
import type {
  RecordChecker,
  Sha256,
  SqliteDatabase,
  SqliteRow,
  SqliteStatement,
} from "../ports.ts";
import type { TileId } from "../transparency/tile.ts";
import type { FullTile } from "../transparency/tree.ts";
import { Turns } from "../turns.ts";
import { whenFree } from "./busy.ts";
import { checkEnd, checkNumber, faultOf, LARGEST_NUMBER } from "./faults.ts";
import { LIMIT_SQL, PageSize } from "./page_size.ts";
import { checkRecords, type CheckTrial } from "./record_checkers.ts";
import { strayChecks } from "./record_indexes.ts";
import { RowCheck } from "./row_check.ts";
import { InspectedRows, RECORD_SQL } from "./row_inspector.ts";
import type { LayoutGuard } from "./sqlite_layout.ts";
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
  CheckedRecords,
  FoundRecords,
  InspectedCheckpoint,
  InspectedRecord,
  StoredCheckpoint,
  TreeStore,
} from "./tree_store.ts";

/** How many checkpoints are read at a time. */
const CHECKPOINTS = 256;
/** How many rows are checked together: the leaves of some tiles. */
const ROWS_TOGETHER = 1024;
/** No row that was put in from outside shall escape for its number; beyond these two it is looked for apart. */
const [LOWEST, HIGHEST] = [-LARGEST_NUMBER, LARGEST_NUMBER - 1];
/** As {@link RECORD_SQL}; and the size as a number that each driver gives, be it as large as it will. */
const CHECKPOINT_SQL = "CAST(size AS REAL) AS size, CAST(coalesce(note, '') AS BLOB) AS note";

/** What the tree needs of the log that it belongs to. */
export interface SqliteAccess {
  /** A database with the layout. */
  readonly database: SqliteDatabase;
  /** Whether that is still as it was made. */
  readonly layout: LayoutGuard;
  /** The runtime's SHA-256. */
  readonly sha256: Sha256;
  /** Does something that writes, when no one else of the handle does. */
  exclusively<T>(action: () => T): Promise<T>;
  /** Starts a thread that checks rows, where there are any. */
  readonly startChecker: (() => Promise<RecordChecker>) | undefined;
}

/** Tiles and checkpoints in the tables beside the records. */
export class SqliteTree implements TreeStore {
  readonly #access: SqliteAccess;
  readonly #database: SqliteDatabase;
  readonly #settings: FileSettings;
  readonly #trial: CheckTrial;
  readonly #tiles: TileTable;
  readonly #selectLines: SqliteStatement;
  readonly #toInspect: InspectedRows;
  readonly #selectNext: SqliteStatement;
  readonly #selectCheckpoints: SqliteStatement;
  readonly #selectStray: SqliteStatement;
  readonly #selectLast: SqliteStatement;

  /**
   * @param access The log.
   * @param trial How rows are checked, for tests.
   */
  constructor(access: SqliteAccess, settings: FileSettings, trial: CheckTrial = {}) {
    const { database } = access;
    this.#access = access;
    this.#database = database;
    this.#settings = settings;
    this.#trial = trial;
    this.#tiles = new TileTable(database, TILE_TABLE);
    const range = `FROM ${RECORD_TABLE} WHERE seq >= ? AND seq < ? ORDER BY seq ${LIMIT_SQL}`;
    this.#selectLines = database.prepare(`SELECT seq, ${RECORD_SQL} ${range}`);
    this.#toInspect = new InspectedRows(database);
    this.#selectNext = database.prepare(
      `SELECT seq FROM ${RECORD_TABLE} NOT INDEXED WHERE seq >= ? ORDER BY seq LIMIT 1`,
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
      const rows = await this.#reading(() => {
        const page = this.#selectLines.all(from, to, pageSize.rows);
        checkEnd(page, from, to);
        return page;
      });
      if (rows.length === 0) return;
      const lines = rows.map(({ record }) => record as Uint8Array);
      from = rows.at(-1)!["seq"] as number + 1; // where a number was damaged, they do not follow each other
      pageSize.seen(lines.length, lines.reduce((sum, { length }) => sum + length, 0));
      yield lines;
      await turns.give();
    }
  }

  async *inspect(): AsyncGenerator<readonly InspectedRecord[] | CheckedRecords> {
    const { path, busyTimeoutMs } = this.#settings;
    const end = await this.#end();
    const check = new RowCheck(this.#toInspect, this.#access.sha256, busyTimeoutMs);
    const parts = checkRecords({
      from: Math.min(0, await this.#next(LOWEST) ?? 0),
      end,
      span: ROWS_TOGETHER,
      size: end,
      start: this.#access.startChecker,
      here: (stand, to) =>
        check.check(stand.at, to, stand).catch((error) => {
          throw faultOf(`read ${path}`, error, "READ_FAILED");
        }),
      next: (seq) => this.#next(seq),
    }, this.#trial);
    let reached = 0;
    for await (const checked of parts) {
      yield { ...checked, idOf: (position) => this.#idOf(checked, position) };
      reached = Math.max(0, checked.after.at);
    }
    if (reached < end) yield [endLost(reached, end)];
    const turns = new Turns();
    for (const { sql, says } of strayChecks(RECORD_TABLE, EVENT_TABLE, LOWEST, end)) {
      const found = await this.#reading(() => this.#database.prepare(sql).all());
      if (found.length > 0) {
        yield [{ bytes: undefined, entryId: undefined, faults: found.map(says) }];
      }
      await turns.give();
    }
  }

  /** The number behind that of the last row. */
  #end(): Promise<number> {
    return this.#reading(() => {
      const sql = `SELECT min(max(seq), ${LARGEST_NUMBER}) AS last FROM ${RECORD_TABLE}`;
      const last = this.#database.prepare(sql).get()!["last"] as number | null;
      if (last === null) return 0;
      checkNumber(last);
      return last + 1;
    });
  }

  /** The id of one of the records that were checked: where it is not that of its row, its own. */
  async #idOf({ before, faulty }: FoundRecords, position: number): Promise<string | undefined> {
    const found = faulty.find((faulty) => faulty.position === position);
    return found?.entryId ?? await this.#reading(() => {
      const [row] = this.#database.prepare(
        `SELECT CAST(entry_id AS BLOB) AS id FROM ${RECORD_TABLE} NOT INDEXED WHERE seq >= ? ` +
          "ORDER BY seq LIMIT 1 OFFSET ? + 0",
      ).all(before.at, position);
      return row === undefined ? undefined : LOSSY.decode(row["id"] as Uint8Array);
    });
  }

  /** The number of the first row from one on. */
  #next(seq: number): Promise<number | undefined> {
    return this.#reading(() => this.#selectNext.get(seq)?.["seq"] as number | undefined);
  }

  async inspectLayout(): Promise<readonly string[]> {
    const changes = await this.#reading(() => this.#access.layout.changes());
    return changes.map(({ says }) => `The layout of the database was changed: ${says}`);
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
      await this.#access.exclusively(() => {
        const guarded = (): void => {
          this.#access.layout.check();
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

/** Where a number was damaged in a row, SQLite may end there what it reads in the order of numbers. */
function endLost(reached: number, end: number): InspectedRecord {
  const fault = `${RECORD_TABLE} has a last row with the number ${end - 1}, ` +
    `and none is found in order from the number ${reached} on`;
  return { bytes: undefined, entryId: undefined, faults: [fault] };
}

const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

function noteIn(row: SqliteRow): string {
  return LOSSY.decode(row["note"] as Uint8Array);
}

import type { SqliteDatabase, SqliteStatement } from "../ports.ts";
import type { FullTile } from "../transparency/tree.ts";
import type { TileId } from "../transparency/tile.ts";

/**
 * Creates the table of tiles. The root stands before the hashes, so that it is read without them.
 *
 * @param table The table's name.
 */
export function tileTableSql(table: string): string {
  return `
CREATE TABLE ${table} (
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  root BLOB NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, number)
) STRICT;`;
}

/** No other number is one of a tile. Who put it there shall keep nobody from proving and signing: tiles are derived. */
const REAL = `number BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER - 1}`;

/** A column that holds bytes; in a damaged row it may hold something else. */
function blobSql(column: string): string {
  return `CAST(coalesce(${column}, '') AS BLOB) AS ${column}`;
}

/** Full tiles of a Merkle tree in a table: beside the records of a SQLite log, and in the index of a JSONL file. */
export class TileTable {
  readonly #insert: SqliteStatement;
  readonly #count: SqliteStatement;
  readonly #last: SqliteStatement;
  readonly #selectGap: SqliteStatement;
  readonly #select: SqliteStatement;
  readonly #selectRoots: SqliteStatement;
  readonly #delete: SqliteStatement;

  /**
   * @param database A database with the table.
   * @param table The table's name.
   */
  constructor(database: SqliteDatabase, table: string) {
    this.#insert = database.prepare(
      `INSERT OR IGNORE INTO ${table} (level, number, root, hashes) VALUES (?, ?, ?, ?)`,
    );
    this.#count = database.prepare(
      `SELECT count(*) AS n FROM ${table} WHERE level = ? AND ${REAL}`,
    );
    this.#last = database.prepare(
      `SELECT number FROM ${table} WHERE level = ? AND ${REAL} ORDER BY number DESC LIMIT 1`,
    );
    this.#selectGap = database.prepare(
      `SELECT number + 1 AS gap FROM ${table} a WHERE level = ? AND ${REAL} AND NOT EXISTS ` +
        `(SELECT 1 FROM ${table} b WHERE b.level = a.level AND b.number = a.number + 1) ` +
        "ORDER BY number LIMIT 1",
    );
    this.#select = database.prepare(
      `SELECT ${blobSql("hashes")} FROM ${table} WHERE level = ? AND number = ?`,
    );
    this.#selectRoots = database.prepare(
      `SELECT ${
        blobSql("root")
      } FROM ${table} WHERE level = ? AND number >= ? AND number < ? ORDER BY number`,
    );
    this.#delete = database.prepare(`DELETE FROM ${table}`);
  }

  /** How many tiles of a level there are, from the first on without a gap. */
  count(level: number): number {
    const last = this.#last.get(level)?.["number"] as number | undefined;
    if (last === undefined) return 0;
    if (this.#count.get(level)!["n"] === last + 1) return last + 1;
    if (this.#select.get(level, 0) === undefined) return 0;
    return this.#selectGap.get(level)!["gap"] as number;
  }

  /** The hashes of a tile. */
  get({ level, index }: TileId): Uint8Array | undefined {
    return this.#select.get(level, index)?.["hashes"] as Uint8Array | undefined;
  }

  /** The roots of tiles from one index to before another. */
  roots(level: number, from: number, to: number): readonly Uint8Array[] {
    return this.#selectRoots.all(level, from, to).map(({ root }) => root as Uint8Array);
  }

  /** Adds tiles that are not there yet, within the caller's transaction. */
  add(tiles: readonly FullTile[]): void {
    for (const { level, index, root, hashes } of tiles) {
      this.#insert.run(level, index, root, hashes);
    }
  }

  /** Removes all tiles. */
  clear(): void {
    this.#delete.run();
  }
}

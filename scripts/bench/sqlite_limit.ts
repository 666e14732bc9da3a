/**
 * The limit of the SQLite backend: one thread with nothing to do but `JSON.stringify()` and the raw
 * driver's prepared inserts, with the same pragmas, table and indexes.
 *
 * @module
 */
import type { NewEntry } from "../../mod.ts";
import {
  CONNECTION_SQL,
  RECORD_TABLE,
  SCHEMA_SQL,
  synchronousSql,
} from "../../src/stores/sqlite_schema.ts";
import { type LineWork, nothing, type Stamp, stringify } from "./stamps.ts";

/** What `node:sqlite` and `bun:sqlite` have in common. */
export interface RawDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): RawStatement;
  close(): void;
}

/** A statement of either driver. */
export interface RawStatement {
  run(...values: (string | number | null)[]): unknown;
  all(...values: (string | number | null)[]): unknown[];
}

/** Opens a file with the runtime's own driver. */
export async function openRaw(path: string): Promise<RawDatabase> {
  const onBun = "Bun" in globalThis;
  const driver = onBun ? "bun:sqlite" : "node:sqlite";
  const { Database, DatabaseSync } = await import(driver);
  return onBun ? new Database(path) : new DatabaseSync(path);
}

/** The log's layout without triggers and view: a table and its indexes. */
export const PLAIN_SCHEMA_SQL = SCHEMA_SQL
  .replaceAll(/CREATE TRIGGER[^]*?END;/g, "")
  .replace(/CREATE VIEW[^]*?;/, "");

const INSERT_SQL =
  `INSERT OR FAIL INTO ${RECORD_TABLE} (seq, instant_us, lag_us, canonical, entry_id, timestamp, user, model, ` +
  "cost_usd, latency_ms, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/** A database with the columns and indexes of a log, into which the raw driver inserts. */
export class RawLog {
  readonly #database: RawDatabase;
  readonly #insert: RawStatement;
  #size = 0;

  private constructor(database: RawDatabase) {
    this.#database = database;
    this.#insert = database.prepare(INSERT_SQL);
  }

  /** Makes a new one. */
  static async create(
    path: string,
    schema: string,
    durability: "full" | "relaxed" = "full",
  ): Promise<RawLog> {
    const database = await openRaw(path);
    database.exec("PRAGMA page_size = 8192");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(synchronousSql(durability));
    for (const sql of [CONNECTION_SQL, schema]) database.exec(sql);
    return new RawLog(database);
  }

  /** Inserts a record for each stamp, in transactions of `batch` records. */
  insert(
    entries: readonly NewEntry[],
    stamped: readonly Stamp[],
    batch: number,
    work: LineWork = nothing,
  ): void {
    for (let next = 0; next < stamped.length;) {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const end = Math.min(next + batch, stamped.length); next < end; next++) {
        const seq = this.#size++;
        const entry = entries[seq % entries.length];
        const { entryId, timestamp, instantUs } = stamped[next];
        const line = stringify(entry, stamped[next]);
        work(line);
        this.#insert.run(
          seq,
          instantUs,
          0,
          1,
          entryId,
          timestamp,
          entry.user!,
          entry.model,
          entry.costUsd!,
          entry.latencyMs!,
          line,
        );
      }
      this.#database.exec("COMMIT");
    }
  }

  close(): void {
    this.#database.close();
  }
}

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
import { perSecond } from "./rounds.ts";
import { type Stamp, stringify } from "./stamps.ts";

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

/** Inserts per second, in transactions of `batch` records. */
export async function insertRaw(
  path: string,
  schema: string,
  entries: readonly NewEntry[],
  stamped: readonly Stamp[],
  batch: number,
  durability: "full" | "relaxed" = "full",
): Promise<number> {
  const database = await openRaw(path);
  database.exec("PRAGMA page_size = 8192");
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(synchronousSql(durability));
  for (const sql of [CONNECTION_SQL, schema]) database.exec(sql);
  const insert = database.prepare(INSERT_SQL);
  const start = performance.now();
  for (let seq = 0; seq < stamped.length;) {
    database.exec("BEGIN IMMEDIATE");
    for (const end = Math.min(seq + batch, stamped.length); seq < end; seq++) {
      const entry = entries[seq % entries.length];
      const { entryId, timestamp, instantUs } = stamped[seq];
      insert.run(
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
        stringify(entry, stamped[seq]),
      );
    }
    database.exec("COMMIT");
  }
  const speed = perSecond(stamped.length, start);
  database.close();
  return speed;
}

/**
 * The file of the index beside a JSONL log: a SQLite database, which is made, opened and recognized here.
 *
 * @module
 */
import type { FileAdapter, Runtime, SqliteAdapter, SqliteDatabase } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { eventTableSql } from "./event_table.ts";
import { isRuined } from "./faults.ts";
import { JsonlIndex } from "./jsonl_index.ts";
import { createIfMissing } from "./log_file.ts";
import { NAME_TABLE_SQL } from "./name_table.ts";
import { objectsMadeBy, objectsOf } from "./objects.ts";
import { indexSql } from "./record_indexes.ts";
import { tileTableSql } from "./tile_table.ts";
import { transact } from "./transact.ts";

/** "ALGX": marks the file as an index of ours. */
const APPLICATION_ID = 0x414c4758;
/** An index of another version is made anew. */
const INDEX_VERSION = 5;
/** How many pages a connection keeps in memory, KiB. */
const CACHE_KIB = 32 * 1024;

const SCHEMA_SQL = `
CREATE TABLE line (
  seq INTEGER PRIMARY KEY,
  instant_us REAL NOT NULL,
  lag_us REAL NOT NULL,
  canonical INTEGER NOT NULL,
  user INTEGER NOT NULL,
  model INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  entry_id TEXT NOT NULL
) STRICT;
CREATE INDEX line_entry_id ON line (entry_id);
${indexSql("line")}
${NAME_TABLE_SQL}
CREATE TABLE unreadable (offset INTEGER PRIMARY KEY, length INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE covered (id INTEGER PRIMARY KEY CHECK (id = 1), to_offset INTEGER NOT NULL) STRICT;
INSERT INTO covered VALUES (1, 0);
${eventTableSql("event")}
${tileTableSql("tile")}
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${INDEX_VERSION};
`;

/**
 * Removes an index that cannot be used: a new database must not meet the journal of an old one.
 *
 * @returns Why it cannot be removed, if so: Windows keeps what another process has open.
 */
export async function removeIndex(files: FileAdapter, path: string): Promise<string | undefined> {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    if (await files.stat(file) === undefined) continue;
    try {
      await files.remove(file);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/**
 * Makes the index at a path where there is none. The caller holds the log's lock.
 *
 * @param beside The log that it is of.
 */
export async function makeIndex(
  runtime: Runtime,
  path: string,
  timeoutMs: number,
  beside: string,
): Promise<JsonlIndex> {
  await createIfMissing(runtime.file, path, beside);
  return await whenFree(() => makeAt(runtime, path), timeoutMs);
}

/** Makes an index that is nowhere but in memory. */
export function makeIndexInMemory(runtime: Runtime): JsonlIndex {
  return makeAt(runtime, undefined);
}

function makeAt(runtime: Runtime, path: string | undefined): JsonlIndex {
  const database = connect(runtime, path ?? ":memory:");
  try {
    return transact(database, () => {
      database.exec(SCHEMA_SQL);
      return new JsonlIndex(database, path);
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Opens the index at a path, or returns `undefined` when what is there is none that can be used.
 *
 * @param cacheKib How many pages to keep in memory, KiB. Lines are put into pages all over the indexes; who reads the lines in their
 *   order needs a few.
 */
export function openIndex(
  runtime: Runtime,
  path: string,
  cacheKib: number = CACHE_KIB,
): JsonlIndex | undefined {
  let database: SqliteDatabase | undefined;
  try {
    database = connect(runtime, path, cacheKib);
    const application = database.prepare("PRAGMA application_id").get()!["application_id"];
    const version = database.prepare("PRAGMA user_version").get()!["user_version"];
    if (
      application === APPLICATION_ID && version === INDEX_VERSION &&
      isAsMade(database, runtime.sqlite)
    ) return new JsonlIndex(database, path);
  } catch (error) {
    if (!isRuined(error)) {
      database?.close();
      throw error;
    }
  }
  database?.close();
}

/** Whether there are the objects of an index and no others: a trigger could leave out lines, or refuse them. */
function isAsMade(database: SqliteDatabase, sqlite: SqliteAdapter): boolean {
  const [found, expected] = [objectsOf(database), objectsMadeBy(SCHEMA_SQL, sqlite)];
  return found.size === expected.size &&
    [...expected].every(([name, sql]) => found.get(name) === sql);
}

function connect(runtime: Runtime, path: string, cacheKib = CACHE_KIB): SqliteDatabase {
  const database = runtime.sqlite.open(path, { readOnly: false });
  try {
    database.exec(`
PRAGMA busy_timeout = 10;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA checkpoint_fullfsync = ON;
PRAGMA cache_size = -${cacheKib};
PRAGMA wal_autocheckpoint = 4000;
`);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

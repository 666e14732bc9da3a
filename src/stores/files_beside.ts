import type { FileAdapter, SqliteAdapter, SqliteDatabase } from "../ports.ts";
import { checkSamePlace, MADE_ANEW } from "./log_file.ts";

/**
 * The files that SQLite has beside an open database. No connection removes or replaces them while another is open.
 *
 * New records are in `-wal` alone until SQLite moves them. `-shm` is the memory that connections share, where each finds what the
 * others have written: with another one, they write over each other's records.
 */
export class FilesBeside {
  readonly #files: FileAdapter;
  readonly #place: string;
  /** Which files they are, by their paths. */
  readonly #identities = new Map<string, string>();

  /** @param place The database's path, no part of which is a link. */
  constructor(files: FileAdapter, place: string) {
    this.#files = files;
    this.#place = place;
  }

  /** Which file `-wal` is. */
  get walIdentity(): string | undefined {
    return this.#identities.get(`${this.#place}-wal`);
  }

  /** Remembers which files they are. */
  async look(): Promise<void> {
    for (const path of [`${this.#place}-wal`, `${this.#place}-shm`]) {
      const stat = await this.#files.stat(path);
      if (stat !== undefined) this.#identities.set(path, stat.identity);
    }
  }

  /**
   * Makes sure that they are still these.
   *
   * @throws {AuditLogError} `LOG_REPLACED`.
   */
  async check(database: SqliteDatabase): Promise<void> {
    for (const [path, identity] of this.#identities) {
      try {
        await checkSamePlace(this.#files, path, identity, `write to ${path}`, MADE_ANEW);
      } catch (error) {
        // What it has is moved to the database while it is still open. Not when there is another: its pages are not these.
        if (path.endsWith("-wal") && await this.#files.stat(path) === undefined) {
          database.exec("PRAGMA wal_checkpoint(PASSIVE)");
        }
        throw error;
      }
    }
  }

  /**
   * Closes a connection to the database. If it is the last that SQLite knows of, SQLite moves what is in `-wal` to the database, and
   * removes it. Others that share another memory are not known, nor are their records: then a connection that only reads is the
   * last, which leaves all as it is.
   */
  async close(database: SqliteDatabase, sqlite: SqliteAdapter): Promise<void> {
    const last = await this.#readerInstead(sqlite).catch(() => undefined);
    try {
      database.close();
    } finally {
      last?.close();
    }
  }

  async #readerInstead(sqlite: SqliteAdapter): Promise<SqliteDatabase | undefined> {
    if (!await this.#hasOtherMemory()) return undefined;
    const reader = sqlite.open(this.#place, { readOnly: true });
    try {
      reader.prepare("SELECT 1 FROM sqlite_schema").get();
      return reader;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  async #hasOtherMemory(): Promise<boolean> {
    const path = `${this.#place}-shm`;
    const identity = this.#identities.get(path);
    const stat = identity === undefined ? undefined : await this.#files.stat(path);
    return stat !== undefined && stat.identity !== identity;
  }
}

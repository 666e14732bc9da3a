import type { SqliteDatabase, SqliteStatement } from "../ports.ts";
import { spareEntriesSql } from "./record_indexes.ts";

/** How many names' numbers are kept in memory. */
const REMEMBERED = 10_000;

/**
 * Creates the table of names. Names are never removed, so that a number which some process remembers stays right.
 */
export const NAME_TABLE_SQL = `
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;`;

/** The numbers of users and models, which rows have in their stead: half as much to write for each line. */
export class NameTable {
  readonly #database: SqliteDatabase;
  readonly #insert: SqliteStatement;
  readonly #select: SqliteStatement;
  readonly #numbers = new Map<string, number>();

  /** @param database A database with the table. */
  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#insert = database.prepare("INSERT OR IGNORE INTO name (text) VALUES (?)");
    this.#select = database.prepare("SELECT id FROM name WHERE text = ?");
  }

  /** The number of a name, or `null` if it has none. */
  find(name: string): number | null {
    return (this.#select.get(name)?.["id"] ?? null) as number | null;
  }

  /** The number of a name, which gets one if it has none. Within the caller's transaction. */
  numberOf(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      this.#insert.run(name);
      number = this.find(name)!;
      if (this.#numbers.size >= REMEMBERED) this.#numbers.clear();
      this.#numbers.set(name, number);
    }
    return number;
  }

  /** Forgets the numbers that are kept in memory, after a transaction that may have given some was rolled back. */
  forget(): void {
    this.#numbers.clear();
  }

  /** Whether each name is found by its text, as queries look for it, and no other text is. */
  get areFound(): boolean {
    const index = "sqlite_autoindex_name_1"; // that of the UNIQUE column
    const names = "(SELECT count(*) FROM name NOT INDEXED)";
    return [
      "SELECT 1 AS lost FROM name AS n NOT INDEXED WHERE n.id IS NOT " +
      `(SELECT i.id FROM name AS i INDEXED BY ${index} WHERE i.text = n.text) LIMIT 1`,
      spareEntriesSql("name", index, names),
    ].every((sql) => this.#database.prepare(sql).get() === undefined);
  }
}

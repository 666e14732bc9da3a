/**
 * The tables, views, indexes and triggers of a database.
 *
 * @module
 */
import type { SqliteAdapter, SqliteDatabase } from "../ports.ts";

/** A text, or what SQLite passes over: white space, and a comment, whose end decides on what is a part of it. */
const TEXT_OR_SPACE = /'[^']*'|(?:[ \t\n\f\r]|--[^\n]*)+/g;

/** The definitions of all named objects, without regard to white space and comments. */
export function objectsOf(database: SqliteDatabase): ReadonlyMap<string, string> {
  // SQLite's own tables are of no matter: statistics may be made anew, or dropped.
  const rows = database.prepare(
    "SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT GLOB 'sqlite_*'",
  ).all();
  return new Map(
    rows.map(({ type, name, sql }) => [
      name as string,
      `${type} ${(sql as string).replace(TEXT_OR_SPACE, (part) => part[0] === "'" ? part : " ")}`,
    ]),
  );
}

/** By the statements that made them. */
const made = new Map<string, ReadonlyMap<string, string>>();

/** {@link objectsOf} an empty database in which some statements were run. */
export function objectsMadeBy(sql: string, sqlite: SqliteAdapter): ReadonlyMap<string, string> {
  let objects = made.get(sql);
  if (objects === undefined) {
    const database = sqlite.open(":memory:", { readOnly: false });
    try {
      database.exec(sql);
      objects = objectsOf(database);
    } finally {
      database.close();
    }
    made.set(sql, objects);
  }
  return objects;
}

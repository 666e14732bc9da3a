import { AuditLogError } from "../errors.ts";
import type {
  Runtime,
  SqliteAdapter,
  SqliteDatabase,
  SqliteStatement,
  SqliteValue,
} from "../ports.ts";
import type { Warn } from "../warning.ts";
import { EARLIER_VERSIONS } from "./earlier_version.ts";
import { objectsMadeBy, objectsOf } from "./objects.ts";
import { isPythonTable } from "./python_class.ts";
import {
  APPLICATION_ID,
  CHECKPOINT_TABLE,
  EVENT_TABLE,
  FORMAT_VERSION,
  RECORD_TABLE,
  SCHEMA_SQL,
  TILE_TABLE,
} from "./sqlite_schema.ts";

/** What a database holds: a log, one of an earlier version, the table of the Python class, or nothing yet. */
export type Layout = "present" | "earlier" | "python" | "empty";

/**
 * Tells what a database holds.
 *
 * @throws {AuditLogError} `NOT_A_LOG` when it is something else's, `UNSUPPORTED_FORMAT` when it is newer.
 */
export function layoutOf(database: SqliteDatabase, path: string): Layout {
  // What was made for UTF-16 stays so, and a record would not be its bytes.
  if (database.prepare("PRAGMA encoding").get()!["encoding"] !== "UTF-8") {
    throw new AuditLogError(
      "NOT_A_LOG",
      `Cannot open ${path}: it is a SQLite database whose texts are in UTF-16; give another path, or copy it to one in UTF-8`,
    );
  }
  const applicationId = database.prepare("PRAGMA application_id").get()!["application_id"];
  const version = database.prepare("PRAGMA user_version").get()!["user_version"] as number;
  if (applicationId === APPLICATION_ID) {
    if (version === FORMAT_VERSION) return "present";
    if (EARLIER_VERSIONS.includes(version)) return "earlier";
    throw new AuditLogError(
      "UNSUPPORTED_FORMAT",
      `Cannot open ${path}: its format has version ${version}, this release knows ` +
        `${FORMAT_VERSION}; update @audit-log/llm`,
    );
  }
  const objects = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"];
  if (objects === 0 && applicationId === 0) return "empty";
  if (applicationId === 0 && isPythonTable(database)) return "python";
  throw new AuditLogError(
    "NOT_A_LOG",
    `Cannot open ${path}: it is a SQLite database of something else; give another path`,
  );
}

/**
 * Makes sure that a log is there to be read. Who reads needs neither triggers nor view: a log that lost them can still be asked, and
 * above all verified.
 *
 * @param warn Told that they are not as they should be.
 * @throws {AuditLogError} As {@link layoutOf}; `UNSUPPORTED_FORMAT` for the Python class's, `NOT_A_LOG` for nothing; `DAMAGED` when what
 *   is read from was changed.
 */
export function checkReadable(
  runtime: Runtime,
  database: SqliteDatabase,
  path: string,
  warn: Warn,
): void {
  switch (layoutOf(database, path)) {
    case "present": {
      const changes = layoutChanges(runtime.sqlite, database);
      const [first] = changes;
      if (first === undefined) return;
      const inTheWay = changes.find(({ isReadFrom }) => isReadFrom);
      if (inTheWay !== undefined) throw damaged(path, inTheWay);
      return warn({ code: "LAYOUT_CHANGED", message: `${path}: ${stateOf(first)}` });
    }
    case "empty":
      throw new AuditLogError(
        "NOT_A_LOG",
        `Cannot open ${path} for reading: it is empty; give another path, or, if it is a copy of a log, copy its -wal, too`,
      );
    case "earlier":
      throw toUpgrade(
        path,
        "an earlier version",
        "changes what is derived from the records, never a record",
      );
    case "python":
      throw toUpgrade(
        path,
        "the Python class",
        "copies its rows into the present layout, and keeps its table",
      );
  }
}

function toUpgrade(path: string, whose: string, does: string): AuditLogError {
  return new AuditLogError(
    "UNSUPPORTED_FORMAT",
    `Cannot open ${path} for reading: it has the layout of ${whose}; open it once without readOnly, which ${does}. ` +
      `If it shall stay as it is, copy it, and ${path}-wal where there is one, to a folder of your own, and open the copy: ` +
      "audit-log import - --log COPY < /dev/null",
  );
}

/**
 * Makes sure that the tables, the view and the triggers are those that this library made. Others' tables and
 * indexes may be beside them, others' triggers on the records may not: they can drop rows silently.
 *
 * @throws {AuditLogError} `DAMAGED`, naming the object at fault.
 */
export function checkObjects(sqlite: SqliteAdapter, database: SqliteDatabase, path: string): void {
  const [first] = layoutChanges(sqlite, database);
  if (first !== undefined) throw damaged(path, first);
}

function damaged(path: string, change: LayoutChange): AuditLogError {
  return new AuditLogError("DAMAGED", `Cannot open ${path}: ${stateOf(change)}`);
}

/** Makes sure of the same in each transaction that writes, which does not see what others change in it meanwhile. */
export class LayoutGuard {
  readonly #sqlite: SqliteAdapter;
  readonly #database: SqliteDatabase;
  readonly #path: string;
  readonly #selectVersion: SqliteStatement;
  /** SQLite counts up with each change of the schema, by whichever connection. */
  #version: SqliteValue | undefined;

  /**
   * @param database A database with the layout.
   * @param path Its file, for people.
   */
  constructor(sqlite: SqliteAdapter, database: SqliteDatabase, path: string) {
    this.#sqlite = sqlite;
    this.#database = database;
    this.#path = path;
    this.#selectVersion = database.prepare("PRAGMA schema_version");
  }

  /** What is not as it was made. */
  changes(): readonly LayoutChange[] {
    return layoutChanges(this.#sqlite, this.#database);
  }

  /**
   * To be called within the transaction, before it writes.
   *
   * @throws {AuditLogError} `WRITE_FAILED`, naming the object at fault.
   */
  check(): void {
    const { schema_version: version } = this.#selectVersion.get()!;
    if (version === this.#version) return;
    const [first] = this.changes();
    if (first !== undefined) {
      throw new AuditLogError("WRITE_FAILED", `Cannot write to ${this.#path}: ${stateOf(first)}`);
    }
    this.#version = version;
  }
}

/** Something that is not as this library made it. */
export interface LayoutChange {
  /** What it is, and what is wrong with it: `audit_record_no_update is missing`. */
  readonly says: string;
  /** Whether it is a table or an index, which a reader needs. */
  readonly isReadFrom: boolean;
}

/** What is not as this library made it: of tables, indexes, triggers and the view; and triggers of somebody else. */
export function layoutChanges(
  sqlite: SqliteAdapter,
  database: SqliteDatabase,
): readonly LayoutChange[] {
  const found = objectsOf(database);
  const expected = objectsMadeBy(SCHEMA_SQL, sqlite);
  const changes: LayoutChange[] = [];
  for (const [name, definition] of expected) {
    if (found.get(name) === definition) continue;
    const state = found.has(name) ? "is not as this library made it" : "is missing";
    changes.push({ says: `${name} ${state}`, isReadFrom: /^(?:table|index) /.test(definition) });
  }
  // A trigger's table is as its statement wrote it: SQLite makes no difference between large and small letters.
  const triggers = database.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' " +
      `AND lower(tbl_name) IN ('${RECORD_TABLE}', '${EVENT_TABLE}', '${CHECKPOINT_TABLE}', '${TILE_TABLE}')`,
  ).all();
  for (const { name } of triggers) {
    if (expected.has(name as string)) continue;
    changes.push({ says: `the trigger ${name} is not this library's`, isReadFrom: false });
  }
  return changes;
}

function stateOf({ says }: LayoutChange): string {
  return `its layout was changed, ${says}; docs/format.md says how it should be`;
}

import { counted } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { FileAdapter, Runtime, SqliteDatabase } from "../ports.ts";
import { sortingInFiles, upgradeEarlierVersion } from "./earlier_version.ts";
import { faultOf, isUnopenable, NO_DATABASE } from "./faults.ts";
import { placeOf } from "./log_file.ts";
import { upgradePythonTable } from "./python_class.ts";
import { checkObjects, checkReadable, layoutOf } from "./sqlite_layout.ts";
import { CONNECTION_SQL, RECORD_TABLE, SCHEMA_SQL, synchronousSql } from "./sqlite_schema.ts";
import { transact } from "./transact.ts";

/** SQLite's smallest page: no database is smaller, but the empty one. */
const SMALLEST_BYTES = 512;

/**
 * Looks at the file before SQLite does.
 *
 * @returns Which file it is, and its path with links followed: SQLite has the files beside it there.
 * @throws {AuditLogError} `NOT_A_LOG` when it is too small for a database.
 */
export async function findDatabase(
  files: FileAdapter,
  path: string,
): Promise<{ readonly identity: string; readonly place: string }> {
  const { identity, size } = await files.stat(path) ?? { identity: "", size: 0 };
  // SQLite takes a file of one byte for an empty one, and would write over it.
  if (size > 0 && size < SMALLEST_BYTES) {
    throw new AuditLogError("NOT_A_LOG", `Cannot open ${path}: ${NO_DATABASE}`);
  }
  const place = await files.place?.(path).catch(() => undefined);
  // What is beside it cannot be looked at where its folder cannot.
  return { identity, place: place?.folder === undefined ? path : place.path };
}

/**
 * Refuses a file with several names. SQLite keeps the newest records, and its locks, beside the name by which the file was opened:
 * processes that use different ones would write over each other's.
 *
 * @throws {AuditLogError} `HARD_LINKED`.
 */
export async function refuseLinks(files: FileAdapter, path: string): Promise<void> {
  const hasOthers = async () => ((await files.stat(path))?.names ?? 1) > 1;
  if (!await hasOthers()) return;
  // One may be what a process left that was killed when it created the file.
  await files.create(path).catch(() => {});
  if (!await hasOthers()) return;
  throw new AuditLogError(
    "HARD_LINKED",
    `Cannot open ${path}: the file has another name (a hard link), beside which SQLite would keep other records; ` +
      "remove that name, or copy the file",
  );
}

/**
 * Refuses to make a new log where the file of another is gone, and its write-ahead log is not. That may be all that is left of it, and
 * SQLite would remove it.
 *
 * @throws {AuditLogError} `PATH_NOT_FOUND`.
 */
export async function refuseOrphan(files: FileAdapter, path: string): Promise<void> {
  const wal = `${await placeOf(files, path).catch(() => path)}-wal`;
  // What cannot be looked at is told by whoever needs it. In this order: who makes a log writes to its file first.
  const left = await files.stat(wal).catch(() => undefined);
  if (left === undefined || left.size === 0) return;
  const stat = await files.stat(path);
  if (stat !== undefined && stat.size > 0) return;
  throw new AuditLogError(
    "PATH_NOT_FOUND",
    `Cannot open ${path}: it is ${
      stat === undefined ? "not there" : "empty"
    }, but ${wal} has records of the log that was: ` +
      `put that log's own file back; if nobody needs it, move ${wal} away`,
  );
}

/** Sets a connection up, and makes sure that the file is a log; unless it is only read, leaves it ready to be written to. */
export function prepareDatabase(
  runtime: Runtime,
  database: SqliteDatabase,
  settings: FileSettings,
): void {
  database.exec(CONNECTION_SQL);
  if (settings.readOnly) {
    const { path, warn } = settings;
    transact(database, () => checkReadable(runtime, database, path, warn), "BEGIN DEFERRED");
  } else prepareForWriting(runtime, database, settings);
}

/** The error for a log that could not be opened. */
export function openFault({ path, readOnly }: FileSettings, error: unknown): AuditLogError {
  const fault = faultOf(`open ${path}`, error, "READ_FAILED");
  const { code } = fault;
  // Where the file system is read-only, SQLite does not tell one from the other.
  const isDenied = code === "READ_ONLY" || code === "PERMISSION_DENIED" && isUnopenable(error);
  return readOnly && isDenied ? needsSharedMemory(path, fault) : fault;
}

function needsSharedMemory(path: string, cause: AuditLogError): AuditLogError {
  const { code } = cause;
  const state = code === "READ_ONLY"
    ? `SQLite makes ${path}-shm beside it, and the folder may not be written to;`
    : `the operating system denies access to it, or to its folder, where SQLite makes ${path}-shm; ` +
      "check the rights of both, or";
  return new AuditLogError(
    code,
    `Cannot open ${path} for reading: ${state} copy the log, and ${path}-wal where there is one, to a folder of your own`,
    { cause },
  );
}

/** Leaves the file ready to be written to, and untouched if it is something else's. */
function prepareForWriting(
  runtime: Runtime,
  database: SqliteDatabase,
  settings: FileSettings,
): void {
  const { path, durability, warn } = settings;
  // In one look: another process may be upgrading the file.
  const layout = transact(database, () => layoutOf(database, path), "BEGIN DEFERRED");
  if (layout === "empty") database.exec("PRAGMA page_size = 8192");
  // Lasting, and not possible within a transaction; it also finds out whether the file can be written.
  const useWal = () => database.exec("PRAGMA journal_mode = WAL");
  // A table of the Python class that cannot be copied leaves its file as it was, byte for byte.
  if (layout !== "python") useWal();
  database.exec(synchronousSql(durability));
  const prepare = () =>
    transact(database, () => {
      // Asked again, now that no other process can change it.
      switch (layoutOf(database, path)) {
        case "empty":
          database.exec(SCHEMA_SQL);
          return;
        case "python":
          return upgradePythonTable(database, path);
        case "earlier":
          upgradeEarlierVersion(database);
          return checkObjects(runtime.sqlite, database, path);
        case "present":
          checkObjects(runtime.sqlite, database, path);
          // SQLite opens what it may only read as if nothing was the matter, and lets it begin such a transaction, too.
          database.exec(`DELETE FROM ${RECORD_TABLE} WHERE 0`);
      }
    });
  const upgraded = layout === "earlier" ? sortingInFiles(database, prepare) : prepare();
  if (upgraded !== undefined) {
    warn({
      code: "UPGRADED",
      message: `${path} had the layout of the Python class: ${
        counted(upgraded, "entry was", "entries were")
      } copied into the present one, and its table was kept as audit_log_python`,
    });
  }
  if (layout === "python") useWal();
}

import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { FileAdapter, FileStat, OpenFile } from "../ports.ts";
import { faultOf, isUnopenable } from "./faults.ts";

/**
 * Makes sure that a log's path leads to a file: creates an empty one, for its owner alone, where there is
 * nothing.
 *
 * @param added The longest of what is added to its name for the files beside it.
 * @throws {AuditLogError} `PATH_NOT_FOUND`, `PATH_NOT_A_FILE`, `PERMISSION_DENIED`, `READ_ONLY`; `INVALID_OPTION` where a name
 * is too long.
 */
export async function createFile(
  files: FileAdapter,
  settings: FileSettings,
  added: string,
): Promise<void> {
  const { path, readOnly } = settings;
  try {
    const stat = await files.stat(path);
    if (stat?.kind === "file") return;
    if (stat !== undefined) {
      throw new AuditLogError(
        "PATH_NOT_A_FILE",
        `Cannot open ${path}: it is not a file but ${
          stat.kind === "directory" ? "a folder" : "something else"
        }; give the name of a file`,
      );
    }
    if (readOnly) {
      throw new AuditLogError("PATH_NOT_FOUND", `Cannot open ${path} with readOnly: no such file`);
    }
    const fault = await nameFault(files, path + added);
    if (fault !== undefined) throw fault;
    await createIfMissing(files, path);
    if (await files.stat(path) === undefined) {
      const message = `Cannot open ${path}: it is a link that leads to no file`;
      throw new AuditLogError("PATH_NOT_FOUND", message);
    }
  } catch (error) {
    throw faultOf(`open ${path}`, error, "READ_FAILED");
  }
}

/** What a file system says of a path that is too long for it. */
async function nameFault(files: FileAdapter, path: string): Promise<unknown> {
  try {
    await files.stat(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENAMETOOLONG") return error;
  }
}

/** The longest path that SQLite takes on POSIX systems, bytes. It says no more than that it is "unable to open" a longer one. */
const MOST_SQLITE_BYTES = 512;
/** The same on Windows, characters of UTF-16, where it is the system that has the limit. */
const MOST_WINDOWS_LENGTH = 259;

function isTooLong(path: string): boolean {
  const isOfWindows = /^([a-z]:)?\\/i.test(path);
  return isOfWindows
    ? path.length > MOST_WINDOWS_LENGTH
    : new TextEncoder().encode(path).length > MOST_SQLITE_BYTES;
}

/**
 * Why a database could not be opened: SQLite does not tell when it is for the length of its path.
 *
 * @param longest The path of the file beside it with the longest name.
 */
export async function openingFault(
  files: FileAdapter,
  longest: string,
  error: unknown,
): Promise<unknown> {
  if (!isUnopenable(error)) return error;
  const fault = await nameFault(files, longest);
  if (fault !== undefined) return fault;
  return isTooLong(longest)
    ? Object.assign(new Error("SQLite takes no longer path"), {
      code: "ENAMETOOLONG",
      cause: error,
    })
    : error;
}

/**
 * Creates an empty file, for its owner alone, where there is none.
 *
 * @param beside The log beside which it is: what an administrator has made there is to be of use to the log's owner.
 */
export async function createIfMissing(
  files: FileAdapter,
  path: string,
  beside?: string,
): Promise<void> {
  if (await files.stat(path) !== undefined) return;
  try {
    await files.create(path, beside);
  } catch (error) {
    // Another process may have created it in between, which is as good.
    if ((error as { code?: unknown }).code !== "EEXIST") throw error;
  }
}

/** What systems say of a file system that cannot be asked to have all on the disk: some shares, when Deno asks on macOS. */
const NO_SYNC: ReadonlySet<unknown> = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EINVAL"]);

/** Has a file's content on the disk, where the file system can be asked for that. Not for logs, which promise more. */
export async function syncIfPossible(file: OpenFile): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    if (!NO_SYNC.has((error as { code?: unknown }).code)) throw error;
  }
}

/** A path with its links followed: what belongs to a file is beside it, by whichever name it was opened. */
export async function placeOf(files: FileAdapter, path: string): Promise<string> {
  return (await files.place?.(path))?.path ?? path;
}

/** How many bytes a SQLite database takes on the disk: its file, and the write-ahead log beside it. */
export async function databaseBytes(files: FileAdapter, path: string): Promise<number> {
  const stats = await Promise.all([path, `${path}-wal`].map((each) => files.stat(each)));
  return stats.reduce((sum, stat) => sum + (stat?.size ?? 0), 0);
}

/** What to do when one of the files beside a log is gone or another. The file that was there may be of no use by now, or do harm. */
export const MADE_ANEW =
  "close the log wherever it is open, and open it again; do not put the file back, it is made anew";

/** What to do when a log's file is gone or another. */
const PUT_BACK = "close the log, put the file back, and open it again";
/** The same for a SQLite log: a backup knows nothing of what is in the write-ahead log, and would be ruined by it. */
export const PUT_DATABASE_BACK =
  "close the log, put that very file back (a backup only when -wal and -shm beside it are moved away), and open it again";

/**
 * Makes sure that a path still leads to the file that was opened: what is written to a file without a name is
 * lost.
 *
 * @param advice What to do if it does not.
 * @returns The size of the file in bytes.
 * @throws {AuditLogError} `LOG_REPLACED`.
 */
export async function checkSamePlace(
  files: FileAdapter,
  path: string,
  identity: string,
  action: string,
  advice = PUT_BACK,
): Promise<number> {
  return sizeIfSame(await files.stat(path), identity, action, advice);
}

/** As {@link checkSamePlace}, of what the path leads to now. */
export function sizeIfSame(
  stat: FileStat | undefined,
  identity: string,
  action: string,
  advice = PUT_BACK,
): number {
  if (stat?.identity === identity) return stat.size;
  throw new AuditLogError(
    "LOG_REPLACED",
    `Cannot ${action}: the file was ${stat === undefined ? "deleted or moved" : "replaced"} ` +
      `while the log was open; ${advice}`,
  );
}

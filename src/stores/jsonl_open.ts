import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { FileAdapter, OpenFile, Runtime } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { faultOf, isRuined } from "./faults.ts";
import { FileLock } from "./file_lock.ts";
import type { JsonlIndex } from "./jsonl_index.ts";
import { makeIndex, makeIndexInMemory, openIndex, removeIndex } from "./jsonl_index_open.ts";
import { isThere, misplaced } from "./jsonl_lines.ts";
import { looksLikeLog } from "./line_scanner.ts";
import { createFile, openingFault, placeOf } from "./log_file.ts";

/** The files of an open JSONL log. */
export interface JsonlFile {
  /** The log itself. */
  readonly file: OpenFile;
  /** Which file it is. */
  readonly identity: string;
  /** Its path, no part of which is a link: the other files are beside it. */
  readonly place: string;
  /** The index beside it. */
  readonly index: JsonlIndex;
  /** Which file that is, unless it is in memory. */
  readonly indexIdentity: string | undefined;
  /** What keeps writers apart; missing when the log is opened with `readOnly` where nothing can be written. */
  readonly lock: FileLock | undefined;
}

/**
 * Opens the log's file and what is beside it: `PATH-lock` and `PATH-index`. They are the same for all links to the file.
 *
 * @throws {AuditLogError} See `AuditLog.open()`.
 */
export async function openJsonlFile(runtime: Runtime, settings: FileSettings): Promise<JsonlFile> {
  const { path, readOnly } = settings;
  await createFile(runtime.file, settings, LONGEST_ADDED);
  let place = path;
  let file: OpenFile | undefined;
  let lock: FileLock | undefined;
  let index: JsonlIndex | undefined;
  try {
    // Of a database that is open here, closing its file would give up SQLite's locks: on POSIX systems they are the process's.
    const shared = `${await placeOf(runtime.file, path)}-shm`;
    if (await runtime.file.stat(shared).catch(() => undefined) !== undefined) throw noLog(path);
    file = await runtime.file.open(path, readOnly ? "read" : "append");
    const { identity, size } = await file.stat();
    place = await placeOf(runtime.file, path);
    if (place !== path) await warnOfUnused(runtime.file, settings, place);
    const beside = { ...settings, path: place };
    // An index is made only for what has proved to be a log.
    if (!await hasIndex(runtime.file, place) && !await looksLikeLog(file, size)) throw noLog(path);
    if (readOnly) {
      ({ index, lock } = await openForReading(runtime, beside, file));
    } else {
      const opened = file;
      lock = await FileLock.open(runtime, `${place}-lock`, settings.busyTimeoutMs, place);
      index = await lock.run(() => openForWriting(runtime, beside, opened));
    }
    if (await isBarren(index, settings) && !await looksLikeLog(file, size)) throw noLog(path);
    const indexIdentity = index.path === undefined
      ? undefined
      : (await runtime.file.stat(index.path))?.identity;
    return { file, identity, place, index, indexIdentity, lock };
  } catch (error) {
    await closeAll([index, lock, file]).catch(() => {}); // the first error tells what is wrong
    const fault = await openingFault(runtime.file, place + LONGEST_ADDED, error);
    throw faultOf(`open ${path}`, fault, "READ_FAILED");
  }
}

/** Tells of checkpoints beside a link, as earlier versions kept them there. Whoever may make a file there can have made them. */
async function warnOfUnused(
  files: FileAdapter,
  { path, warn }: FileSettings,
  place: string,
): Promise<void> {
  const look = (name: string) => files.stat(`${name}-checkpoints`).catch(() => undefined);
  const [besideLink, besideLog] = [await look(path), await look(place)];
  // By way of a folder that is a link, it is the same file.
  if (besideLink === undefined || besideLink.identity === besideLog?.identity) return;
  warn({
    code: "CHECKPOINTS_UNUSED",
    message:
      `${path}-checkpoints is not looked at: the log is a link, and its checkpoints are in ${place}-checkpoints. ` +
      (besideLog === undefined
        ? "If they are this log's, move the file there before another is signed"
        : "Verify the log against what it has, too: jq -r .note FILE | audit-log verify --checkpoint - ..."),
  });
}

/** The longest of what is added to a log's name for the files beside it. SQLite needs the last for a moment. */
const LONGEST_ADDED = "-index-journal";

/**
 * Closes all of some files, whatever becomes of the others.
 *
 * @throws What the first threw that could not be closed.
 */
export async function closeAll(
  files: readonly ({ close(): void | Promise<void> } | undefined)[],
): Promise<void> {
  const results = await Promise.allSettled(files.map(async (file) => await file?.close()));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function warnOfIndex({ path, warn }: FileSettings, state: string): void {
  warn({
    code: "INDEX_REBUILT",
    message:
      `The index beside ${path} was damaged, of another version, or did not fit the file, and ${state}`,
  });
}

async function hasIndex(files: FileAdapter, place: string): Promise<boolean> {
  return ((await files.stat(`${place}-index`))?.size ?? 0) > 0;
}

/** Whether the index knows of lines, and of no record among them. */
function isBarren(index: JsonlIndex, { busyTimeoutMs }: FileSettings): Promise<boolean> {
  return whenFree(() => index.coveredTo > 0 && index.end().size === 0, busyTimeoutMs);
}

/** Uses the index that is there, or makes another in its place; the caller holds the log's lock. */
async function openForWriting(
  runtime: Runtime,
  settings: FileSettings,
  file: OpenFile,
): Promise<JsonlIndex> {
  const { path, busyTimeoutMs } = settings;
  const there = await hasIndex(runtime.file, path); // asked again: another process may have made it
  const present = there ? await openFitting(runtime, settings, file) : undefined;
  if (present !== undefined) return present;
  const reason = await removeIndex(runtime.file, `${path}-index`);
  if (reason !== undefined) {
    warnOfIndex(
      settings,
      `cannot be removed (${reason}); until the log is opened again, one in memory takes its place`,
    );
    return makeIndexInMemory(runtime);
  }
  const made = await makeIndex(runtime, `${path}-index`, busyTimeoutMs, path);
  if (there) warnOfIndex(settings, "is made anew");
  return made;
}

/** Uses the index that is there if it can be brought up to date, else one in memory; creates no file. */
async function openForReading(
  runtime: Runtime,
  settings: FileSettings,
  file: OpenFile,
): Promise<{ index: JsonlIndex; lock: FileLock | undefined }> {
  const { path, busyTimeoutMs } = settings;
  let lock: FileLock | undefined;
  let index: JsonlIndex | undefined;
  try {
    const present = await Promise.all(
      [`${path}-lock`, `${path}-index`].map((side) => runtime.file.stat(side)),
    );
    if (present.every((stat) => stat !== undefined && stat.kind === "file")) {
      lock = await FileLock.open(runtime, `${path}-lock`, busyTimeoutMs, path);
      index = await lock.run(() => openFitting(runtime, settings, file));
      if (index !== undefined) return { index, lock };
    }
  } catch {
    // Whoever may only read the folder reads the file without help.
    index?.close();
  }
  lock?.close();
  return { index: makeIndexInMemory(runtime), lock: undefined };
}

/** Opens the index if it is of this file: its first and last record are where it says. */
async function openFitting(
  runtime: Runtime,
  { path, busyTimeoutMs }: FileSettings,
  file: OpenFile,
): Promise<JsonlIndex | undefined> {
  // Another process that opens or closes it may hold it for itself for a moment.
  const asking = <T>(attempt: () => T): Promise<T> => whenFree(attempt, busyTimeoutMs);
  const index = await asking(() => openIndex(runtime, `${path}-index`));
  if (index === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const [covered, ends] = await asking(() => [index.coveredTo, index.ends()] as const);
    const there = await Promise.all(
      ends.map((place) => misplaced([place], "asc", size) === undefined && isThere(file, place)),
    );
    if (covered <= size && there.every(Boolean)) return index;
  } catch (error) {
    if (!isRuined(error)) {
      index.close();
      throw error;
    }
  }
  index.close();
}

function noLog(path: string): AuditLogError {
  return new AuditLogError(
    "NOT_A_LOG",
    `Cannot open ${path}: no line of it is a record; give another path, or backend "sqlite" for a database`,
  );
}

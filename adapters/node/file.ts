/**
 * Files by way of `node:fs`, which Node, Deno and Bun have alike: it is the only interface of the three that reads at a
 * position, appends and syncs.
 *
 * @module
 */
import fs from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type {
  FileAdapter,
  FileFolder,
  FileMode,
  FilePlace,
  FileStat,
  OpenFile,
} from "../../src/ports.ts";
import { isPermitted } from "../deno_permissions.ts";

const read = promisify(fs.read);
const write = promisify(fs.write);
const sync = promisify(fs.fdatasync);

/** Writes up to this size go straight to the operating system's cache; a thread's round trip takes longer. */
const SMALL_BYTES = 64 * 1024;

const FLAGS: Readonly<Record<FileMode, number>> = {
  read: fs.constants.O_RDONLY,
  append: fs.constants.O_RDWR | fs.constants.O_APPEND,
  create: fs.constants.O_RDWR | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

/** The files of Node, Deno and Bun. */
export const file: FileAdapter = {
  absolute: (path: string): string => resolve(path),

  // deno-lint-ignore require-await -- asynchronous by its interface; it takes a microsecond
  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? undefined : describe(stats);
    } catch (error) {
      // Beneath what is no folder there is nothing; Node says so, Deno and Bun throw.
      if (codeOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  },

  // deno-lint-ignore require-await -- as above
  async open(path: string, mode: FileMode): Promise<OpenFile> {
    const descriptor = fs.openSync(path, FLAGS[mode], 0o600);
    try {
      if (mode === "create") syncFolder(dirname(path));
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
    return new NodeFile(descriptor);
  },

  // deno-lint-ignore require-await -- as above
  async create(path: string, beside?: string): Promise<void> {
    createUnopened(path, beside);
    syncFolder(dirname(path));
  },

  async remove(path: string): Promise<void> {
    // Not unlink(), with which Deno removes an empty folder.
    await fs.promises.rm(path);
  },

  // deno-lint-ignore require-await -- as above
  async place(path: string): Promise<FilePlace | undefined> {
    // Windows tells late; and there an open file keeps its name.
    if (process.platform === "win32" || !isPermitted(path, "read")) return undefined;
    const real = fs.realpathSync.native(path);
    const folder = folderOf(real);
    // What is no link itself is in the same folder by either path.
    const isKnown = folder !== undefined || fs.lstatSync(path).isSymbolicLink();
    return isKnown ? { path: real, folder } : undefined;
  },

  folder(path: string): FileFolder | undefined {
    return process.platform === "win32" ? undefined : folderOf(path);
  },
};

function folderOf(path: string): FileFolder | undefined {
  const folder = dirname(path);
  if (!isPermitted(folder, "read") || process.permission?.has("fs.read", folder) === false) {
    return undefined; // by Deno's permissions, or by Node's
  }
  const { dev, ino, ctimeNs, mtimeNs } = fs.statSync(folder, { bigint: true });
  return {
    identity: `${dev}:${ino}`,
    changedMs: lastChange(Number(ctimeNs) / 1e6, Number(mtimeNs) / 1e6),
  };
}

/**
 * When a folder was last changed, by both of its times. Deno tells the first by the second. The other can be set back, which would
 * hide a change within that second: it counts as if it was at the end of it, for then the first tells of the next change.
 */
export function lastChange(ctimeMs: number, mtimeMs: number): number {
  const last = Math.max(ctimeMs, mtimeMs);
  if (ctimeMs % 1000 !== 0 || last % 1000 === 0) return last;
  return Math.floor(last / 1000) * 1000 + 999;
}

class NodeFile implements OpenFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  // deno-lint-ignore require-await -- as above
  async stat(): Promise<FileStat> {
    return describe(fs.fstatSync(this.#descriptor, { bigint: true }));
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return (await read(this.#descriptor, buffer, 0, buffer.length, position)).bytesRead;
  }

  async append(bytes: Uint8Array): Promise<number> {
    if (bytes.length <= SMALL_BYTES) return fs.writeSync(this.#descriptor, bytes);
    return (await write(this.#descriptor, bytes)).bytesWritten;
  }

  async sync(isShort = false): Promise<void> {
    if (isShort) fs.fdatasyncSync(this.#descriptor);
    else await sync(this.#descriptor);
  }

  // deno-lint-ignore require-await -- as above
  async close(): Promise<void> {
    fs.closeSync(this.#descriptor);
  }
}

function describe(stats: fs.BigIntStats): FileStat {
  return {
    kind: stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other",
    size: Number(stats.size),
    identity: `${stats.dev}:${stats.ino}`,
    names: Number(stats.nlink),
  };
}

/**
 * Makes a file under another name, and gives it its own when it is closed. A process that is killed in between leaves that name; the
 * next to create the file, or to try, removes it.
 */
function createUnopened(path: string, beside: string | undefined): void {
  const draft = `${path}-audit-log-new`;
  if (isPermitted(draft, "read", "write")) {
    try {
      if (createByLink(draft, path, beside)) return;
    } catch {
      // A file system without hard links, a name that is too long; or what the next attempt tells.
    }
  }
  createEmpty(path, beside);
}

function createEmpty(path: string, beside: string | undefined): void {
  const descriptor = fs.openSync(path, FLAGS.create, 0o600);
  try {
    if (beside !== undefined) giveAway(descriptor, path, beside);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Whether a new file is where its path says. Whoever owns a folder on the way can put a link in its place, and so have root make a file
 * in another's folder: such a file stays root's. Linux alone tells, and Deno only who may do everything.
 */
function isInPlace(descriptor: number, path: string): boolean {
  if (process.platform !== "linux") return true;
  const link = `/proc/self/fd/${descriptor}`;
  return isPermitted(link, "read") && fs.readlinkSync(link) === resolve(path);
}

/**
 * Gives a new file the owner of another, as SQLite does. By its descriptor: its name may lead to somebody else's file by now,
 * which root must not give away.
 */
function giveAway(descriptor: number, path: string, beside: string): void {
  try {
    const { uid, gid } = fs.statSync(beside);
    if (uid === fs.fstatSync(descriptor).uid) return;
    if (isInPlace(descriptor, path)) fs.fchownSync(descriptor, uid, gid);
  } catch {
    // Only root may, and not on all file systems. It is a file all the same.
  }
}

/** Returns whether it could be tried: not where there is a draft of somebody else's. */
function createByLink(draft: string, path: string, beside: string | undefined): boolean {
  if (!isOurs(draft, path)) return false;
  fs.rmSync(draft, { force: true });
  createEmpty(draft, beside);
  try {
    fs.linkSync(draft, path); // unlike rename(), it replaces nothing
    return true;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/** Whether nothing is lost with a name if it is removed: there is no such file, or an empty one, or the file has another name. */
function isOurs(draft: string, path: string): boolean {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  const left = fs.lstatSync(draft, options);
  if (left === undefined || (left.isFile() && left.size === 0n)) return true;
  const named = fs.statSync(path, options);
  return left.isFile() && left.dev === named?.dev && left.ino === named.ino;
}

/** Puts a new file's name on the disk. Windows has no way to, and needs none. */
function syncFolder(folder: string): void {
  let descriptor: number;
  try {
    descriptor = fs.openSync(folder, fs.constants.O_RDONLY);
  } catch (error) {
    // A folder that may be written but not listed, and any folder on Windows.
    if (["EACCES", "EPERM", "EISDIR"].includes(codeOf(error))) return;
    // Deno, when it was given the permission for the file alone.
    if ((error as Error).name === "NotCapable") return;
    throw error;
  }
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

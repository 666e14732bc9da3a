/**
 * Making files, by way of `node:fs`.
 *
 * @module
 */
import fs from "node:fs";
import { resolve } from "node:path";
import { isPermitted } from "../deno_permissions.ts";

/** Gives equal texts for the same file, and different ones for others. */
export type IdentityOf = (
  stats: {
    readonly dev: number | bigint;
    readonly ino: number | bigint;
    readonly birthtimeNs?: bigint;
  },
) => string;

/** For a file that is read and appended to, and was not there. */
export const FLAGS_OF_NEW: number = fs.constants.O_RDWR | fs.constants.O_APPEND |
  fs.constants.O_CREAT | fs.constants.O_EXCL;

/**
 * Makes a file under another name, and gives it its own when it is closed. A process that is killed in between leaves that name; the
 * next to create the file, or to try, removes it. Not on Windows: there, no file loses its locks when another descriptor of it is closed.
 */
export function createUnopened(
  platform: string,
  identityOf: IdentityOf,
  path: string,
  beside: string | undefined,
): void {
  // Only Linux tells where a new file is.
  const owned = platform === "linux" ? beside : undefined;
  const draft = `${path}-audit-log-new`;
  if (platform !== "win32" && isPermitted(draft, "read", "write")) {
    try {
      if (createByLink(draft, path, owned, identityOf)) return;
    } catch {
      // A file system without hard links, a name that is too long; or what the next attempt tells.
    }
  }
  createEmpty(path, owned);
}

function createEmpty(path: string, beside: string | undefined): void {
  const descriptor = fs.openSync(path, FLAGS_OF_NEW, 0o600);
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
function createByLink(
  draft: string,
  path: string,
  beside: string | undefined,
  identityOf: IdentityOf,
): boolean {
  if (!isOurs(draft, path, identityOf)) return false;
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
function isOurs(draft: string, path: string, identityOf: IdentityOf): boolean {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  const left = fs.lstatSync(draft, options);
  if (left === undefined || (left.isFile() && left.size === 0n)) return true;
  const named = fs.statSync(path, options);
  return left.isFile() && named !== undefined && identityOf(left) === identityOf(named);
}

/** What is said where a folder cannot be synced: it may not be listed, or its file system has no way to. */
const NO_SYNC = ["EACCES", "EPERM", "EISDIR", "EBADF", "EINVAL", "ENOTSUP", "EOPNOTSUPP"];

/** Puts a new file's name on the disk, where that is possible. Windows opens a folder, but has no way to sync it, and needs none. */
export function syncFolder(platform: string, folder: string): void {
  if (platform === "win32") return;
  try {
    const descriptor = fs.openSync(folder, fs.constants.O_RDONLY);
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    // NotCapable: Deno, when it was given the permission for the file alone.
    if (!NO_SYNC.includes(codeOf(error)) && (error as Error).name !== "NotCapable") throw error;
  }
}

/** The POSIX name of an error of the operating system. */
export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

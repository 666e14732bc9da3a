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
import { AuditLogError } from "../../src/errors.ts";
import type {
  FileAdapter,
  FileAtOnce,
  FileFolder,
  FileMode,
  FilePlace,
  FileStat,
  OpenFile,
} from "../../src/ports.ts";
import { isPermitted } from "../deno_permissions.ts";
import { isAmbiguous } from "./names.ts";
import { codeOf, createUnopened, FLAGS_OF_NEW, type IdentityOf, syncFolder } from "./new_file.ts";

const read = promisify(fs.read);
const write = promisify(fs.write);
const sync = promisify(fs.fdatasync);

/** Writes up to this size go straight to the operating system's cache; a thread's round trip takes longer. */
const SMALL_BYTES = 64 * 1024;

const FLAGS: Readonly<Record<FileMode, number>> = {
  read: fs.constants.O_RDONLY,
  append: fs.constants.O_RDWR | fs.constants.O_APPEND,
  create: FLAGS_OF_NEW,
};

/**
 * A file's number and its volume's. On Windows the first alone: asked by path, libuv 1.49 and 1.50 (Node 22.13 to 22.16, 24.0 and
 * 24.1) tell another volume than of the open file.
 */
export function nodeIdentity(platform: string): IdentityOf {
  return platform === "win32" ? ({ ino }) => `${ino}` : ({ dev, ino }) => `${dev}:${ino}`;
}

/** The files of Node and Bun. */
export const file: FileAdapter = filesOn(process.platform);

/**
 * The files as they are on a platform: systems differ in what `node:fs` can do with them.
 *
 * @param identityOf Tells files from each other.
 */
export function filesOn(
  platform: string,
  identityOf: IdentityOf = nodeIdentity(platform),
): FileAdapter {
  return {
    absolute(path: string): string {
      const full = resolve(path);
      if (platform !== "win32" || !isAmbiguous(full)) return full;
      throw new AuditLogError(
        "INVALID_OPTION",
        `Cannot use ${full}: Windows takes a name that ends in a dot or a space, or has a colon, for another; give another name`,
        { path: "path" },
      );
    },

    // deno-lint-ignore require-await -- asynchronous by its interface; it takes a microsecond
    async stat(path: string): Promise<FileStat | undefined> {
      return statOf(path, identityOf);
    },

    statAtOnce(path: string): FileStat | undefined {
      return statOf(path, identityOf);
    },

    // deno-lint-ignore require-await -- as above
    async open(path: string, mode: FileMode): Promise<OpenFile> {
      const descriptor = fs.openSync(path, FLAGS[mode], 0o600);
      try {
        if (mode === "create") syncFolder(platform, dirname(path));
      } catch (error) {
        fs.closeSync(descriptor);
        fs.rmSync(path, { force: true }); // nobody has used it yet
        throw error;
      }
      return new NodeFile(descriptor, identityOf);
    },

    // deno-lint-ignore require-await -- as above
    async create(path: string, beside?: string): Promise<void> {
      createUnopened(platform, identityOf, path, beside);
      syncFolder(platform, dirname(path));
    },

    async remove(path: string): Promise<void> {
      // Not unlink(), with which Deno removes an empty folder.
      await fs.promises.rm(path);
    },

    // deno-lint-ignore require-await -- as above
    async place(path: string): Promise<FilePlace | undefined> {
      if (!isPermitted(path, "read")) return undefined;
      const isLink = () => fs.lstatSync(path).isSymbolicLink();
      // What is no link itself is in the same folder by either path. And on Windows an open file keeps its name.
      if (platform === "win32" && !isLink()) return undefined;
      const real = fs.realpathSync.native(path);
      const folder = folderOf(real, identityOf);
      if (platform === "win32") {
        return { path: real, folder: folder && { ...folder, changedMs: Infinity } };
      }
      return folder !== undefined || isLink() ? { path: real, folder } : undefined;
    },

    folder(path: string): FileFolder | undefined {
      // Windows tells late.
      return platform === "win32" ? undefined : folderOf(path, identityOf);
    },
  };
}

function statOf(path: string, identityOf: IdentityOf): FileStat | undefined {
  try {
    const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : describe(stats, identityOf);
  } catch (error) {
    // Beneath what is no folder there is nothing; Node says so, Deno and Bun throw.
    if (codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function folderOf(path: string, identityOf: IdentityOf): FileFolder | undefined {
  const folder = dirname(path);
  if (!isPermitted(folder, "read") || process.permission?.has("fs.read", folder) === false) {
    return undefined; // by Deno's permissions, or by Node's
  }
  const stats = fs.statSync(folder, { bigint: true });
  return {
    identity: identityOf(stats),
    changedMs: lastChange(Number(stats.ctimeNs) / 1e6, Number(stats.mtimeNs) / 1e6),
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
  readonly atOnce: FileAtOnce;
  readonly #descriptor: number;

  constructor(descriptor: number, identityOf: IdentityOf) {
    this.#descriptor = descriptor;
    this.atOnce = {
      stat: () => describe(fs.fstatSync(descriptor, { bigint: true }), identityOf),
      read: (buffer, position) => fs.readSync(descriptor, buffer, 0, buffer.length, position),
      append: (bytes) => fs.writeSync(descriptor, bytes),
      sync: () => fs.fdatasyncSync(descriptor),
    };
  }

  // deno-lint-ignore require-await -- as above
  async stat(): Promise<FileStat> {
    return this.atOnce.stat();
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return (await read(this.#descriptor, buffer, 0, buffer.length, position)).bytesRead;
  }

  async append(bytes: Uint8Array): Promise<number> {
    if (bytes.length <= SMALL_BYTES) return this.atOnce.append(bytes);
    return (await write(this.#descriptor, bytes)).bytesWritten;
  }

  async sync(): Promise<void> {
    await sync(this.#descriptor);
  }

  // deno-lint-ignore require-await -- as above
  async close(): Promise<void> {
    fs.closeSync(this.#descriptor);
  }
}

function describe(stats: fs.BigIntStats, identityOf: IdentityOf): FileStat {
  return {
    kind: stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other",
    size: Number(stats.size),
    identity: identityOf(stats),
    names: Number(stats.nlink),
  };
}

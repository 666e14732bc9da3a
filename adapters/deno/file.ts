/**
 * Files for Deno. `Deno.FsFile` cannot read at a position, and seeking before reading goes wrong when two reads are
 * under way; Deno's own `node:fs` can. But that takes three to ten times as long as `Deno` to tell what a file is like.
 *
 * @module
 */
import { dirname } from "node:path";
import process from "node:process";
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
import { filesOn, lastChange, nodeIdentity } from "../node/file.ts";
import type { IdentityOf } from "../node/new_file.ts";

// The part of Deno that is used, so that no other runtime needs Deno's types.
interface DenoFiles {
  statSync(path: string): DenoStat;
  openSync(path: string, options: { read: true }): DenoFile;
}
interface DenoFile {
  statSync(): DenoStat;
  close(): void;
}
interface DenoStat {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly dev: number;
  readonly ino: number | null;
  readonly nlink: number | null;
  readonly ctime: Date | null;
  readonly mtime: Date | null;
}

type ExactStat = DenoStat & { readonly ino: number; readonly nlink: number };

const { Deno } = globalThis as unknown as { Deno: DenoFiles };

/**
 * A file's number and its volume's. Deno has them as floating-point numbers, also in its `node:fs`, so that two files may have the
 * same from 2^53 on, as NTFS has them. Such files are told by when they were made, too, to the millisecond.
 */
export function denoIdentity(platform: string): IdentityOf {
  const identityOf = nodeIdentity(platform);
  return (stats) =>
    stats.ino > Number.MAX_SAFE_INTEGER
      ? `${identityOf(stats)}:${stats.birthtimeNs}`
      : identityOf(stats);
}

const identityOf = denoIdentity(process.platform);
const nodeFile = filesOn(process.platform, identityOf);

/** Deno's files. */
export const file: FileAdapter = {
  ...nodeFile,

  // deno-lint-ignore require-await -- asynchronous by its interface
  async stat(path: string): Promise<FileStat | undefined> {
    return statOf(path);
  },

  statAtOnce(path: string): FileStat | undefined {
    return statOf(path);
  },

  async place(path: string): Promise<FilePlace | undefined> {
    const place = await nodeFile.place!(path);
    return place && { ...place, folder: file.folder!(place.path) ?? place.folder };
  },

  folder(path: string): FileFolder | undefined {
    const folder = dirname(path);
    // Windows tells late; see node:fs.
    const isTold = process.platform !== "win32" && isPermitted(folder, "read");
    const stat = isTold ? exact(() => Deno.statSync(folder)) : undefined;
    if (stat === undefined) return nodeFile.folder!(path);
    return {
      identity: identityOf(stat),
      changedMs: lastChange(Number(stat.ctime), Number(stat.mtime)),
    };
  },

  async open(path: string, mode: FileMode): Promise<OpenFile> {
    const opened = await nodeFile.open(path, mode);
    // Whoever appends asks for the size again and again. What is read may be a pipe, which is not to be opened twice.
    return mode === "read" ? opened : await withQuickStat(opened, path);
  },
};

function statOf(path: string): FileStat | undefined {
  const stat = exact(() => Deno.statSync(path));
  return stat === undefined ? nodeFile.statAtOnce!(path) : describe(stat);
}

/** Gives an open file a second descriptor, by which it is asked what it is like, if the path still leads to it. */
async function withQuickStat(opened: OpenFile, path: string): Promise<OpenFile> {
  const { kind, identity } = await opened.stat();
  if (kind !== "file") return opened;
  let asked: DenoFile;
  try {
    asked = Deno.openSync(path, { read: true });
  } catch {
    return opened;
  }
  const ask = () => exact(() => asked.statSync());
  const first = ask();
  if (first === undefined || identityOf(first) !== identity) {
    asked.close();
    return opened;
  }
  const atOnce: FileAtOnce = {
    ...opened.atOnce!,
    stat: () => {
      const stat = ask();
      return stat === undefined ? opened.atOnce!.stat() : describe(stat);
    },
  };
  return {
    // deno-lint-ignore require-await -- as above
    stat: async () => atOnce.stat(),
    read: (buffer, position) => opened.read(buffer, position),
    append: (bytes) => opened.append(bytes),
    sync: () => opened.sync(),
    close: () => {
      asked.close();
      return opened.close();
    },
    atOnce,
  };
}

/** What Deno tells of a file; nothing where it fails, which is `node:fs` to tell, or where a number is not exact. */
function exact(ask: () => DenoStat): ExactStat | undefined {
  try {
    const stat = ask();
    const { dev, ino, nlink } = stat;
    return [dev, ino, nlink].every(Number.isSafeInteger) ? stat as ExactStat : undefined;
  } catch {
    return undefined;
  }
}

function describe(stat: ExactStat): FileStat {
  return {
    kind: stat.isFile ? "file" : stat.isDirectory ? "directory" : "other",
    size: stat.size,
    identity: identityOf(stat),
    names: stat.nlink,
  };
}

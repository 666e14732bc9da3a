import type { FileAdapter, FileFolder, FilePlace } from "../ports.ts";

/** How long a folder must have been as it is, milliseconds: it may change again before the file system's clock goes on. */
const SETTLED_MS = 50;
/** The same, where that clock goes by the second, or by two. */
const SETTLED_BY_SECONDS_MS = 2500;
/** How long that is relied on, milliseconds. */
const RELIED_ON_MS = 1000;

/**
 * Tells whether files may have been deleted or replaced since they were last looked at. As long as their folder is unchanged,
 * they were not.
 *
 * The check precedes each commit to a SQLite database. Asking for the write-ahead log itself would be expensive: once its times
 * were asked for, Linux 6.13 and later gives it new ones with the next write, and the next sync has to write them, too.
 */
export class FolderWatch {
  readonly #files: FileAdapter;
  readonly #path: string;
  readonly #now: () => number;
  #place: FilePlace | undefined;
  /** Whether the path's last name is the file's own, and no link: then its folder alone tells. */
  #isInFolder = false;
  #lookedMs = -Infinity;

  /**
   * @param path A file in the folder, or a link to one.
   * @param now The time, milliseconds since the epoch.
   */
  constructor(files: FileAdapter, path: string, now: () => number = Date.now) {
    this.#files = files;
    this.#path = path;
    this.#now = now;
  }

  /** Looks at the files, unless the folder tells that they are what they were when that was last done. */
  async look(atFiles: () => Promise<void>): Promise<void> {
    const age = this.#now() - this.#lookedMs;
    if (age >= 0 && age < RELIED_ON_MS && await this.#isAsItWas()) return;
    const place = await this.#files.place?.(this.#path).catch(() => undefined);
    const folder = await this.#folder();
    const nowMs = this.#now();
    await atFiles();
    this.#place = place;
    this.#lookedMs = nowMs;
    this.#isInFolder = place !== undefined && folder?.identity === place.folder.identity &&
      nameOf(place.path) === nameOf(this.#path);
  }

  /** Whether the folder is what it was when the files were last looked at, and for how long it had been so by then. */
  async #isAsItWas(): Promise<boolean> {
    const before = this.#place;
    if (before === undefined) return false;
    const { identity, changedMs } = before.folder;
    const settledMs = changedMs % 1000 === 0 ? SETTLED_BY_SECONDS_MS : SETTLED_MS;
    if (this.#lookedMs - changedMs <= settledMs) return false;
    const folder = this.#isInFolder ? await this.#folder() : await this.#folderOf(before.path);
    return folder?.identity === identity && folder.changedMs === changedMs;
  }

  async #folder(): Promise<FileFolder | undefined> {
    return await this.#files.folder?.(this.#path).catch(() => undefined);
  }

  /** The folder to which the path leads, if it still leads to the same file there. */
  async #folderOf(path: string): Promise<FileFolder | undefined> {
    const place = await this.#files.place?.(this.#path).catch(() => undefined);
    return place?.path === path ? place.folder : undefined;
  }
}

/** The last name in a path. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

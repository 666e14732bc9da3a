import type { FileAdapter, FileFolder } from "../ports.ts";

/** How long a folder must have been as it is, milliseconds: it may change again before the file system's clock goes on. */
const SETTLED_MS = 50;
/** The same, where that clock goes by the second, or by two. */
const SETTLED_BY_SECONDS_MS = 2500;
/** How long that is relied on, milliseconds. */
const RELIED_ON_MS = 1000;
/**
 * How long what a folder told is taken for what it would tell, milliseconds. Behind a commit, the processor has forgotten how to ask: it takes
 * a tenth of what the commit took. What is recorded in the meantime shares the fate of what was recorded just before.
 */
const FRESH_MS = 10;

/** Where the files are. */
interface Place {
  readonly path: string;
  readonly folder: FileFolder;
}

/**
 * Tells whether files may have been deleted or replaced since they were last looked at. As long as their folder is unchanged,
 * they were not.
 *
 * The check precedes commits to a SQLite database, as far as none did just before. Asking for the write-ahead log itself would be expensive: once its times
 * were asked for, Linux 6.13 and later gives it new ones with the next write, and the next sync has to write them, too.
 */
export class FolderWatch {
  readonly #files: FileAdapter;
  readonly #path: string;
  readonly #now: () => number;
  #place: Place | undefined;
  /** Whether the path's last name is the file's own, and no link: then its folder alone tells. */
  #isInFolder = false;
  #lookedMs = -Infinity;
  /** When the folder last told that it is as it was. */
  #toldMs = -Infinity;

  /**
   * @param path A file in the folder, or a link to one.
   * @param now The time, milliseconds since the epoch.
   */
  constructor(files: FileAdapter, path: string, now: () => number = Date.now) {
    this.#files = files;
    this.#path = path;
    this.#now = now;
  }

  /** Whether the folder tells that the files are what they were when they were last looked at. */
  isUnchanged(): boolean {
    const nowMs = this.#now();
    const before = this.#placeBefore(nowMs);
    if (before === undefined || !this.#isInFolder) return false;
    return this.#isFresh(nowMs) || this.#isAsBefore(before, this.#folder(), nowMs);
  }

  /** Looks at the files, unless the folder tells that they are what they were when that was last done. */
  look(atFiles: () => Promise<void>): Promise<void> | undefined {
    const nowMs = this.#now();
    const before = this.#placeBefore(nowMs);
    if (before === undefined || !this.#isInFolder) {
      return this.#lookAt(atFiles, this.#folder(), nowMs, before);
    }
    if (this.#isFresh(nowMs)) return undefined;
    const folder = this.#folder();
    if (this.#isAsBefore(before, folder, nowMs)) return undefined;
    return this.#lookAt(atFiles, folder, nowMs);
  }

  #isFresh(nowMs: number): boolean {
    const age = nowMs - this.#toldMs;
    return age >= 0 && age < FRESH_MS;
  }

  #isAsBefore(before: Place, folder: FileFolder | undefined, nowMs: number): boolean {
    if (folder === undefined || !isSame(folder, before.folder)) return false;
    this.#toldMs = nowMs;
    return true;
  }

  /** Where the files were when they were last looked at, if that is to be relied on. */
  #placeBefore(nowMs: number): Place | undefined {
    const age = nowMs - this.#lookedMs;
    return age >= 0 && age < RELIED_ON_MS ? this.#place : undefined;
  }

  /** @param before Where the files were, if that is still where they are unless the path leads elsewhere. */
  async #lookAt(
    atFiles: () => Promise<void>,
    folder: FileFolder | undefined,
    nowMs: number,
    before?: Place,
  ): Promise<void> {
    // Where a link leads is of no use as long as the folder does not tell whether the link was changed.
    const place = folder === undefined || isSettled(folder, nowMs)
      ? await this.#findPlace()
      : undefined;
    if (place !== undefined && place.path === before?.path && isSame(place.folder, before.folder)) {
      return;
    }
    await atFiles();
    this.#place = place !== undefined && isSettled(place.folder, nowMs) ? place : undefined;
    this.#isInFolder = folder !== undefined && folder.identity === place?.folder.identity &&
      nameOf(place.path) === nameOf(this.#path);
    this.#lookedMs = nowMs;
  }

  #folder(): FileFolder | undefined {
    try {
      return this.#files.folder?.(this.#path);
    } catch {
      return undefined;
    }
  }

  async #findPlace(): Promise<Place | undefined> {
    const place = await this.#files.place?.(this.#path).catch(() => undefined);
    return place?.folder && { path: place.path, folder: place.folder };
  }
}

/** Whether a folder has been as it is for so long that it tells of the next change. */
function isSettled({ changedMs }: FileFolder, nowMs: number): boolean {
  return nowMs - changedMs > (changedMs % 1000 === 0 ? SETTLED_BY_SECONDS_MS : SETTLED_MS);
}

function isSame(one: FileFolder, other: FileFolder): boolean {
  return one.identity === other.identity && one.changedMs === other.changedMs;
}

/** The last name in a path. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

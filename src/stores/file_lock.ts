import type { FileStat, Runtime, SqliteDatabase, SqliteStatement } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { isBusy } from "./faults.ts";
import { checkSamePlace, createIfMissing, MADE_ANEW, sizeIfSame } from "./log_file.ts";
import { Mutex } from "../mutex.ts";
import { rollBack } from "./transact.ts";

/**
 * A lock that processes, worker threads and runtimes share: an open transaction on an empty SQLite file. The
 * operating system frees it when its holder dies, and all three runtimes have it, unlike `flock()`.
 *
 * Nothing is ever written to the file, so taking and freeing the lock touches no disk. What everybody keeps is SQLite's lock for
 * reading: with it, taking the one for writing is one call to the system, and not ten.
 */
export class FileLock {
  readonly #runtime: Runtime;
  readonly #path: string;
  readonly #identity: string;
  readonly #database: SqliteDatabase;
  readonly #statements: LockStatements;
  readonly #timeoutMs: number;
  readonly #mutex = new Mutex();

  private constructor(
    runtime: Runtime,
    path: string,
    identity: string,
    database: SqliteDatabase,
    statements: LockStatements,
    timeoutMs: number,
  ) {
    this.#runtime = runtime;
    this.#path = path;
    this.#identity = identity;
    this.#database = database;
    this.#statements = statements;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Opens the lock's file, and creates it where there is none.
   *
   * @param timeoutMs How long to wait for another holder, milliseconds.
   * @param beside The log that it is of.
   */
  static async open(
    runtime: Runtime,
    path: string,
    timeoutMs: number,
    beside?: string,
  ): Promise<FileLock> {
    await createIfMissing(runtime.file, path, beside);
    // Asked for before: should another file take its place meanwhile, the lock is none, and taking it tells.
    const { identity } = await runtime.file.stat(path) ?? { identity: "" };
    const database = runtime.sqlite.open(path, { readOnly: false });
    try {
      const statements = await whenFree(() => prepareLock(database), timeoutMs);
      return new FileLock(runtime, path, identity, database, statements, timeoutMs);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /**
   * Runs a section that no other holder of the lock runs at the same time.
   *
   * @throws {SqliteError} Busy, when another process held the lock for too long.
   * @throws {AuditLogError} `LOG_REPLACED` when the lock's file is no longer there.
   */
  run<T>(section: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      await whenFree(() => this.#take(), this.#timeoutMs);
      try {
        const { file } = this.#runtime;
        await checkSamePlace(file, this.#path, this.#identity, `lock ${this.#path}`, MADE_ANEW);
        return await section();
      } finally {
        this.#free();
      }
    });
  }

  /**
   * Runs a section at once, if nobody holds the lock and the runtime can tell at once what a path leads to. If it gives a promise,
   * the lock is held until that settles.
   *
   * @param section Is given what tells where a path leads.
   * @returns What the section returns; nothing if it was not run.
   * @throws As {@link FileLock.run} rejects, and what the section throws.
   */
  runAtOnce<T>(section: SectionAtOnce<T>): T | Promise<T> | undefined {
    const { file } = this.#runtime;
    if (file.statAtOnce === undefined || !this.#mutex.isFree) return undefined;
    const stat = (path: string) => file.statAtOnce!(path);
    try {
      this.#take();
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    }
    // A section that goes on keeps the lock.
    let unended: Promise<T> | undefined;
    try {
      sizeIfSame(stat(this.#path), this.#identity, `lock ${this.#path}`, MADE_ANEW);
      const result = section(stat);
      if (!(result instanceof Promise)) return result;
      unended = result;
    } finally {
      if (unended === undefined) this.#free();
    }
    const ended = unended.finally(() => this.#free());
    return this.#mutex.run(() => ended);
  }

  #take(): void {
    try {
      this.#statements.begin.run();
    } catch (error) {
      if (!isBusy(error)) rollBack(this.#database); // it may have begun all the same
      throw error;
    }
  }

  /** What was done is done, whatever becomes of the lock. */
  #free(): void {
    try {
      this.#statements.end.run();
    } catch {
      rollBack(this.#database);
    }
  }

  /** Frees the file. */
  close(): void {
    this.#database.close();
  }
}

/** What {@link FileLock.runAtOnce} runs. */
export type SectionAtOnce<T> = (
  stat: (path: string) => FileStat | undefined,
) => T | Promise<T> | undefined;

interface LockStatements {
  readonly begin: SqliteStatement;
  readonly end: SqliteStatement;
  /** What keeps the lock for reading. */
  readonly reading: SqliteStatement;
}

/** Sets the connection up, and takes the lock for reading. Somebody may have the file for themselves. */
function prepareLock(database: SqliteDatabase): LockStatements {
  // Its journal, which is never needed, would be made each time anew, and not on a full disk.
  database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY");
  const begin = database.prepare("BEGIN IMMEDIATE");
  const end = database.prepare("ROLLBACK");
  const reading = database.prepare("SELECT 1 FROM sqlite_schema UNION ALL VALUES (2), (3)");
  reading.stay?.();
  return { begin, end, reading };
}

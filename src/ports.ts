/**
 * All that the core asks of a runtime: files that are appended to, a SQLite driver, SHA-256; and, where there is one,
 * a storage that follows calls.
 *
 * An adapter translates and adds no policy: no retries, no caching, no defaults of its own. The
 * conformance suites in `tests/conformance/` say in code what is written here in words.
 *
 * @module
 */

/** What a path leads to. */
export interface FileStat {
  /** What it is, links followed. */
  readonly kind: "file" | "directory" | "other";
  /** Size in bytes. */
  readonly size: number;
  /** Equal for the same file, different for another one that took its place. */
  readonly identity: string;
  /** How many names it has, where the file system tells: with two, each leads to the same bytes. */
  readonly names?: number;
}

/** A folder. */
export interface FileFolder {
  /** Equal for the same folder, different for another one that took its place. */
  readonly identity: string;
  /**
   * When something in it was last made, removed or renamed, milliseconds since the epoch, as exactly as the file system
   * tells; `Infinity` where it tells that too late to be relied on, as on Windows.
   */
  readonly changedMs: number;
}

/** Where a path leads. */
export interface FilePlace {
  /** The absolute path of the file itself: no part of it is a link. */
  readonly path: string;
  /** The folder in which the file is; `undefined` if that cannot be looked at. */
  readonly folder: FileFolder | undefined;
}

/**
 * An open file.
 *
 * Errors of the operating system are thrown as they come, with their POSIX name (`ENOSPC`, `EACCES`)
 * in `code`.
 */
export interface OpenFile {
  /** Facts about the open file itself, even when its path leads elsewhere by now. */
  stat(): Promise<FileStat>;
  /**
   * Reads up to `buffer.length` bytes from `position`, in bytes from the start, without moving
   * anything: several reads may be under way at once.
   *
   * @returns The number of bytes read; 0 at the end of the file.
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Writes at the end of the file, wherever that is by then.
   *
   * @returns The number of bytes written, which may be less than given.
   */
  append(bytes: Uint8Array): Promise<number>;
  /** Resolves once all that was appended is on the disk, not only with the operating system. Another thread waits for the disk. */
  sync(): Promise<void>;
  /** Closes the file; called once. */
  close(): Promise<void>;
  /** What the calling thread can do by itself: a little is sooner done so. Without this, the core awaits the methods above. */
  readonly atOnce?: FileAtOnce | undefined;
}

/** What can be done with an {@link OpenFile} without a promise. */
export interface FileAtOnce {
  /** As {@link OpenFile.stat}. */
  stat(): FileStat;
  /** As {@link OpenFile.read}, for threads that have nothing else to do. Without this method, they await the other. */
  read?(buffer: Uint8Array, position: number): number;
  /** As {@link OpenFile.append}. */
  append(bytes: Uint8Array): number;
  /** As {@link OpenFile.sync}; the calling thread waits for the disk. */
  sync(): void;
}

/** How {@link FileAdapter.open} opens a file. */
export type FileMode =
  /** For reading; the file must exist. */
  | "read"
  /** For reading and appending; the file must exist. */
  | "append"
  /**
   * For reading and appending; the file must not exist. It gets mode 0600, and its name is on the
   * disk when the promise resolves, where the file system has a way to put it there. `EEXIST` otherwise.
   * When it rejects, it has left no file: nobody else can tell whose one would be.
   */
  | "create";

/** The files of a runtime. */
export interface FileAdapter {
  /**
   * The path in full, so that it leads to the same file when the current folder changes.
   *
   * @throws {AuditLogError} `INVALID_OPTION`, where files and SQLite would be led to different files by it, as Windows does by some
   *   names.
   */
  absolute(path: string): string;
  /** Facts about what the path leads to, or `undefined` when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  /** As {@link FileAdapter.stat}, without a promise. Without this method, the core awaits the other. */
  statAtOnce?(path: string): FileStat | undefined;
  /** Opens a file. */
  open(path: string, mode: FileMode): Promise<OpenFile>;
  /**
   * Creates an empty file, as `open()` does with `"create"`, but so that this process never has it open while others can
   * see it: on POSIX systems, closing a file frees all locks that the process has on it, those of SQLite in another thread
   * among them. `EEXIST` when there is something; another name that the file has because a process was killed here is removed then.
   *
   * @param beside A file that is there. The new one gets its owner and its group, on Linux, if this process may give files away;
   *   otherwise it is as any that this process creates. So it is, too, where the path leads by way of a link.
   */
  create(path: string, beside?: string): Promise<void>;
  /** Removes a file. The core asks this only of side files that can be rebuilt. */
  remove(path: string): Promise<void>;
  /**
   * Where a path leads, and when its folder was changed; `undefined` if that is not known. Without this method, the core looks
   * at the files themselves.
   */
  place?(path: string): Promise<FilePlace | undefined>;
  /**
   * The folder in which a path's last name is, whatever that name leads to; `undefined` if that is not known. It is asked before
   * records, every ten milliseconds at most, and answers at once. The core asks {@link FileAdapter.place} instead where this method is missing.
   */
  folder?(path: string): FileFolder | undefined;
}

/** What can be bound to a parameter. Integers must be safe; text must be well-formed, without U+0000. */
export type SqliteValue = string | number | Uint8Array | null;

/** A row, by column name. Integers come as numbers, NULL as `null`. */
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** A prepared statement. It stays valid until its database is closed, which finalizes it. */
export interface SqliteStatement {
  /** Runs the statement and drops its rows. */
  run(...parameters: readonly SqliteValue[]): void;
  /** The first row, or `undefined`. */
  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined;
  /** All rows. */
  all(...parameters: readonly SqliteValue[]): readonly SqliteRow[];
  /**
   * Runs the statement, which has no parameters, up to its first row, and leaves it there: until its database is closed, the
   * connection is reading, and keeps SQLite's lock for that when a transaction ends. The statement is not used again, and is
   * not to be let go of. Called once, on a database that nobody changes.
   */
  stay?(): void;
}

/** An open database. Its methods are synchronous and throw {@link SqliteError}. */
export interface SqliteDatabase {
  /** Runs one or more statements without parameters. */
  exec(sql: string): void;
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement;
  /** Closes the database and all its statements; called once. */
  close(): void;
}

/** A SQLite driver. */
export interface SqliteAdapter {
  /** The driver's name, for people: `node:sqlite`. */
  readonly name: string;
  /**
   * Opens a database file, or `:memory:`. Links are followed: SQLite has the files beside it where the database is.
   *
   * @param path The file, which must exist (an empty file is an empty database), or `:memory:`.
   * @param options `readOnly`: refuse every write.
   */
  open(path: string, options: { readonly readOnly: boolean }): SqliteDatabase;
  /**
   * Starts a thread that has a database open by this driver, and resolves when it is ready. A log writes large batches
   * there. It rejects with the reason if no thread can be started.
   */
  readonly startRowWriter?: (settings: RowWriterSettings) => Promise<RowWriter>;
  /**
   * Starts a thread that has a log open, its database or the index of its lines by this driver, and resolves when it is
   * ready. A large log is verified by several. It rejects with the reason if no thread can be started.
   */
  readonly startRecordChecker?: (settings: RecordCheckerSettings) => Promise<RecordChecker>;
}

/** How a {@link RowWriter} writes. */
export interface RowWriterSettings {
  /** The database file. */
  readonly path: string;
  /** The file's identity: no other is written to. */
  readonly identity: string;
  /** What a commit waits for. */
  readonly durability: "full" | "relaxed";
  /** How long to wait for other writers' locks, milliseconds. */
  readonly busyTimeoutMs: number;
}

/** Rows for a {@link RowWriter}; all their buffers belong to it from then on. `src/stores/row_batch.ts` makes them. */
export interface RowBatch {
  /** The records' lines, in UTF-8, each behind a byte that is not part of it. It is given back. */
  readonly slab: ArrayBuffer;
  /** Where the byte before each line is, and behind the last where it ends. */
  readonly bounds: Uint32Array<ArrayBuffer>;
  /** Texts of the other columns, in a form of the core's own. */
  readonly texts: Uint8Array<ArrayBuffer>;
  /** Numbers of the other columns, in a form of the core's own. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /**
   * What follows: more rows of the same transaction, or its end. So rows can be written while the next are encoded.
   */
  readonly then: "more" | "commit" | "abandon";
}

/** What became of a {@link RowBatch}. */
export interface RowsWritten {
  /** With a commit: the index of the transaction's first row; -1 when nothing was written. */
  readonly first: number;
  /** Why nothing was written. */
  readonly failure?: RowsFailure;
  /** The buffer that was given. */
  readonly slab: ArrayBuffer;
}

/** An error that another thread met: what is left of it on the way. */
export interface RowsFailure {
  /** The code of an `AuditLogError`. */
  readonly code?: string;
  /** That of a {@link SqliteError}. */
  readonly resultCode?: number;
  /** What it says. */
  readonly message: string;
  /** Its cause. */
  readonly cause?: RowsFailure;
}

/**
 * Another thread that writes rows at the end of a log, in the order in which they are given.
 *
 * It keeps no process alive unless an answer is awaited.
 */
export interface RowWriter {
  /**
   * Writes rows.
   *
   * @throws {Error} Why the thread cannot be used, now and from now on. It has ended, and what was not committed by then
   *   never will be.
   */
  write(rows: RowBatch): Promise<RowsWritten>;
  /** Closes the database, and ends the thread. */
  close(): Promise<void>;
}

/** What a {@link RecordChecker} reads. */
export interface RecordCheckerSettings {
  /** The log's file: a database, or lines with an index beside them. */
  readonly path: string;
  /** The file's identity: no other is read. */
  readonly identity: string;
  /** The database that is the index of lines. */
  readonly index?: { readonly path: string; readonly identity: string };
  /** How long to wait for others' locks, milliseconds. */
  readonly busyTimeoutMs: number;
}

/** What a {@link RecordChecker} made of some records that are as they should be. */
export interface RecordsChecked {
  /** Where it began, as what is beside the record before says: whoever compared that one knows whether it is so. */
  readonly before: CheckStand;
  /** Where it ended. */
  readonly after: CheckStand;
  /** The hashes of the records' leaves, 32 bytes each, end to end. */
  readonly leaves: Uint8Array<ArrayBuffer>;
  /** The roots of all tiles of level 0 that lie in these leaves if the first of them is `before.next`, end to end. */
  readonly roots: Uint8Array<ArrayBuffer>;
  /** Sums over the lines that are no records, in a form of the core's own. */
  readonly unreadable?: readonly number[];
}

/** Where a comparison of records stands between two of them. */
export interface CheckStand {
  /** Where the next record is looked for: from this row on, or this byte. */
  readonly at: number;
  /** The index that the next record should have. */
  readonly next: number;
  /** The latest instant of all records before, microseconds since the epoch. */
  readonly highUs: number;
}

/**
 * Another thread that compares records of a log with what is kept beside them, and hashes these records.
 *
 * It keeps no process alive unless an answer is awaited.
 */
export interface RecordChecker {
  /**
   * Checks a part of the log.
   *
   * @param from The first row, or the byte from which on lines begin.
   * @param to The first row beyond, or the byte from which on lines are left out that begin there.
   * @returns Nothing where something is not as it should be, or could not be read: whoever asks finds out what it is.
   * @throws {Error} Why the thread cannot be used, now and from now on.
   */
  check(from: number, to: number): Promise<RecordsChecked | undefined>;
  /** Closes what it reads, once what was asked for is done, and ends the thread. */
  close(): Promise<void>;
}

/** What a SQLite driver throws, made the same for all drivers. */
export class SqliteError extends Error {
  /** `"SqliteError"`. */
  override readonly name = "SqliteError";
  /** SQLite's (extended) result code: https://sqlite.org/rescode.html; 1 where the driver does not tell. */
  readonly resultCode: number;

  /**
   * Makes an error out of a driver's.
   *
   * @param resultCode SQLite's result code, extended where known.
   * @param message SQLite's message.
   * @param cause The driver's own error.
   */
  constructor(resultCode: number, message: string, cause: unknown) {
    super(message, { cause });
    this.resultCode = resultCode;
  }

  /** The primary result code: the low eight bits. */
  get primaryCode(): number {
    return this.resultCode & 0xff;
  }
}

/**
 * SHA-256, synchronously: every record of a signed log is hashed, and a promise for each would cost more than the hash.
 *
 * A string means its UTF-8 bytes. The 32 bytes returned belong to the caller; what is given is not kept.
 *
 * Memory for each hash costs as much as the hash. So the hash may be put into `into`, 32 bytes that are no part of the data, which
 * are returned then. It need not: what is returned counts.
 */
export type Sha256 = (data: string | Uint8Array, into?: Uint8Array) => Uint8Array;

/** Leaves for a {@link HashThread}. All but `start` belongs to the thread from then on. */
export interface Leaves {
  /** The leaves, each behind a byte that is not part of it. It is given back. */
  readonly slab: ArrayBuffer;
  /** Where the byte before each leaf is, and behind the last where it ends. */
  readonly bounds: Uint32Array<ArrayBuffer>;
  /** Begins anew: the hashes in a partial tile, 0 to 255, that these leaves follow on. */
  readonly start?: Uint8Array<ArrayBuffer>;
}

/** What a {@link HashThread} made of some leaves. */
export interface HashedLeaves {
  /** The hashes of the leaves, 32 bytes each, end to end. */
  readonly leaves: Uint8Array;
  /** The roots of the tiles of level 0 that became full with them, 32 bytes each, end to end. */
  readonly roots: Uint8Array;
  /** The buffer that was given. */
  readonly slab: ArrayBuffer;
}

/**
 * Another thread that hashes the leaves of one Merkle tree after the other, and the nodes in their tiles.
 *
 * It keeps no process alive unless a result is awaited.
 */
export interface HashThread {
  /**
   * Hashes leaves that follow on those given before.
   *
   * @throws {Error} Why the thread cannot be used, now and from now on.
   */
  hash(leaves: Leaves): Promise<HashedLeaves>;
  /** Ends the thread. What is still awaited is rejected. */
  close(): void;
}

/** A runtime, as the core sees it. */
export interface Runtime {
  /** `node`, `deno`, `bun`, or the name of one that a caller made. */
  readonly name: string;
  /** Its files. */
  readonly file: FileAdapter;
  /** Its SQLite driver. */
  readonly sqlite: SqliteAdapter;
  /** Its SHA-256. */
  readonly sha256: Sha256;
  /**
   * Starts a thread, and resolves when it is ready. A log that signs hashes large batches there. It rejects with the
   * reason if no thread can be started.
   */
  readonly startHashThread?: () => Promise<HashThread>;
}

/** Holds a value for everything that a function does, also after it has returned. */
export interface AsyncStorage<T> {
  /** Calls the function; within, and in whatever it starts, `getStore()` gives the value. */
  run<R>(value: T, fn: () => R): R;
  /** The value of the innermost `run()` around, or `undefined` outside of all. */
  getStore(): T | undefined;
}

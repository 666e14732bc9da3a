import { adopted, duplicate, notAdopted } from "./adoption.ts";
import { EntryClock } from "./clock.ts";
import { admit, type AuditEntry, type NewEntry } from "./entry.ts";
import { AuditLogError } from "./errors.ts";
import { checkOptions, type OpenOptions, type Settings } from "./options.ts";
import type { Runtime } from "./ports.ts";
import {
  type AuditFilter,
  type AuditQuery,
  type CheckedQuery,
  checkFilter,
  checkQuery,
  type Selection,
} from "./query.ts";
import { LogRecord } from "./record.ts";
import { checkBytes, checkLength, lengthOf } from "./record_length.ts";
import { describe, refusal } from "./refusal.ts";
import { openJsonlStore } from "./stores/jsonl.ts";
import { MemoryStore } from "./stores/memory.ts";
import { openSqliteStore } from "./stores/sqlite.ts";
import type { LogStore, StoreInfo } from "./stores/store.ts";
import type { AuditWarning } from "./warning.ts";
import { GroupCommit } from "./writer.ts";

/** What a log tells about itself; see {@link AuditLog.info}. */
export interface LogInfo extends StoreInfo {
  /** `memory`, `sqlite`, `jsonl`, or the name of a caller's own store. */
  readonly backend: string;
  /** How many entries it has. */
  readonly size: number;
  /** What one should know about it although it works, since it was opened. */
  readonly warnings: readonly AuditWarning[];
}

/** How many warnings `info()` keeps. */
const MAX_WARNINGS = 100;

/**
 * An append-only log of LLM interactions.
 *
 * Open one with {@link AuditLog.open}. There is no way to change or remove an entry. A handle may be
 * used by any number of callers at once, and several processes may write one log at the same time.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const entry = await log.record({
 *   model: "gpt-4o",
 *   inputText: "What is the capital of France?",
 *   outputText: "The capital of France is Paris.",
 *   user: "alice",
 * });
 * console.log(entry.entryId, log.size);
 * await log.close();
 * ```
 */
export class AuditLog implements AsyncDisposable {
  readonly #store: LogStore;
  readonly #writer: GroupCommit;
  readonly #clock: EntryClock;
  readonly #settings: Settings;
  readonly #warnings: AuditWarning[];
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  private constructor(store: LogStore, settings: Settings, warnings: AuditWarning[]) {
    this.#store = store;
    this.#settings = settings;
    this.#warnings = warnings;
    this.#clock = new EntryClock(settings.clock);
    this.#writer = new GroupCommit(store);
  }

  /**
   * Opens a log, and creates it where it does not exist. Without options it is in memory.
   *
   * Files of the Python class are opened as they are: its JSONL files unchanged, its SQLite files
   * upgraded in one transaction that keeps the old table beside the new one.
   *
   * @param options The backend, the path and more.
   * @throws {AuditLogError} `INVALID_OPTION`; for a file also `PATH_NOT_FOUND`, `PATH_NOT_A_FILE`,
   *   `PERMISSION_DENIED`, `READ_ONLY`, `NOT_A_LOG`, `UNSUPPORTED_FORMAT`, `UNSUPPORTED_RUNTIME`, `LOG_BUSY`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open({ backend: "jsonl", path: "audit.jsonl" });
   * await log.close();
   * ```
   */
  static async open(options: OpenOptions = {}): Promise<AuditLog> {
    const settings = checkOptions(options);
    const warnings: AuditWarning[] = [];
    const warn = (warning: AuditWarning): void => {
      warnings.push(Object.freeze(warning));
      if (warnings.length > MAX_WARNINGS) warnings.shift();
      settings.warn(warning);
    };
    return new AuditLog(await openStore({ ...settings, warn }), settings, warnings);
  }

  /** `memory`, `sqlite`, `jsonl`, or the name of a caller's own store. */
  get backend(): string {
    return this.#store.kind;
  }

  /**
   * How many entries the log has. This handle's own are counted as soon as they are acknowledged,
   * those of other processes when this handle next reads or writes; `count()` looks.
   */
  get size(): number {
    return this.#store.size;
  }

  /**
   * Records one interaction.
   *
   * The entry is checked and copied before this returns; the promise resolves when it is durable. All
   * calls that wait at the same time share one write and one sync. Entries are in the log in the order of the
   * calls.
   *
   * @param entry The interaction.
   * @returns The entry as it is in the log, deeply frozen.
   * @throws {AuditLogError} `INVALID_ENTRY`, `ENTRY_TOO_LARGE`, `LOG_CLOSED`, `LOG_FAILED`, `READ_ONLY`, `LOG_BUSY`,
   *   `WRITE_FAILED`: the entry was not acknowledged.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const entry = await log.record({
   *   model: "gpt-4o",
   *   inputText: "What is the capital of France?",
   *   outputText: "The capital of France is Paris.",
   *   user: "alice",
   *   costUsd: 0.003,
   *   latencyMs: 250,
   *   metadata: { session: "abc123" },
   * });
   * console.log(entry.timestamp);
   * await log.close();
   * ```
   */
  record(entry: NewEntry): Promise<AuditEntry> {
    try {
      this.#checkWritable();
      const record = this.#admit(entry);
      return this.#add([record], record.entry);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Records several interactions, all or none: one that cannot be recorded keeps out the others, and no
   * reader sees some of them without the rest.
   *
   * On `jsonl`, a power failure or a full disk in the middle of the write may leave the first of them in the
   * file although the call failed.
   *
   * @param entries The interactions, in the order in which they shall be in the log.
   * @throws {AuditLogError} As `record()`; `path` starts with the position, `[2].model`.
   */
  async recordAll(entries: readonly NewEntry[]): Promise<AuditEntry[]> {
    this.#checkWritable();
    if (!Array.isArray(entries)) {
      throw refusal("", `recordAll() takes an array, not ${describe(entries)}`);
    }
    // Not map(), which skips holes.
    const records = Array.from(entries, (entry, position) => {
      try {
        return this.#admit(entry);
      } catch (error) {
        throw atPosition(error, position);
      }
    });
    return await this.#append(records);
  }

  /**
   * Takes over lines of another log, byte for byte, with their ids and timestamps: all or none. This
   * is how a log moves to another backend, or one written by the Python class is continued.
   *
   * @param lines Records as lines without newline, as {@link AuditLog.lines} gives them.
   * @throws {AuditLogError} `INVALID_ENTRY` when a line is no record, `DUPLICATE_ENTRY` when an id is in the log
   *   already, and as `record()`; `path` is the line's position, `[2]`.
   *
   * @example Copy a JSONL log into a SQLite log
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const from = await AuditLog.open({ backend: "jsonl", path: "old.jsonl" });
   * const to = await AuditLog.open({ backend: "sqlite", path: "new.db" });
   * let batch: string[] = [];
   * for await (const line of from.lines()) {
   *   if (batch.push(line) === 256) await to.adopt(batch.splice(0));
   * }
   * await to.adopt(batch);
   * await from.close();
   * await to.close();
   * ```
   */
  async adopt(lines: readonly string[]): Promise<AuditEntry[]> {
    this.#checkWritable();
    if (!Array.isArray(lines)) throw notAdopted("", `takes an array, not ${describe(lines)}`);
    const ids = new Set<string>();
    const records = Array.from(lines as readonly string[], (line, position) => {
      const record = adopted(line, position);
      const { entryId } = record.entry;
      if (ids.has(entryId)) throw duplicate(entryId, position);
      ids.add(entryId);
      checkBytes(record, this.#settings.maxRecordBytes);
      return record;
    });
    for (const [position, { entry }] of records.entries()) {
      if (await this.#using(() => this.#store.indexOf(entry.entryId)) !== undefined) {
        throw duplicate(entry.entryId, position);
      }
    }
    this.#checkWritable();
    return await this.#append(records);
  }

  /**
   * Returns the entries that meet all given filters; without any, all entries. Oldest first, unless
   * `order` says otherwise. All are held in memory: use {@link AuditLog.stream} for many.
   *
   * @param query Filters, order, cursor, limit.
   * @throws {AuditLogError} `INVALID_QUERY`, `CURSOR_NOT_FOUND`, `LOG_CLOSED`, `READ_FAILED`, `DAMAGED`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const newest = await log.query({ user: "alice", order: "desc", limit: 5 });
   * const today = await log.query({ since: "2026-01-01T00:00:00", until: new Date() });
   * const next = await log.query({ metadata: { session: "abc123" }, after: newest.at(-1)?.entryId });
   * console.log(today.length, next.length);
   * await log.close();
   * ```
   */
  async query(query: AuditQuery = {}): Promise<AuditEntry[]> {
    const selection = await this.#select(checkQuery(query));
    const entries: AuditEntry[] = [];
    for await (const chunk of this.#read(selection)) {
      for (const record of chunk) entries.push(record.entry);
    }
    return entries;
  }

  /**
   * Yields the entries that {@link AuditLog.query} would return, one by one, in bounded memory: those
   * that are in the log when the first is asked for.
   *
   * @param query Filters, order, cursor, limit; checked at once.
   * @throws {AuditLogError} As `query()`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * for await (const entry of log.stream({ model: "gpt-4o" })) console.log(entry.user);
   * await log.close();
   * ```
   */
  stream(query: AuditQuery = {}): AsyncGenerator<AuditEntry, void, undefined> {
    return this.#stream(checkQuery(query), (record) => record.entry);
  }

  /**
   * Yields the lines of entries, as {@link AuditLog.stream} yields the entries: the exact bytes that are
   * stored, as text, without newline.
   *
   * @param query Filters, order, cursor, limit; checked at once.
   * @throws {AuditLogError} As `query()`.
   */
  lines(query: AuditQuery = {}): AsyncGenerator<string, void, undefined> {
    return this.#stream(checkQuery(query), (record) => record.line);
  }

  /**
   * Counts the entries that meet all given filters; without any, all entries.
   *
   * @param filter Filters.
   * @throws {AuditLogError} `INVALID_QUERY`, `LOG_CLOSED`, `READ_FAILED`.
   */
  async count(filter: AuditFilter = {}): Promise<number> {
    const checked = checkFilter(filter);
    return await this.#using(() => this.#store.count({ ...checked, afterIndex: undefined }));
  }

  /**
   * Returns the entry with this id, or `undefined`.
   *
   * @param entryId The id, as `record()` returned it.
   * @throws {AuditLogError} `INVALID_QUERY`, `LOG_CLOSED`, `READ_FAILED`, `DAMAGED`.
   */
  async get(entryId: string): Promise<AuditEntry | undefined> {
    return (await this.#find(entryId))?.entry;
  }

  /**
   * Returns the line of the entry with this id, or `undefined`: the exact bytes that are stored, as text,
   * without newline.
   *
   * @param entryId The id, as `record()` returned it.
   * @throws {AuditLogError} As `get()`.
   */
  async line(entryId: string): Promise<string | undefined> {
    return (await this.#find(entryId))?.line;
  }

  /**
   * Tells about the log: where it is, how large, what in it is unreadable.
   *
   * @throws {AuditLogError} `LOG_CLOSED`, `READ_FAILED`.
   */
  async info(): Promise<LogInfo> {
    const info = await this.#using(() => this.#store.info());
    return {
      backend: this.backend,
      ...info,
      size: this.size,
      warnings: [...this.#warnings],
    };
  }

  /**
   * Waits until everything recorded is durable, and closes the log. Further calls do nothing. A query
   * that is under way ends whole or with `LOG_CLOSED`.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#finish();
  }

  /** Closes the log at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    await this.#writer.drained();
    await Promise.allSettled(this.#underWay);
    await this.#store.close();
  }

  async #append(records: readonly LogRecord[]): Promise<AuditEntry[]> {
    const entries = records.map((record) => record.entry);
    if (records.length === 0) return entries;
    return await this.#add(records, entries);
  }

  /** Gives records to the store, by way of the queue if it is one that has to be waited for. */
  #add<T>(records: readonly LogRecord[], result: T): Promise<T> {
    if (this.#store.appendNow === undefined) {
      const length = records.reduce((sum, record) => sum + lengthOf(record), 0);
      return this.#writer.add(records, length, result);
    }
    this.#store.appendNow(records);
    return Promise.resolve(result);
  }

  async #indexOf(entryId: string): Promise<number | undefined> {
    const index = await this.#using(() => this.#store.indexOf(entryId));
    // A database takes a lone surrogate for U+FFFD; no id has one.
    return entryId.isWellFormed() ? index : undefined;
  }

  /** Asks the store something; `close()` waits for the answer. */
  async #using<T>(action: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const answer = action();
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  #admit(input: NewEntry): LogRecord {
    const stamp = this.#clock.next();
    const record = LogRecord.ofEntry(admit(input, stamp), stamp.instantUs);
    checkLength(record, this.#settings.maxRecordBytes);
    return record;
  }

  async #select(query: CheckedQuery): Promise<Selection> {
    this.#checkOpen();
    const { after, ...selection } = query;
    if (after === undefined) return { ...selection, afterIndex: undefined };
    const afterIndex = await this.#indexOf(after);
    if (afterIndex === undefined) {
      throw new AuditLogError(
        "CURSOR_NOT_FOUND",
        `Cannot query the log: after ${JSON.stringify(after.slice(0, 64))} is no entry of it`,
        { path: "after" },
      );
    }
    return { ...selection, afterIndex };
  }

  async *#stream<T>(
    query: CheckedQuery,
    part: (record: LogRecord) => T,
  ): AsyncGenerator<T, void, undefined> {
    const selection = await this.#select(query);
    for await (const chunk of this.#read(selection)) {
      for (const record of chunk) yield part(record);
    }
  }

  async *#read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    if (selection.limit === 0) return;
    const chunks = this.#store.read(selection)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#using(() => chunks.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  async #find(entryId: string): Promise<LogRecord | undefined> {
    if (typeof entryId !== "string") {
      throw new AuditLogError(
        "INVALID_QUERY",
        `Cannot get the entry: its id must be a string, not ${describe(entryId)}`,
        { path: "entryId" },
      );
    }
    const index = await this.#indexOf(entryId);
    if (index === undefined) return undefined;
    const one = { ...checkQuery({ limit: 1 }), afterIndex: index - 1 };
    for await (const [record] of this.#read(one)) return record;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new AuditLogError("LOG_CLOSED", "Cannot use the log: it was closed; open it again");
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (!this.#settings.readOnly) return;
    throw new AuditLogError(
      "READ_ONLY",
      "Cannot record: the log was opened with readOnly; open it without",
    );
  }
}

async function openStore(settings: Settings): Promise<LogStore> {
  const { backend } = settings;
  if (typeof backend === "object") return backend;
  if (backend === "memory") return new MemoryStore();
  const runtime = settings.runtime ?? await currentRuntime();
  const open = backend === "sqlite" ? openSqliteStore : openJsonlStore;
  return await open(runtime, { ...settings, path: runtime.file.absolute(settings.path) });
}

let findRuntime: (() => Promise<Runtime>) | undefined;

/** Tells how to find the adapter of the runtime; `mod.ts` does, so that the core names no runtime. */
export function setRuntimeFinder(finder: () => Promise<Runtime>): void {
  findRuntime = finder;
}

async function currentRuntime(): Promise<Runtime> {
  if (findRuntime !== undefined) return await findRuntime();
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot open the log: no adapter for this runtime; give one as the option runtime",
    { path: "runtime" },
  );
}

function atPosition(error: unknown, position: number): unknown {
  if (!(error instanceof AuditLogError)) return error;
  const { code, message, path = "" } = error;
  const separator = path === "" || path.startsWith("[") ? "" : ".";
  return new AuditLogError(code, `${message} (entry ${position} of the call)`, {
    path: `[${position}]${separator}${path}`,
    cause: error,
  });
}

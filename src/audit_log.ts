import { adopted, duplicate, notAdopted } from "./adoption.ts";
import { BeforeClose, type BeforeCloseOptions } from "./before_close.ts";
import { EntryClock } from "./clock.ts";
import {
  type AnnotatedEntry,
  annotationOf,
  checkedAnnotation,
  type NewAnnotation,
} from "./calls/annotation.ts";
import type { AuditCall } from "./calls/audit_call.ts";
import { Calls } from "./calls/calls.ts";
import { gapDraft, type NewGap } from "./calls/gap.ts";
import type { BeginOptions, NewCall } from "./calls/new_call.ts";
import type { AuditEntry, NewEntry } from "./entry.ts";
import { ANNOTATION, CALL_END } from "./entry_event.ts";
import { AuditLogError } from "./errors.ts";
import { LogReader } from "./log_reader.ts";
import { currentHashing, inFull, openStore } from "./open_store.ts";
import { checkOptions, type OpenOptions, type Settings } from "./options.ts";
import {
  type AuditFilter,
  type AuditQuery,
  BEGUN_FILTERS,
  checkFilter,
  checkGetOptions,
  checkQuery,
  everything,
} from "./query.ts";
import { ignoreRejection } from "./promise_like.ts";
import type { LogRecord } from "./record.ts";
import { checkBytes } from "./record_length.ts";
import { type Draft, Recorder } from "./recorder.ts";
import { describe, retold } from "./refusal.ts";
import { MemoryTree } from "./stores/memory_tree.ts";
import type { LogStore, StoreInfo } from "./stores/store.ts";
import type { VerificationReport } from "./transparency/report.ts";
import { LogSigners } from "./transparency/signing.ts";
import { entryNotFound, Transparency } from "./transparency/transparency.ts";
import { checkSizes, checkVerifyOptions, type VerifyOptions } from "./verify_options.ts";
import type { AuditWarning } from "./warning.ts";
import { GroupCommit, type Written } from "./writer.ts";

/** What a log tells about itself; see {@link AuditLog.info}. */
export interface LogInfo extends StoreInfo {
  /** `memory`, `sqlite`, `jsonl`, or the name of a caller's own store. */
  readonly backend: string;
  /** How many entries it has. */
  readonly size: number;
  /** What was told as a warning since it was opened: it works, but something should be known. */
  readonly warnings: readonly AuditWarning[];
  /**
   * Where records are hashed, if the log signs: `another thread`, or `this thread` and the reason. Large batches are hashed
   * on another thread.
   */
  readonly hashing?: string;
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
  readonly #recorder: Recorder;
  readonly #calls: Calls;
  readonly #settings: Settings;
  readonly #warnings: AuditWarning[];
  readonly #reader: LogReader;
  /** Reads what has to be known before something is written: what was asked before the log is closed is done. */
  readonly #writersReader: LogReader;
  /** Calls whose end is looked for, and then written, by their ids. */
  readonly #ending = new Map<string, Promise<AuditEntry>>();
  readonly #transparency: Transparency;
  readonly #beforeClose: BeforeClose;
  #closing: Promise<void> | undefined;

  private constructor(store: LogStore, settings: Settings, warnings: AuditWarning[]) {
    if (settings === undefined) throw notByNew();
    this.#store = store;
    this.#settings = settings;
    this.#warnings = warnings;
    this.#reader = new LogReader(store);
    this.#writersReader = new LogReader(store);
    this.#transparency = new Transparency({
      name: settings.path === "" ? "the log" : settings.path,
      store: store.tree ?? new MemoryTree(store),
      hashing: async () => settings.runtime ?? await currentHashing(),
      size: () => store.count(everything),
      info: () => store.info(),
      clock: settings.clock,
      warn: settings.warn,
    });
    const written: Written = (...batch) => this.#transparency.written(...batch);
    this.#writer = new GroupCommit(store, written, settings.maxQueueBytes);
    this.#recorder = new Recorder({
      store,
      writer: this.#writer,
      transparency: this.#transparency,
      clock: new EntryClock(settings.clock),
      maxRecordBytes: settings.maxRecordBytes,
      redaction: settings.redaction,
    });
    this.#calls = new Calls({
      check: () => {
        this.#checkWritable();
        this.#writer.check();
      },
      record: (draft) => this.#record(draft),
      recordOnce: (callId, draft) => this.#recordOnce(callId, draft),
    });
    this.#beforeClose = new BeforeClose(settings.warn);
  }

  /**
   * Opens a log, and creates it where it does not exist. Without options it is in memory.
   *
   * Files of the Python class are opened as they are: its JSONL files unchanged, its SQLite files
   * upgraded in one transaction that keeps the old table beside the new one.
   *
   * @param options The backend, the path and more.
   * @throws {AuditLogError} `INVALID_OPTION`; for a file also `PATH_NOT_FOUND`, `PATH_NOT_A_FILE`, `HARD_LINKED`,
   *   `PERMISSION_DENIED`, `READ_ONLY`, `NOT_A_LOG`, `UNSUPPORTED_FORMAT`, `UNSUPPORTED_RUNTIME`, `LOG_BUSY`; with
   *   `signingKey` also `INVALID_KEY`, `KEY_MISMATCH`, `CHECKPOINT_CONFLICT`, `DAMAGED`.
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
    const { path, runtime, signingKeys } = settings;
    const place = path === "" ? "" : inFull(path, runtime);
    // Before the store makes a file.
    const signers = signingKeys.length > 0 ? await LogSigners.from(signingKeys) : undefined;
    const warnings: AuditWarning[] = [];
    const warn = (warning: AuditWarning): void => {
      warnings.push(Object.freeze(warning));
      if (warnings.length > MAX_WARNINGS) warnings.shift();
      try {
        ignoreRejection(settings.warn(warning));
      } catch {
        // The log works all the same, and info() tells.
      }
    };
    const told = { ...settings, warn };
    const log = new AuditLog(await openStore({ ...told, path: place }), told, warnings);
    try {
      if (signers !== undefined) {
        await log.#transparency.sign(signers, settings.checkpoints);
      } else if (!settings.readOnly) {
        await log.#transparency.tellIfNotSigned(Object.hasOwn(options, "signingKey"));
      }
      return log;
    } catch (error) {
      await log.#store.close().catch(() => {}); // the first error tells what is wrong
      throw error;
    }
  }

  /**
   * `memory`, `sqlite`, `jsonl`, or the name of a caller's own store.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * console.log(log.backend); // memory
   * await log.close();
   * ```
   */
  get backend(): string {
    return this.#store.kind;
  }

  /**
   * How many entries the log has: interactions, beginnings of calls, annotations and gaps. This handle's own are counted once
   * they are acknowledged, those of other processes when this handle next reads or writes. `count()` looks.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * console.log(log.size); // 1
   * await log.close();
   * ```
   */
  get size(): number {
    return this.#store.size;
  }

  /**
   * Resolves when less than `maxQueueBytes` wait to be redacted and written. That is at once, unless entries come faster than
   * the redactor and the disk take them.
   *
   * You do not need it if you await each `record()`. If you do not, await this before the next one: nothing is ever dropped,
   * so the queue would grow as long as there is memory.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open({ backend: "jsonl", path: "many.jsonl" });
   * for (let n = 0; n < 1000; n++) {
   *   await log.ready;
   *   log.record({ model: "m", inputText: `${n}`, outputText: "" }).catch(console.error);
   * }
   * await log.close();
   * ```
   */
  get ready(): Promise<void> {
    return this.#writer.ready();
  }

  /**
   * Records one interaction.
   *
   * The entry is checked and copied before this returns. The promise resolves when it is durable. Calls that wait at the same
   * time share one write and one sync. The log keeps the order of the calls.
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
    return this.#record({ entry });
  }

  /**
   * Records several interactions, all or none. If one cannot be recorded, none is, and no reader sees some of them without
   * the rest.
   *
   * On `jsonl`, a kill, a power failure or a full disk in the middle of the write may leave the first of them in the file
   * although the call failed.
   *
   * @param entries The interactions, in the order that they are to have in the log.
   * @throws {AuditLogError} As `record()`; `path` starts with the position, `[2].model`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const entries = await log.recordAll([
   *   { model: "gpt-4o", inputText: "Hi", outputText: "Hello!" },
   *   { model: "gpt-4o", inputText: "Bye", outputText: "Goodbye!" },
   * ]);
   * console.log(entries.map(({ entryId }) => entryId));
   * await log.close();
   * ```
   */
  async recordAll(entries: readonly NewEntry[]): Promise<AuditEntry[]> {
    this.#checkWritable();
    if (!Array.isArray(entries)) {
      throw new AuditLogError(
        "INVALID_ENTRY",
        `Cannot record the entries: recordAll() takes an array of entries, not ${
          describe(entries)
        }`,
        { path: "" },
      );
    }
    // Not map(), which skips holes.
    const drafts = Array.from(entries, (entry): Draft => ({ entry }));
    return await this.#recorder.recordAll(drafts, atPosition);
  }

  /**
   * Records that a model is about to be called, before any money is spent: the log then knows of the call, whatever becomes of
   * the process. The object that this returns records how the call ends.
   *
   * The entry has `audit.event: "call.begin"` in its metadata and an empty `outputText`. It is not an interaction: `query()`
   * returns it only with `events: "all"`.
   *
   * @param call What the model is asked.
   * @param options With `begin: false`, nothing is written yet. It is still refused if the log no longer records.
   * @returns The call, once the entry is durable.
   * @throws {AuditLogError} As `record()`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const call = await log.begin({ model: "gpt-4o", inputText: "What is the capital of France?" });
   * try {
   *   const answer = await Promise.resolve("Paris."); // the model
   *   await call.complete({ outputText: answer });
   * } catch (error) {
   *   await call.fail(error);
   * }
   * await log.close();
   * ```
   */
  begin(call: NewCall, options: BeginOptions = {}): Promise<AuditCall> {
    return this.#calls.begin(call, options);
  }

  /**
   * Returns the calls that began and have not ended, oldest first. Their process died, or they are still under way, in this
   * process or another. They can be ended here; their latency is then unknown.
   *
   * @param filter Filters on user, model, time, metadata and text.
   * @throws {AuditLogError} As `query()`.
   *
   * @example After a restart, end the calls of the process before
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * for (const call of await log.unfinished({ until: new Date(Date.now() - 3_600_000) })) {
   *   await call.fail(new Error("the process ended before the answer came"));
   * }
   * await log.close();
   * ```
   */
  async unfinished(filter: Omit<AuditFilter, "events"> = {}): Promise<AuditCall[]> {
    const begun = { ...checkFilter(filter, BEGUN_FILTERS), events: "begun" } as const;
    return (await this.#reader.all(begun)).map(({ entry }) => this.#calls.resumed(entry));
  }

  /**
   * Records a finding about an entry, such as the result of an evaluation or a person's judgement. The entry itself does not
   * change. `query()` and `get()` return it with its annotations if you ask for them.
   *
   * @param entryId The entry's id.
   * @param annotation The finding. It is recorded under the names of OpenTelemetry's GenAI conventions,
   *   `gen_ai.evaluation.name` and so on.
   * @returns The annotation, an entry of its own.
   * @throws {AuditLogError} `ENTRY_NOT_FOUND`, and as `record()`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const { entryId } = await log.record({ model: "m", inputText: "Hi", outputText: "Hello!" });
   * await log.annotate(entryId, { name: "politeness", score: 0.9, label: "pass", user: "judge" });
   * const entry = await log.get(entryId, { annotations: true });
   * console.log(entry?.annotations[0]?.score); // 0.9
   * await log.close();
   * ```
   */
  async annotate(entryId: string, annotation: NewAnnotation): Promise<AuditEntry> {
    this.#checkWritable();
    try {
      const draftOf = checkedAnnotation(annotation);
      return await this.#readAndWrite(async (reader) => {
        const found = await reader.find(entryId);
        if (found === undefined) throw entryNotFound(entryId, "annotate the entry");
        return () => this.#recorder.record(draftOf(found.record.entry));
      });
    } catch (error) {
      throw retold(error, "annotate the entry");
    }
  }

  /**
   * Records that entries are missing, because they could not be recorded in time. The wrappers of this package do so by
   * themselves.
   *
   * @param gap How many, of which calls, and why.
   * @returns The entry about it, which is not an interaction. If the redactor fails, it is recorded without `user` and
   *   `metadata`, so that a gap is recorded in any case.
   * @throws {AuditLogError} As `record()`, but not `REDACTION_FAILED`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * await log.recordGap({ lost: 3, reasons: { WRITE_FAILED: 3 }, user: "alice" });
   * const [gap] = await log.query({ events: "all" });
   * console.log(gap?.metadata["audit.event"]); // gap
   * await log.close();
   * ```
   */
  async recordGap(gap: NewGap): Promise<AuditEntry> {
    return await this.#record(gapDraft(gap))
      .catch((error) => Promise.reject(retold(error, "record the gap")));
  }

  /**
   * Takes over lines of another log, byte for byte, with their ids and timestamps: all or none. This is how to move a log to
   * another backend, or to continue one that the Python class wrote.
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
    const entries = records.map((record) => record.entry);
    return await this.#readAndWrite(async () => {
      const before = this.#recorder.settled();
      for (const [position, { entryId }] of entries.entries()) {
        if (await this.#store.indexOf(entryId) !== undefined) throw duplicate(entryId, position);
      }
      await before; // it is before them in the log
      return () => records.length === 0 ? entries : this.#recorder.append(records, entries);
    });
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
  async query(query: AuditQuery & { readonly annotations: true }): Promise<AnnotatedEntry[]>;
  /** As above, without annotations. */
  async query(query?: AuditQuery): Promise<AuditEntry[]>;
  async query(query: AuditQuery = {}): Promise<AuditEntry[]> {
    const records = await this.#reader.all(checkQuery(query));
    const entries = records.map((record) => record.entry);
    if (!query.annotations) return entries;
    const annotated: AnnotatedEntry[] = [];
    for (const entry of entries) annotated.push(await this.#annotated(entry));
    return annotated;
  }

  /**
   * Yields the entries that {@link AuditLog.query} would return, one by one, in bounded memory. It sees the log as it is when
   * the first entry is asked for.
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
  stream(
    query: AuditQuery & { readonly annotations: true },
  ): AsyncGenerator<AnnotatedEntry, void, undefined>;
  /** As above, without annotations. */
  stream(query?: AuditQuery): AsyncGenerator<AuditEntry, void, undefined>;
  stream(query: AuditQuery = {}): AsyncGenerator<AuditEntry, void, undefined> {
    const entryOf = query.annotations
      ? (record: LogRecord) => this.#annotated(record.entry)
      : (record: LogRecord) => record.entry;
    return this.#stream(this.#reader.stream(checkQuery(query)), entryOf);
  }

  /**
   * Yields the lines of entries as {@link AuditLog.stream} yields the entries: the exact bytes that are stored, as text,
   * without newline. Unlike there, `events` is `"all"` by default, so that a copy of a log is complete.
   *
   * @param query Filters, order, cursor, limit; checked at once.
   * @throws {AuditLogError} As `query()`.
   *
   * @example Copy a log into a file of JSON lines
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   * import { appendFileSync } from "node:fs";
   *
   * const log = await AuditLog.open();
   * for await (const line of log.lines({ since: "2026-01-01" })) {
   *   appendFileSync("copy.jsonl", `${line}\n`);
   * }
   * await log.close();
   * ```
   */
  lines(query: Omit<AuditQuery, "annotations"> = {}): AsyncGenerator<string, void, undefined> {
    const checked = checkQuery(query);
    const events = query.events ?? "all";
    return this.#stream(this.#reader.stream({ ...checked, events }), (record) => record.line);
  }

  /**
   * Counts the entries that meet all given filters; without any, all interactions. Entries of other processes are counted.
   *
   * @param filter Filters. `events: "all"` counts beginnings of calls, annotations and gaps, too.
   * @throws {AuditLogError} `INVALID_QUERY`, `LOG_CLOSED`, `READ_FAILED`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * console.log(await log.count({ user: "alice", since: new Date(Date.now() - 3_600_000) }));
   * await log.close();
   * ```
   */
  async count(filter: AuditFilter = {}): Promise<number> {
    const checked = checkFilter(filter);
    return await this.#reader.using(() => this.#store.count({ ...checked, afterIndex: undefined }));
  }

  /**
   * Returns the entry with this id, or `undefined`.
   *
   * @param entryId The id, as `record()` returned it.
   * @param options `annotations: true` also returns what was said about it by `annotate()`.
   * @throws {AuditLogError} `INVALID_QUERY`, `LOG_CLOSED`, `READ_FAILED`, `DAMAGED`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const { entryId } = await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * const entry = await log.get(entryId);
   * console.log(entry?.outputText); // Hello!
   * await log.close();
   * ```
   */
  async get(
    entryId: string,
    options: { readonly annotations: true },
  ): Promise<AnnotatedEntry | undefined>;
  /** As above, without annotations. */
  async get(
    entryId: string,
    options?: { readonly annotations?: boolean | undefined },
  ): Promise<AuditEntry | undefined>;
  async get(
    entryId: string,
    options: { readonly annotations?: boolean | undefined } = {},
  ): Promise<AuditEntry | undefined> {
    const annotations = checkGetOptions(options);
    const entry = (await this.#reader.find(entryId))?.record.entry;
    return entry === undefined || !annotations ? entry : await this.#annotated(entry);
  }

  /**
   * Returns the line of the entry with this id, or `undefined`: the exact bytes that are stored, as text,
   * without newline.
   *
   * @param entryId The id, as `record()` returned it.
   * @throws {AuditLogError} As `get()`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const { entryId } = await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * const line = await log.line(entryId); // what verifyProof() takes as record
   * console.log(line); // {"cost_usd":null,"entry_id":"...
   * await log.close();
   * ```
   */
  async line(entryId: string): Promise<string | undefined> {
    return (await this.#reader.find(entryId))?.record.line;
  }

  /**
   * Describes the log: where it is, how large it is, and which of its lines are unreadable.
   *
   * @throws {AuditLogError} `LOG_CLOSED`, `READ_FAILED`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const { backend, size, unreadable, warnings } = await log.info();
   * console.log(backend, size, unreadable?.count ?? 0); // memory 0 0
   * for (const { code, message } of warnings) console.warn(code, message);
   * await log.close();
   * ```
   */
  async info(): Promise<LogInfo> {
    const info = await this.#reader.using(() => this.#store.info());
    const { hashing } = this.#transparency;
    return {
      backend: this.backend,
      ...info,
      size: this.size,
      warnings: [...this.#warnings],
      ...(hashing === undefined ? {} : { hashing }),
    };
  }

  /**
   * Signs a checkpoint: the number of entries and the root of their Merkle tree, as a signed note of the C2SP
   * specification tlog-checkpoint. Whoever keeps it can later detect whether these entries were altered, reordered or
   * removed.
   *
   * It covers what is acknowledged, entries of other processes included. When this resolves, it and all that it covers
   * are on the disk, and it was handed to `checkpoints.publish`. It also states the time, unless a signer does not tell its
   * verifier key.
   *
   * @returns The signed note.
   * @throws {AuditLogError} `SIGNING_KEY_NEEDED`, `CHECKPOINT_CONFLICT`, `LOG_CLOSED`, `WRITE_FAILED`, `SYNC_FAILED`; `KEY_MISMATCH` when
   *   another process has signed with another key meanwhile; `LOG_REPLACED` when the log's file is gone or another.
   *
   * @example
   * ```ts
   * import { AuditLog, generateSigningKey } from "@audit-log/llm";
   *
   * const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
   * const log = await AuditLog.open({ signingKey });
   * await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * const checkpoint = await log.checkpoint(); // keep it on another machine
   * const report = await log.verify({ verifierKey, checkpoint });
   * console.log(report.ok);
   * await log.close();
   * ```
   */
  async checkpoint(): Promise<string> {
    return await this.#reader.using(() => this.#transparency.checkpoint());
  }

  /**
   * Yields the checkpoints that are kept in the log, in the order in which they were added.
   *
   * @throws {AuditLogError} `LOG_CLOSED`, `READ_FAILED`.
   *
   * @example
   * ```ts
   * import { AuditLog, generateSigningKey } from "@audit-log/llm";
   *
   * const { signingKey } = await generateSigningKey("acme.example/chat");
   * const log = await AuditLog.open({ signingKey });
   * await log.checkpoint();
   * for await (const checkpoint of log.checkpoints()) {
   *   const [origin, size] = checkpoint.split("\n");
   *   console.log(origin, size); // acme.example/chat 0
   * }
   * await log.close();
   * ```
   */
  checkpoints(): AsyncGenerator<string, void, undefined> {
    this.#reader.checkOpen();
    return this.#reader.each(this.#transparency.checkpoints());
  }

  /**
   * Proves that an entry is in the log, to somebody who has only its line, the proof and the log's verifier key. The proof is
   * a text of the C2SP specification tlog-proof, which {@link verifyProof} and other tools verify. It holds the newest
   * checkpoint. If none covers the entry yet, one is made, provided that the log has a `signingKey`.
   *
   * @param entryId The id, as `record()` returned it.
   * @throws {AuditLogError} `ENTRY_NOT_FOUND`, `NO_CHECKPOINT`, `DAMAGED` when the log is not what its checkpoint says,
   *   and as `get()` and `checkpoint()`.
   *
   * @example
   * ```ts
   * import { AuditLog, generateSigningKey, verifyProof } from "@audit-log/llm";
   *
   * const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
   * const log = await AuditLog.open({ signingKey });
   * const entry = await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * const proof = await log.prove(entry.entryId);
   * const record = (await log.line(entry.entryId))!;
   * await log.close();
   * console.log((await verifyProof({ record, proof, verifierKey })).index);
   * ```
   */
  async prove(entryId: string): Promise<string> {
    const found = await this.#reader.find(entryId);
    if (found === undefined) throw entryNotFound(entryId);
    const { index, record } = found;
    return await this.#reader.using(() => this.#transparency.prove(index, record.line));
  }

  /**
   * Proves that the log has only grown since it had `from` entries, by RFC 9162, section 2.1.4.
   *
   * @param from The size of an earlier checkpoint, 0 to `to`.
   * @param to The size of a later one. Default: that of the newest checkpoint; without any, all entries.
   * @returns Hashes in base64, each followed by a newline; none when the sizes are equal or `from` is 0.
   * @throws {AuditLogError} `INVALID_QUERY`, `LOG_CLOSED`, `READ_FAILED`, `DAMAGED`.
   *
   * @example
   * ```ts
   * import { AuditLog, generateSigningKey } from "@audit-log/llm";
   *
   * const { signingKey } = await generateSigningKey("acme.example/chat");
   * const log = await AuditLog.open({ signingKey });
   * await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * const [, earlier] = (await log.checkpoint()).split("\n"); // its second line is the size
   * await log.record({ model: "gpt-4o", inputText: "Bye", outputText: "Goodbye!" });
   * await log.checkpoint();
   * console.log(await log.proveConsistency(Number(earlier))); // a hash, base64
   * await log.close();
   * ```
   */
  async proveConsistency(from: number, to?: number): Promise<string> {
    checkSizes(from, to);
    return await this.#reader.using(() => this.#transparency.proveConsistency(from, to));
  }

  /**
   * Verifies the log. It reads every record, computes the tree anew in bounded memory, and compares it with all that was
   * derived from the records or signed for them. Nothing is changed or repaired.
   *
   * Faults are in the report, not thrown. `report.unknown` says what could not be checked, and why. For example, without a
   * checkpoint that was kept elsewhere, nobody can see that the end of the log was removed along with its checkpoints.
   *
   * @param options The log's verifier key, and checkpoints that were kept elsewhere.
   * @throws {AuditLogError} `INVALID_OPTION`, `INVALID_KEY`; `INVALID_NOTE` or `NOT_VERIFIED` for a checkpoint that was
   *   given; `LOG_CLOSED`, `READ_FAILED`: it could not be verified.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const report = await log.verify();
   * for (const fault of report.faults) console.log(fault.kind, fault.message);
   * for (const sentence of report.unknown) console.log(sentence);
   * await log.close();
   * ```
   */
  async verify(options: VerifyOptions = {}): Promise<VerificationReport> {
    const checked = checkVerifyOptions(options);
    return await this.#reader.using(() => this.#transparency.verify(checked));
  }

  /**
   * Registers work to be done before the log is closed, for whoever still holds something to record, as the wrappers of this
   * package do. `close()` calls it, in the context of its caller, and waits for it. Until then, the log stays open.
   *
   * Work that fails, or takes longer than `timeoutMs`, does not keep the log from being closed: `onWarning` is told. All work
   * begins at once, except work that is to come `last`. Work must not call `close()`, which would wait for it. If it does, and
   * the runtime can tell, `onWarning` is told, and it is no longer waited for. Work that is added after `close()` was called is
   * not done.
   *
   * @param work What to do. If it returns no promise, it is not waited for.
   * @param options How long to wait for it, and whether it comes last.
   * @returns A function that takes the work back.
   * @throws {AuditLogError} `INVALID_OPTION`.
   *
   * @example A wrapper that records two at a time
   * ```ts
   * import { AuditLog, type NewEntry } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const waiting: NewEntry[] = [];
   * const flush = async () => void await log.recordAll(waiting.splice(0));
   * log.beforeClose(flush);
   * waiting.push({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
   * if (waiting.length === 2) await flush();
   * await log.close();
   * console.log(log.size); // 1
   * ```
   */
  beforeClose(work: () => void | Promise<void>, options: BeforeCloseOptions = {}): () => void {
    return this.#beforeClose.add(work, options);
  }

  /**
   * Waits until everything recorded is durable, and closes the log. Further calls do nothing. A query that is under way ends
   * whole or with `LOG_CLOSED`. The work of {@link AuditLog.beforeClose} is done first. A log with a `signingKey` then signs a
   * last checkpoint, also when nothing was recorded since the one before; see `checkpoints.onClose`.
   *
   * @throws {AuditLogError} `WRITE_FAILED` when its files could not be closed in order. Whether an entry was recorded, its own
   *   promise tells. A checkpoint that could not be signed is a warning.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
   * log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" }).catch(console.error);
   * await log.close(); // the entry is on the disk
   * ```
   */
  close(): Promise<void> {
    this.#beforeClose.closeAsked();
    if (this.#closing === undefined) {
      let settle!: (closed: Promise<void>) => void;
      // Kept before anything is done: work that is done first may close the log, too.
      this.#closing = new Promise((resolve) => settle = resolve);
      settle(this.#finish());
    }
    return this.#closing;
  }

  /** Closes the log at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #finish(): Promise<void> {
    const work = this.#beforeClose.run();
    // Without work, whatever comes after the call of close() is refused at once.
    if (work !== undefined) await work;
    this.#reader.refuse();
    try {
      await this.#writersReader.settled();
      await this.#recorder.settled();
      await this.#writer.drained();
      await Promise.allSettled(this.#ending.values());
      await this.#transparency.close();
      await this.#reader.settled();
      await this.#transparency.end();
    } finally {
      await this.#store.close();
    }
  }

  #record(draft: Draft): Promise<AuditEntry> {
    try {
      this.#checkWritable();
      return this.#recorder.record(draft);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async *#stream<T>(
    records: AsyncIterable<LogRecord>,
    part: (record: LogRecord) => T | Promise<T>,
  ): AsyncGenerator<T, void, undefined> {
    for await (const record of records) yield await part(record);
  }

  /** Writes the end of a call, unless it is in the log: one that was refused may be, and others may have resumed the call, too. */
  async #recordOnce(callId: string, draft: Draft): Promise<AuditEntry> {
    this.#checkWritable();
    const before = this.#ending.get(callId);
    const ending = this.#readAndWrite(async (reader) => {
      await before?.catch(() => {});
      await this.#writer.reconcile();
      const [there] = await about(reader, callId, CALL_END);
      return () => there ?? this.#recorder.record({ ...draft, endsOnce: true });
    }).catch(async (error: unknown) => {
      if (!(error instanceof AuditLogError && error.code === "DUPLICATE_ENTRY")) throw error;
      // Another handle of the log was quicker.
      const [there] = await about(this.#writersReader, callId, CALL_END);
      if (there === undefined) throw error;
      return there;
    });
    this.#ending.set(callId, ending);
    try {
      return await ending;
    } finally {
      if (this.#ending.get(callId) === ending) this.#ending.delete(callId);
    }
  }

  /**
   * Writes what takes some reading first. Who closes the log meanwhile waits for it.
   *
   * @param read Gives what writes then.
   */
  async #readAndWrite<T>(read: (reader: LogReader) => Promise<() => T | Promise<T>>): Promise<T> {
    const { written } = await this.#writersReader.using(async () => {
      const write = await read(this.#writersReader);
      return { written: write() }; // it is queued; that is waited for otherwise
    });
    return await written;
  }

  /** An entry with what was said about it. */
  async #annotated(entry: AuditEntry): Promise<AnnotatedEntry> {
    const said = await about(this.#reader, entry.entryId, ANNOTATION);
    const annotations = said.map(annotationOf);
    return Object.freeze({ ...entry, annotations: Object.freeze(annotations) });
  }

  #checkWritable(): void {
    this.#reader.checkOpen();
    if (!this.#settings.readOnly) return;
    throw new AuditLogError(
      "READ_ONLY",
      "Cannot record: the log was opened with readOnly; open it without",
    );
  }
}

/** The entries of an event that are about another entry, or of a call. */
async function about(reader: LogReader, subject: string, event: string): Promise<AuditEntry[]> {
  const records = await reader.all({ ...checkQuery({ events: "all" }), subject });
  return records.filter((record) => record.event?.name === event).map(({ entry }) => entry);
}

/** The error for `new AuditLog()`, which only TypeScript refuses. */
function notByNew(): AuditLogError {
  return new AuditLogError(
    "INVALID_OPTION",
    "Cannot open the log: it is opened by await AuditLog.open(), not by new",
  );
}

function atPosition(error: unknown, position: number): unknown {
  if (!(error instanceof AuditLogError)) return error;
  const { code, message, path = "" } = error;
  const separator = path === "" || path.startsWith("[") ? "" : ".";
  return new AuditLogError(code, `${message} (the entry at position ${position}, counted from 0)`, {
    path: `[${position}]${separator}${path}`,
    cause: error,
  });
}

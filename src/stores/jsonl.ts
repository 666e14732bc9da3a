import { counted } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { OpenFile, Runtime } from "../ports.ts";
import type { Selection } from "../query.ts";
import type { LogRecord } from "../record.ts";
import { faultOf, unconfirmed } from "./faults.ts";
import { IndexedFile } from "./jsonl_indexed_file.ts";
import { indexedLinesOf } from "./jsonl_lines.ts";
import { closeAll, type JsonlFile, openJsonlFile } from "./jsonl_open.ts";
import { JsonlReader } from "./jsonl_reader.ts";
import { JsonlTree } from "./jsonl_tree.ts";
import { IndexUpkeep } from "./jsonl_upkeep.ts";
import { LineEncoder } from "./line_encoder.ts";
import { scanLines } from "./line_scanner.ts";
import { checkSamePlace, databaseBytes } from "./log_file.ts";
import { Mutex } from "../mutex.ts";
import type { LogStore, StoreInfo, WrittenLines } from "./store.ts";
import { SyncQueue } from "./sync_queue.ts";

/** How many records are worth a write of their own while another is on its way to the disk. */
const OVERLAPPING_RECORDS = 512;
/** Where the disk takes less, the calling thread waits for it, if few records were written; milliseconds. */
const SHORT_SYNC_MS = 1;
/** With more, it had better encode what comes next meanwhile. */
const FEW_RECORDS = 16;

/**
 * Opens a JSONL log, and creates it where there is none.
 *
 * @throws {AuditLogError} See `AuditLog.open()`.
 */
export async function openJsonlStore(
  runtime: Runtime,
  settings: FileSettings,
): Promise<LogStore> {
  const opened = await openJsonlFile(runtime, settings);
  const store = new JsonlStore(runtime, settings, opened);
  try {
    await store.lookAround();
    return store;
  } catch (error) {
    await store.close().catch(() => {}); // the first error tells what is wrong
    throw error;
  }
}

/** Indexes of records, from one to before another. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** What came of writing a batch. */
interface Written {
  /** Where its records are in the log, where that is known. */
  readonly range: Range | undefined;
  /** Its lines. */
  readonly lines: WrittenLines;
}

/**
 * Keeps the log in a file of one record a line, which is only ever appended to.
 *
 * The file is the log. What makes queries fast is the index beside it, which covers the file up to some
 * offset ({@link IndexedFile}): other processes' lines get there when somebody looks for them, this handle's own a few
 * hundred at a time, while it waits for the disk ({@link IndexUpkeep}). A lock, held while lines are written and while
 * they are read for the first time, keeps half a batch from being seen.
 */
class JsonlStore implements LogStore {
  readonly kind = "jsonl";
  readonly overlapsFrom = OVERLAPPING_RECORDS;
  readonly tree: JsonlTree;
  readonly #runtime: Runtime;
  readonly #settings: FileSettings;
  readonly #opened: JsonlFile;
  readonly #file: OpenFile;
  readonly #indexed: IndexedFile;
  readonly #upkeep: IndexUpkeep;
  readonly #reader: JsonlReader;
  readonly #encoder = new LineEncoder();
  readonly #writing = new Mutex();
  readonly #syncs: SyncQueue;
  /** Own records that are on their way to the disk, one range for each append. */
  readonly #underWay = new Set<Range>();

  constructor(runtime: Runtime, settings: FileSettings, opened: JsonlFile) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#opened = opened;
    this.#file = opened.file;
    this.#syncs = new SyncQueue(opened.file);
    const indexed = new IndexedFile(runtime, settings, opened);
    this.#indexed = indexed;
    this.#upkeep = new IndexUpkeep(indexed);
    this.#reader = new JsonlReader(settings.path, opened.file, indexed);
    this.tree = new JsonlTree(runtime, settings, {
      file: opened.file,
      place: opened.place,
      sync: () => this.#syncs.sync(),
      index: (attempt) =>
        indexed.reading(async () => {
          // One that has taken the place of a ruined index knows of no line yet. During a write it is only not known whether.
          if (indexed.seenSize === -1) {
            await this.#writing.run(async () => void await indexed.refreshIfUnknown());
          }
          return await indexed.ask(attempt);
        }),
      pendingAt: (index) => indexed.pendingAt(index),
      exclusively: (section) => indexed.exclusively(section),
      refresh: () => indexed.reading(() => indexed.refresh()),
      acknowledged: () => indexed.reading(() => this.#acknowledged()),
    });
  }

  get size(): number {
    return this.#indexed.size;
  }

  /** Reads what is new in the file, and tells of what is no record. */
  async lookAround(): Promise<void> {
    await this.#indexed.reading(() => this.#indexed.refresh());
    const torn = this.#indexed.tornBytes;
    if (torn > 0) {
      this.#settings.warn({
        code: "TORN_LINE",
        message:
          `${this.#settings.path} ends in an unfinished line of ${
            counted(torn, "byte")
          }, as a crash ` +
          "leaves it; it stays where it is and is no entry",
      });
    }
  }

  async append(
    records: readonly LogRecord[],
    written?: (lines: WrittenLines) => void,
  ): Promise<number> {
    const { path } = this.#settings;
    const action = `write to ${path}`;
    const { range, lines, synced } = await this.#writing.run(async () => {
      try {
        const { range, lines } = await this.#indexed.withIndex(async () => {
          const refreshed = this.#indexed.refreshIfUnknown();
          if (refreshed !== undefined) await refreshed;
          return await this.#indexed.exclusively(() => this.#write(records, action));
        });
        if (range !== undefined) this.#underWay.add(range);
        return { range, lines, synced: this.#sync(records.length) };
      } catch (error) {
        throw faultOf(action, error, "WRITE_FAILED");
      }
    });
    try {
      const mayGoOn = this.#upkeep.appended(synced);
      if (mayGoOn !== undefined) await mayGoOn;
      await synced;
      if (written === undefined) lines.release(lines.slab);
      else written(lines);
      return range?.from ?? -1;
    } catch (error) {
      throw unconfirmed(path, error);
    } finally {
      if (range !== undefined) this.#underWay.delete(range);
    }
  }

  /** Ends an unfinished line, which may hold all of a record, and has the file synced. */
  async reconcile(): Promise<void> {
    await this.append([]);
  }

  /** How many records there are but for own ones at the end that are under way. The index need not know them. */
  async #acknowledged(): Promise<number> {
    return await this.#writing.run(async () => {
      const { size: fileSize } = await this.#file.stat();
      if (fileSize !== this.#indexed.seenSize) await this.#indexed.refresh();
      const { size } = this.#indexed;
      const underWay = [...this.#underWay];
      // Behind them there are others' records, which may be acknowledged.
      if (underWay.at(-1)?.to !== size) return size;
      return underWay[0]!.from;
    });
  }

  /** Begins to put on the disk so many records that were written; what was written before must be there, too. */
  #sync(count: number): Promise<void> {
    if (this.#settings.durability === "relaxed") return this.#syncs.settled;
    return this.#syncs.sync(count <= FEW_RECORDS && this.#syncs.tookMs < SHORT_SYNC_MS);
  }

  /** Appends lines, under the lock. */
  async #write(records: readonly LogRecord[], action: string): Promise<Written> {
    const indexed = this.#indexed;
    const { path } = this.#settings;
    const { identity } = this.#opened;
    const size = await checkSamePlace(this.#runtime.file, path, identity, action);
    if (size !== indexed.seenSize) await indexed.catchUp(size);
    const adopted = records.filter((record) => record.adopted);
    if (adopted.length > 0) await this.#refuseRepeated(adopted, size);
    const torn = size > indexed.coveredTo;
    const lines = this.#encoder.encode(records, torn);
    const { bytes, bounds } = lines;
    indexed.forget(); // until it is known how the write ended
    for (let written = 0; written < bytes.length;) {
      const count = await this.#file.append(bytes.subarray(written));
      if (count === 0) throw new Error("the file takes no more bytes");
      written += count;
    }
    const end = (await this.#file.stat()).size;
    if (torn || end !== size + bytes.length) {
      // The unfinished line got its newline, and may be a record now. Or a program that knows nothing of the
      // lock wrote at the same time. What is where is read from the file.
      await this.#findAgain(records, end, action);
      const areLast = end === size + bytes.length && indexed.seenSize === end;
      return { range: areLast ? this.#last(records.length) : undefined, lines };
    }
    indexed.appended(indexedLinesOf(records, bounds, size), end);
    return { range: this.#last(records.length), lines };
  }

  /** The range of the last so many records that were seen. */
  #last(count: number): Range {
    const { size } = this.#indexed;
    return { from: size - count, to: size };
  }

  /**
   * Looks for records that were written when it is not known where: what another program was just writing, without the
   * lock, may have swallowed the first of them. In the file itself: an index that fails shall not fail what was written.
   *
   * @throws {AuditLogError} `WRITE_FAILED` when one is not there; others of the batch may be.
   */
  async #findAgain(records: readonly LogRecord[], end: number, action: string): Promise<void> {
    const found = new Set<string>();
    for await (const { lines } of scanLines(this.#file, this.#indexed.coveredTo, end)) {
      for (const { content } of lines) if (typeof content !== "string") found.add(content.entryId);
    }
    try {
      await this.#indexed.catchUp(end);
    } catch {
      // Whoever looks next tries again.
    }
    for (const { entry } of records) {
      if (found.has(entry.entryId)) continue;
      throw new AuditLogError(
        "WRITE_FAILED",
        `Cannot ${action}: the entry ${entry.entryId} is not in the file as a line of its own; another program ` +
          "writes to it without the log's lock. Others of the same write may be there",
      );
    }
  }

  /** Refuses adopted records whose ids are in the log; new ones have new ids. */
  async #refuseRepeated(adopted: readonly LogRecord[], size: number): Promise<void> {
    await this.#indexed.indexPending();
    // The index was busy, and lines of this handle may not be in it.
    if (this.#indexed.seenSize === -1) await this.#indexed.catchUp(size);
    const ids = new Set<string>();
    for (const { entry } of adopted) {
      const { entryId } = entry;
      const isNew = await this.#indexed.ask((index) => index.seqOf(entryId)) === undefined;
      if (isNew && !ids.has(entryId)) {
        ids.add(entryId);
        continue;
      }
      throw new AuditLogError(
        "DUPLICATE_ENTRY",
        `Cannot write to ${this.#settings.path}: the entry ${entryId} is in the log already`,
      );
    }
  }

  indexOf(entryId: string): Promise<number | undefined> {
    return this.#reader.indexOf(entryId);
  }

  read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    return this.#reader.read(selection);
  }

  count(selection: Selection): Promise<number> {
    return this.#reader.count(selection);
  }

  async info(): Promise<StoreInfo> {
    const { path } = this.#settings;
    return await this.#indexed.reading(async () => {
      await this.#indexed.refresh();
      return {
        path,
        driver: `files, and an index by ${this.#runtime.sqlite.name}`,
        formatVersion: 1,
        bytes: this.#indexed.seenSize,
        indexBytes: await databaseBytes(this.#runtime.file, `${this.#opened.place}-index`),
        unreadable: await this.#indexed.unreadable(),
      };
    });
  }

  async close(): Promise<void> {
    const { lock, file } = this.#opened;
    await this.#upkeep.end();
    try {
      await closeAll([this.#indexed, lock, file]);
    } catch (error) {
      throw faultOf(`close ${this.#settings.path}`, error, "WRITE_FAILED");
    }
  }
}

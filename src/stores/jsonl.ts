import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import { type OpenFile, type Runtime, SqliteError } from "../ports.ts";
import { matches, type Selection } from "../query.ts";
import type { LogRecord } from "../record.ts";
import { nextTurn, Turns } from "../turns.ts";
import { whenFree } from "./busy.ts";
import { faultOf, isFull, isRuined } from "./faults.ts";
import { type IndexedLine, JsonlIndex, type LinePlace } from "./jsonl_index.ts";
import {
  decode,
  fitting,
  isRecord,
  misplaced,
  recordOf,
  toIndexedLine,
  toUnreadableLine,
} from "./jsonl_lines.ts";
import { closeAll, type JsonlFile, openJsonlFile } from "./jsonl_open.ts";
import { JsonlTree } from "./jsonl_tree.ts";
import { LineEncoder } from "./line_encoder.ts";
import { readLines } from "./line_reader.ts";
import { nextOffset, scanLines } from "./line_scanner.ts";
import { checkSamePlace, databaseBytes } from "./log_file.ts";
import { Mutex } from "../mutex.ts";
import { PageSize } from "./page_size.ts";
import type { LogStore, StoreInfo, UnreadableLines, WrittenLines } from "./store.ts";
import { SyncQueue } from "./sync_queue.ts";

/** How many records are worth a write of their own while another is on its way to the disk. */
const OVERLAPPING_RECORDS = 512;
/** How many lines of this handle's own may wait to be put into the index; some 20 MB. */
const MOST_PENDING = 131_072;
/** How many lines are put into the index at a time. */
const INDEX_CHUNK = 1024;
/** From how many waiting lines on the time in which the disk is at work is used for the index, too. */
const PENDING_ASIDE = 32_768;
/** How many lines are put into the index then; the disk may be done meanwhile: a millisecond or so. */
const INDEX_SMALL_CHUNK = 256;
/** How much of the file is read for the index under the lock; some tenths of a second. */
const SLICE_BYTES = 32 * 1024 * 1024;
/** How long others get for writing in between, milliseconds. */
const SLICE_PAUSE_MS = 15;
/** Where the disk takes less, the calling thread waits for it, if few records were written; milliseconds. */
const SHORT_SYNC_MS = 1;
/** With more, it had better encode what comes next meanwhile. */
const FEW_RECORDS = 16;
/** How long nothing is written before the index is brought up to date, milliseconds. */
const PAUSE_MS = 50;

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

/**
 * Keeps the log in a file of one record a line, which is only ever appended to.
 *
 * The file is the log. What makes queries fast is the index beside it, which covers the file up to some
 * offset: other processes' lines get there when somebody looks for them, this handle's own a few hundred at a
 * time, while it waits for the disk. A lock, held while lines are written and while they are read for the
 * first time, keeps half a batch from being seen.
 */
class JsonlStore implements LogStore {
  readonly kind = "jsonl";
  readonly overlapsFrom = OVERLAPPING_RECORDS;
  readonly tree: JsonlTree;
  readonly #runtime: Runtime;
  readonly #settings: FileSettings;
  readonly #opened: JsonlFile;
  readonly #file: OpenFile;
  #index: JsonlIndex;
  readonly #encoder = new LineEncoder();
  readonly #writing = new Mutex();
  readonly #syncs: SyncQueue;
  /** The indexes of own records that are on their way to the disk, one range for each append. */
  readonly #underWay = new Set<{ readonly from: number; readonly to: number }>();
  /** Own lines that are not in the index yet, one after the other. */
  #pending: IndexedLine[] = [];
  /** Up to where the file's lines are in the index or pending. */
  #coveredTo = 0;
  /** The file's size when its lines were last looked at; -1 when it is unknown. */
  #seenSize = -1;
  #size = 0;
  #warnedOf = 0;
  #lastAppend = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #indexing: Promise<void> | undefined;
  #indexingAside = false;

  constructor(runtime: Runtime, settings: FileSettings, opened: JsonlFile) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#opened = opened;
    this.#file = opened.file;
    this.#syncs = new SyncQueue(opened.file);
    this.#index = opened.index;
    this.tree = new JsonlTree(runtime, settings, {
      file: opened.file,
      sync: () => this.#syncs.sync(),
      index: (attempt) =>
        this.#reading(async () => {
          // One that has taken the place of a ruined index knows of no line yet.
          if (this.#seenSize === -1) await this.#refresh();
          return await this.#asking(() => attempt(this.#index));
        }),
      exclusively: (section) => this.#exclusively(section),
      refresh: () => this.#reading(() => this.#refresh()),
      acknowledged: () => this.#reading(() => this.#acknowledged()),
    });
  }

  get size(): number {
    return this.#size;
  }

  /** Reads what is new in the file, and tells of what is no record. */
  async lookAround(): Promise<void> {
    await this.#reading(() => this.#refresh());
    const torn = this.#tornBytes();
    if (torn > 0) {
      this.#settings.warn({
        code: "TORN_LINE",
        message: `${this.#settings.path} ends in an unfinished line of ${torn} bytes, as a crash ` +
          "leaves it; it stays where it is and is no entry",
      });
    }
  }

  async append(
    records: readonly LogRecord[],
    written?: (lines: WrittenLines) => void,
  ): Promise<number> {
    const action = `write to ${this.#settings.path}`;
    const { first, lines, synced } = await this.#writing.run(async () => {
      try {
        const { first, lines } = await this.#withIndex(async () => {
          if (this.#seenSize === -1) await this.#refresh();
          return await this.#exclusively(() => this.#write(records, action));
        });
        return { first, lines, synced: this.#sync(records.length) };
      } catch (error) {
        throw faultOf(action, error, "WRITE_FAILED");
      }
    });
    if (this.#pending.length >= MOST_PENDING) await this.#indexChunk(INDEX_CHUNK);
    if (!this.#indexingAside) void this.#indexAside(synced);
    this.#indexSoon();
    const underWay = { from: first, to: first + records.length };
    if (first !== -1) this.#underWay.add(underWay);
    try {
      await synced;
      if (written === undefined) lines.release(lines.slab);
      else written(lines);
      return first;
    } catch (error) {
      throw new AuditLogError(
        "SYNC_FAILED",
        `Cannot ${action}: the disk did not confirm the write; close the log and open it again`,
        { cause: error },
      );
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  /** Ends an unfinished line, which may hold all of a record, and has the file synced. */
  async reconcile(): Promise<void> {
    await this.append([]);
  }

  /** How many records there are but for own ones at the end that are under way. The index need not know them. */
  async #acknowledged(): Promise<number> {
    return await this.#writing.run(async () => {
      if ((await this.#file.stat()).size !== this.#seenSize) await this.#refresh();
      const underWay = [...this.#underWay];
      // Behind them there are others' records, which may be acknowledged.
      if (underWay.at(-1)?.to !== this.#size) return this.#size;
      return underWay[0]!.from;
    });
  }

  /** Begins to put on the disk so many records that were written; what was written before must be there, too. */
  #sync(count: number): Promise<void> {
    if (this.#settings.durability === "relaxed") return this.#syncs.settled;
    return this.#syncs.sync(count <= FEW_RECORDS && this.#syncs.tookMs < SHORT_SYNC_MS);
  }

  /** Appends lines, under the lock. */
  async #write(
    records: readonly LogRecord[],
    action: string,
  ): Promise<{ first: number; lines: WrittenLines }> {
    const { path } = this.#settings;
    const size = await checkSamePlace(
      this.#runtime.file,
      path,
      this.#opened.identity,
      action,
    );
    if (size !== this.#seenSize) await this.#catchUp(size);
    await this.#refuseRepeated(records);
    const torn = size > this.#coveredTo;
    const lines = this.#encoder.encode(records, torn);
    const { bytes, bounds } = lines;
    this.#seenSize = -1; // until it is known how the write ended
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
      return { first: -1, lines };
    }
    const first = this.#size;
    for (let position = 0; position < records.length; position++) {
      const { entry, instantUs, canonical, event } = records[position]!;
      const { entryId, user, model } = entry;
      const start = bounds[position]!;
      const length = bounds[position + 1]! - start - 1;
      const offset = size + start;
      this.#pending.push({ offset, length, entryId, instantUs, user, model, canonical, event });
    }
    this.#size += records.length;
    this.#seenSize = size + bytes.length;
    this.#coveredTo = this.#seenSize;
    return { first, lines };
  }

  /**
   * Looks for records that were written when it is not known where: what another program was just writing, without the
   * lock, may have swallowed the first of them. In the file itself: an index that fails shall not fail what was written.
   *
   * @throws {AuditLogError} `WRITE_FAILED` when one is not there; others of the batch may be.
   */
  async #findAgain(records: readonly LogRecord[], end: number, action: string): Promise<void> {
    const found = new Set<string>();
    for await (const { lines } of scanLines(this.#file, this.#coveredTo, end)) {
      for (const { content } of lines) if (typeof content !== "string") found.add(content.entryId);
    }
    try {
      await this.#catchUp(end);
    } catch {
      this.#seenSize = -1; // whoever looks next tries again
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
  async #refuseRepeated(records: readonly LogRecord[]): Promise<void> {
    const adopted = records.filter((record) => record.adopted);
    if (adopted.length === 0) return;
    await this.#indexPending();
    // The index was busy, and lines of this handle may not be in it.
    if (this.#seenSize === -1) await this.#catchUp((await this.#file.stat()).size);
    const ids = new Set<string>();
    for (const { entry } of adopted) {
      const { entryId } = entry;
      const isNew = await this.#asking(() => this.#index.seqOf(entryId)) === undefined;
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

  async indexOf(entryId: string): Promise<number | undefined> {
    return await this.#reading(async () => {
      await this.#refresh();
      return await this.#asking(() => this.#index.seqOf(entryId));
    });
  }

  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    const { range, covered } = await this.#reading(async () => {
      const seen = await this.#refresh();
      return await this.#asking(() => ({
        range: this.#index.range(selection, Math.min(seen.size, this.#index.end().size)),
        covered: Math.min(seen.coveredTo, this.#index.coveredTo),
      }));
    });
    let { from, to } = range;
    const pageSize = new PageSize();
    const turns = new Turns();
    let left = selection.limit;
    while (left > 0 && from < to) {
      const asked = Math.min(left, pageSize.rows);
      const { places, isLast, records } = await this.#reading(async () => {
        const found = await this.#asking(() => this.#index.page(selection, { from, to }, asked));
        if (await this.#asking(() => this.#index.coveredTo) < covered) throw this.#indexLost();
        const lost = misplaced(found, selection.order, (await this.#file.stat()).size);
        if (lost !== undefined) throw await this.#changed(lost);
        const places = fitting(found);
        const isLast = found.length < asked && places.length === found.length;
        return { places, isLast, records: await this.#readPlaces(places, selection) };
      });
      if (places.length === 0) return;
      if (selection.order === "asc") from = places.at(-1)!.seq + 1;
      else to = places.at(-1)!.seq;
      pageSize.seen(places.length, places.reduce((sum, { length }) => sum + length, 0));
      left -= records.length;
      if (records.length > 0) yield records;
      if (isLast) return;
      await turns.give();
    }
  }

  async count(selection: Selection): Promise<number> {
    if (selection.metadata.length === 0) {
      return await this.#reading(async () => {
        const seen = await this.#refresh();
        return await this.#asking(() => {
          const size = Math.min(seen.size, this.#index.end().size);
          return this.#index.count(selection, this.#index.range(selection, size));
        });
      });
    }
    let count = 0;
    for await (const records of this.read(selection)) count += records.length;
    return count;
  }

  async info(): Promise<StoreInfo> {
    return await this.#reading(async () => {
      await this.#refresh();
      const { path } = this.#settings;
      return {
        path,
        driver: `files, and an index by ${this.#runtime.sqlite.name}`,
        formatVersion: 1,
        bytes: this.#seenSize,
        indexBytes: await databaseBytes(this.#runtime.file, `${path}-index`),
        unreadable: await this.#unreadable(),
      };
    });
  }

  async close(): Promise<void> {
    const { lock, file } = this.#opened;
    clearTimeout(this.#timer);
    await this.#indexing;
    await this.#indexPending();
    try {
      await closeAll([this.#index, lock, file]);
    } catch (error) {
      throw faultOf(`close ${this.#settings.path}`, error, "WRITE_FAILED");
    }
  }

  /** Reads the lines at some places, and keeps those that a selection asks for. */
  async #readPlaces(
    places: readonly LinePlace[],
    selection: Selection,
  ): Promise<readonly LogRecord[]> {
    const lines = await readLines(this.#file, places);
    const records: LogRecord[] = [];
    for (const [position, place] of places.entries()) {
      const line = decode(lines[position]!, place);
      if (line === undefined) throw await this.#changed(place);
      if (place.canonical && !selection.metadata.every(({ needle }) => line.includes(needle))) {
        continue;
      }
      const record = recordOf(line);
      if (record?.entry.entryId !== place.entryId) throw await this.#changed(place);
      if (matches(selection, record)) records.push(record);
      else if (!matches({ ...selection, metadata: [] }, record)) throw await this.#changed(place);
    }
    return records;
  }

  /** The error for a line that is not what the index says of it; the index starts anew. */
  async #changed(place: LinePlace): Promise<AuditLogError> {
    await this.#asking(() => this.#index.reset());
    this.#seenSize = -1;
    this.#warnOfRebuiltIndex();
    return new AuditLogError(
      "DAMAGED",
      `Cannot read ${this.#settings.path}: the line at byte ${place.offset} is not the one that was ` +
        "written there; the file was changed. Ask again to read it as it is now",
    );
  }

  #indexLost(): AuditLogError {
    return new AuditLogError(
      "READ_FAILED",
      `Cannot read ${this.#settings.path}: its index is being made anew; ask again`,
    );
  }

  /**
   * Sees to it that the index covers all complete lines that the file has now.
   *
   * @returns What was there. The index may soon have more, and of the last batch a part only: whoever wrote it puts it there
   * in chunks.
   */
  async #refresh(): Promise<Seen> {
    await this.#indexPending();
    const { size } = await this.#file.stat();
    // Another process may have found the index wanting, and be making it anew.
    const covered = await this.#asking(() => this.#index.coveredTo);
    if (size === this.#seenSize && covered === this.#coveredTo) return this.#seen();
    const catchUp = () =>
      this.#exclusively(async () => {
        const { size } = await this.#file.stat();
        return await this.#catchUp(size, SLICE_BYTES) ? this.#seen() : undefined;
      });
    // In slices, so that making the index of a large file does not keep others from writing.
    for (;;) {
      const seen = await catchUp();
      if (seen !== undefined) return seen;
      await new Promise((resolve) => setTimeout(resolve, SLICE_PAUSE_MS));
    }
  }

  #seen(): Seen {
    return { size: this.#size, coveredTo: this.#coveredTo };
  }

  /**
   * Brings the index up to the end of the file. Under the lock, where there is one.
   *
   * @param atMost How many bytes to read, about.
   * @returns Whether the end was reached.
   */
  async #catchUp(size: number, atMost = Infinity): Promise<boolean> {
    const index = this.#index;
    await this.#indexPending();
    this.#seenSize = -1;
    let from = await this.#asking(() => index.coveredTo);
    if (from > size) {
      // Somebody cut the file, which no program of this project does.
      await this.#asking(() => index.reset());
      this.#warnOfRebuiltIndex();
      from = 0;
    }
    const enough = from + atMost;
    for (let more = true; more && from < enough;) {
      more = false;
      for await (const { lines, end } of scanLines(this.#file, from, size)) {
        const records = lines.filter(isRecord).map(toIndexedLine);
        const others = lines.filter((line) => !isRecord(line)).map(toUnreadableLine);
        const added = await this.#asking(() => index.add(records, others, from, end));
        from = added ? end : await this.#asking(() => index.coveredTo);
        more = !added; // another process was quicker: from where it ended
        if (more || from >= enough) break;
      }
    }
    this.#coveredTo = from;
    this.#size = await this.#asking(() => index.end().size);
    if (from >= enough && from < size) return false;
    await this.#warnOfUnreadable();
    this.#seenSize = size;
    return true;
  }

  /** Puts this handle's own lines into the index, unless another process has read them already. */
  async #indexPending(): Promise<void> {
    const turns = new Turns();
    while (this.#pending.length > 0) {
      await this.#indexChunk(INDEX_CHUNK);
      await turns.give();
    }
  }

  /**
   * Puts the first of this handle's own lines into the index. Never fails: an index that lags behind is
   * made up for by whoever looks next.
   */
  async #indexChunk(most: number): Promise<void> {
    const index = this.#index;
    try {
      await this.#asking(() => {
        const covered = index.coveredTo;
        const lines = this.#pending.slice(0, most).filter(({ offset }) => offset >= covered);
        if (lines.length > 0) {
          if (lines[0]!.offset > covered) throw new Error("the index covers less than it did");
          index.add(lines, [], covered, nextOffset(lines.at(-1)!));
        }
        this.#pending.splice(0, most);
      });
    } catch {
      this.#pending = [];
      this.#seenSize = -1;
    }
  }

  /** Puts lines into the index while the disk is at work, when callers leave the thread free and the load goes on. */
  async #indexAside(synced: Promise<unknown>): Promise<void> {
    this.#indexingAside = true;
    let waiting = true;
    const ended = () => waiting = false;
    synced.then(ended, ended);
    while (this.#pending.length >= PENDING_ASIDE) {
      await nextTurn();
      if (!waiting) break;
      await this.#indexChunk(INDEX_SMALL_CHUNK);
    }
    this.#indexingAside = false;
  }

  /** Brings the index up to date once nothing has been written for a while. */
  #indexSoon(): void {
    this.#lastAppend = Date.now();
    if (this.#timer !== undefined || this.#pending.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (Date.now() - this.#lastAppend >= PAUSE_MS) this.#indexing = this.#indexPending();
      else this.#indexSoon();
    }, PAUSE_MS);
    // It shall keep no process alive; where timers are plain numbers, it does for a moment.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #warnOfRebuiltIndex(): void {
    this.#settings.warn({
      code: "INDEX_REBUILT",
      message: `The index beside ${this.#settings.path} did not fit the file, which was cut or ` +
        "changed, and is made anew",
    });
  }

  async #warnOfUnreadable(): Promise<void> {
    const { count } = await this.#asking(() => this.#index.unreadable());
    if (count <= this.#warnedOf) return;
    this.#warnedOf = count;
    this.#settings.warn({
      code: "UNREADABLE_LINES",
      message:
        `${this.#settings.path} has ${count} lines that are no records; they stay where they ` +
        "are and are no entries. log.info() tells where they are",
    });
  }

  async #unreadable(): Promise<UnreadableLines> {
    const { count, bytes, first } = await this.#asking(() => this.#index.unreadable());
    const torn = this.#tornBytes();
    if (torn === 0) return { count, bytes, first };
    const line = { offset: this.#coveredTo, length: torn, reason: "is unfinished" };
    return { count: count + 1, bytes: bytes + torn, first: [...first, line] };
  }

  #tornBytes(): number {
    return Math.max(0, this.#seenSize - this.#coveredTo);
  }

  async #exclusively<T>(section: () => Promise<T>): Promise<T> {
    const { lock } = this.#opened;
    return lock === undefined ? await section() : await lock.run(section);
  }

  /** Asks the index, which another process may be writing to. */
  async #asking<T>(attempt: () => T): Promise<T> {
    try {
      return await whenFree(attempt, this.#settings.busyTimeoutMs);
    } catch (error) {
      throw isRuined(error) || isFull(error) ? new RuinedIndex(error) : error;
    }
  }

  async #reading<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await this.#withIndex(action);
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }

  /**
   * Does something that needs the index; once more with a new one, in memory, when it proves to be ruined. Nothing is
   * written twice: an append asks the index before it writes, and what it asks afterwards cannot fail it.
   */
  async #withIndex<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof RuinedIndex)) throw error;
      const damaged = this.#index;
      this.#index = JsonlIndex.inMemory(this.#runtime);
      this.#pending = [];
      this.#seenSize = -1;
      if (!isFull(error)) damaged.condemn();
      try {
        damaged.close();
      } catch {
        // It is of no more use.
      }
      this.#settings.warn({
        code: "INDEX_REBUILT",
        message:
          `The index beside ${this.#settings.path} cannot be used (${error.message}); until the log is ` +
          "opened again, one in memory takes its place",
      });
      return await action();
    }
  }
}

/** What a handle saw of the file: whole batches, unless their writer was killed. */
interface Seen {
  /** How many records there are. */
  readonly size: number;
  /** Where the line behind them starts, or will. */
  readonly coveredTo: number;
}

/** The index, and nothing but the index, can no longer be used: it is damaged, or there is no room for more of it. */
class RuinedIndex extends SqliteError {
  constructor({ resultCode, message, cause }: SqliteError) {
    super(resultCode, message, cause);
  }
}

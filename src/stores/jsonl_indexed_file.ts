import { countedEntries } from "../counted.ts";
import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import { type OpenFile, type RecordCheckerSettings, type Runtime, SqliteError } from "../ports.ts";
import { Turns } from "../turns.ts";
import { whenFree } from "./busy.ts";
import { faultOf, isFull, isRuined } from "./faults.ts";
import type { SectionAtOnce } from "./file_lock.ts";
import type { JsonlIndex } from "./jsonl_index.ts";
import { makeIndexInMemory } from "./jsonl_index_open.ts";
import { type IndexedLine, isThere, type LinePlace, toIndexedLine } from "./jsonl_lines.ts";
import type { JsonlFile } from "./jsonl_open.ts";
import { contentOf, nextOffset, scanLines } from "./line_scanner.ts";
import type { UnreadableLine, UnreadableLines } from "./store.ts";

/** How many lines are put into the index at a time. */
const INDEX_CHUNK = 1024;
/** How much of the file is read for the index under the lock; some tenths of a second. */
const SLICE_BYTES = 32 * 1024 * 1024;
/** How long others get for writing in between, milliseconds. */
const SLICE_PAUSE_MS = 15;

/** What a handle saw of the file: whole batches, unless their writer was killed. */
export interface Seen {
  /** How many records there are. */
  readonly size: number;
  /** Where the line behind them starts, or will. */
  readonly coveredTo: number;
}

/**
 * A JSONL file as this handle has seen it, and the index beside it, which follows.
 *
 * As long as `seenSize` is not -1, this holds:
 * - The file had `seenSize` bytes. Up to `coveredTo` these are complete lines, of which `size` are records. Any bytes
 *   behind them are an unfinished line.
 * - Each complete line is in the index or pending, or both. Pending lines are this handle's own. They follow each other
 *   without a gap, and the last of them ends at `coveredTo`.
 *
 * When it is -1, somebody has to catch up before anything is asked of the index. Whatever fails in between sets it.
 */
export class IndexedFile {
  readonly #runtime: Runtime;
  readonly #settings: FileSettings;
  readonly #file: OpenFile;
  readonly #lock: JsonlFile["lock"];
  readonly #indexIdentity: string | undefined;
  #index: JsonlIndex;
  #pending: IndexedLine[] = [];
  #coveredTo = 0;
  #seenSize = -1;
  #size = 0;
  #warnedOf = 0;

  /** @param opened The open files. Closing the index is this class's task, the others stay the caller's. */
  constructor(runtime: Runtime, settings: FileSettings, opened: JsonlFile) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#file = opened.file;
    this.#lock = opened.lock;
    this.#index = opened.index;
    this.#indexIdentity = opened.indexIdentity;
  }

  /** How many records there are, as far as was seen. */
  get size(): number {
    return this.#size;
  }

  /** Up to where the file's lines are in the index or pending. */
  get coveredTo(): number {
    return this.#coveredTo;
  }

  /** The file's size when its lines were last looked at; -1 when it is unknown. */
  get seenSize(): number {
    return this.#seenSize;
  }

  /** How many bytes at the end are an unfinished line. */
  get tornBytes(): number {
    return Math.max(0, this.#seenSize - this.#coveredTo);
  }

  /** How many of this handle's own lines are not in the index yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** The file of the index, unless that is in memory. */
  get indexFile(): RecordCheckerSettings["index"] {
    const [{ path }, identity] = [this.#index, this.#indexIdentity];
    return path === undefined || identity === undefined ? undefined : { path, identity };
  }

  /** Where a record is, if it is one of this handle's own that need not be in the index yet. */
  pendingAt(seq: number): LinePlace | undefined {
    const line = this.#pending[this.#pending.length - (this.#size - seq)];
    return line === undefined ? undefined : { ...line, seq };
  }

  /** Runs a section under the lock, where there is one. */
  exclusively<T>(section: () => Promise<T>): Promise<T> {
    return this.#lock === undefined ? section() : this.#lock.run(section);
  }

  /** Runs a section under the lock, if that can be had at once; see {@link FileLock.runAtOnce}. */
  exclusivelyAtOnce<T>(section: SectionAtOnce<T>): T | Promise<T> | undefined {
    return this.#lock?.runAtOnce(section);
  }

  /** Asks the index, which another process may be writing to. */
  async ask<T>(attempt: (index: JsonlIndex) => T): Promise<T> {
    try {
      return await whenFree(() => attempt(this.#index), this.#settings.busyTimeoutMs);
    } catch (error) {
      throw isRuined(error) || isFull(error) ? new RuinedIndex(error) : error;
    }
  }

  /** As {@link IndexedFile.withIndex}, for whoever only reads. */
  async reading<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await this.withIndex(action);
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }

  /**
   * Does something that needs the index. If the index proves to be ruined, it is done once more with a new one, in memory.
   * Nothing is written twice: an append asks the index before it writes, and what it asks afterwards cannot fail it.
   */
  async withIndex<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof RuinedIndex)) throw error;
      this.#replaceIndex(error);
      return await action();
    }
  }

  #replaceIndex(error: RuinedIndex): void {
    const damaged = this.#index;
    this.#index = makeIndexInMemory(this.#runtime);
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
  }

  /**
   * Sees to it that the index covers all complete lines that the file has now.
   *
   * @returns What was there. The index may soon have more, and only a part of the last batch: whoever wrote it puts it
   *   there in chunks.
   */
  async refresh(): Promise<Seen> {
    await this.indexPending();
    const { size } = await this.#file.stat();
    // Another process may have found the index wanting, and be making it anew.
    const covered = await this.ask((index) => index.coveredTo);
    if (size === this.#seenSize && covered === this.#coveredTo) return this.#seen();
    const catchUp = () =>
      this.exclusively(async () => {
        const { size } = await this.#file.stat();
        return await this.catchUp(size, SLICE_BYTES) ? this.#seen() : undefined;
      });
    // In slices, so that making the index of a large file does not keep others from writing.
    for (;;) {
      const seen = await catchUp();
      if (seen !== undefined) return seen;
      await new Promise((resolve) => setTimeout(resolve, SLICE_PAUSE_MS));
    }
  }

  /**
   * Asks the index when it covers all complete lines that the file has. One that was emptied, or took the place of another,
   * between looking and asking would tell of less than there is.
   */
  async askCovering<T>(attempt: (index: JsonlIndex, seen: Seen) => T): Promise<T> {
    for (;;) {
      const seen = await this.refresh();
      const answer = await this.ask((index) => {
        const value = attempt(index, seen);
        return index.coveredTo < seen.coveredTo ? undefined : { value };
      });
      if (answer !== undefined) return answer.value;
    }
  }

  /** As {@link IndexedFile.refresh}, where somebody has to; nothing where nobody has. */
  refreshIfUnknown(): Promise<Seen> | undefined {
    return this.#seenSize === -1 ? this.refresh() : undefined;
  }

  #seen(): Seen {
    return { size: this.#size, coveredTo: this.#coveredTo };
  }

  /**
   * Brings the index up to the end of the file. The caller holds the lock.
   *
   * @param size The file's size.
   * @param atMost How many bytes to read, about.
   * @returns Whether the end was reached.
   */
  async catchUp(size: number, atMost = Infinity): Promise<boolean> {
    if (size < this.#coveredTo) {
      // Somebody cut the file, which no program of this project does. Own lines may have been cut off before they were in the index.
      this.#pending = [];
      await this.startAnew();
    }
    await this.indexPending();
    this.#seenSize = -1;
    let from = await this.ask((index) => index.coveredTo);
    if (from > size) {
      await this.startAnew(); // it was cut before this handle looked
      from = 0;
    }
    const enough = from + atMost;
    for (let more = true; more && from < enough;) {
      more = false;
      for await (const { lines, end } of scanLines(this.#file, from, size)) {
        const records: IndexedLine[] = [];
        const others: UnreadableLine[] = [];
        for (const line of lines) {
          const content = contentOf(line);
          if (typeof content !== "string") records.push(toIndexedLine(line, content));
          else others.push({ offset: line.offset, length: line.length, reason: content });
        }
        const added = await this.ask((index) => index.add(records, others, from, end));
        from = added ? end : await this.ask((index) => index.coveredTo);
        more = !added; // another process was quicker: from where it ended
        if (more || from >= enough) break;
      }
    }
    this.#coveredTo = from;
    this.#size = await this.ask((index) => index.end().size);
    if (from >= enough && from < size) return false;
    await this.#warnOfUnreadable();
    this.#seenSize = size;
    return true;
  }

  /** Says that a write begins. Unless {@link IndexedFile.appended} follows, nobody knows how it ended. */
  forget(): void {
    this.#seenSize = -1;
  }

  /**
   * Says what was appended to the file, right behind what was there.
   *
   * @param lines What the index is to keep of the new lines.
   * @param end The file's size now.
   */
  appended(lines: readonly IndexedLine[], end: number): void {
    for (const line of lines) this.#pending.push(line);
    this.#size += lines.length;
    this.#seenSize = end;
    this.#coveredTo = end;
  }

  /** Puts this handle's own lines into the index, unless another process has read them already. */
  async indexPending(): Promise<void> {
    const turns = new Turns();
    while (this.#pending.length > 0) {
      await this.indexSome();
      await turns.give();
    }
  }

  /**
   * Puts the first of this handle's own lines into the index. Never fails: an index that lags behind is
   * made up for by whoever looks next.
   */
  async indexSome(most = INDEX_CHUNK): Promise<void> {
    const last = this.#pending[Math.min(most, this.#pending.length) - 1];
    if (last === undefined) return;
    try {
      // A copy may have been put in the file's place, and more been written behind it.
      if (!await isThere(this.#file, last)) throw new Error("the file has another line there");
      await this.ask((index) => {
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

  /** Empties the index, which says what is not so, and has it made anew by whoever looks next. */
  async startAnew(): Promise<void> {
    await this.ask((index) => index.reset());
    this.#seenSize = -1;
    this.#settings.warn({
      code: "INDEX_REBUILT",
      message: `The index beside ${this.#settings.path} did not fit the file, which was cut or ` +
        `changed, and is made anew; the log had ${
          countedEntries(this.#size)
        } before, as far as was seen`,
    });
  }

  /** The lines that are no records, an unfinished one at the end included. */
  async unreadable(): Promise<UnreadableLines> {
    const { count, bytes, first } = await this.ask((index) => index.unreadable());
    const torn = this.tornBytes;
    if (torn === 0) return { count, bytes, first };
    const line = { offset: this.#coveredTo, length: torn, reason: "is unfinished" };
    return { count: count + 1, bytes: bytes + torn, first: [...first, line] };
  }

  async #warnOfUnreadable(): Promise<void> {
    const { count } = await this.ask((index) => index.unreadable());
    if (count <= this.#warnedOf) return;
    this.#warnedOf = count;
    this.#settings.warn({
      code: "UNREADABLE_LINES",
      message: `${this.#settings.path} has ` +
        (count === 1
          ? "1 line that is no record; it stays and is no entry. log.info(), or audit-log info, tells where it is"
          : `${count} lines that are no records; they stay and are no entries. log.info(), or audit-log info, ` +
            "tells where they are"),
    });
  }

  /** Closes the index. */
  close(): void {
    this.#index.close();
  }
}

/** The error for an index that had all lines, and has them no more: another process has emptied it. */
export function indexLost(path: string): AuditLogError {
  return new AuditLogError(
    "READ_FAILED",
    `Cannot read ${path}: its index is being made anew; ask again`,
  );
}

/** The index, and nothing but the index, can no longer be used: it is damaged, or there is no room for more of it. */
class RuinedIndex extends SqliteError {
  constructor({ resultCode, message, cause }: SqliteError) {
    super(resultCode, message, cause);
  }
}

import { counted } from "../counted.ts";
import type { FileSettings } from "../options.ts";
import type { OpenFile, Runtime } from "../ports.ts";
import type { Selection } from "../query.ts";
import type { LogRecord } from "../record.ts";
import { faultOf, unconfirmed } from "./faults.ts";
import { IndexedFile } from "./jsonl_indexed_file.ts";
import { closeAll, type JsonlFile, openJsonlFile } from "./jsonl_open.ts";
import { JsonlReader } from "./jsonl_reader.ts";
import { JsonlTree } from "./jsonl_tree.ts";
import { IndexUpkeep } from "./jsonl_upkeep.ts";
import { FEW_RECORDS, JsonlWriter, type Range, type Written } from "./jsonl_writer.ts";
import { checkSamePlace, databaseBytes } from "./log_file.ts";
import { Mutex } from "../mutex.ts";
import type { LogStore, StoreInfo, WrittenLines } from "./store.ts";
import { SyncQueue } from "./sync_queue.ts";

/** How many records are worth a write of their own while another is on its way to the disk. */
const OVERLAPPING_RECORDS = 512;
/** Where the disk takes less, the calling thread waits for it, if few records were written; milliseconds. */
const SHORT_SYNC_MS = 1;

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
  readonly #writer: JsonlWriter;
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
    this.#writer = new JsonlWriter(runtime, settings, opened, indexed);
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
      exclusively: (section) =>
        indexed.exclusively(async () => {
          // Checkpoints are beside the file by its name, where another log may be by now.
          const { place, identity } = opened;
          await checkSamePlace(runtime.file, place, identity, `write to ${settings.path}`);
          return await section();
        }),
      refresh: () => indexed.reading(() => indexed.refresh()),
      acknowledged: () => indexed.reading(() => this.#acknowledged()),
      sha256: runtime.sha256,
      startChecker: () => {
        const start = runtime.sqlite.startRecordChecker;
        const { place: path, identity } = opened;
        const index = indexed.indexFile;
        if (start === undefined || index === undefined) return undefined;
        return () => start({ path, identity, index, busyTimeoutMs: settings.busyTimeoutMs });
      },
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

  append(
    records: readonly LogRecord[],
    written?: (lines: WrittenLines) => void,
  ): number | Promise<number> {
    const action = `write to ${this.#settings.path}`;
    let batch: Written | Promise<Written> | undefined;
    try {
      if (this.#writing.isFree) batch = this.#writer.writeAtOnce(records, action);
    } catch (error) {
      throw faultOf(action, error, "WRITE_FAILED");
    }
    if (batch === undefined || batch instanceof Promise) {
      return this.#appendInTurn(records, action, batch, written);
    }
    return this.#confirm(batch, this.#sync(batch, records.length), written);
  }

  /** @param begun What has begun to be written. */
  async #appendInTurn(
    records: readonly LogRecord[],
    action: string,
    begun: Promise<Written> | undefined,
    written: ((lines: WrittenLines) => void) | undefined,
  ): Promise<number> {
    const { batch, synced } = await this.#writing.run(async () => {
      try {
        const batch = await (begun ?? this.#writer.write(records, action));
        return { batch, synced: this.#sync(batch, records.length) };
      } catch (error) {
        throw faultOf(action, error, "WRITE_FAILED");
      }
    });
    return await this.#confirm(batch, synced, written);
  }

  /** Tells of a batch when the disk has it. */
  #confirm(
    { range, lines }: Written,
    synced: Promise<void> | undefined,
    written: ((lines: WrittenLines) => void) | undefined,
  ): number | Promise<number> {
    const mayGoOn = this.#upkeep.appended(synced);
    const confirmed = (): number => {
      if (written === undefined) lines.release(lines.slab);
      else written(lines);
      return range?.from ?? -1;
    };
    if (synced === undefined && mayGoOn === undefined) return confirmed();
    return Promise.all([synced, mayGoOn]).then(confirmed, (error) => {
      throw unconfirmed(this.#settings.path, error);
    }).finally(() => {
      if (range !== undefined) this.#underWay.delete(range);
    });
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

  /**
   * Puts on the disk what was written last, so many records, and what was written before it.
   *
   * @returns Nothing if it is there.
   */
  #sync({ range }: Written, count: number): Promise<void> | undefined {
    const synced = this.#synced(count);
    if (synced !== undefined && range !== undefined) this.#underWay.add(range);
    return synced;
  }

  #synced(count: number): Promise<void> | undefined {
    if (this.#settings.durability === "relaxed") {
      return this.#syncs.isSettled ? undefined : this.#syncs.settled;
    }
    const isShort = count <= FEW_RECORDS && this.#syncs.takesMs < SHORT_SYNC_MS;
    return isShort ? this.#syncs.syncAtOnce() : this.#syncs.sync();
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

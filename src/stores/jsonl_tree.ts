import { counted } from "../counted.ts";
import type { FileSettings } from "../options.ts";
import type { OpenFile, RecordChecker, RecordsChecked, Runtime, Sha256 } from "../ports.ts";
import type { TileId } from "../transparency/tile.ts";
import type { FullTile } from "../transparency/tree.ts";
import { Turns } from "../turns.ts";
import { AuditLogError } from "../errors.ts";
import { CheckpointFile } from "./checkpoint_file.ts";
import { faultOf } from "./faults.ts";
import { type JsonlIndex, strayLineChecks } from "./jsonl_index.ts";
import { indexLost } from "./jsonl_indexed_file.ts";
import { fitting, type LinePlace, misplaced } from "./jsonl_lines.ts";
import { LineCheck } from "./line_check.ts";
import { readLines } from "./line_reader.ts";
import { contentOf, scanLines } from "./line_scanner.ts";
import { PageSize } from "./page_size.ts";
import { checkRecords, type CheckTrial } from "./record_checkers.ts";
import type {
  CheckedRecords,
  InspectedCheckpoint,
  InspectedRecord,
  StoredCheckpoint,
  TreeStore,
} from "./tree_store.ts";

/** What the tree needs of the log that it belongs to. */
export interface JsonlAccess {
  /** The log's file. */
  readonly file: OpenFile;
  /** Its path, no part of which is a link. */
  readonly place: string;
  /** Asks the index, which another process may be writing to. */
  index<T>(attempt: (index: JsonlIndex) => T): Promise<T>;
  /** Where a record is that this handle wrote, and that the index need not have yet. */
  pendingAt(index: number): LinePlace | undefined;
  /** Puts on the disk all that the file has; when it fails, the handle refuses further writes. */
  sync(): Promise<void>;
  /** Runs a section under the lock. */
  exclusively<T>(section: () => Promise<T>): Promise<T>;
  /** Brings the index up to the end of the file, and tells where that is. */
  refresh(): Promise<{ readonly coveredTo: number }>;
  /** How many records there are, without those at the end whose callers still wait. */
  acknowledged(): Promise<number>;
  /** The runtime's SHA-256. */
  readonly sha256: Sha256;
  /** What starts a thread that checks lines, where there are any, and an index that they can open. */
  startChecker(): (() => Promise<RecordChecker>) | undefined;
}

const NEWLINE = 0x0a;
/** How much of the file is checked together. */
const BYTES_TOGETHER = 2 * 1024 * 1024;

/** Tiles in the index beside a JSONL file, and checkpoints in a file of their own. */
export class JsonlTree implements TreeStore {
  readonly #settings: FileSettings;
  readonly #access: JsonlAccess;
  readonly #checkpoints: CheckpointFile;
  readonly #trial: CheckTrial;

  /**
   * @param access The log.
   * @param trial How lines are checked, for tests.
   */
  constructor(
    runtime: Runtime,
    settings: FileSettings,
    access: JsonlAccess,
    trial: CheckTrial = {},
  ) {
    this.#settings = settings;
    this.#access = access;
    this.#trial = trial;
    this.#checkpoints = new CheckpointFile(runtime, `${access.place}-checkpoints`, access.place);
  }

  acknowledged(): Promise<number> {
    return this.#access.acknowledged();
  }

  async *lines(from: number, to: number): AsyncGenerator<readonly Uint8Array[]> {
    // For one the index need not be brought up to date: a checkpoint asks for the last.
    const pending = to - from === 1 ? this.#access.pendingAt(from) : undefined;
    if (pending !== undefined) return yield await this.#linesAt([pending]);
    await this.#access.refresh();
    const pageSize = new PageSize();
    const turns = new Turns();
    let before: LinePlace | undefined;
    while (from < to) {
      const found = await this.#access.index((index) => index.places({ from, to }, pageSize.rows));
      const { size } = await this.#reading(() => this.#access.file.stat());
      const lost = misplaced(found, "asc", size, before);
      if (lost !== undefined) throw this.#damaged(lost);
      const places = fitting(found);
      if (places.length === 0) return;
      const lines = await this.#linesAt(places);
      before = places.at(-1)!;
      from = before.seq + 1; // where a number was damaged, they do not follow each other
      pageSize.seen(lines.length, lines.reduce((sum, { length }) => sum + length, 0));
      yield lines;
      await turns.give();
    }
  }

  async #linesAt(places: readonly LinePlace[]): Promise<readonly Uint8Array[]> {
    const read = await this.#reading(() => readLines(this.#access.file, places));
    return read.map((bytes, position) => {
      const { length } = places[position]!;
      if (bytes.length === length + 1 && bytes[length] === NEWLINE) {
        return bytes.subarray(0, length);
      }
      throw this.#damaged(places[position]!);
    });
  }

  #damaged({ offset, length }: LinePlace): AuditLogError {
    return new AuditLogError(
      "DAMAGED",
      `Cannot read ${this.#settings.path}: no line of ${
        counted(length, "byte")
      } is at byte ${offset} any ` +
        "more; the file was changed",
    );
  }

  async *inspect(): AsyncGenerator<readonly InspectedRecord[] | CheckedRecords> {
    const { file, index, sha256, startChecker } = this.#access;
    const { coveredTo: end } = await this.#access.refresh();
    await this.#checkCovered(end);
    const check = new LineCheck(file, index, sha256);
    const parts = checkRecords({
      from: 0,
      end,
      span: BYTES_TOGETHER,
      size: await index((index) => index.end().size),
      start: startChecker(),
      here: (stand, to) => this.#reading(() => check.check(stand.at, to, stand)),
    }, this.#trial);
    let size = 0;
    const unreadable = [0, 0, 0];
    for await (const checked of parts) {
      yield { ...checked, idOf: (position) => this.#idOf(checked, position) };
      size = checked.after.next;
      checked.unreadable?.forEach((sum, at) => unreadable[at]! += sum);
    }
    if (!await index((index) => index.findsNames)) yield [NAME_LOST];
    const turns = new Turns();
    for (const check of strayLineChecks(size)) {
      const found = await index((index) => index.strays(check));
      const faults = found.map((state) => `beside the file, ${state}`);
      if (faults.length > 0) yield [{ bytes: undefined, entryId: undefined, faults }];
      await turns.give();
    }
    const indexed = await index((index) => index.unreadableBefore(end));
    if (unreadable.some((sum, at) => sum !== indexed[at])) yield [UNREADABLE_LOST];
    await this.#checkCovered(end);
  }

  /** Makes sure that nobody is making the index anew, so that it lacks what it will have. */
  async #checkCovered(end: number): Promise<void> {
    if (await this.#access.index((index) => index.coveredTo) < end) {
      throw indexLost(this.#settings.path);
    }
  }

  /** The id of one of the records that were checked. */
  #idOf({ before, after }: RecordsChecked, position: number): Promise<string | undefined> {
    return this.#reading(async () => {
      for await (const { lines } of scanLines(this.#access.file, before.at, after.at)) {
        for (const line of lines) {
          const content = contentOf(line);
          if (typeof content === "string") continue;
          if (position === 0) return content.entryId;
          position--;
        }
      }
    });
  }

  tileCount(level: number): Promise<number> {
    return this.#access.index(({ tiles }) => tiles.count(level));
  }

  tile(id: TileId): Promise<Uint8Array | undefined> {
    return this.#access.index(({ tiles }) => tiles.get(id));
  }

  tileRoots(level: number, from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#access.index(({ tiles }) => tiles.roots(level, from, to));
  }

  async keepTiles(tiles: readonly FullTile[]): Promise<boolean> {
    if (this.#settings.readOnly) return false;
    await this.#access.index((index) => index.addTiles(tiles));
    return true;
  }

  async dropTiles(): Promise<void> {
    if (!this.#settings.readOnly) await this.#access.index((index) => index.clearTiles());
  }

  async keepCheckpoint(
    checkpoint: StoredCheckpoint,
    tiles: readonly FullTile[],
  ): Promise<boolean> {
    // As a rule there are none, and nobody need wait for whoever writes the index.
    if (tiles.length > 0) await this.keepTiles(tiles);
    const action = `write to ${this.#settings.path}`;
    try {
      // Records of other processes too, whose own syncs may still be on their way.
      await this.#access.sync();
    } catch (error) {
      throw new AuditLogError("SYNC_FAILED", `Cannot ${action}: the disk did not confirm it`, {
        cause: error,
      });
    }
    try {
      return await this.#access.exclusively(() => this.#checkpoints.append(checkpoint));
    } catch (error) {
      throw faultOf(action, error, "WRITE_FAILED");
    }
  }

  async *checkpoints(): AsyncGenerator<readonly InspectedCheckpoint[]> {
    try {
      for await (const checkpoints of this.#checkpoints.all()) {
        yield checkpoints.map((checkpoint) => ({ ...checkpoint, faults: [] }));
      }
    } catch (error) {
      throw faultOf(`read ${this.#access.place}-checkpoints`, error, "READ_FAILED");
    }
  }

  lastCheckpoint(): Promise<string | undefined> {
    return this.#reading(async () => (await this.#checkpoints.last())?.note);
  }

  async #reading<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw faultOf(`read ${this.#settings.path}`, error, "READ_FAILED");
    }
  }
}

/** A user or a model that the index does not find by its name, or by another. */
const NAME_LOST: InspectedRecord = {
  bytes: undefined,
  entryId: undefined,
  faults: [
    "the index beside the file does not find each name as it is, so that queries by name are wrong",
  ],
};

/** Lines that are no records are told of by what the index has of them. */
const UNREADABLE_LOST: InspectedRecord = {
  bytes: undefined,
  entryId: undefined,
  faults: [
    "the index beside the file has other lines that are no records than the file, so that some are not told of",
  ],
};

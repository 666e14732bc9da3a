import { counted } from "../counted.ts";
import type { FileSettings } from "../options.ts";
import type { OpenFile, Runtime } from "../ports.ts";
import type { RecordFacts } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import type { TileId } from "../transparency/tile.ts";
import type { FullTile } from "../transparency/tree.ts";
import { Turns } from "../turns.ts";
import { AuditLogError } from "../errors.ts";
import { CheckpointFile } from "./checkpoint_file.ts";
import { faultOf } from "./faults.ts";
import { type JsonlIndex, strayLineChecks } from "./jsonl_index.ts";
import { indexLost } from "./jsonl_indexed_file.ts";
import {
  fitting,
  type IndexedLine,
  type IndexRow,
  isRecord,
  type LinePlace,
  misplaced,
  toIndexedLine,
} from "./jsonl_lines.ts";
import { readLines } from "./line_reader.ts";
import { lagBehind } from "./record_table.ts";
import { scanLines, type ScannedLine } from "./line_scanner.ts";
import { PageSize } from "./page_size.ts";
import type {
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
}

const NEWLINE = 0x0a;

/** Tiles in the index beside a JSONL file, and checkpoints in a file of their own. */
export class JsonlTree implements TreeStore {
  readonly #settings: FileSettings;
  readonly #access: JsonlAccess;
  readonly #checkpoints: CheckpointFile;

  /** @param access The log. */
  constructor(runtime: Runtime, settings: FileSettings, access: JsonlAccess) {
    this.#settings = settings;
    this.#access = access;
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

  async *inspect(): AsyncGenerator<readonly InspectedRecord[]> {
    const { coveredTo: end } = await this.#access.refresh();
    const { file } = this.#access;
    if (await this.#access.index((index) => index.coveredTo) < end) {
      throw indexLost(this.#settings.path);
    }
    const rows = new IndexRows(this.#access);
    let highUs = -Infinity;
    let seq = 0;
    const unreadable = [0, 0, 0];
    for await (const { lines } of scanLines(file, 0, end)) {
      const found: InspectedRecord[] = [];
      for (const line of lines) {
        if (!isRecord(line)) {
          [1, line.offset, line.length].forEach((value, at) => unreadable[at]! += value);
          continue;
        }
        const { entryId, instantUs } = line.content as RecordFacts;
        const lagUs = lagBehind(highUs, instantUs);
        highUs = instantUs + lagUs;
        let row = rows.next ?? await rows.more();
        for (
          ;
          row !== undefined && row.offset < line.offset;
          row = rows.next ?? await rows.more()
        ) {
          found.push(lost(row));
          rows.pass();
          seq = row.seq + 1;
        }
        const indexed = row?.offset === line.offset ? row : undefined;
        if (indexed !== undefined) rows.pass();
        const isPlain = indexed !== undefined && isIndexed(line, seq, lagUs, indexed);
        const faults = isPlain
          ? indexed.faults
          : faultsOf({ ...toIndexedLine(line), seq, lagUs }, indexed);
        found.push({ bytes: line.bytes!, entryId, faults });
        seq = (indexed?.seq ?? seq) + 1;
      }
      yield found;
    }
    if (!await this.#access.index((index) => index.findsNames)) yield [NAME_LOST];
    const turns = new Turns();
    for (const check of strayLineChecks(seq)) {
      const found = await this.#access.index((index) => index.strays(check));
      const faults = found.map((state) => `beside the file, ${state}`);
      if (faults.length > 0) yield [{ bytes: undefined, entryId: undefined, faults }];
      await turns.give();
    }
    for (let row = rows.next ?? await rows.more(); row !== undefined;) {
      if (row.offset >= end) break; // added meanwhile
      yield [lost(row)];
      rows.pass();
      row = rows.next ?? await rows.more();
    }
    const indexed = await this.#access.index((index) => index.unreadableBefore(end));
    if (unreadable.some((sum, at) => sum !== indexed[at])) yield [UNREADABLE_LOST];
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

/** How many rows of the index are read at a time. */
const ROWS = 1024;

/** All that the index keeps of the records, in their order. */
class IndexRows {
  readonly #access: JsonlAccess;
  #rows: readonly IndexRow[] = [];
  #at = 0;
  #from = 0;

  constructor(access: JsonlAccess) {
    this.#access = access;
  }

  /** The next row, if it was read already. */
  get next(): IndexRow | undefined {
    return this.#rows[this.#at];
  }

  /** Goes behind it. */
  pass(): void {
    this.#at++;
  }

  /** Reads on, and gives the next row if there is one. */
  async more(): Promise<IndexRow | undefined> {
    this.#rows = await this.#access.index((index) => index.lines(this.#from, ROWS));
    this.#at = 0;
    const last = this.#rows.at(-1);
    if (last !== undefined) this.#from = last.seq + 1;
    return this.next;
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

/** A record that the index knows where the file has none. */
function lost({ offset, entryId }: IndexRow): InspectedRecord {
  const fault = `the index beside the file has a record at byte ${offset}, where none is any more`;
  return { bytes: undefined, entryId, faults: [fault] };
}

function sameEvent(one: EntryEvent | undefined, other: EntryEvent | undefined): boolean {
  return one?.name === other?.name && one?.subject === other?.subject;
}

/** Whether the index says of a record's line what it is: as {@link faultsOf}, at a fraction of the time. */
function isIndexed(
  { offset, length, content }: ScannedLine,
  seq: number,
  lagUs: number,
  indexed: IndexRow,
): boolean {
  const { entryId, instantUs, user, model, canonical, event } = content as RecordFacts;
  return offset === indexed.offset && length === indexed.length && entryId === indexed.entryId &&
    instantUs === indexed.instantUs && user === indexed.user && model === indexed.model &&
    canonical === indexed.canonical && seq === indexed.seq && lagUs === indexed.lagUs &&
    sameEvent(event, indexed.event);
}

/** What the index says otherwise of a line. */
function faultsOf(
  expected: IndexedLine & Pick<IndexRow, "seq" | "lagUs">,
  indexed: IndexRow | undefined,
): readonly string[] {
  if (indexed === undefined) return ["the index beside the file lacks it"];
  const others = Object.entries(expected)
    .filter(([key, value]) => {
      const found = (indexed as unknown as Record<string, unknown>)[key];
      return key === "event" ? !sameEvent(expected.event, indexed.event) : found !== value;
    })
    .map(([key]) => `the index beside the file has another ${key}`);
  return [...others, ...indexed.faults];
}

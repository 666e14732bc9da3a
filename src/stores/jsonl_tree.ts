import type { FileSettings } from "../options.ts";
import type { OpenFile, Runtime } from "../ports.ts";
import type { RecordFacts } from "../canonical_scan.ts";
import type { TileId } from "../transparency/tile.ts";
import type { FullTile } from "../transparency/tree.ts";
import { Turns } from "../turns.ts";
import { AuditLogError } from "../errors.ts";
import { CheckpointFile } from "./checkpoint_file.ts";
import { faultOf } from "./faults.ts";
import type { IndexedLine, JsonlIndex } from "./jsonl_index.ts";
import { fitting, isRecord, toIndexedLine } from "./jsonl_lines.ts";
import { readLines } from "./line_reader.ts";
import { scanLines } from "./line_scanner.ts";
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
  /** Asks the index, which another process may be writing to. */
  index<T>(attempt: (index: JsonlIndex) => T): Promise<T>;
  /** Puts on the disk all that the file has; when it fails, the handle refuses further writes. */
  sync(): Promise<void>;
  /** Runs a section under the lock. */
  exclusively<T>(section: () => Promise<T>): Promise<T>;
  /** Brings the index up to the end of the file. */
  refresh(): Promise<void>;
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
    this.#checkpoints = new CheckpointFile(runtime, `${settings.path}-checkpoints`);
  }

  async *lines(from: number, to: number): AsyncGenerator<readonly Uint8Array[]> {
    await this.#access.refresh();
    const pageSize = new PageSize();
    const turns = new Turns();
    while (from < to) {
      const places = fitting(
        await this.#access.index((index) => index.places({ from, to }, pageSize.rows)),
      );
      if (places.length === 0) return;
      const read = await this.#reading(() => readLines(this.#access.file, places));
      const lines = read.map((bytes, position) => {
        const { offset, length } = places[position]!;
        if (bytes.length === length + 1 && bytes[length] === NEWLINE) {
          return bytes.subarray(0, length);
        }
        throw new AuditLogError(
          "DAMAGED",
          `Cannot read ${this.#settings.path}: no line of ${length} bytes is at byte ${offset} any ` +
            "more; the file was changed",
        );
      });
      from += lines.length;
      pageSize.seen(lines.length, lines.reduce((sum, { length }) => sum + length, 0));
      yield lines;
      await turns.give();
    }
  }

  async *inspect(): AsyncGenerator<readonly InspectedRecord[]> {
    await this.#access.refresh();
    const { file } = this.#access;
    const end = await this.#access.index((index) => index.coveredTo);
    let next = 0;
    let highUs = -Infinity;
    for await (const { lines } of scanLines(file, 0, end)) {
      const records = lines.filter(isRecord);
      const indexed = await this.#access.index((index) => index.lines(next, records.length));
      yield records.map((line, position) => {
        const { entryId, instantUs } = line.content as RecordFacts;
        highUs = Math.max(highUs, instantUs);
        const expected = { ...toIndexedLine(line), lagUs: highUs - instantUs };
        const faults = faultsOf(expected, indexed[position]);
        return { bytes: line.bytes!, entryId, faults };
      });
      next += records.length;
    }
    const lost = (await this.#access.index((index) => index.lines(next, 1)))
      .filter(({ offset }) => offset < end);
    if (lost.length > 0) {
      yield lost.map(({ offset, entryId }) => {
        const fault = `the index beside the file has it at byte ${offset}, and the file does not`;
        return { bytes: undefined, entryId, faults: [fault] };
      });
    }
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

  async keepCheckpoint(checkpoint: StoredCheckpoint): Promise<boolean> {
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
      throw faultOf(`read ${this.#settings.path}-checkpoints`, error, "READ_FAILED");
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

/** What the index says otherwise of a line. */
function faultsOf(
  expected: IndexedLine & { readonly lagUs: number },
  indexed: IndexedLine | undefined,
): readonly string[] {
  if (indexed === undefined) return ["the index beside the file lacks it"];
  return Object.entries(expected)
    .filter(([key, value]) => (indexed as unknown as Record<string, unknown>)[key] !== value)
    .map(([key]) => `the index beside the file has another ${key}`);
}

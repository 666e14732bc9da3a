import type { LogRecord } from "../record.ts";
import type { Selection } from "../query.ts";
import type { TreeStore } from "./tree_store.ts";

/** What a store says about itself. */
export interface StoreInfo {
  /** Where the log is, or `undefined` when it is nowhere but in memory. */
  readonly path?: string;
  /** The driver or medium beneath, for people: `node:sqlite 3.53.4`. */
  readonly driver?: string;
  /** The version of the format on disk; see docs/format.md. */
  readonly formatVersion?: number;
  /** What the log takes on the disk, bytes: its file and, of a SQLite log, the `-wal` that has the newest records. */
  readonly bytes?: number;
  /** What the index beside a JSONL log takes on the disk, bytes, its `-wal` included. It can be made anew. */
  readonly indexBytes?: number;
  /** Where records are written, for a store that may have another thread do it: there, or in this one and why. */
  readonly writing?: string;
  /** Lines of the file that hold no record. They stay where they are and are no entries. */
  readonly unreadable?: UnreadableLines;
}

/** What in a file is no record. */
export interface UnreadableLines {
  /** How many lines, an unfinished one at the end counted. */
  readonly count: number;
  /** How many bytes they take. */
  readonly bytes: number;
  /** The first of them, in the order of the file. */
  readonly first: readonly UnreadableLine[];
}

/** A line that is no record. */
export interface UnreadableLine {
  /** Where it starts, in bytes from the start of the file. */
  readonly offset: number;
  /** Its length in bytes, without its newline. */
  readonly length: number;
  /** Why it is no record. */
  readonly reason: string;
}

/**
 * Lines of records as a store has written them, in a buffer that belongs to whoever got them until it is released.
 * Before each line is one byte that is not part of it.
 */
export interface WrittenLines {
  /** Where the lines are. */
  readonly slab: ArrayBuffer;
  /** Where the byte before each line is, and behind the last where that line ends: one number more than lines. */
  readonly bounds: Uint32Array<ArrayBuffer>;
  /** Gives the buffer back, for other lines. Without it, another is made. */
  readonly release: (slab: ArrayBuffer) => void;
}

/**
 * What a backend must provide: an append-only sequence of records, each at its index, 0 and up.
 *
 * There is no way to change or remove a record. `AuditLog` calls {@link LogStore.append} for one batch at a time, or for two
 * if the store allows it ({@link LogStore.overlapsFrom}). The other methods may be called meanwhile; they see none of a batch or
 * all of it. `tests/conformance/store.ts` says in code what is written here in words.
 */
export interface LogStore {
  /** The backend's name: `memory`, `sqlite`, `jsonl`, or a caller's own. */
  readonly kind: string;
  /**
   * From how many waiting records on a second {@link LogStore.append} may begin before the first has ended, so that one
   * batch is made while another is on its way to the disk. A batch then has as many records. The store keeps the order of both,
   * and ends them in it. The value may change while the log is open. Default: no second one begins.
   */
  readonly overlapsFrom?: number | undefined;
  /**
   * Where tiles and checkpoints are kept. Without it, they are in memory, for as long as the log is open.
   */
  readonly tree?: TreeStore;
  /** How many entries the log has, as far as this handle has seen. */
  readonly size: number;
  /**
   * Appends records in the given order, all or none, and resolves when they are as durable as the log
   * promises. A store that has nothing to wait for this time gives, or throws, what the promise would have come to: to one caller alone,
   * each turn of promises is a good part of what a record costs.
   *
   * @param written Called with the bytes that were written, once they are durable, by a store that has them: then the tree need
   *   not encode them again. They may come in parts, in their order.
   * @returns The index of the first record, or -1 if the store would have to look at the log again to know it.
   * @throws {AuditLogError} `DUPLICATE_ENTRY` when an id of an `adopted` record is in the log, or an end of a call that one `endsOnce`;
   *   `WRITE_FAILED`, `LOG_BUSY`, `READ_ONLY`: none is in the log.
   *   `SYNC_FAILED`, `LOG_REPLACED`: unknown; the log gets no further calls of this method.
   */
  append(
    records: readonly LogRecord[],
    written?: (lines: WrittenLines) => void,
  ): number | Promise<number>;
  /**
   * Does what {@link LogStore.append} does, before it returns: for a store that has nothing to wait for. It is then
   * called instead.
   */
  appendNow?(records: readonly LogRecord[]): number;
  /**
   * Reconciles the store with what appends that failed have left, where some of their records may be in the log all the same:
   * those that are there when this resolves are durable, and no others will be.
   *
   * @throws {AuditLogError} As {@link LogStore.append}.
   */
  reconcile?(): Promise<void>;
  /** The index of the entry with this id, the first such where several have it. */
  indexOf(entryId: string): Promise<number | undefined>;
  /**
   * The records that a selection asks for, in its order, in chunks that bound the memory used. It sees
   * the log as it was when the first chunk was asked for.
   */
  read(selection: Selection): AsyncIterable<readonly LogRecord[]>;
  /** How many records {@link LogStore.read} would return. */
  count(selection: Selection): Promise<number>;
  /** What the store can tell about itself. */
  info(): Promise<StoreInfo>;
  /** Releases what the store holds. Called once, after the last append. */
  close(): Promise<void>;
}

import type { RecordsChecked } from "../ports.ts";
import type { FullTile } from "../transparency/tree.ts";
import type { TileId } from "../transparency/tile.ts";

/** A record as it is stored, with what its backend found wrong with it. */
export interface InspectedRecord {
  /**
   * The stored bytes, valid until the next chunk is asked for; a text means its UTF-8. `undefined` for what should be
   * there and is not.
   */
  readonly bytes: string | Uint8Array | undefined;
  /** The entry's id, where it is known. */
  readonly entryId: string | undefined;
  /** What beside the bytes does not fit them, or why they are no record; one sentence each. */
  readonly faults: readonly string[];
}

/** A record with something wrong about it, or something that should be there and is not. */
export interface FaultyRecord {
  /** Which of the records that were checked together; the first is 0. */
  readonly position: number;
  /** The entry's id, where it is known. */
  readonly entryId: string | undefined;
  /** What is wrong; one sentence each. */
  readonly faults: readonly string[];
}

/** What was found of some records. */
export interface FoundRecords extends RecordsChecked {
  /** What is wrong. */
  readonly faulty: readonly FaultyRecord[];
}

/** Records that were compared with what is kept beside them, and hashed, where they were read. */
export interface CheckedRecords extends FoundRecords {
  /** The id of one of their entries, the first is 0, where it is known. */
  idOf(position: number): Promise<string | undefined>;
}

/** A signed checkpoint, and the size that it is about. */
export interface StoredCheckpoint {
  /** How many records it covers. */
  readonly size: number;
  /** The signed note. */
  readonly note: string;
}

/** A checkpoint as it is kept, with what its backend found wrong with how it is kept. */
export interface InspectedCheckpoint extends StoredCheckpoint {
  /** What beside the note is not as it should be; one sentence each. */
  readonly faults: readonly string[];
}

/**
 * What a backend keeps beside its records to make the log checkable: tiles of the Merkle tree, which are derived and
 * may be lost, and signed checkpoints, which are not.
 *
 * `tests/conformance/tree_store.ts` says in code what is written here in words.
 */
export interface TreeStore {
  /**
   * How many records there are from the first on to the last that is acknowledged, those of other processes counted. Without
   * it, all that the store counts are.
   */
  acknowledged?(): Promise<number>;
  /**
   * The stored bytes of the records from one index to before another, in chunks that bound memory.
   *
   * @throws {AuditLogError} `READ_FAILED`.
   */
  lines(from: number, to: number): AsyncIterable<readonly (string | Uint8Array)[]>;
  /**
   * All records, read without trust in anything derived from them, and compared with what is: columns, indexes. In
   * chunks that bound memory; it sees the log as it was when the first chunk was asked for.
   *
   * @throws {AuditLogError} `READ_FAILED`.
   */
  inspect(): AsyncIterable<readonly InspectedRecord[] | CheckedRecords>;
  /**
   * What is not as this library made it, of all that guards the records or shows them; one sentence each. Without it, there is
   * nothing of the kind.
   *
   * @throws {AuditLogError} `READ_FAILED`.
   */
  inspectLayout?(): Promise<readonly string[]>;
  /** How many tiles of a level are kept, from the first on without a gap. */
  tileCount(level: number): Promise<number>;
  /** The 8192 bytes of a tile, or `undefined` when it is not kept. */
  tile(id: TileId): Promise<Uint8Array | undefined>;
  /** The roots of the tiles of a level from one index to before another, as far as they are kept. */
  tileRoots(level: number, from: number, to: number): Promise<readonly Uint8Array[]>;
  /**
   * Keeps tiles; those that are there already stay as they are. They need not be on the disk when this resolves.
   *
   * @returns Whether they are kept: not where the log is only read.
   */
  keepTiles(tiles: readonly FullTile[]): Promise<boolean>;
  /** Forgets all tiles. */
  dropTiles(): Promise<void>;
  /**
   * Adds a checkpoint. When this resolves it is on the disk, and so are all records that it covers, whatever the log's
   * durability: nobody may see a signature for what a crash could still take away.
   *
   * @param tiles To be kept with it, whether it is added or not; as by {@link TreeStore.keepTiles}. One transaction costs less than two:
   *   while either is written, nobody records.
   * @returns Whether it was added: not behind one that covers more, as another process may have kept meanwhile. So no
   * checkpoint says of a later time that the log was smaller.
   * @throws {AuditLogError} `WRITE_FAILED`, `SYNC_FAILED`, `LOG_BUSY`, `READ_ONLY`.
   */
  keepCheckpoint(checkpoint: StoredCheckpoint, tiles: readonly FullTile[]): Promise<boolean>;
  /** All checkpoints, in the order in which they were added, in chunks. What is none any more is given as its note. */
  checkpoints(): AsyncIterable<readonly InspectedCheckpoint[]>;
  /** The note of the checkpoint that was added last, or `undefined`. */
  lastCheckpoint(): Promise<string | undefined>;
}

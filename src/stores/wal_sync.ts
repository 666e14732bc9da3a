import type { FileAdapter, OpenFile } from "../ports.ts";
import { unconfirmed } from "./faults.ts";
import { SyncQueue } from "./sync_queue.ts";

/**
 * Waits for the disk in SQLite's stead, while the connection is already at the next transaction.
 *
 * A commit with `synchronous = NORMAL` leaves its frames at the end of the write-ahead log and does not wait until they are on
 * the disk. Once that file is synced, they are as durable as after a commit with `FULL`. SQLite still waits where it has to: the
 * write-ahead log is on the disk before pages are copied from it, and the copies are before it is begun anew
 * (https://sqlite.org/pragma.html#pragma_synchronous, https://sqlite.org/wal.html).
 *
 * SQLite has no lock on that file that closing it could free.
 */
export class WalSync {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #syncs: SyncQueue;

  private constructor(file: OpenFile, path: string) {
    this.#file = file;
    this.#path = path;
    this.#syncs = new SyncQueue(file);
  }

  /**
   * Opens the write-ahead log of a database.
   *
   * @param files The files.
   * @param path The database.
   * @param identity That of the write-ahead log which the database has open.
   * @returns Nothing where it is not that file, or may not be opened or synced.
   */
  static async open(
    files: FileAdapter,
    path: string,
    identity: string | undefined,
  ): Promise<WalSync | undefined> {
    if (identity === undefined) return undefined;
    let file: OpenFile | undefined;
    try {
      file = await files.open(`${path}-wal`, "append");
      if ((await file.stat()).identity === identity) {
        // Node's permission model lets SQLite sync a file, and nobody else.
        await file.sync();
        return new WalSync(file, path);
      }
    } catch {
      // SQLite is left to wait for the disk.
    }
    await file?.close();
    return undefined;
  }

  /**
   * Resolves when all that was committed before is on the disk.
   *
   * @throws {AuditLogError} `SYNC_FAILED`, now and from now on.
   */
  sync(): Promise<void> {
    return this.#told(this.#syncs.sync());
  }

  /**
   * Resolves when no sync is under way.
   *
   * @throws {AuditLogError} `SYNC_FAILED` when one has failed.
   */
  settled(): Promise<void> {
    return this.#told(this.#syncs.settled);
  }

  async #told(synced: Promise<void>): Promise<void> {
    try {
      await synced;
    } catch (error) {
      throw unconfirmed(this.#path, error);
    }
  }

  /** Closes the file, after what is under way. */
  async close(): Promise<void> {
    await this.#syncs.settled.catch(() => {}); // it was told
    await this.#file.close();
  }
}

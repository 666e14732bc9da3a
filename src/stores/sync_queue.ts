import type { OpenFile } from "../ports.ts";

/**
 * Has the disk take what was written to a file: for one write after the other, and for none after a sync that failed. A disk
 * tells of an error once, to whoever asks first.
 */
export class SyncQueue {
  readonly #file: OpenFile;
  #last: Promise<void> = Promise.resolve();
  #tookMs = Infinity;

  /** @param file The file; it stays the caller's to close. */
  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** How long the disk took last, milliseconds. */
  get tookMs(): number {
    return this.#tookMs;
  }

  /** Resolves when what was asked for so far is on the disk; rejects from the first failure on. */
  get settled(): Promise<void> {
    return this.#last;
  }

  /**
   * Resolves when all that was written before is on the disk; rejects from the first failure on.
   *
   * @param isShort See {@link OpenFile.sync}.
   */
  sync(isShort = false): Promise<void> {
    this.#last = this.#last.then(async () => {
      const start = performance.now();
      await this.#file.sync(isShort);
      this.#tookMs = performance.now() - start;
    });
    this.#last.catch(() => {}); // it is awaited by whoever asked, maybe after something else has failed
    return this.#last;
  }
}

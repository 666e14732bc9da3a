import type { OpenFile } from "../ports.ts";

/**
 * Has the disk take what was written to a file: for one write after the other, and for none after a sync that failed. A disk
 * tells of an error once, to whoever asks first.
 */
export class SyncQueue {
  readonly #file: OpenFile;
  #last: Promise<void> = Promise.resolve();
  /** How many syncs are under way, and have failed. */
  #open = 0;
  #tookMs = Infinity;
  #tookBeforeMs = Infinity;

  /** @param file The file; it stays the caller's to close. */
  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** How long the disk takes, milliseconds: the less of the last two times. Any disk is slow now and then. */
  get takesMs(): number {
    return Math.min(this.#tookMs, this.#tookBeforeMs);
  }

  /** Whether no sync is under way, and none has failed. */
  get isSettled(): boolean {
    return this.#open === 0;
  }

  /** Resolves when what was asked for so far is on the disk; rejects from the first failure on. */
  get settled(): Promise<void> {
    return this.#last;
  }

  /** Resolves when all that was written before is on the disk; rejects from the first failure on. */
  sync(): Promise<void> {
    this.#open++;
    this.#last = this.#last.then(async () => {
      const start = performance.now();
      await this.#file.sync();
      this.#took(start);
    });
    this.#last.catch(() => {}); // it is awaited by whoever asked, maybe after something else has failed
    return this.#last;
  }

  /**
   * Has the calling thread wait until all that was written before is on the disk, if it need not wait for another sync, too.
   *
   * @returns Nothing if it is there; else what {@link SyncQueue.sync} does.
   */
  syncAtOnce(): Promise<void> | undefined {
    const { atOnce } = this.#file;
    if (atOnce === undefined || !this.isSettled) return this.sync();
    this.#open++;
    const start = performance.now();
    try {
      atOnce.sync();
    } catch (error) {
      this.#last = Promise.reject(error);
      this.#last.catch(() => {}); // as above
      return this.#last;
    }
    this.#took(start);
  }

  #took(start: number): void {
    this.#tookBeforeMs = this.#tookMs;
    this.#tookMs = performance.now() - start;
    this.#open--;
  }
}

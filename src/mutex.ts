/** Lets asynchronous sections of one handle run one after the other. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** Whether no section is under way or waits. */
  get isFree(): boolean {
    return this.#count === 0;
  }

  /** Runs a section once all that were asked for before it have ended. */
  run<T>(section: () => Promise<T>): Promise<T> {
    this.#count++;
    const result = this.#last.then(section);
    const ended = (): void => void this.#count--;
    this.#last = result.then(ended, ended);
    return result;
  }
}

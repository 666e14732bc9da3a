/** Lets asynchronous sections of one handle run one after the other. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a section once all that were asked for before it have ended. */
  run<T>(section: () => Promise<T>): Promise<T> {
    const result = this.#last.then(section);
    this.#last = result.catch(() => {});
    return result;
  }
}

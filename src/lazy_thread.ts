import { reasonOf } from "./transparency/failure.ts";

const NOT_NEEDED = "no other was needed so far";
const STARTING = "another is being started";
const NONE = "the runtime or the driver has no other";

/** A thread that is started when it is first worth it, and never again once it failed. */
export class LazyThread<T> {
  readonly #start: (() => Promise<T>) | undefined;
  #starting: Promise<void> | undefined;
  #thread: T | undefined;
  #failure: string | undefined;

  /** @param start Starts it, where there are any. */
  constructor(start: (() => Promise<T>) | undefined) {
    this.#start = start;
  }

  /** Where the work is done, for people. */
  get place(): string {
    if (this.ready !== undefined) return "another thread";
    const reason = this.#failure ?? (this.#starting === undefined ? NOT_NEEDED : STARTING);
    return `this thread: ${reason}`;
  }

  /** The thread, if it runs and has not failed. */
  get ready(): T | undefined {
    return this.hasFailed ? undefined : this.#thread;
  }

  /** Whether there is none, or none any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** What was started, failed or not: it is to be closed. */
  get started(): T | undefined {
    return this.#thread;
  }

  /** Starts it, once. Resolves when that is done, or has failed; rejects never. */
  start(): Promise<void> {
    return this.#starting ??= this.#begin();
  }

  /** Resolves when no start is under way. */
  async settled(): Promise<void> {
    await this.#starting;
  }

  /** Takes note that it cannot be used any more. The first reason stays. */
  fail(reason: unknown): void {
    this.#failure ??= reasonOf(reason);
  }

  async #begin(): Promise<void> {
    try {
      if (this.#start === undefined) throw new Error(NONE);
      this.#thread = await this.#start();
    } catch (error) {
      this.fail(error);
    }
  }
}

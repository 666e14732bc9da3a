import { setBackgroundTimeout } from "../background_timer.ts";
import { counted } from "../counted.ts";
import type { Warn } from "../warning.ts";
import { reasonOf } from "./failure.ts";

/** Hands a checkpoint to somebody outside, who keeps it. */
export type Publish = (checkpoint: string) => void | Promise<void>;

/** How many checkpoints wait to be published; beyond, the oldest are passed over: a newer one says more. */
const MOST_WAITING = 100;
/** The pause after a failure, milliseconds; doubled after each. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;
/** How long closing waits for a publish that does not end, milliseconds. */
const CLOSING_MS = 10_000;

/** Publishes checkpoints one after the other, and tries again what fails; it never holds up whoever records. */
export class Publisher {
  readonly #publish: Publish;
  readonly #warn: Warn;
  #waiting: string[] = [];
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #firstPause: number;
  #pause: number;
  #closed = false;
  /** Whether checkpoints are passed over, as was told, and some still wait. */
  #passesOver = false;

  /**
   * @param publish The caller's own.
   * @param warn Whom to tell of failures.
   * @param firstPauseMs The pause after a failure, milliseconds.
   */
  constructor(publish: Publish, warn: Warn, firstPauseMs: number = FIRST_PAUSE_MS) {
    this.#publish = publish;
    this.#warn = warn;
    this.#firstPause = this.#pause = firstPauseMs;
  }

  /** Publishes a checkpoint after those that wait. */
  add(note: string): void {
    if (this.#closed) return; // it is in the log
    this.#waiting.push(note);
    if (this.#waiting.length > MOST_WAITING) this.#passOver();
    this.#try();
  }

  /** Tries once more what waits, and ends. */
  async close(): Promise<void> {
    await this.#bounded();
    if (this.#waiting.length > 0 && this.#running === undefined) {
      this.#try();
      await this.#bounded();
    }
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    const one = this.#waiting.length === 1;
    this.#warn({
      code: "PUBLISH_FAILED",
      message:
        `${
          counted(this.#waiting.length, "checkpoint")
        } could not be published before the log was closed; ` +
        (one ? "it is in the log alone: publish it" : "they are in the log alone: publish them") +
        ", or the next one, which covers as much",
    });
    this.#waiting = [];
  }

  #try(): void {
    clearTimeout(this.#timer);
    this.#running ??= this.#run().then((isDone) => {
      this.#running = undefined;
      // One may have come after the last look.
      if (isDone && this.#waiting.length > 0) this.#try();
    });
  }

  /** @returns Whether all were published; otherwise it is tried again after a pause. */
  async #run(): Promise<boolean> {
    while (this.#waiting.length > 0) {
      const [note] = this.#waiting;
      try {
        await this.#publish(note!);
      } catch (error) {
        this.#later(error);
        return false;
      }
      this.#pause = this.#firstPause;
      // It may have been passed over meanwhile.
      if (this.#waiting[0] === note) this.#waiting.shift();
    }
    this.#passesOver = false;
    return true;
  }

  #passOver(): void {
    this.#waiting.shift();
    if (this.#passesOver) return;
    this.#passesOver = true;
    this.#warn({
      code: "PUBLISH_FAILED",
      message:
        `More than ${MOST_WAITING} checkpoints wait to be published; the oldest are passed over ` +
        "until all that wait are: they are in the log, and newer ones cover as much",
    });
  }

  #later(error: unknown): void {
    this.#warn({
      code: "PUBLISH_FAILED",
      message: `A checkpoint could not be published: ${
        reasonOf(error)
      }; it is in the log, and will be tried again`,
    });
    if (this.#closed) return;
    this.#timer = setBackgroundTimeout(() => this.#try(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }

  async #bounded(): Promise<void> {
    if (this.#running === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSING_MS));
    await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
  }
}

import { setBackgroundTimeout } from "../background_timer.ts";
/** When checkpoints are signed by themselves. */
export interface ScheduleSettings {
  /** After how many entries. */
  readonly everyEntries: number;
  /** After how many milliseconds, also when nothing was recorded. */
  readonly everyMs: number;
}

/** The longest time that a timer takes, milliseconds; longer ones would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Has checkpoints signed after so many entries and so much time. */
export class CheckpointSchedule {
  readonly #settings: ScheduleSettings;
  readonly #make: () => Promise<number | undefined>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param make Makes a checkpoint, and tells how many entries no checkpoint covers then, or `undefined` when it could
   * not; never rejects.
   */
  constructor(settings: ScheduleSettings, make: () => Promise<number | undefined>) {
    this.#settings = settings;
    this.#make = make;
    this.#arm();
  }

  /** Takes note of how many entries are covered by no checkpoint. */
  seen(uncovered: number): void {
    if (uncovered >= this.#settings.everyEntries) this.#begin();
  }

  /** Ends; resolves when the checkpoint that is being made is made. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#timer);
  }

  #begin(): void {
    this.#running ??= this.#make().then((uncovered) => {
      this.#running = undefined;
      this.#arm();
      // What was recorded meanwhile may be enough for the next. After a failure it waits for more, or for its time.
      if (uncovered !== undefined) this.seen(uncovered);
    });
  }

  /** From now on it is that long until the next. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#settings.everyMs > LONGEST_TIMER_MS) return;
    this.#timer = setBackgroundTimeout(() => this.#begin(), this.#settings.everyMs);
  }
}

import { storageIfAny } from "./context.ts";
import { AuditLogError } from "./errors.ts";
import { checkFields } from "./known_fields.ts";
import type { AsyncStorage } from "./ports.ts";
import { describe } from "./refusal.ts";
import { reasonOf } from "./transparency/failure.ts";
import type { Warn } from "./warning.ts";

/** Options of {@link AuditLog.beforeClose}. */
export interface BeforeCloseOptions {
  /** How long `close()` waits for the work at most, milliseconds, an integer from 1 to 2^31 - 1. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Whether it begins only when all other work is done, because that may bring it more to do. Default `false`. */
  readonly last?: boolean | undefined;
}

/** What is done before a log is closed. */
type Work = () => void | Promise<void>;

/** Of work that was not done. */
const NOT_DONE = "Work that was to be done before the log was closed";

interface Added {
  readonly work: Work;
  readonly timeoutMs: number;
  readonly last: boolean;
}

/** The work that is to be done before a log is closed. Nothing of it keeps the log from being closed. */
export class BeforeClose {
  readonly #warn: Warn;
  readonly #works = new Set<Added>();
  /** Within work, and whatever it starts: to be called when it is not to be waited for any longer. */
  #leaving: AsyncStorage<() => void> | undefined;
  #begun = false;

  /** @param warn Told of work that was not done. */
  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** See {@link AuditLog.beforeClose}. */
  add(work: Work, options: BeforeCloseOptions): () => void {
    if (typeof work !== "function") throw invalid("", `it is a function, not ${describe(work)}`);
    checkFields(options, ["timeoutMs", "last"], "an option of beforeClose()", invalid);
    const { timeoutMs = 30_000, last = false } = options;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs >= 2 ** 31) {
      throw invalid("timeoutMs", "must be an integer from 1 to 2^31 - 1");
    }
    if (typeof last !== "boolean") throw invalid("last", "must be true or false");
    const added = { work, timeoutMs, last };
    if (!this.#begun) this.#works.add(added);
    return () => void this.#works.delete(added);
  }

  /** Does all of it, and resolves when it is done or has had its time. Nothing where nothing is to be waited for. */
  run(): Promise<unknown> | undefined {
    this.#begun = true;
    if (this.#works.size > 0) this.#leaving = storageIfAny();
    const first = this.#begin(false);
    return first === undefined ? this.#begin(true) : first.then(() => this.#begin(true));
  }

  /** To be called when the log is asked to be closed: work that waits for that would wait for itself. */
  closeAsked(): void {
    this.#leaving?.getStore()?.();
  }

  /** Begins what is to come last, or all else. */
  #begin(last: boolean): Promise<unknown> | undefined {
    const waiting: Promise<void>[] = [];
    for (const added of [...this.#works]) {
      // What was taken back meanwhile is not done.
      if (added.last !== last || !this.#works.delete(added)) continue;
      const { work, timeoutMs } = added;
      let leave!: () => void;
      const left = new Promise<"left">((resolve) => leave = () => resolve("left"));
      try {
        const done = this.#leaving === undefined ? work() : this.#leaving.run(leave, work);
        if (done !== undefined) waiting.push(this.#ended(done, left, timeoutMs));
      } catch (error) {
        this.#failed(error);
      }
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting);
  }

  async #ended(done: Promise<void>, left: Promise<"left">, timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    try {
      const how = await Promise.race([Promise.resolve(done).then(() => "done"), left, late]);
      if (how === "left") {
        this.#tell(`${NOT_DONE} called close(), which waits for it: it is waited for no longer`);
      } else if (how === "late") {
        this.#tell(`${NOT_DONE} is not done after ${timeoutMs} ms; it must not wait for close()`);
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(error: unknown): void {
    this.#tell(`${NOT_DONE} failed: ${reasonOf(error)}`);
  }

  #tell(message: string): void {
    this.#warn({ code: "BEFORE_CLOSE_FAILED", message });
  }
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot add work before the close: ${path === "" ? "" : `${path} `}${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

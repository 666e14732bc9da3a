import { AuditLogError } from "./errors.ts";
import { checkFields } from "./known_fields.ts";
import { describe } from "./refusal.ts";
import { reasonOf } from "./transparency/failure.ts";
import type { Warn } from "./warning.ts";

/** How {@link AuditLog.beforeClose} goes about it. */
export interface BeforeCloseOptions {
  /** How long `close()` waits for the work at most, milliseconds, an integer from 1 to 2^31 - 1. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** What is done before a log is closed. */
type Work = () => void | Promise<void>;

/** Of work that was not done. */
const NOT_DONE = "Work that was to be done before the log was closed";

/** The work that is to be done before a log is closed. Nothing of it keeps the log from being closed. */
export class BeforeClose {
  readonly #warn: Warn;
  readonly #works = new Set<{ readonly work: Work; readonly timeoutMs: number }>();
  #begun = false;

  /** @param warn Told of work that was not done. */
  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** See {@link AuditLog.beforeClose}. */
  add(work: Work, options: BeforeCloseOptions): () => void {
    if (typeof work !== "function") throw invalid("", `it is a function, not ${describe(work)}`);
    checkFields(options, ["timeoutMs"], "an option of beforeClose()", invalid);
    const { timeoutMs = 30_000 } = options;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs >= 2 ** 31) {
      throw invalid("timeoutMs", "must be an integer from 1 to 2^31 - 1");
    }
    const added = { work, timeoutMs };
    if (!this.#begun) this.#works.add(added);
    return () => void this.#works.delete(added);
  }

  /** Begins all of it, and resolves when it is done or has had its time. Nothing where nothing is to be waited for. */
  run(): Promise<unknown> | undefined {
    this.#begun = true;
    const waiting: Promise<void>[] = [];
    const works = [...this.#works];
    this.#works.clear();
    for (const { work, timeoutMs } of works) {
      try {
        const done = work();
        if (done !== undefined) waiting.push(this.#ended(done, timeoutMs));
      } catch (error) {
        this.#failed(error);
      }
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting);
  }

  async #ended(done: Promise<void>, timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), timeoutMs);
    });
    try {
      const isLate = await Promise.race([Promise.resolve(done).then(() => false), late]);
      if (isLate) this.#tell(`${NOT_DONE} is not done after ${timeoutMs} ms`);
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
    try {
      this.#warn({ code: "BEFORE_CLOSE_FAILED", message });
    } catch {
      // The log is closed whatever is thrown.
    }
  }
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot add work before the close: ${path === "" ? "" : `${path} `}${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

import { type AuditLog, AuditLogError } from "../../mod.ts";
import { outOfContext } from "../../adapters/async_storage.ts";
import { setBackgroundTimeout } from "./background_timer.ts";

/** How many ends of calls are kept to be tried again. */
const MOST = 1000;
/** How many characters their texts have at most, all together. */
const MOST_LENGTH = 32 * 1024 * 1024;
/** How many calls a gap names. */
const MOST_NAMED = 100;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** What may be gone when the same is tried again. */
const PASSING: readonly string[] = ["WRITE_FAILED", "LOG_BUSY", "READ_FAILED", "PERMISSION_DENIED"];

/** The end of a call that is to be written. */
export interface CallEnd {
  readonly callId: string;
  /** About how many characters it keeps in memory. */
  readonly length: number;
  /** Writes it, or tries again. */
  write(): Promise<unknown>;
  /** Told each time that it could not be written. */
  tell(error: unknown, willRetry: boolean): void;
}

const ofLogs = new WeakMap<AuditLog, Unrecorded>();

/**
 * What of a log's captured calls could not be recorded, as it should have been: it is tried again, for a last time before the
 * log is closed, and when the log works again a gap entry tells how many entries were lost for good.
 */
export class Unrecorded {
  readonly #log: AuditLog;
  /** What leads to ends that are written for the first time. */
  readonly #underWay = new Set<Promise<void>>();
  readonly #waiting: CallEnd[] = [];
  #length = 0;
  #lost = 0;
  readonly #calls: string[] = [];
  readonly #reasons = new Map<string, number>();
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  /** Whether the log is about to be closed: nothing is kept any more. */
  #isClosing = false;

  private constructor(log: AuditLog) {
    this.#log = log;
    // Other work may end calls.
    log.beforeClose(() => this.#close(), { last: true });
  }

  /** That of a log, which all wrappers share. */
  static of(log: AuditLog): Unrecorded {
    let found = ofLogs.get(log);
    if (found === undefined) ofLogs.set(log, found = new Unrecorded(log));
    return found;
  }

  /** Has the log wait, when it is closed, for what will write the end of a call; it must not reject. */
  hold(work: Promise<void>): Promise<void> {
    this.#underWay.add(work);
    return work.finally(() => this.#underWay.delete(work));
  }

  /** Writes the end of a call, which is held. Resolves when that is done, or was told not to be; rejects never. */
  async write(end: CallEnd): Promise<void> {
    try {
      await end.write();
      this.works();
    } catch (error) {
      const hasRoom = this.#waiting.length < MOST && this.#length + end.length <= MOST_LENGTH;
      if (hasRoom && isPassing(error) && !this.#isClosing) {
        this.#waiting.push(end);
        this.#length += end.length;
        end.tell(error, true);
      } else this.#lose(end, error);
      this.#retryLater();
    }
  }

  /** To be called when something was recorded: the log works. */
  works(): void {
    if (this.#waiting.length === 0 && this.#lost === 0) return;
    void this.retry();
  }

  /** Tries again what waits, and tells of what is lost. Resolves when there is nothing more to do for now; rejects never. */
  retry(): Promise<void> {
    // In nobody's context: whoever made the log be tried again has nothing to do with what waits.
    return this.#running ??= outOfContext(() => this.#retry())
      .finally(() => this.#running = undefined);
  }

  async #retry(): Promise<void> {
    while (this.#waiting.length > 0) {
      const [end] = this.#waiting as [CallEnd];
      let fault: { readonly error: unknown } | undefined;
      try {
        await end.write();
      } catch (error) {
        if (isPassing(error) && !this.#isClosing) return this.#retryLater();
        fault = { error };
      }
      this.#waiting.shift();
      this.#length -= end.length;
      if (fault !== undefined) this.#lose(end, fault.error);
    }
    if (this.#lost === 0) this.#pauseMs = FIRST_PAUSE_MS;
    else await this.#tellGap();
  }

  async #tellGap(): Promise<void> {
    const [lost, calls] = [this.#lost, this.#calls.splice(0)];
    const reasons = Object.fromEntries(this.#reasons);
    this.#lost = 0;
    this.#reasons.clear();
    try {
      await this.#log.recordGap({ lost, calls, reasons });
      this.#pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      this.#lost += lost;
      this.#calls.unshift(...calls);
      for (const [reason, count] of Object.entries(reasons)) this.#count(reason, count);
      if (isPassing(error)) this.#retryLater();
    }
  }

  /** Before the log is closed: what waits is tried once more, and what is not written then is lost. */
  #close(): void | Promise<void> {
    const isIdle = this.#waiting.length === 0 && this.#lost === 0 && this.#underWay.size === 0 &&
      this.#running === undefined;
    if (!isIdle) return this.#finish();
    this.#isClosing = true;
  }

  async #finish(): Promise<void> {
    // One may lead to another, and an end may come to wait.
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    await this.#running;
    this.#isClosing = true;
    clearTimeout(this.#timer);
    await this.retry();
  }

  #lose(end: CallEnd, error: unknown): void {
    this.#lost++;
    if (this.#calls.length < MOST_NAMED) this.#calls.push(end.callId);
    this.#count(error instanceof AuditLogError ? error.code : "UNKNOWN", 1);
    end.tell(error, false);
  }

  #count(reason: string, count: number): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + count);
  }

  #retryLater(): void {
    if (this.#timer !== undefined || this.#isClosing) return;
    this.#timer = setBackgroundTimeout(() => {
      this.#timer = undefined;
      void this.retry();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof AuditLogError && PASSING.includes(error.code);
}

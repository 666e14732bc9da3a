import { type AuditLog, AuditLogError } from "../../mod.ts";

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

/** The end of a call that could not be written. */
export interface UnrecordedEnd {
  readonly callId: string | undefined;
  /** About how many characters it keeps in memory. */
  readonly length: number;
  /** Tries again. */
  write(): Promise<unknown>;
}

const ofLogs = new WeakMap<AuditLog, Unrecorded>();

/**
 * What of a log's captured calls could not be recorded, as it should have been: it is tried again, and when the log works again
 * a gap entry tells how many entries were lost for good.
 */
export class Unrecorded {
  readonly #log: AuditLog;
  #waiting: UnrecordedEnd[] = [];
  #length = 0;
  #lost = 0;
  readonly #calls: string[] = [];
  readonly #reasons = new Map<string, number>();
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  private constructor(log: AuditLog) {
    this.#log = log;
  }

  /** That of a log, which all wrappers share. */
  static of(log: AuditLog): Unrecorded {
    let found = ofLogs.get(log);
    if (found === undefined) ofLogs.set(log, found = new Unrecorded(log));
    return found;
  }

  /** Takes the end of a call that could not be written; says whether it will be tried again. */
  add(end: UnrecordedEnd, error: unknown): boolean {
    const hasRoom = this.#waiting.length < MOST && this.#length + end.length <= MOST_LENGTH;
    const isKept = hasRoom && isPassing(error);
    if (isKept) {
      this.#waiting.push(end);
      this.#length += end.length;
    } else this.#lose(end, error);
    this.#retryLater();
    return isKept;
  }

  /** To be called when something was recorded: the log works. */
  works(): void {
    if (this.#waiting.length === 0 && this.#lost === 0) return;
    void this.retry();
  }

  /** Tries again what waits, and tells of what is lost. Resolves when there is nothing more to do for now; rejects never. */
  retry(): Promise<void> {
    return this.#running ??= this.#retry().finally(() => this.#running = undefined);
  }

  async #retry(): Promise<void> {
    while (this.#waiting.length > 0) {
      const [end] = this.#waiting as [UnrecordedEnd];
      try {
        await end.write();
      } catch (error) {
        if (isPassing(error)) return this.#retryLater();
        this.#lose(end, error);
      }
      this.#waiting.shift();
      this.#length -= end.length;
    }
    if (this.#lost === 0) return;
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

  #lose({ callId }: UnrecordedEnd, error: unknown): void {
    this.#lost++;
    if (callId !== undefined && this.#calls.length < MOST_NAMED) this.#calls.push(callId);
    this.#count(error instanceof AuditLogError ? error.code : "UNKNOWN", 1);
  }

  #count(reason: string, count: number): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + count);
  }

  #retryLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.retry();
    }, this.#pauseMs);
    // It shall not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof AuditLogError && PASSING.includes(error.code);
}

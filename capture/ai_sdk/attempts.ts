import type { CapturedCall } from "../shared/captured_call.ts";
import { looseOf } from "../shared/loose.ts";
import { plainJson } from "../shared/plain_json.ts";
import { isAbort, type RecordedEnd } from "../shared/recorded_parts.ts";

/** How long after a failure the same request is another attempt: the AI SDK waits a minute at most where it is told to. */
const LONGEST_PAUSE_MS = 120_000;
/** How many failures are kept. */
const MOST = 1000;

interface Failure {
  /** What was asked; known once it is ready. */
  key?: string;
  readonly ready: Promise<void>;
  /** The attempt that failed. */
  readonly attempt: number;
  readonly atMs: number;
}

/**
 * Counts attempts. The AI SDK calls a model anew for each, and tells it nothing: `streamText()` even makes its prompt anew. So
 * the same request to the same model soon after one that failed, and that may be tried again, is taken for the next
 * attempt. Each failure counts once, so that two alike that run at a time do not count each other's. As long as
 * nothing has failed, there is nothing to compare.
 */
export class Attempts {
  readonly #failures: Failure[] = [];

  /**
   * An attempt at a request that is about to be made.
   *
   * @param asked What makes it the same: the model, the content.
   */
  async begin(asked: readonly unknown[]): Promise<Attempt> {
    this.#forget();
    if (this.#failures.length === 0) return new Attempt(1, asked, this);
    const key = await keyOf(asked);
    await Promise.all(this.#failures.map(({ ready }) => ready));
    const index = this.#failures.findIndex((failure) => failure.key === key);
    const [before] = index < 0 ? [] : this.#failures.splice(index, 1);
    return new Attempt((before?.attempt ?? 0) + 1, asked, this);
  }

  /** Keeps that an attempt failed: at once, for the next may begin at any time. */
  failed(asked: readonly unknown[], attempt: number): void {
    const failure: Failure = {
      ready: keyOf(asked).then((key) => void (failure.key = key), () => {}),
      attempt,
      atMs: performance.now(),
    };
    this.#failures.push(failure);
    if (this.#failures.length > MOST) this.#failures.shift();
  }

  #forget(): void {
    const since = performance.now() - LONGEST_PAUSE_MS;
    while (this.#failures.length > 0 && this.#failures[0]!.atMs < since) this.#failures.shift();
  }
}

/** One attempt at a request. */
export class Attempt {
  /** Which it is, from 1. */
  readonly number: number;
  readonly #asked: readonly unknown[];
  readonly #attempts: Attempts;
  #hasFailed = false;

  /** Attempts are made by {@link Attempts.begin}. */
  constructor(number: number, asked: readonly unknown[], attempts: Attempts) {
    this.number = number;
    this.#asked = asked;
    this.#attempts = attempts;
  }

  /** To be called when it failed, or a stream told of an error. */
  failed(error: unknown): void {
    if (this.#hasFailed || isAbort(error) || looseOf(error)["isRetryable"] === false) return;
    this.#hasFailed = true;
    this.#attempts.failed(this.#asked, this.number);
  }

  /** A call's end, which this learns of when it is a failure. */
  endOf(call: CapturedCall): RecordedEnd {
    return {
      firstOutput: () => call.firstOutput(),
      hold: (work) => call.hold(work),
      complete: (response) => call.complete(response),
      abort: (remains, reason) => call.abort(remains, reason),
      fail: (error, remains) => {
        this.failed(error);
        return call.fail(error, remains);
      },
    };
  }
}

/** A digest, so that no prompt is kept. */
async function keyOf(asked: readonly unknown[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(plainJson(asked)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return String.fromCharCode(...digest);
}

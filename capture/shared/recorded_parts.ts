import type { CapturedCall, CapturedRemains, CapturedResponse } from "./captured_call.ts";
import { looseOf } from "./loose.ts";

/** What a stream has brought, and the error that it says to have ended with. */
export interface StreamedResponse extends CapturedResponse {
  readonly error?: unknown;
}

/** Puts together what a stream brings. */
export interface PartsReader<Part> {
  /**
   * Takes a part.
   *
   * @returns Whether it brought some of the answer, whether the answer is complete with it, and an error that it told of. There may
   *   be more behind an error.
   */
  take(part: Part): { isOutput: boolean; isLast?: boolean; error?: unknown };
  /** Asked where the parts end, and none was the last: the error that it is, if they should not end there. */
  endedEarly?(): unknown;
  /** What came so far. */
  response(): StreamedResponse | Promise<StreamedResponse>;
}

/** Reads what comes next of a stream, and gives it on; rejects where the stream breaks. */
export type Next<Part> = <Given>(
  give: (next: ReadableStreamReadResult<Part>) => Given,
) => Promise<Given>;

/** The same, where nobody asks what became of it. */
export type Pull<Part> = (give: (next: ReadableStreamReadResult<Part>) => void) => Promise<void>;

/** What is recorded of a call's end. */
export type RecordedEnd = Pick<
  CapturedCall,
  "firstOutput" | "complete" | "fail" | "abort" | "hold"
>;

/** Whether somebody here ended it, and not the network. */
export function isAbort(error: unknown): boolean {
  const { name } = looseOf(error);
  return name === "AbortError" || name === "TimeoutError";
}

/** What a stream broke with: something, even where nobody said why. */
export function knownError(error: unknown): unknown {
  return error ?? new Error("The stream broke, and nobody said why");
}

/**
 * Records that a call ended by an error, or because somebody here wanted no more.
 *
 * @param call The call.
 * @param error What ended it.
 * @param remains What came before.
 * @param signal The caller's: whoever aborts may give any reason, and clients reject with that.
 */
export function recordError(
  call: RecordedEnd,
  error: unknown,
  remains?: CapturedRemains,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted === true) return call.abort(remains, signal.reason);
  return isAbort(error) ? call.abort(remains, error) : call.fail(error, remains);
}

/** What is recorded of a stream: all that is known of it but the stream itself, and whoever reads it. */
class Recording<Part> {
  readonly #call: RecordedEnd;
  readonly #parts: PartsReader<Part>;
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void => void this.abort();
  #told: { readonly error: unknown } | undefined;
  #ended: Promise<void> | undefined;

  constructor(call: RecordedEnd, parts: PartsReader<Part>, signal: AbortSignal | undefined) {
    this.#call = call;
    this.#parts = parts;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  /** Takes a part. Resolves when the end is recorded, if it is the last; nothing where nothing is to be waited for. */
  take(part: Part): Promise<void> | undefined {
    if (this.#ended !== undefined) return undefined;
    const { isOutput, isLast = false, error } = this.#taken(part);
    if (isOutput) this.#call.firstOutput();
    if (error !== undefined) this.#told ??= { error };
    return isLast ? this.fail(undefined) : undefined;
  }

  #taken(part: Part): ReturnType<PartsReader<Part>["take"]> {
    try {
      return this.#parts.take(part);
    } catch {
      return { isOutput: false }; // it is not what it seems, and the caller's to find out
    }
  }

  /** The stream has ended. */
  end(): Promise<void> {
    return this.#ended ??= this.#call.hold(this.#recordEnd(this.#endedEarly()));
  }

  /** The stream broke, if it did: what it told of goes before that. */
  fail(error: unknown): Promise<void> {
    return this.#ended ??= this.#call.hold(this.#recordEnd(error));
  }

  /** Nobody reads on. */
  leave(): Promise<void> {
    return this.#told === undefined ? this.abort() : this.fail(undefined);
  }

  /** Whoever asked wants no more. */
  abort(): Promise<void> {
    return this.#ended ??= this.#call.hold(this.#recordAbort());
  }

  #endedEarly(): unknown {
    try {
      return this.#told === undefined ? this.#parts.endedEarly?.() : undefined;
    } catch {
      return undefined; // what came cannot be read, which is told where it is put together
    }
  }

  async #recordAbort(): Promise<void> {
    const { error: _, ...response } = await this.#settled();
    const reason = this.#signal?.aborted === true ? this.#signal.reason : undefined;
    await this.#call.abort(response, reason);
  }

  async #recordEnd(failure: unknown): Promise<void> {
    const { error = this.#told?.error ?? failure, ...response } = await this.#settled();
    await (error === undefined
      ? this.#call.complete(response)
      : recordError(this.#call, error, response, this.#signal));
  }

  /** What came, at the end. What a provider sends may be anything, and the caller's stream shall not break for it. */
  async #settled(): Promise<StreamedResponse> {
    this.#signal?.removeEventListener("abort", this.#aborted);
    abandoned.unregister(this);
    try {
      return await this.#parts.response();
    } catch {
      return { output: "", metadata: { "stream.unreadable": true } };
    }
  }
}

/** Streams that became garbage: nobody can read them any more. */
const abandoned = new FinalizationRegistry<Pick<Recording<unknown>, "leave">>((recording) =>
  void recording.leave()
);

/**
 * Reads a stream part for part as it is asked to, and records what that brings: whoever gets the part that ends the answer gets it
 * once the end is recorded. A stream that told of an error has failed, with all that came, before it and behind. One that nobody
 * holds any more is recorded as aborted.
 */
export class RecordedReader<Part> {
  readonly #stream: ReadableStream<Part>;
  #reading: ReadableStreamDefaultReader<Part> | undefined;
  readonly #recording: Recording<Part>;

  /**
   * @param stream The stream; others may read it until this is asked to.
   * @param call Its call.
   * @param parts What puts it together; it must not hold the stream.
   * @param signal What may end it, also while nobody reads.
   */
  constructor(
    stream: ReadableStream<Part>,
    call: RecordedEnd,
    parts: PartsReader<Part>,
    signal?: AbortSignal,
  ) {
    this.#stream = stream;
    this.#recording = new Recording(call, parts, signal);
    abandoned.register(this, this.#recording, this.#recording);
  }

  get #reader(): ReadableStreamDefaultReader<Part> {
    return this.#reading ??= this.#stream.getReader();
  }

  /**
   * Reads what comes next, and gives it on as the stream's own reader has it; rejects as that does.
   *
   * @param give Takes it. Called by this, rather than by who asked, it costs a long stream one promise a part less.
   */
  next<Given>(give: (next: ReadableStreamReadResult<Part>) => Given): Promise<Given> {
    const took = (next: ReadableStreamReadResult<Part>): Given | Promise<Given> => {
      const recorded = next.done ? this.#recording.end() : this.#recording.take(next.value);
      if (recorded !== undefined) return recorded.then(() => this.#given(next, give));
      return this.#given(next, give);
    };
    try {
      return this.#reader.read().then(took, this.#broke);
    } catch (error) {
      return this.#broke(error); // somebody else reads it
    }
  }

  /** Gives a part on. Where that cannot be taken, nobody will ask for the next. */
  #given<Given>(
    next: ReadableStreamReadResult<Part>,
    give: (next: ReadableStreamReadResult<Part>) => Given,
  ): Given | Promise<Given> {
    try {
      return give(next);
    } catch (error) {
      this.#reader.cancel(error).catch(() => {});
      return this.#broke(error);
    }
  }

  readonly #broke = async (error: unknown): Promise<never> => {
    await this.#recording.fail(knownError(error));
    throw error;
  };

  /** Whoever reads wants no more. */
  async cancel(reason: unknown): Promise<void> {
    // The connection need not wait for the log.
    await Promise.all([this.#recording.leave(), this.#reader.cancel(reason)]);
  }
}

/**
 * Passes a stream on part for part, and records what it brings. Nothing is read before it is asked for.
 *
 * @param pull Makes of what reads the stream what reads the one that is given back. Default: that itself.
 */
export function recordedParts<Part>(
  stream: ReadableStream<Part>,
  call: RecordedEnd,
  parts: PartsReader<Part>,
  signal?: AbortSignal,
  pull: (next: Next<Part>) => Pull<Part> = (next) => next,
): ReadableStream<Part> {
  const reader = new RecordedReader(stream, call, parts, signal);
  const next = pull((give) => reader.next(give));
  return new ReadableStream<Part>({
    pull: (controller) =>
      next(({ done, value }) => done ? controller.close() : controller.enqueue(value)),
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

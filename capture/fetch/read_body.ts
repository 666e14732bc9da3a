import { bodyOf, type Bytes, bytesOf, GatheredBytes } from "./bytes.ts";

/** How far a body is read. */
export interface BodyLimits {
  readonly ms: number;
  readonly bytes: number;
}

/** What was read of a body. */
export interface ReadBody {
  /** All of it, or what came before it broke or a limit was reached. Whoever reads it anew takes it away. */
  readonly bytes: Bytes;
  /** Whether it ended, or broke: otherwise a limit was reached. */
  readonly isOver: boolean;
  /** What it broke with. */
  readonly error?: { readonly cause: unknown };
  /**
   * Gives the body anew: the same bytes, and it goes on, or breaks, as the one that was read. Who stops the request cannot read it.
   *
   * @param touched Called when somebody reads it, or leaves it.
   */
  anew(touched?: () => void): ReadableStream<Bytes>;
}

type Read = ReadableStreamReadResult<Bytes>;
type Reader = ReadableStreamDefaultReader<Bytes>;

/**
 * Reads a body to its end, to where it breaks, or to a limit.
 *
 * @param body The body.
 * @param limits How far.
 * @param signal That of the request.
 */
export async function readBody(
  body: ReadableStream<Bytes>,
  limits: BodyLimits,
  signal: AbortSignal | undefined,
): Promise<ReadBody> {
  const reader = body.getReader();
  const time = new Time(limits.ms);
  const gathered = new GatheredBytes();
  let next: Promise<Read> | undefined;
  const soFar = () => {
    const bytes = gathered.all;
    const pending = next;
    pending?.catch(() => {}); // nobody may read on
    const anew = (touched = () => {}) => goingOn(bytes, reader, pending, signal, touched);
    return { bytes, anew };
  };
  try {
    while (gathered.length <= limits.bytes) {
      next = reader.read();
      const read = await time.until(next);
      if (read === undefined) break;
      next = undefined;
      if (read.done) return { ...soFar(), isOver: true };
      gathered.add(bytesOf(read.value));
    }
    return { ...soFar(), isOver: false };
  } catch (cause) {
    next = Promise.reject(cause);
    return { ...soFar(), isOver: true, error: { cause } };
  } finally {
    time.end();
  }
}

/** A body of which the first bytes were read. Clients take one that breaks for something else than a request that fails. */
function goingOn(
  first: Bytes,
  reader: Reader,
  pending: Promise<Read> | undefined,
  signal: AbortSignal | undefined,
  touched: () => void,
): ReadableStream<Bytes> {
  const read: (Read | Promise<Read>)[] = first.length === 0 ? [] : [{ done: false, value: first }];
  if (pending !== undefined) read.push(pending);
  return bodyOf("bytes", async (give) => {
    touched();
    for (;;) {
      if (signal?.aborted === true) throw signal.reason;
      const next = await (read.shift() ?? reader.read());
      if (next.done) return give(next);
      // A copy, as the first is: it is taken away, and others may have it. Not by slice(), which is none where they are a `Buffer`.
      const value = bytesOf(next.value);
      const own = value.buffer === first.buffer ? value : new Uint8Array(value);
      if (own.length > 0) return give({ done: false, value: own });
    }
  }, (reason) => {
    touched();
    return reader.cancel(reason);
  });
}

/** How many turns of promises something takes that is there already. */
const TURNS = 8;

/** A time within which something is waited for. It begins with what is not there already: as a rule, all of a body came with its headers. */
class Time {
  readonly #ms: number;
  #isOver = false;
  #stop: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** What a promise resolves with, or `undefined` once the time is over. */
  async until<T>(promise: Promise<T>): Promise<T | undefined> {
    if (this.#isOver) return undefined;
    if (this.#timer === undefined) {
      let isSettled = false;
      const settle = (): void => void (isSettled = true);
      promise.then(settle, settle);
      for (let turn = 0; turn < TURNS && !isSettled; turn++) await undefined;
      if (isSettled) return await promise;
      this.#start();
    }
    return await new Promise((resolve, reject) => {
      this.#stop = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  }

  #start(): void {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#stop?.();
    }, this.#ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

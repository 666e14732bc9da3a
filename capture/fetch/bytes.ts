/** A piece of a body. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes of what a body brought: bytes as a rule; the bodies of mocks may bring texts. */
export function bytesOf(chunk: unknown): Bytes {
  if (chunk instanceof Uint8Array) return chunk as Bytes;
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
  }
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (typeof chunk === "string") return new TextEncoder().encode(chunk) as Bytes;
  throw new TypeError("Cannot read the body: it brought what is neither bytes nor text");
}

/** Bytes that come piece by piece, as one: however small the pieces are, they take no more room than about twice their size. */
export class GatheredBytes {
  #bytes: Bytes = new Uint8Array(0);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds some. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) {
      // Most bodies are one piece.
      this.#bytes = new Uint8Array(piece);
      this.#length = length;
      return;
    }
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * length, 1024));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** All of them. */
  get all(): Bytes {
    return this.#length === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }
}

/** Whether a stream is one of bytes: whoever reads it may bring buffers, and has what it brings alone. */
export function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/**
 * A body of what is read elsewhere: nothing is read before it is asked for.
 *
 * @param type Its kind. One of `bytes` takes what it is given away from whoever else has it, and takes nothing that is empty.
 * @param next Reads the next piece, and gives it; what it rejects with, the body breaks with.
 * @param cancel Told when nobody wants more.
 */
export function bodyOf(
  type: "bytes" | undefined,
  next: (give: (read: ReadableStreamReadResult<unknown>) => void) => Promise<void>,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Bytes> {
  return new ReadableStream({
    type: type as "bytes",
    pull: (controller: ReadableByteStreamController) =>
      next(({ done, value }) => {
        if (!done) return controller.enqueue(bytesOf(value));
        controller.close();
        // Who brought a buffer gets it back.
        controller.byobRequest?.respond(0);
      }),
    cancel,
  }, { highWaterMark: 0 });
}

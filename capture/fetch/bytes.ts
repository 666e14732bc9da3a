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
    if (length > this.#bytes.length) {
      // Most bodies are one piece.
      const grown = new Uint8Array(this.#length === 0 ? length : Math.max(2 * length, 1024));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** All of them. */
  get all(): Bytes {
    return this.#bytes.subarray(0, this.#length);
  }
}

/**
 * A stream of bytes, as the bodies of responses are: nothing is read before it is asked for, and whoever reads may bring buffers.
 *
 * @param next Gives the next piece, or `undefined` at the end; what it rejects with, the stream breaks with.
 * @param cancel Told when nobody wants more.
 */
export function byteStream(
  next: () => Promise<unknown>,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Bytes> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      for (;;) {
        const piece = await next();
        if (piece === undefined) {
          controller.close();
          // Who brought a buffer gets it back.
          controller.byobRequest?.respond(0);
          return;
        }
        const bytes = bytesOf(piece);
        // A copy: a byte stream takes the buffer away, which may be shared.
        if (bytes.length > 0) return controller.enqueue(new Uint8Array(bytes));
      }
    },
    cancel,
  }, { highWaterMark: 0 });
}

/** A larger buffer is not kept. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** How many buffers are kept: some are being filled and written, others are with the thread that hashes. */
const KEPT_SLABS = 4;

/** Buffers that are used again and again. */
export class SlabPool {
  readonly #slabs: ArrayBuffer[] = [];

  /** A buffer of at least so many bytes, the smallest there is; its content is of no account. */
  take(bytes: number): ArrayBuffer {
    const position = this.#slabs.findIndex(({ byteLength }) => byteLength >= bytes);
    return position < 0 ? new ArrayBuffer(bytes) : this.#slabs.splice(position, 1)[0]!;
  }

  /** Takes a buffer back. */
  keep(slab: ArrayBuffer): void {
    if (slab.byteLength > KEPT_BYTES) return;
    this.#slabs.push(slab);
    this.#slabs.sort((a, b) => a.byteLength - b.byteLength);
    // Larger ones do what smaller ones do.
    if (this.#slabs.length > KEPT_SLABS) this.#slabs.shift();
  }
}

/** A larger buffer is not kept. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** How many bytes are kept in all. */
const MOST_BYTES = 32 * 1024 * 1024;
/** How many buffers are kept: some are being filled and written, others are with a thread. */
const KEPT_SLABS = 16;

/** How much larger than asked for a buffer is made, so that it does for what is a little larger, too. */
const SPARE = 1 / 8;
const GRANULE = 64 * 1024;

/** Buffers that are used again and again. */
export class SlabPool {
  /** The smallest first. */
  readonly #slabs: ArrayBuffer[] = [];
  #bytes = 0;

  /** A buffer of at least so many bytes, the smallest there is; its content is of no account. */
  take(bytes: number): ArrayBuffer {
    const position = this.#slabs.findIndex(({ byteLength }) => byteLength >= bytes);
    if (position >= 0) return this.#remove(position);
    // In the place of one that is too small, so that there never are more than are in use at the same time.
    if (this.#slabs.length > 0) this.#remove(this.#slabs.length - 1);
    return new ArrayBuffer(Math.ceil((1 + SPARE) * bytes / GRANULE) * GRANULE);
  }

  /** Takes a buffer back. */
  keep(slab: ArrayBuffer): void {
    if (slab.byteLength > KEPT_BYTES) return;
    const position = this.#slabs.findIndex(({ byteLength }) => byteLength >= slab.byteLength);
    this.#slabs.splice(position < 0 ? this.#slabs.length : position, 0, slab);
    this.#bytes += slab.byteLength;
    // Larger ones do what smaller ones do.
    while (this.#slabs.length > KEPT_SLABS || this.#bytes > MOST_BYTES) this.#remove(0);
  }

  #remove(position: number): ArrayBuffer {
    const [slab] = this.#slabs.splice(position, 1);
    this.#bytes -= slab!.byteLength;
    return slab!;
  }
}

import { v7 } from "uuid";

const RANDOM_BYTES = 16;
/** How many ids' random bytes are drawn at a time: asking for them costs more than the rest of an id. */
const DRAWN = 256;

const HEX_DIGITS = [..."0123456789abcdef"].map((digit) => digit.charCodeAt(0));

/**
 * Makes ids: UUIDs of version 7 as `uuid` makes them, which increase also within a millisecond.
 *
 * Of the ids of a handle only the time, the counter and the random bits differ, so `uuid` is asked for the first, and the
 * rest is written here: on Deno its `v7()` takes longer than all else in `record()`, and behind each commit it is slow anywhere. The
 * text is made in one piece: joined from parts, V8 would keep every part of it for as long as the id.
 *
 * Layout: RFC 9562, section 5.7, with a counter of 32 bits behind the time (section 6.2, method 1).
 */
export class EntryIds {
  readonly #random: readonly Uint8Array[];
  readonly #pool = new Uint8Array(RANDOM_BYTES * DRAWN);
  #used = DRAWN;
  #counter = 0;
  /** The character codes of the id that was made last. */
  #codes: number[] = [];

  /** Draws nothing yet. */
  constructor() {
    this.#random = Array.from(
      { length: DRAWN },
      (_, index) => this.#pool.subarray(index * RANDOM_BYTES, (index + 1) * RANDOM_BYTES),
    );
  }

  /**
   * The first id of a millisecond.
   *
   * @param milliseconds Milliseconds since the epoch, later than those before.
   */
  first(milliseconds: number): string {
    const random = this.#drawRandom();
    if (this.#codes.length === 0) {
      const id = v7({ msecs: milliseconds, seq: 0, random });
      this.#codes = Array.from(id, (character) => character.charCodeAt(0));
    }
    this.#putTime(milliseconds);
    // 31 random bits, so that ids of several handles differ and there is room to count up.
    this.#counter = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) |
      random[9]!;
    return this.#write(random);
  }

  /** The next id of the same millisecond. */
  next(): string {
    this.#counter++;
    return this.#write(this.#drawRandom());
  }

  #write(random: Uint8Array): string {
    const counter = this.#counter;
    this.#put(14, 0x70 | (counter >>> 28));
    this.#put(16, (counter >>> 20) & 0xff);
    this.#put(19, 0x80 | ((counter >>> 14) & 0x3f));
    this.#put(21, (counter >>> 6) & 0xff);
    this.#put(24, ((counter << 2) & 0xff) | (random[10]! & 0x03));
    for (let byte = 11; byte < RANDOM_BYTES; byte++) this.#put(2 * byte + 4, random[byte]!);
    return String.fromCharCode.apply(null, this.#codes);
  }

  /** Writes the 48 bits of the time. */
  #putTime(milliseconds: number): void {
    const high = Math.floor(milliseconds / 0x1_0000);
    this.#put(0, high >>> 24);
    this.#put(2, (high >>> 16) & 0xff);
    this.#put(4, (high >>> 8) & 0xff);
    this.#put(6, high & 0xff);
    this.#put(9, (milliseconds >>> 8) & 0xff);
    this.#put(11, milliseconds & 0xff);
  }

  /** Writes a byte's two digits. */
  #put(at: number, byte: number): void {
    this.#codes[at] = HEX_DIGITS[byte >>> 4]!;
    this.#codes[at + 1] = HEX_DIGITS[byte & 0x0f]!;
  }

  #drawRandom(): Uint8Array {
    if (this.#used === DRAWN) {
      crypto.getRandomValues(this.#pool);
      this.#used = 0;
    }
    return this.#random[this.#used++]!;
  }
}

/**
 * Going over canonical JSON, RFC 8785, by its bytes: without making values of it, and making sure that it is canonical.
 *
 * @module
 */
import { type LineRoom, loopRoom, vectorRoom } from "./stop_bits.ts";
import { REPLACEMENT, textIn } from "./utf8.ts";

/** Deeper values are left to the parser. */
const MAX_DEPTH = 64;
/** For how long a line there is room from the beginning, bytes. */
const ROOM_BYTES = 256 * 1024;

/** The line is not what the scanner understands. */
class NotPlain extends Error {}
/** Thrown by {@link JsonScanner} where a line is not canonical, or takes a closer look to tell. */
export const NOT_PLAIN: Error = new NotPlain();

const [NEWLINE, QUOTE, BACKSLASH, LAST_ASCII] = [0x0a, 0x22, 0x5c, 0x7f];
const [COMMA, MINUS, DOT, ZERO, NINE, COLON] = [0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x3a];
const [BRACKET, BRACKET_END, BRACE, BRACE_END] = [0x5b, 0x5d, 0x7b, 0x7d];
const [SMALL_F, SMALL_N, SMALL_T, SMALL_U] = [0x66, 0x6e, 0x74, 0x75];

/** What stands behind a backslash when RFC 8785 asks for one. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const byte of ascii('"\\bfnrt')) SHORT_ESCAPES[byte] = 1;
/** The same, of control characters that have none so short. */
const LONG_ESCAPE = /^00(?:0[0-7be-f]|1[0-9a-f])$/;
/** What a number may consist of. */
const IN_NUMBER = new Uint8Array(256);
for (const byte of ascii("+-.0123456789e")) IN_NUMBER[byte] = 1;

/** Of how many digits a double holds every number. */
const EXACT_DIGITS = 15;
/** Below it, ECMAScript writes numbers with an exponent. */
const SMALLEST_PLAIN = 1e-6;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

const [NULL, TRUE, FALSE] = [ascii("null"), ascii("true"), ascii("false")];

/** Where the inside of a string is in the line. */
export class Span {
  start = 0;
  end = 0;
  /** Whether it is ASCII without an escape. */
  plain = true;
}

/** Goes over lines, one after the other: each method goes behind what it is called for, or throws {@link NOT_PLAIN}. */
export class JsonScanner {
  readonly #room = vectorRoom(ROOM_BYTES) ?? loopRoom(ROOM_BYTES);
  #bytes = this.#room.bytes;
  #stops = this.#room.stops;
  #length = 0;
  #isAscii = true;
  #at = 0;
  /** The string that was passed last. */
  readonly string: Span = new Span();

  /** Begins with a line, given without its newline. */
  begin(line: Uint8Array): void {
    const { length } = line;
    // A long line is rare, and its room not worth keeping.
    const room: LineRoom = length < ROOM_BYTES ? this.#room : loopRoom(length + 1);
    const { bytes, stops } = room;
    bytes.set(line);
    bytes[length] = NEWLINE; // where every search stops
    this.#isAscii = room.mark(length + 1);
    this.#bytes = bytes;
    this.#stops = stops;
    this.#length = length;
    this.#at = 0;
  }

  /** The line, for whoever reads what is in a {@link Span}. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Whether this is the end of the line, and all of it is UTF-8. */
  isEnd(): boolean {
    return this.#at === this.#length &&
      (this.#isAscii || textIn(this.#bytes.subarray(0, this.#length)) !== undefined);
  }

  /** Goes behind bytes that are to stand here. */
  expect(expected: Uint8Array): void {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let n = 0; n < expected.length; n++) if (bytes[at + n] !== expected[n]) throw NOT_PLAIN;
    this.#at = at + expected.length;
  }

  /** Goes behind a string. */
  skipString(): void {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    if (bytes[start - 1] !== QUOTE) throw NOT_PLAIN;
    let at = this.#nextStop(start);
    const escape = at;
    while (bytes[at] !== QUOTE) {
      if (bytes[at] !== BACKSLASH) throw NOT_PLAIN;
      const isShort = SHORT_ESCAPES[bytes[at + 1]!] === 1;
      at = this.#nextStop(isShort ? at + 2 : this.#behindLongEscape(at + 1));
    }
    const { string } = this;
    string.start = start;
    string.end = at;
    string.plain = at === escape && (this.#isAscii || this.#isAsciiIn(start, at));
    this.#at = at + 1;
  }

  /** Where the next byte is that is marked, from one on. */
  #nextStop(from: number): number {
    const stops = this.#stops;
    let word = from >> 5;
    let bits = stops[word]! & (-1 << (from & 31));
    while (bits === 0) bits = stops[++word]!;
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }

  #isAsciiIn(start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (this.#bytes[at]! > LAST_ASCII) return false;
    return true;
  }

  /** Goes behind what follows a backslash and is no short escape. */
  #behindLongEscape(at: number): number {
    const isEscape = this.#bytes[at] === SMALL_U && LONG_ESCAPE.test(this.#slice(at + 1, at + 5));
    if (!isEscape) throw NOT_PLAIN;
    return at + 5;
  }

  /** Goes behind a number, which is written as ECMAScript writes it, or `null`. */
  amount(): number | null {
    if (this.#bytes[this.#at] === SMALL_N) {
      this.expect(NULL);
      return null;
    }
    return this.#number();
  }

  #number(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    const first = bytes[start] === MINUS ? start + 1 : start;
    let at = first;
    let value = 0;
    while (bytes[at]! >= ZERO && bytes[at]! <= NINE) value = value * 10 + bytes[at++]! - ZERO;
    let digits = at - first;
    if (digits === 0 || (bytes[first] === ZERO && digits > 1)) throw NOT_PLAIN;
    let decimals = 0;
    if (bytes[at] === DOT) {
      const dot = at++;
      while (bytes[at]! >= ZERO && bytes[at]! <= NINE) value = value * 10 + bytes[at++]! - ZERO;
      decimals = at - dot - 1;
      digits += decimals;
      if (bytes[at - 1] === ZERO || decimals === 0) throw NOT_PLAIN;
    }
    if (digits > EXACT_DIGITS || IN_NUMBER[bytes[at]!] === 1) return this.#longNumber();
    value /= POWERS_OF_TEN[decimals]!;
    if (value < SMALLEST_PLAIN && (value !== 0 || first > start)) return this.#longNumber();
    this.#at = at;
    return first > start ? -value : value;
  }

  /** One that takes the runtime to tell. */
  #longNumber(): number {
    const start = this.#at;
    let at = start;
    while (IN_NUMBER[this.#bytes[at]!] === 1) at++;
    const text = this.#slice(start, at);
    const value = Number(text);
    if (String(value) !== text) throw NOT_PLAIN;
    this.#at = at;
    return value;
  }

  /**
   * Goes behind an object.
   *
   * @param keys Keys, in ASCII.
   * @returns Where the values of these are that are strings, in the same order.
   */
  members(keys: readonly Uint8Array[]): readonly (Span | undefined)[] {
    if (this.#bytes[this.#at] !== BRACE) throw NOT_PLAIN;
    const found: (Span | undefined)[] = keys.map(() => undefined);
    this.#object(1, (start, end) => {
      const key = keys.findIndex((key) => this.#holds(start, end, key));
      if (key >= 0) found[key] = Object.assign(new Span(), this.string);
    });
    return found;
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) throw NOT_PLAIN;
    switch (this.#bytes[this.#at]) {
      case QUOTE:
        return this.skipString();
      case BRACE:
        return this.#object(depth);
      case BRACKET:
        return this.#array(depth);
      case SMALL_T:
        return this.expect(TRUE);
      case SMALL_F:
        return this.expect(FALSE);
      case SMALL_N:
        return this.expect(NULL);
      default:
        this.#number();
    }
  }

  /** @param tell Told of each member that is a string where its key is. */
  #object(depth: number, tell?: (start: number, end: number) => void): void {
    this.#at++;
    if (this.#passes(BRACE_END)) return;
    const { string } = this;
    let [lastStart, lastEnd] = [0, 0];
    do {
      this.skipString();
      const { start, end, plain } = string;
      // The order of others than ASCII is that of UTF-16, not of their bytes.
      if (!plain || (lastEnd > 0 && !this.#isOrdered(lastStart, lastEnd, start, end))) {
        throw NOT_PLAIN;
      }
      [lastStart, lastEnd] = [start, end];
      if (!this.#passes(COLON)) throw NOT_PLAIN;
      const isString = this.#bytes[this.#at] === QUOTE;
      this.#value(depth + 1);
      if (isString) tell?.(start, end);
    } while (this.#passes(COMMA));
    if (!this.#passes(BRACE_END)) throw NOT_PLAIN;
  }

  #array(depth: number): void {
    this.#at++;
    if (this.#passes(BRACKET_END)) return;
    do this.#value(depth + 1); while (this.#passes(COMMA));
    if (!this.#passes(BRACKET_END)) throw NOT_PLAIN;
  }

  /** Goes behind a byte, if it stands here. */
  #passes(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** Whether a key is before another. */
  #isOrdered(start: number, end: number, otherStart: number, otherEnd: number): boolean {
    const bytes = this.#bytes;
    for (; start < end && otherStart < otherEnd; start++, otherStart++) {
      if (bytes[start] !== bytes[otherStart]) return bytes[start]! < bytes[otherStart]!;
    }
    return start === end && otherStart < otherEnd;
  }

  #holds(start: number, end: number, text: Uint8Array): boolean {
    if (end - start !== text.length) return false;
    for (let n = 0; n < text.length; n++) if (this.#bytes[start + n] !== text[n]) return false;
    return true;
  }

  /**
   * Where a string ends in a text, if it stands there from a place on; else -1. That takes less than to make a text of it. -1 also where
   * a driver may have put {@link REPLACEMENT} into the text.
   */
  endIn(joined: string, from: number, string: Span): number {
    const { start, end, plain } = string;
    if (!plain) {
      const text = this.text(string);
      return joined.startsWith(text, from) && !text.includes(REPLACEMENT) ? from + text.length : -1;
    }
    const bytes = this.#bytes;
    const before = from - start;
    for (let at = start; at < end; at++) {
      if (joined.charCodeAt(before + at) !== bytes[at]) return -1;
    }
    return before + end;
  }

  /** A string as it is written. */
  raw({ start, end }: Span): string {
    return this.#slice(start, end);
  }

  /** The text of a string. */
  text({ start, end, plain }: Span): string {
    const literal = this.#slice(start, end);
    return plain || !literal.includes("\\") ? literal : JSON.parse(`"${literal}"`);
  }

  #slice(start: number, end: number): string {
    return textIn(this.#bytes.subarray(start, end)) ?? "";
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Reading the short fields of a record's line without making values of its texts, in one pass over its bytes that also makes
 * sure that the line is canonical: several times as fast as decoding it, parsing it and writing it again, which whoever opens
 * or verifies a large log would do for every line.
 *
 * @module
 */
import { CALL_KEY, type EntryEvent, EVENT_KEY, eventFrom, REF_KEY } from "./entry_event.ts";
import { InstantScanner } from "./instant.ts";
import { type LineRoom, loopRoom, vectorRoom } from "./stop_bits.ts";
import { REPLACEMENT, textIn } from "./utf8.ts";

/** What a record's line says, but for its texts and most of its metadata. */
export interface RecordFacts {
  readonly entryId: string;
  readonly timestamp: string;
  /** The timestamp as microseconds since the epoch. */
  readonly instantUs: number;
  readonly user: string;
  readonly model: string;
  readonly costUsd: number | null;
  readonly latencyMs: number | null;
  /** Whether the line is the canonical one of its entry. */
  readonly canonical: boolean;
  /** What the entry is about, if it is more than an interaction that was recorded in one go. */
  readonly event: EntryEvent | undefined;
}

/** A name in a line. */
export type ScannedName = "entryId" | "timestamp" | "user" | "model";

/** What stands behind each of several names in one text: in no name that is read without parsing its line. */
export const BEHIND_NAME = "\x02";

/** The first of names in one text. */
export function firstName(joined: string): string {
  return joined.split(BEHIND_NAME, 1)[0]!;
}

/** What a canonical line says; until the next is scanned. */
export interface CanonicalLine
  extends Pick<RecordFacts, "instantUs" | "costUsd" | "latencyMs" | "event"> {
  /**
   * Whether a text has some of the names, each with {@link BEHIND_NAME} behind it. That takes less than to make a text of each.
   *
   * @param joined The text, as a driver gives it: `false` also where it may be none of what was stored.
   * @param names Which names, in their order.
   */
  reads(joined: string, names: readonly ScannedName[]): boolean;
  /** One of the names. */
  text(name: ScannedName): string;
  /** All of it, to be kept. */
  facts(): RecordFacts;
}

/**
 * Reads a line that is the canonical line of a record.
 *
 * @param line A line without its newline.
 * @returns What it says, or `undefined` when it is not canonical, is no record, or takes a closer look to tell: then
 * the parser decides.
 */
export function scanCanonical(line: Uint8Array): CanonicalLine | undefined {
  scanner ??= new Scanner();
  return scanner.scan(line) ? scanner : undefined;
}

let scanner: Scanner | undefined;

/** Deeper metadata is left to the parser. */
const MAX_DEPTH = 64;
/** For how long a line there is room from the beginning, bytes. */
const ROOM_BYTES = 256 * 1024;

/** The line is not what the scanner understands. */
class NotPlain extends Error {}
const NOT_PLAIN = new NotPlain();

const [NEWLINE, QUOTE, BACKSLASH, LAST_ASCII] = [0x0a, 0x22, 0x5c, 0x7f];
const [COMMA, MINUS, DOT, ZERO, NINE, COLON] = [0x2c, 0x2d, 0x2e, 0x30, 0x39, 0x3a];
const [BRACKET, BRACKET_END, BRACE, BRACE_END] = [0x5b, 0x5d, 0x7b, 0x7d];
const [SMALL_F, SMALL_N, SMALL_T, SMALL_U] = [0x66, 0x6e, 0x74, 0x75];

const SEPARATOR = BEHIND_NAME.charCodeAt(0);
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

/** What stands before each value of a record. */
const BEFORE = {
  costUsd: ascii('{"cost_usd":'),
  entryId: ascii(',"entry_id":'),
  inputText: ascii(',"input_text":'),
  latencyMs: ascii(',"latency_ms":'),
  metadata: ascii(',"metadata":'),
  model: ascii(',"model":'),
  outputText: ascii(',"output_text":'),
  timestamp: ascii(',"timestamp":'),
  user: ascii(',"user":'),
};
const [NULL, TRUE, FALSE] = [ascii("null"), ascii("true"), ascii("false")];
/** The keys of metadata that tell of an event. */
const EVENT_KEYS = [EVENT_KEY, CALL_KEY, REF_KEY].map(ascii);

/** Where something is in the line. */
class Span {
  start = 0;
  end = 0;
  /** Whether it is ASCII without an escape, if it is a string's inside. */
  plain = true;
}

/** Reads lines of records, one after the other. */
class Scanner implements CanonicalLine {
  readonly #room = vectorRoom(ROOM_BYTES) ?? loopRoom(ROOM_BYTES);
  #bytes = this.#room.bytes;
  #stops = this.#room.stops;
  #length = 0;
  #isAscii = true;
  #at = 0;
  /** The string that was passed last, its inside. */
  readonly #string = new Span();
  readonly #names: Readonly<Record<ScannedName, Span>> = {
    entryId: new Span(),
    timestamp: new Span(),
    user: new Span(),
    model: new Span(),
  };
  readonly #instants = new InstantScanner();
  #instantUs = 0;
  #costUsd: number | null = null;
  #latencyMs: number | null = null;
  #event: EntryEvent | undefined;

  /** Whether a line is canonical, as far as can be told. */
  scan(line: Uint8Array): boolean {
    // A long line is rare, and its room not worth keeping.
    const room = line.length < ROOM_BYTES ? this.#room : loopRoom(line.length + 1);
    this.#take(room, line);
    try {
      this.#record();
    } catch (error) {
      if (error === NOT_PLAIN) return false;
      throw error;
    }
    return this.#isAscii || textIn(line) !== undefined;
  }

  get instantUs(): number {
    return this.#instantUs;
  }

  get costUsd(): number | null {
    return this.#costUsd;
  }

  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  get event(): EntryEvent | undefined {
    return this.#event;
  }

  text(name: ScannedName): string {
    return this.#textOf(this.#names[name]);
  }

  reads(joined: string, names: readonly ScannedName[]): boolean {
    let at = 0;
    for (const name of names) {
      const end = this.#endIn(joined, at, this.#names[name]);
      if (joined.charCodeAt(end) !== SEPARATOR) return false;
      at = end + 1;
    }
    return at === joined.length;
  }

  facts(): RecordFacts {
    return {
      entryId: this.text("entryId"),
      timestamp: this.text("timestamp"),
      instantUs: this.#instantUs,
      user: this.text("user"),
      model: this.text("model"),
      costUsd: this.#costUsd,
      latencyMs: this.#latencyMs,
      canonical: true,
      event: this.#event,
    };
  }

  #take(room: LineRoom, line: Uint8Array): void {
    const { length } = line;
    const { bytes } = room;
    bytes.set(line);
    bytes[length] = NEWLINE; // where every search stops
    this.#isAscii = room.mark(length + 1);
    this.#bytes = bytes;
    this.#stops = room.stops;
    this.#length = length;
    this.#at = 0;
    this.#event = undefined;
  }

  #record(): void {
    const names = this.#names;
    this.#expect(BEFORE.costUsd);
    this.#costUsd = this.#amount();
    this.#expect(BEFORE.entryId);
    this.#name(names.entryId);
    this.#expect(BEFORE.inputText);
    this.#skipString();
    this.#expect(BEFORE.latencyMs);
    this.#latencyMs = this.#amount();
    this.#expect(BEFORE.metadata);
    this.#metadata();
    this.#expect(BEFORE.model);
    this.#name(names.model);
    this.#expect(BEFORE.outputText);
    this.#skipString();
    this.#expect(BEFORE.timestamp);
    this.#name(names.timestamp);
    this.#expect(BEFORE.user);
    this.#name(names.user);
    if (this.#bytes[this.#at] !== BRACE_END || this.#at + 1 !== this.#length) throw NOT_PLAIN;
    const { start, end } = names.timestamp;
    const instantUs = this.#instants.scan(this.#bytes, start, end);
    if (instantUs === undefined) throw NOT_PLAIN;
    this.#instantUs = instantUs;
  }

  #expect(expected: Uint8Array): void {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let n = 0; n < expected.length; n++) if (bytes[at + n] !== expected[n]) throw NOT_PLAIN;
    this.#at = at + expected.length;
  }

  /** Moves past a string that is written as RFC 8785 asks. */
  #skipString(): void {
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
    const string = this.#string;
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

  /** Where a name ends in a text, if it begins there; else -1. */
  #endIn(joined: string, from: number, name: Span): number {
    const { start, end, plain } = name;
    if (!plain) {
      const text = this.#textOf(name);
      return joined.startsWith(text, from) && !text.includes(REPLACEMENT) ? from + text.length : -1;
    }
    const bytes = this.#bytes;
    const before = from - start;
    for (let at = start; at < end; at++) {
      if (joined.charCodeAt(before + at) !== bytes[at]) return -1;
    }
    return before + end;
  }

  /** Goes behind what follows a backslash and is no short escape. */
  #behindLongEscape(at: number): number {
    const isEscape = this.#bytes[at] === SMALL_U && LONG_ESCAPE.test(this.#slice(at + 1, at + 5));
    if (!isEscape) throw NOT_PLAIN;
    return at + 5;
  }

  /** A string without a `\u` escape: names have rules of their own for U+0000. */
  #name(name: Span): void {
    this.#skipString();
    const { start, end, plain } = this.#string;
    name.start = start;
    name.end = end;
    name.plain = plain;
    if (!plain && this.#slice(start, end).includes("\\u")) throw NOT_PLAIN;
  }

  #amount(): number | null {
    if (this.#bytes[this.#at] === SMALL_N) {
      this.#expect(NULL);
      return null;
    }
    return this.#number();
  }

  /** A number that is written as ECMAScript writes it. */
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

  /** Goes behind the metadata, and tells what event is in it. */
  #metadata(): void {
    if (this.#bytes[this.#at] !== BRACE) throw NOT_PLAIN;
    const found: (Span | undefined)[] = [undefined, undefined, undefined];
    this.#object(1, found);
    const [name, call, ref] = found;
    if (name !== undefined) {
      this.#event = eventFrom(
        this.#textOf(name),
        call && this.#textOf(call),
        ref && this.#textOf(ref),
      );
    }
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) throw NOT_PLAIN;
    switch (this.#bytes[this.#at]) {
      case QUOTE:
        return this.#skipString();
      case BRACE:
        return this.#object(depth);
      case BRACKET:
        return this.#array(depth);
      case SMALL_T:
        return this.#expect(TRUE);
      case SMALL_F:
        return this.#expect(FALSE);
      case SMALL_N:
        return this.#expect(NULL);
      default:
        this.#number();
    }
  }

  /** @param found Where to put the strings with the keys {@link EVENT_KEYS}. */
  #object(depth: number, found?: (Span | undefined)[]): void {
    this.#at++;
    if (this.#passes(BRACE_END)) return;
    const string = this.#string;
    let [lastStart, lastEnd] = [0, 0];
    do {
      this.#skipString();
      const { start, end, plain } = string;
      // The order of others than ASCII is that of UTF-16, not of their bytes.
      if (!plain || (lastEnd > 0 && !this.#isOrdered(lastStart, lastEnd, start, end))) {
        throw NOT_PLAIN;
      }
      [lastStart, lastEnd] = [start, end];
      if (!this.#passes(COLON)) throw NOT_PLAIN;
      const isString = this.#bytes[this.#at] === QUOTE;
      this.#value(depth + 1);
      if (found !== undefined && isString) {
        const key = EVENT_KEYS.findIndex((key) => this.#holds(start, end, key));
        if (key >= 0) found[key] = Object.assign(new Span(), string);
      }
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

  /** The text of a string. */
  #textOf({ start, end, plain }: Span): string {
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

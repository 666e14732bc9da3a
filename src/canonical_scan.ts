/**
 * Reading the short fields of a record's line without making values of its texts, in one pass that also makes sure that
 * the line is canonical: several times as fast as parsing it and writing it again, which whoever opens or verifies a
 * large log would do for every line.
 *
 * @module
 */
import { CALL_KEY, type EntryEvent, EVENT_KEY, eventFrom, REF_KEY } from "./entry_event.ts";
import { parseInstant } from "./instant.ts";

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

/** Deeper metadata is left to the parser. */
const MAX_DEPTH = 64;
/** Of a longer line names are copied: as long as somebody keeps a part of a text, runtimes keep all of it. */
const LONG_LINE = 4096;

/**
 * Reads a line that is the canonical line of a record.
 *
 * @param line A line without its newline, well-formed.
 * @returns What it says, or `undefined` when it is not canonical, is no record, or takes a closer look to tell: then
 * the parser decides.
 */
export function scanCanonical(line: string): RecordFacts | undefined {
  try {
    return new Scanner(line).record();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

/** The line is not what the scanner understands. */
class NotPlain extends Error {}
const NOT_PLAIN = new NotPlain();

const QUOTE = 0x22;
/** What never stands for itself, in strings or elsewhere. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f]/;
/** What stands behind a backslash when RFC 8785 asks for one. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const character of '"\\bfnrt') SHORT_ESCAPES[character.charCodeAt(0)] = 1;
/** The same, of characters that have none so short; a high surrogate only when it is alone. */
const LONG_ESCAPE =
  /u(?:00(?:0[0-7be-f]|1[0-9a-f])|d[89ab][0-9a-f]{2}(?!\\ud[c-f])|d[c-f][0-9a-f]{2})/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]\d+)?/y;

/** What metadata with an event has in it. */
const EVENT_NEEDLE = `"${EVENT_KEY}":`;

class Scanner {
  readonly #line: string;
  #at = 0;
  /** Where the next backslash is from where it was last searched for; the line's end when there is none. */
  #escape = -1;

  constructor(line: string) {
    this.#line = line;
  }

  record(): RecordFacts {
    if (CONTROL.test(this.#line)) throw NOT_PLAIN;
    this.#expect('{"cost_usd":');
    const costUsd = this.#amount();
    this.#expect(',"entry_id":');
    const entryId = this.#name();
    this.#expect(',"input_text":');
    this.#string();
    this.#expect(',"latency_ms":');
    const latencyMs = this.#amount();
    this.#expect(',"metadata":');
    if (this.#line[this.#at] !== "{") throw NOT_PLAIN;
    const event = this.#metadata();
    this.#expect(',"model":');
    const model = this.#name();
    this.#expect(',"output_text":');
    this.#string();
    this.#expect(',"timestamp":');
    const timestamp = this.#name();
    this.#expect(',"user":');
    const user = this.#name();
    this.#expect("}");
    const instantUs = instantOf(timestamp);
    if (this.#at !== this.#line.length || instantUs === undefined) throw NOT_PLAIN;
    return {
      entryId,
      timestamp,
      instantUs,
      user,
      model,
      costUsd,
      latencyMs,
      canonical: true,
      event,
    };
  }

  #expect(text: string): void {
    if (!this.#line.startsWith(text, this.#at)) throw NOT_PLAIN;
    this.#at += text.length;
  }

  /** A string without a surrogate or a U+0000 that is written as an escape: names have rules of their own. */
  #name(): string {
    const start = this.#at;
    this.#string();
    const literal = this.#line.slice(start, this.#at);
    const isPlain = !literal.includes("\\");
    if (isPlain && this.#line.length <= LONG_LINE) return literal.slice(1, -1);
    if (!isPlain && literal.includes("\\u")) throw NOT_PLAIN;
    return JSON.parse(literal); // a text of its own
  }

  /**
   * Moves past a string that is written as RFC 8785 asks. It searches for the end, then for escapes before it: such searches
   * pass over several characters a nanosecond.
   */
  #string(): void {
    const line = this.#line;
    if (line.charCodeAt(this.#at) !== QUOTE) throw NOT_PLAIN;
    let at = this.#at + 1;
    let end = line.indexOf('"', at);
    while (end >= 0) {
      if (this.#escape < at) this.#escape = indexOrEnd(line, "\\", at);
      if (this.#escape > end) {
        this.#at = end + 1;
        return;
      }
      at = this.#behindEscape(this.#escape + 1);
      if (end < at) end = line.indexOf('"', at);
    }
    throw NOT_PLAIN;
  }

  /** Goes behind what follows a backslash. */
  #behindEscape(at: number): number {
    if (SHORT_ESCAPES[this.#line.charCodeAt(at)] === 1) return at + 1;
    LONG_ESCAPE.lastIndex = at;
    if (!LONG_ESCAPE.test(this.#line)) throw NOT_PLAIN;
    return LONG_ESCAPE.lastIndex;
  }

  #amount(): number | null {
    if (this.#line.startsWith("null", this.#at)) {
      this.#at += 4;
      return null;
    }
    return this.#number();
  }

  /** A number that is written as ECMAScript writes it. */
  #number(): number {
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#line)) throw NOT_PLAIN;
    const text = this.#line.slice(this.#at, NUMBER.lastIndex);
    const value = Number(text);
    if (String(value) !== text) throw NOT_PLAIN;
    this.#at += text.length;
    return value;
  }

  /** Goes behind the metadata, and tells what event is in it. */
  #metadata(): EntryEvent | undefined {
    const start = this.#at;
    this.#value(1);
    // Rarely is there one, and a search for it costs less than to look at each key.
    const length = this.#at - start;
    if (length < EVENT_NEEDLE.length || !this.#line.slice(start, this.#at).includes(EVENT_NEEDLE)) {
      return undefined;
    }
    const metadata = JSON.parse(this.#line.slice(start, this.#at)) as Record<string, unknown>;
    const text = (key: string): unknown => Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return eventFrom(text(EVENT_KEY), text(CALL_KEY), text(REF_KEY));
  }

  #value(depth: number): void {
    if (depth > MAX_DEPTH) throw NOT_PLAIN;
    switch (this.#line[this.#at]) {
      case '"':
        return this.#string();
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case "t":
        return this.#expect("true");
      case "f":
        return this.#expect("false");
      case "n":
        return this.#expect("null");
      default:
        this.#number();
    }
  }

  #object(depth: number): void {
    this.#at++;
    if (this.#end("}")) return;
    let last: string | undefined;
    do {
      const start = this.#at;
      this.#string();
      const literal = this.#line.slice(start, this.#at);
      const key = literal.includes("\\") ? JSON.parse(literal) as string : literal.slice(1, -1);
      // Each key once, in UTF-16 order.
      if (last !== undefined && key <= last) throw NOT_PLAIN;
      last = key;
      this.#expect(":");
      this.#value(depth + 1);
    } while (this.#end(","));
    this.#expect("}");
  }

  #array(depth: number): void {
    this.#at++;
    if (this.#end("]")) return;
    do this.#value(depth + 1); while (this.#end(","));
    this.#expect("]");
  }

  /** Goes behind a character, if it stands here. */
  #end(character: string): boolean {
    if (this.#line[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}

function indexOrEnd(text: string, searched: string, from: number): number {
  const index = text.indexOf(searched, from);
  return index < 0 ? text.length : index;
}

let lastTimestamp = "";
let lastInstant: number | undefined;

/** `parseInstant()`; neighbours in a log often have the same time. */
function instantOf(timestamp: string): number | undefined {
  if (timestamp !== lastTimestamp) {
    lastInstant = parseInstant(timestamp);
    lastTimestamp = timestamp;
  }
  return lastInstant;
}

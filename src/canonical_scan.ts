/**
 * Reading the short fields of a record's line without making values of its texts, in one pass over its bytes that also makes
 * sure that the line is canonical: several times as fast as decoding it, parsing it and writing it again, which whoever opens
 * or verifies a large log would do for every line.
 *
 * @module
 */
import { CALL_KEY, type EntryEvent, EVENT_KEY, eventFrom, REF_KEY } from "./entry_event.ts";
import { InstantScanner } from "./instant.ts";
import { JsonScanner, NOT_PLAIN, Span } from "./json_scanner.ts";

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

const SEPARATOR = BEHIND_NAME.charCodeAt(0);
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
const END = ascii("}");
/** The keys of metadata that tell of an event. */
const EVENT_KEYS = [EVENT_KEY, CALL_KEY, REF_KEY].map(ascii);

/** Reads lines of records, one after the other. */
class Scanner implements CanonicalLine {
  readonly #json = new JsonScanner();
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
    this.#json.begin(line);
    try {
      this.#record();
    } catch (error) {
      if (error === NOT_PLAIN) return false;
      throw error;
    }
    return this.#json.isEnd();
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

  reads(joined: string, names: readonly ScannedName[]): boolean {
    let at = 0;
    for (const name of names) {
      const end = this.#json.endIn(joined, at, this.#names[name]);
      if (joined.charCodeAt(end) !== SEPARATOR) return false;
      at = end + 1;
    }
    return at === joined.length;
  }

  facts(): RecordFacts {
    const text = (name: Span): string => this.#json.text(name);
    const { entryId, timestamp, user, model } = this.#names;
    return {
      entryId: text(entryId),
      timestamp: text(timestamp),
      instantUs: this.#instantUs,
      user: text(user),
      model: text(model),
      costUsd: this.#costUsd,
      latencyMs: this.#latencyMs,
      canonical: true,
      event: this.#event,
    };
  }

  #record(): void {
    const [json, names] = [this.#json, this.#names];
    json.expect(BEFORE.costUsd);
    this.#costUsd = json.amount();
    json.expect(BEFORE.entryId);
    this.#name(names.entryId);
    json.expect(BEFORE.inputText);
    json.skipString();
    json.expect(BEFORE.latencyMs);
    this.#latencyMs = json.amount();
    json.expect(BEFORE.metadata);
    this.#metadata();
    json.expect(BEFORE.model);
    this.#name(names.model);
    json.expect(BEFORE.outputText);
    json.skipString();
    json.expect(BEFORE.timestamp);
    this.#name(names.timestamp);
    json.expect(BEFORE.user);
    this.#name(names.user);
    json.expect(END);
    const { start, end } = names.timestamp;
    const instantUs = this.#instants.scan(json.bytes, start, end);
    if (instantUs === undefined) throw NOT_PLAIN;
    this.#instantUs = instantUs;
  }

  /** A string without a `\u` escape: names have rules of their own for U+0000. */
  #name(name: Span): void {
    const json = this.#json;
    json.skipString();
    const { start, end, plain } = json.string;
    name.start = start;
    name.end = end;
    name.plain = plain;
    if (!plain && json.raw(name).includes("\\u")) throw NOT_PLAIN;
  }

  /** Goes behind the metadata, and tells what event is in it. */
  #metadata(): void {
    const [name, call, ref] = this.#json.members(EVENT_KEYS);
    const text = (string: Span | undefined) => string && this.#json.text(string);
    this.#event = eventFrom(text(name), text(call), text(ref));
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

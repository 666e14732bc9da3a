/**
 * A record: an entry and its line, which is what every backend stores, hashes and compares.
 *
 * @module
 */
import type { AuditEntry } from "./entry.ts";
import { type EntryEvent, EVENT_KEY, eventOf } from "./entry_event.ts";
import { parseInstant } from "./instant.ts";
import { encodeOrdered, type JsonObject, repeatsKey } from "./json.ts";
import { type RecordFacts, scanCanonical } from "./canonical_scan.ts";
import { NotStorable, parseJson } from "./parse_json.ts";
import { textIn } from "./utf8.ts";

/**
 * A record: an entry and its line, either made from the other.
 *
 * The line is what is stored, hashed and compared; see docs/format.md.
 *
 * @example
 * ```ts
 * import { LogRecord, NotARecord } from "@audit-log/llm";
 *
 * const { entry, canonical } = LogRecord.ofLine(
 *   '{"cost_usd":null,"entry_id":"01890a5d-ac96-774b-bcce-b302099a8057","input_text":"Hi","latency_ms":250,' +
 *     '"metadata":{},"model":"gpt-4o","output_text":"Hello!","timestamp":"2026-01-01T00:00:00.000Z","user":"alice"}',
 * );
 * console.log(entry.outputText, canonical); // Hello! true
 * try {
 *   LogRecord.ofLine("{}");
 * } catch (error) {
 *   console.log(error instanceof NotARecord); // true
 * }
 * ```
 */
export class LogRecord {
  /** The entry, deeply frozen. */
  readonly entry: AuditEntry;
  /** When the entry was made, as microseconds since the epoch. */
  readonly instantUs: number;
  readonly #line: string | undefined;
  /** Whether it was made from a line that was there before. */
  readonly adopted: boolean;
  /** Whether it ends a call that others may end, too: a store refuses it where the log has an end of that call. */
  readonly endsOnce: boolean;
  #canonical: boolean | undefined;

  private constructor(entry: AuditEntry, instantUs: number, line?: string, endsOnce = false) {
    this.entry = entry;
    this.instantUs = instantUs;
    this.#line = line;
    this.adopted = line !== undefined;
    this.endsOnce = endsOnce;
  }

  /**
   * The record of a new entry; its line will be canonical.
   *
   * @param entry A deeply frozen entry.
   * @param instantUs Its timestamp as microseconds since the epoch.
   * @param endsOnce Whether it ends a call that others may end, too. Default `false`.
   */
  static ofEntry(entry: AuditEntry, instantUs: number, endsOnce = false): LogRecord {
    const record = new LogRecord(entry, instantUs, undefined, endsOnce);
    record.#canonical = true;
    return record;
  }

  /**
   * The record that a line holds.
   *
   * @param line A line without its newline.
   * @throws {NotARecord} When the line holds no record.
   */
  static ofLine(line: string): LogRecord {
    const entry = decodeLine(line);
    return new LogRecord(entry, parseInstant(entry.timestamp)!, line);
  }

  /** Whether a store may have to refuse it for what is in the log; other records are new. */
  get mayRepeat(): boolean {
    return this.adopted || this.endsOnce;
  }

  /**
   * The line, without a newline. A new entry's is made each time it is asked for, so that it need not
   * outlive its use.
   */
  get line(): string {
    return this.#line ?? encodeLine(this.entry);
  }

  /** Whether the line is the canonical one of its entry. Lines that other programs wrote may not be. */
  get canonical(): boolean {
    return this.#canonical ??= encodeLine(this.entry) === this.line;
  }

  /** What it is about, if it is more than an interaction that was recorded in one go. */
  get event(): EntryEvent | undefined {
    const { metadata } = this.entry;
    if (!Object.hasOwn(metadata, EVENT_KEY) || !this.canonical) return undefined;
    return eventOf(metadata);
  }
}

/** Why a line is no record. */
export class NotARecord extends Error {
  /** `"NotARecord"`. */
  override readonly name = "NotARecord";
}

/** Writes an entry as canonical JSON, RFC 8785: nine keys, in UTF-16 order. */
export function encodeLine(entry: AuditEntry): string {
  const { metadata } = entry;
  return encodeOrdered({
    cost_usd: entry.costUsd,
    entry_id: entry.entryId,
    input_text: entry.inputText,
    latency_ms: entry.latencyMs,
    metadata,
    model: entry.model,
    output_text: entry.outputText,
    timestamp: entry.timestamp,
    user: entry.user,
  }, metadata);
}

/** A line's nine keys. */
export const KEYS = [
  "cost_usd",
  "entry_id",
  "input_text",
  "latency_ms",
  "metadata",
  "model",
  "output_text",
  "timestamp",
  "user",
] as const;

/**
 * Reads a line. Its form may be anyone's (white space, order of keys), its content must be a
 * record's: the nine keys, no other, each of its type.
 */
function decodeLine(line: string): AuditEntry {
  let value: Record<typeof KEYS[number], unknown>;
  try {
    value = parseJson(line) as typeof value;
  } catch (error) {
    throw error instanceof NotStorable ? new NotARecord(error.message) : error;
  }
  const fault = recordFault(value);
  if (fault !== undefined) throw new NotARecord(fault);
  return Object.freeze({
    entryId: value.entry_id as string,
    timestamp: value.timestamp as string,
    user: value.user as string,
    model: value.model as string,
    inputText: value.input_text as string,
    outputText: value.output_text as string,
    costUsd: value.cost_usd as number | null,
    latencyMs: value.latency_ms as number | null,
    metadata: value.metadata as JsonObject,
  });
}

function recordFault(value: Record<string, unknown>): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is no object";
  for (const key of KEYS) if (!Object.hasOwn(value, key)) return `lacks the key ${key}`;
  if (Object.keys(value).length !== KEYS.length) return "has keys that a record does not have";
  for (const key of ["entry_id", "input_text", "model", "output_text", "user"]) {
    if (typeof value[key] !== "string") return `has a ${key} that is no string`;
  }
  // Names are compared by the database, which has no lone surrogates; texts may have them.
  for (const key of ["entry_id", "model", "user"]) {
    if (!(value[key] as string).isWellFormed()) return `has a ${key} with lone surrogates`;
  }
  // Some drivers cut a text at U+0000 when they read it, and ids are compared.
  if ((value.entry_id as string).includes("\0")) return "has an entry_id with U+0000";
  for (const key of ["cost_usd", "latency_ms"]) {
    const amount = value[key];
    if (amount !== null && !Number.isFinite(amount)) return `has a ${key} that is no number`;
  }
  const { metadata, timestamp } = value;
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    return "has metadata that is no object";
  }
  if (typeof timestamp !== "string" || parseInstant(timestamp) === undefined) {
    return "has a timestamp that is no ISO 8601 time";
  }
}

/**
 * Reads a line that another program may have written, before it is taken into a log.
 *
 * Beyond what {@link LogRecord.ofLine} checks, a line that is not canonical must not name a key twice: to
 * different readers it would mean different things.
 *
 * @throws {NotARecord} When the line holds no record.
 */
export function adoptLine(line: string): LogRecord {
  const record = LogRecord.ofLine(line);
  if (!record.canonical && repeatsKey(line, parseJson(line))) {
    throw new NotARecord("names a key twice");
  }
  return record;
}

/**
 * What a line that another program may have written says of a record, but for its texts: quicker than
 * {@link adoptLine}, and just as strict.
 *
 * @param line A line's bytes, without its newline.
 * @throws {NotARecord} When the line holds no record.
 */
export function factsOf(line: Uint8Array): RecordFacts {
  const scanned = scanCanonical(line);
  if (scanned !== undefined) return scanned.facts();
  const text = textIn(line);
  if (text === undefined) throw new NotARecord("is not UTF-8");
  const { entry, instantUs, canonical, event } = adoptLine(text);
  const { entryId, timestamp, user, model, costUsd, latencyMs } = entry;
  return { entryId, timestamp, instantUs, user, model, costUsd, latencyMs, canonical, event };
}

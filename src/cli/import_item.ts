/**
 * What a line of an import means.
 *
 * @module
 */
import { v7 } from "uuid";
import type { Stamp } from "../clock.ts";
import { admit, type AuditEntry, nameFault, type NewEntry } from "../entry.ts";
import { AuditLogError } from "../errors.ts";
import { formatTimestamp, LAST_MS, parseInstant } from "../instant.ts";
import { encodeCanonical, type JsonObject, type JsonValue, repeatsKey } from "../json.ts";
import { NotStorable, parseJson } from "../parse_json.ts";
import { adoptLine, encodeLine, KEYS, LogRecord, NotARecord } from "../record.ts";

/** What becomes of a line: a new entry, which the log stamps, or a record with its own id and time. */
export type ImportItem =
  | { readonly kind: "entry"; readonly entry: NewEntry }
  | ImportRecord;

/** A record that is taken over as it is. */
export interface ImportRecord {
  readonly kind: "record";
  readonly record: LogRecord;
  /** Whether the source gave its id: only then can it be in the log already. */
  readonly hasId: boolean;
  /** Whether the source gave its time. */
  readonly hasTime: boolean;
}

/** Why a line cannot be imported. */
export class BadLine extends Error {
  /** `"BadLine"`. */
  override readonly name = "BadLine";
}

/** Keys of a line that are not the entry's metadata. */
const KNOWN: ReadonlySet<string> = new Set(KEYS);

/** Reads lines, one after the other. */
export class ItemReader {
  #milliseconds = -1;
  #sequence = 0;

  /**
   * Says what a line means.
   *
   * @throws {BadLine} When it cannot be imported.
   */
  read(text: string): ImportItem {
    try {
      return { kind: "record", record: recordOf(text), hasId: true, hasTime: true };
    } catch (error) {
      if (!(error instanceof NotARecord)) throw error;
    }
    const { entry, entryId, timestamp } = partsOf(text);
    // The log checks it when it is recorded.
    if (entryId === undefined && timestamp === undefined) return { kind: "entry", entry };
    const milliseconds = timestamp === undefined ? Date.now() : readTimestamp(timestamp);
    const stamp: Stamp = {
      entryId: entryId === undefined ? this.#nextId(milliseconds) : checkId(entryId),
      timestamp: formatTimestamp(milliseconds),
      instantUs: milliseconds * 1000,
    };
    return {
      kind: "record",
      record: LogRecord.ofEntry(admitted(entry, stamp), stamp.instantUs),
      hasId: entryId !== undefined,
      hasTime: timestamp !== undefined,
    };
  }

  /** Ids of one millisecond count up, so that they sort like the lines. */
  #nextId(milliseconds: number): string {
    if (milliseconds === this.#milliseconds) {
      return v7({ msecs: milliseconds, seq: ++this.#sequence });
    }
    this.#milliseconds = milliseconds;
    // 31 bits, so that there is room to count up.
    this.#sequence = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
    return v7({ msecs: milliseconds, seq: this.#sequence });
  }
}

/**
 * The record that a line is. The carriage return that a Windows program may have put behind a canonical line is none of
 * it: with it, a call's beginning or end would be taken for an interaction. Other lines keep it, since their writer may
 * have put it there, and their log have been signed with it.
 */
function recordOf(text: string): LogRecord {
  const record = adoptLine(text);
  if (!text.endsWith("\r")) return record;
  const line = text.slice(0, -1);
  return line === encodeLine(record.entry) ? LogRecord.ofLine(line) : record;
}

/** Whether an entry of the log is what a line says, as far as it says it. */
export function isSame({ record, hasTime }: ImportRecord, present: AuditEntry): boolean {
  const { entry } = record;
  const { timestamp } = hasTime ? entry : present;
  return encodeLine({ ...entry, timestamp }) === encodeLine(present);
}

interface Parts {
  readonly entry: NewEntry;
  readonly entryId: JsonValue | undefined;
  readonly timestamp: JsonValue | undefined;
}

function partsOf(text: string): Parts {
  const object = parse(text);
  // Without a value a key means as much as none.
  const known = (key: string): JsonValue | undefined =>
    Object.hasOwn(object, key) ? object[key] ?? undefined : undefined;
  for (const key of ["model", "input_text", "output_text"]) {
    if (known(key) === undefined) throw new BadLine(`lacks the key ${key}`);
  }
  const entry: Record<keyof NewEntry, unknown> = {
    model: known("model"),
    inputText: known("input_text"),
    outputText: known("output_text"),
    user: known("user"),
    costUsd: known("cost_usd"),
    latencyMs: known("latency_ms"),
    metadata: metadataOf(object, known("metadata")),
  };
  return {
    entry: entry as unknown as NewEntry,
    entryId: known("entry_id"),
    timestamp: known("timestamp"),
  };
}

function parse(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (error) {
    throw error instanceof NotStorable ? new BadLine(error.message) : error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadLine("is no JSON object");
  }
  if (repeatsKey(text, value)) throw new BadLine("names a key twice");
  return value as JsonObject;
}

/** The given metadata and all unknown keys. Where both have a key, they must agree: nothing is dropped. */
function metadataOf(object: JsonObject, given: JsonValue = {}): JsonValue {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const metadata = given as JsonObject;
  const unknown = Object.entries(object).filter(([key]) => !KNOWN.has(key));
  for (const [key] of unknown) {
    const snakeCase = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (KNOWN.has(snakeCase)) {
      throw new BadLine(`has the key ${key}; it is called ${snakeCase} here`);
    }
  }
  for (const [key, value] of unknown) {
    if (
      Object.hasOwn(metadata, key) && encodeCanonical(metadata[key]!) !== encodeCanonical(value)
    ) {
      throw new BadLine(
        `has ${JSON.stringify(key)} beside metadata and, with another value, in it`,
      );
    }
  }
  // Not by assignment, which does something else with a key like __proto__.
  return Object.fromEntries([...Object.entries(metadata), ...unknown]);
}

function admitted(entry: NewEntry, stamp: Stamp): AuditEntry {
  try {
    return admit(entry, stamp);
  } catch (error) {
    if (error instanceof AuditLogError) throw new BadLine(reasonOf(error));
    throw error;
  }
}

/** What an error of the log means for a line, whose keys are written otherwise. */
export function reasonOf(error: AuditLogError): string {
  // Around the one about the entry there may be one that tells its position in a call.
  const { message } = error.cause instanceof AuditLogError ? error.cause : error;
  return message.replace(/^Cannot \w+ the (?:entry|lines): (?:\[\d+\] )?/, "")
    .replace(
      /^(?:inputText|outputText|costUsd|latencyMs)\b/,
      (name) => name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`),
    );
}

function checkId(value: JsonValue): string {
  const fault = nameFault(value);
  if (fault !== undefined) throw new BadLine(`entry_id ${fault}`);
  return value as string;
}

/** Milliseconds since the epoch; further digits are cut off. */
function readTimestamp(value: JsonValue): number {
  const instantUs = typeof value === "string" ? parseInstant(value) : undefined;
  if (instantUs === undefined) {
    throw new BadLine("timestamp must be an ISO 8601 time such as 2026-01-31T08:00:00Z");
  }
  const milliseconds = Math.floor(instantUs / 1000);
  if (milliseconds < 0 || milliseconds > LAST_MS) {
    throw new BadLine("timestamp must be of the years 1970 to 9999");
  }
  return milliseconds;
}

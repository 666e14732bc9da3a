import type { AuditEntry } from "./entry.ts";
import { AuditLogError } from "./errors.ts";
import { unitsOf } from "./json.ts";
import type { LogRecord } from "./record.ts";

/** A line's keys, punctuation and two long numbers, with room to spare. */
const OVERHEAD = 256;
/** A UTF-16 code unit takes at most this many bytes in a line: `\u0000`. */
const BYTES_PER_UNIT = 6;

/**
 * Refuses a record that is too large. Encodes only what may be: most records are far from it.
 *
 * @param most How many bytes a record may have.
 * @throws {AuditLogError} `ENTRY_TOO_LARGE`.
 */
export function checkLength(record: LogRecord, most: number): void {
  if (lengthOf(record) * BYTES_PER_UNIT > most) checkBytes(record, most);
}

/**
 * Refuses a record that is too large, whatever its line looks like.
 *
 * @param most How many bytes a record may have.
 * @throws {AuditLogError} `ENTRY_TOO_LARGE`.
 */
export function checkBytes(record: LogRecord, most: number): void {
  const bytes = bytesOf(record);
  if (bytes <= most) return;
  throw new AuditLogError(
    "ENTRY_TOO_LARGE",
    `Cannot record the entry: its record would have ${bytes} bytes, the limit is ${most}; shorten ` +
      "it or raise maxRecordBytes",
    { path: "maxRecordBytes" },
  );
}

/** How many bytes a record's line has; infinite when it is longer than any string can be. */
function bytesOf(record: LogRecord): number {
  try {
    return new TextEncoder().encode(record.line).length;
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}

/** About how many UTF-16 code units a record's line has before anything in it is escaped; not fewer. */
export function lengthOf({ entry }: LogRecord): number {
  return lengthOfEntry(entry);
}

/** {@link lengthOf} of the record that an entry will be. */
export function lengthOfEntry(entry: AuditEntry): number {
  const { inputText, outputText, user, model, entryId, timestamp, metadata } = entry;
  return inputText.length + outputText.length + user.length + model.length + entryId.length +
    timestamp.length + unitsOf(metadata) + OVERHEAD;
}

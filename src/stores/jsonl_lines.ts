/**
 * Lines on their way between a JSONL file, its index and records.
 *
 * @module
 */
import type { RecordFacts } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import type { OpenFile } from "../ports.ts";
import { LogRecord } from "../record.ts";
import { textIn } from "../utf8.ts";
import { readLines } from "./line_reader.ts";
import { nextOffset, type ScannedLine } from "./line_scanner.ts";
import type { WrittenLines } from "./store.ts";

/** Where a record is in the file, and how to know it again. */
export interface LinePlace {
  /** The record's index in the log. */
  readonly seq: number;
  /** Where its line starts, in bytes. */
  readonly offset: number;
  /** Its length in bytes, without its newline. */
  readonly length: number;
  /** The entry's id. */
  readonly entryId: string;
  /** Whether the line is canonical. */
  readonly canonical: boolean;
}

/** What the index is told of a record's line, which gets the next number. */
export interface IndexedLine extends Omit<LinePlace, "seq"> {
  /** The entry's instant, microseconds since the epoch. */
  readonly instantUs: number;
  /** The entry's user. */
  readonly user: string;
  /** The entry's model. */
  readonly model: string;
  /** What the entry is about, if it is more than an interaction that was recorded in one go. */
  readonly event: EntryEvent | undefined;
}

/** A row of the index, looked at closely: all that is kept of a record's line. */
export interface IndexRow extends Omit<IndexedLine, "entryId" | "canonical" | "user" | "model"> {
  /** The entry's id, unless it is damaged. */
  readonly entryId: string | undefined;
  /** Whether the line is canonical, unless that is damaged. */
  readonly canonical: boolean | undefined;
  /** The entry's user, unless it is damaged. */
  readonly user: string | undefined;
  /** The entry's model, unless it is damaged. */
  readonly model: string | undefined;
  /** The record's index in the log. */
  readonly seq: number;
  /** How far its instant is behind the latest before it, microseconds. */
  readonly lagUs: number;
  /** What is wrong with how it is indexed; one sentence each. */
  readonly faults: readonly string[];
}

/** How many bytes of lines are read at a time, unless one line alone has more. */
const MOST_PAGE_BYTES = 4 * 1024 * 1024;

/** The first of some lines, as many as fit into memory well, but one at least. */
export function fitting(places: readonly LinePlace[]): readonly LinePlace[] {
  let bytes = 0;
  const end = places.findIndex(({ length }, position) =>
    (bytes += length) > MOST_PAGE_BYTES && position > 0
  );
  return end === -1 ? places : places.slice(0, end);
}

/**
 * The first of some places at which no line can be that was indexed: not behind the one before, or not within the file. To
 * read what a damaged index says might take more memory than there is.
 *
 * @param order In which order the places are.
 * @param end Up to where the file has lines.
 * @param before The place before the first of them, in this order.
 */
export function misplaced(
  places: readonly LinePlace[],
  order: "asc" | "desc",
  end: number,
  before?: LinePlace,
): LinePlace | undefined {
  let from = before !== undefined && order === "asc" ? nextOffset(before) : 0;
  let to = before !== undefined && order === "desc" ? before.offset : end;
  return places.find((place) => {
    const { offset, length } = place;
    const next = nextOffset(place);
    if (offset < from || length < 0 || next > to) return true;
    if (order === "asc") from = next;
    else to = offset;
    return false;
  });
}

/** The text of a line and its newline, or `undefined` when they are not there. */
export function decode(
  bytes: Uint8Array,
  { length }: Pick<LinePlace, "length">,
): string | undefined {
  if (bytes.length !== length + 1 || bytes[length] !== 0x0a) return undefined;
  return textIn(bytes.subarray(0, length));
}

/** The record that a line holds, or `undefined`. */
export function recordOf(line: string): LogRecord | undefined {
  try {
    return LogRecord.ofLine(line);
  } catch {
    return undefined;
  }
}

/** Whether the file has a record's line where it was, for all that is seen of its id. */
export async function isThere(
  file: OpenFile,
  place: Omit<LinePlace, "seq">,
): Promise<boolean> {
  const [bytes] = await readLines(file, [place]);
  const line = decode(bytes!, place);
  return line !== undefined && recordOf(line)?.entry.entryId === place.entryId;
}

/**
 * What the index keeps of lines that were just written.
 *
 * @param bounds Where they are in what was written; see {@link WrittenLines}.
 * @param start Where in the file that begins.
 */
export function indexedLinesOf(
  records: readonly LogRecord[],
  bounds: WrittenLines["bounds"],
  start: number,
): readonly IndexedLine[] {
  return records.map(({ entry, instantUs, canonical, event }, position) => {
    const { entryId, user, model } = entry;
    const offset = start + bounds[position]!;
    const length = bounds[position + 1]! - bounds[position]! - 1;
    return { offset, length, entryId, instantUs, user, model, canonical, event };
  });
}

/** What the index keeps of a record's line. */
export function toIndexedLine(
  { offset, length }: ScannedLine,
  { entryId, instantUs, user, model, canonical, event }: RecordFacts,
): IndexedLine {
  return { offset, length, entryId, instantUs, user, model, canonical, event };
}

/**
 * Lines on their way between a JSONL file, its index and records.
 *
 * @module
 */
import type { RecordFacts } from "../canonical_scan.ts";
import { LogRecord } from "../record.ts";
import type { IndexedLine, LinePlace } from "./jsonl_index.ts";
import { nextOffset, type ScannedLine } from "./line_scanner.ts";
import type { UnreadableLine } from "./store.ts";

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
 */
export function misplaced(
  places: readonly LinePlace[],
  order: "asc" | "desc",
  end: number,
): LinePlace | undefined {
  let [from, to] = [0, end];
  return places.find((place) => {
    const { offset, length } = place;
    const next = nextOffset(place);
    if (offset < from || length < 0 || next > to) return true;
    if (order === "asc") from = next;
    else to = offset;
    return false;
  });
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a line and its newline, or `undefined` when they are not there. */
export function decode(bytes: Uint8Array, place: LinePlace): string | undefined {
  if (bytes.length !== place.length + 1 || bytes[place.length] !== 0x0a) return undefined;
  try {
    return UTF_8.decode(bytes.subarray(0, place.length));
  } catch {
    return undefined;
  }
}

/** The record that a line holds, or `undefined`. */
export function recordOf(line: string): LogRecord | undefined {
  try {
    return LogRecord.ofLine(line);
  } catch {
    return undefined;
  }
}

/** Whether a line of the file is a record. */
export function isRecord(line: ScannedLine): boolean {
  return typeof line.content !== "string";
}

/** What the index keeps of a record's line. */
export function toIndexedLine({ offset, length, content }: ScannedLine): IndexedLine {
  const { entryId, instantUs, user, model, canonical, event } = content as RecordFacts;
  return { offset, length, entryId, instantUs, user, model, canonical, event };
}

/** What the index keeps of a line that is no record. */
export function toUnreadableLine({ offset, length, content }: ScannedLine): UnreadableLine {
  return { offset, length, reason: content as string };
}

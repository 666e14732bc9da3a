import { AuditLogError } from "../errors.ts";
import type { FileSettings } from "../options.ts";
import type { FileAdapter, OpenFile, Runtime } from "../ports.ts";
import type { LogRecord } from "../record.ts";
import { lengthOf } from "../record_length.ts";
import { callsEndedOnce, endedAlready } from "./ended_once.ts";
import type { IndexedFile } from "./jsonl_indexed_file.ts";
import { indexedLinesOf } from "./jsonl_lines.ts";
import type { JsonlFile } from "./jsonl_open.ts";
import { type EncodedLines, LineEncoder } from "./line_encoder.ts";
import { contentOf, scanLines } from "./line_scanner.ts";
import { checkSamePlace, sizeIfSame } from "./log_file.ts";
import type { WrittenLines } from "./store.ts";

/** So many records are few: with more, the calling thread had better encode what comes next than wait for the disk. */
export const FEW_RECORDS = 16;
/** Up to so many UTF-16 code units, the calling thread writes lines itself; more take the system a while. */
const LITTLE_UNITS = 64 * 1024;

/** Indexes of records, from one to before another. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What came of writing a batch. */
export interface Written {
  /** Where its records are in the log, where that is known. */
  readonly range: Range | undefined;
  /** Its lines. */
  readonly lines: WrittenLines;
}

/** Appends lines to a JSONL file, under its lock, behind whatever others have written; it syncs nothing. */
export class JsonlWriter {
  readonly #files: FileAdapter;
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #identity: string;
  readonly #indexed: IndexedFile;
  readonly #encoder = new LineEncoder();

  /** @param indexed What this handle has seen of the file. */
  constructor(
    { file }: Runtime,
    { path }: FileSettings,
    opened: JsonlFile,
    indexed: IndexedFile,
  ) {
    this.#files = file;
    this.#file = opened.file;
    this.#path = path;
    this.#identity = opened.identity;
    this.#indexed = indexed;
  }

  /**
   * Appends the lines of a few new records at once, if nothing is to be waited for: not the lock, no other's lines. No other batch
   * of this handle may be under way. One caller alone records so, and each promise on the way takes longer than it seems: since the last record, the processor
   * has had other things to do.
   *
   * @returns Nothing if something is; then nothing was done.
   * @throws As {@link JsonlWriter.write}.
   */
  writeAtOnce(
    records: readonly LogRecord[],
    action: string,
  ): Written | Promise<Written> | undefined {
    const indexed = this.#indexed;
    const { atOnce } = this.#file;
    if (atOnce === undefined || !isLittle(records)) return undefined;
    return indexed.exclusivelyAtOnce((stat) => {
      const size = sizeIfSame(stat(this.#path), this.#identity, action);
      if (size !== indexed.seenSize || size > indexed.coveredTo) return undefined;
      const lines = this.#encoder.encode(records, false);
      const { bytes } = lines;
      indexed.forget(); // until it is known how the write ended
      for (let written = 0; written < bytes.length;) {
        written += taken(atOnce.append(bytes.subarray(written)));
      }
      return this.#placed(records, lines, size, atOnce.stat().size, action);
    });
  }

  /**
   * Appends the lines of records, once the lock is free.
   *
   * @throws What the file, the lock or the index throw; {@link AuditLogError} `DUPLICATE_ENTRY`, `LOG_REPLACED`, `WRITE_FAILED`.
   */
  write(records: readonly LogRecord[], action: string): Promise<Written> {
    return this.#indexed.withIndex(async () => {
      const refreshed = this.#indexed.refreshIfUnknown();
      if (refreshed !== undefined) await refreshed;
      return await this.#indexed.exclusively(() => this.#append(records, action));
    });
  }

  /** Appends lines, under the lock. */
  async #append(records: readonly LogRecord[], action: string): Promise<Written> {
    const indexed = this.#indexed;
    const size = await checkSamePlace(this.#files, this.#path, this.#identity, action);
    if (size !== indexed.seenSize) await indexed.catchUp(size);
    if (records.some((record) => record.mayRepeat)) await this.#refuseRepeated(records, size);
    const lines = this.#encoder.encode(records, size > indexed.coveredTo);
    const { bytes } = lines;
    indexed.forget(); // as above
    for (let written = 0; written < bytes.length;) {
      written += taken(await this.#file.append(bytes.subarray(written)));
    }
    return this.#placed(records, lines, size, (await this.#file.stat()).size, action);
  }

  /** Takes note of lines that were appended to so many bytes, whereupon the file has so many; under the lock. */
  #placed(
    records: readonly LogRecord[],
    lines: EncodedLines,
    size: number,
    end: number,
    action: string,
  ): Written | Promise<Written> {
    const { bytes, bounds } = lines;
    const isLast = end === size + bytes.length;
    if (size > this.#indexed.coveredTo || !isLast) {
      // The unfinished line got its newline, and may be a record now. Or a program that knows nothing of the
      // lock wrote at the same time. What is where is read from the file.
      return this.#findAgain(records, end, action).then(() => {
        const areLast = isLast && this.#indexed.seenSize === end;
        return { range: areLast ? this.#last(records.length) : undefined, lines };
      });
    }
    this.#indexed.appended(indexedLinesOf(records, bounds, size), end);
    return { range: this.#last(records.length), lines };
  }

  /** The range of the last so many records that were seen. */
  #last(count: number): Range {
    const { size } = this.#indexed;
    return { from: size - count, to: size };
  }

  /**
   * Looks for records that were written when it is not known where: what another program was just writing, without the
   * lock, may have swallowed the first of them. In the file itself: an index that fails shall not fail what was written.
   *
   * @throws {AuditLogError} `WRITE_FAILED` when one is not there; others of the batch may be.
   */
  async #findAgain(records: readonly LogRecord[], end: number, action: string): Promise<void> {
    const found = new Set<string>();
    for await (const { lines } of scanLines(this.#file, this.#indexed.coveredTo, end)) {
      for (const line of lines) {
        const content = contentOf(line);
        if (typeof content !== "string") found.add(content.entryId);
      }
    }
    try {
      await this.#indexed.catchUp(end);
    } catch {
      // Whoever looks next tries again.
    }
    for (const { entry } of records) {
      if (found.has(entry.entryId)) continue;
      throw new AuditLogError(
        "WRITE_FAILED",
        `Cannot ${action}: the entry ${entry.entryId} is not in the file as a line of its own; another program ` +
          "writes to it without the log's lock. Others of the same write may be there",
      );
    }
  }

  /** Refuses adopted records whose ids are in the log, as new ones have new ids, and ends of calls that have one. */
  async #refuseRepeated(records: readonly LogRecord[], size: number): Promise<void> {
    await this.#indexed.indexPending();
    // The index was busy, and lines of this handle may not be in it.
    if (this.#indexed.seenSize === -1) await this.#indexed.catchUp(size);
    const ids = new Set<string>();
    for (const { adopted, entry: { entryId } } of records) {
      if (!adopted) continue;
      const isNew = await this.#indexed.ask((index) => index.seqOf(entryId)) === undefined;
      if (isNew && !ids.has(entryId)) {
        ids.add(entryId);
        continue;
      }
      throw new AuditLogError(
        "DUPLICATE_ENTRY",
        `Cannot write to ${this.#path}: the entry ${entryId} is in the log already`,
      );
    }
    for (const callId of callsEndedOnce(records)) {
      if (!await this.#indexed.ask((index) => index.hasEnd(callId))) continue;
      throw endedAlready(`write to ${this.#path}`, callId);
    }
  }
}

/** Whether records are few, new whatever is in the log, and short. */
function isLittle(records: readonly LogRecord[]): boolean {
  return records.length > 0 && records.length <= FEW_RECORDS &&
    !records.some((record) => record.mayRepeat) &&
    records.reduce((sum, record) => sum + lengthOf(record), 0) <= LITTLE_UNITS;
}

/** How many bytes a file took; none is a fault that it does not tell. */
function taken(count: number): number {
  if (count === 0) throw new Error("the file takes no more bytes");
  return count;
}

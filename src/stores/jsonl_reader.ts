import { AuditLogError } from "../errors.ts";
import type { OpenFile } from "../ports.ts";
import { matches, matchesIndexed, needlesOf, type Selection } from "../query.ts";
import type { LogRecord } from "../record.ts";
import { Turns } from "../turns.ts";
import type { JsonlIndex } from "./jsonl_index.ts";
import { type IndexedFile, indexLost } from "./jsonl_indexed_file.ts";
import { decode, fitting, type LinePlace, misplaced, recordOf } from "./jsonl_lines.ts";
import { readLines } from "./line_reader.ts";
import { PageSize } from "./page_size.ts";
import type { SeqRange } from "./user_segments.ts";
import { Walk } from "./walk.ts";

/** Answers queries of a JSONL log: the index tells where lines are, and the lines say what they hold. */
export class JsonlReader {
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #indexed: IndexedFile;

  /** @param path The file's path, for people. */
  constructor(path: string, file: OpenFile, indexed: IndexedFile) {
    this.#path = path;
    this.#file = file;
    this.#indexed = indexed;
  }

  /** As `LogStore.indexOf()`. */
  async indexOf(entryId: string): Promise<number | undefined> {
    return await this.#indexed.reading(() =>
      this.#indexed.askCovering((index) => index.seqOf(entryId))
    );
  }

  /** As `LogStore.read()`. */
  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    const { range, covered } = await this.#indexed.reading(() => this.#range(selection));
    const walk = new Walk(range, selection.order);
    const pageSize = new PageSize();
    const turns = new Turns();
    let left = selection.limit;
    let before: LinePlace | undefined;
    for (const part of walk.parts()) {
      if (left === 0) return;
      const asked = Math.min(left, pageSize.rows);
      const { places, isLast, records } = await this.#indexed.reading(async () => {
        const found = await this.#ask(
          covered,
          (index) => walk.timed(() => index.page(selection, part, asked)),
        );
        const lost = misplaced(
          found,
          selection.order,
          (await this.#file.stat()).size,
          before,
        );
        if (lost !== undefined) throw await this.#changed(lost);
        const places = fitting(found);
        const isLast = found.length < asked && places.length === found.length;
        return { places, isLast, records: await this.#records(places, selection) };
      });
      if (isLast) walk.passed(part);
      else walk.reached(places.at(-1)!.seq);
      if (places.length > 0) {
        before = places.at(-1);
        pageSize.seen(places.length, places.reduce((sum, { length }) => sum + length, 0));
        left -= records.length;
        if (records.length > 0) yield records;
      }
      await turns.give();
    }
  }

  /** As `LogStore.count()`. */
  async count(selection: Selection): Promise<number> {
    if (needlesOf(selection).length === 0) {
      return await this.#indexed.reading(() => this.#countIndexed(selection));
    }
    let count = 0;
    for await (const records of this.read(selection)) count += records.length;
    return count;
  }

  async #countIndexed(selection: Selection): Promise<number> {
    const { range, covered } = await this.#range(selection);
    const walk = new Walk(range, "asc");
    const turns = new Turns();
    let count = 0;
    for (const part of walk.parts()) {
      count += await this.#ask(
        covered,
        (index) => walk.timed(() => index.count(selection, part)),
      );
      walk.passed(part);
      await turns.give();
    }
    return count;
  }

  /** A range that holds all lines of a selection, and up to where the index covers the file. */
  #range(selection: Selection): Promise<{ range: SeqRange; covered: number }> {
    return this.#indexed.askCovering((index, seen) => ({
      range: index.range(selection, Math.min(seen.size, index.end().size)),
      covered: seen.coveredTo,
    }));
  }

  /** Asks the index, and makes sure that it still has what it had. */
  #ask<T>(covered: number, attempt: (index: JsonlIndex) => T): Promise<T> {
    return this.#indexed.ask((index) => {
      const answer = attempt(index);
      if (index.coveredTo < covered) throw indexLost(this.#path);
      return answer;
    });
  }

  /** Reads the lines at some places, and keeps those that a selection asks for. */
  async #records(
    places: readonly LinePlace[],
    selection: Selection,
  ): Promise<readonly LogRecord[]> {
    const lines = await readLines(this.#file, places);
    const needles = needlesOf(selection);
    const records: LogRecord[] = [];
    for (const [position, place] of places.entries()) {
      const line = decode(lines[position]!, place);
      if (line === undefined) throw await this.#changed(place);
      if (place.canonical && !needles.every((needle) => line.includes(needle))) {
        continue;
      }
      const record = recordOf(line);
      if (record?.entry.entryId !== place.entryId) throw await this.#changed(place);
      if (matches(selection, record)) records.push(record);
      else if (!matchesIndexed(selection, record)) throw await this.#changed(place);
    }
    return records;
  }

  /** The error for a line that is not what the index says of it; the index starts anew. */
  async #changed(place: LinePlace): Promise<AuditLogError> {
    await this.#indexed.startAnew();
    return new AuditLogError(
      "DAMAGED",
      `Cannot read ${this.#path}: the line at byte ${place.offset} is not the one that was ` +
        "written there; the file was changed. Ask again to read it as it is now",
    );
  }
}

import type { RecordFacts } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import type { CheckStand, OpenFile, Sha256 } from "../ports.ts";
import { Turns } from "../turns.ts";
import { CheckFindings } from "./check_findings.ts";
import type { JsonlIndex } from "./jsonl_index.ts";
import { type IndexedLine, type IndexRow, isRecord, toIndexedLine } from "./jsonl_lines.ts";
import { lineStart, scanLines, type ScannedLine } from "./line_scanner.ts";
import { lagBehind } from "./record_table.ts";
import type { FoundRecords } from "./tree_store.ts";

/** How many rows of the index are read at a time, at most: of many lines, none may be a record. */
const MOST_ROWS = 1024;

/** Asks the index, which another process may be writing to. */
export type AskIndex = <T>(attempt: (index: JsonlIndex) => T) => Promise<T>;

/** Compares the lines of a file with what the index beside it says of them, and hashes those that are records. */
export class LineCheck {
  readonly #file: OpenFile;
  readonly #ask: AskIndex;
  readonly #sha256: Sha256;
  readonly #mostSearched: number | undefined;

  /**
   * @param file The log's file.
   * @param ask Asks the index.
   * @param sha256 The runtime's SHA-256.
   * @param mostSearched How far to look for the start of a line, bytes; by default, however far it is.
   */
  constructor(file: OpenFile, ask: AskIndex, sha256: Sha256, mostSearched?: number) {
    this.#file = file;
    this.#ask = ask;
    this.#sha256 = sha256;
    this.#mostSearched = mostSearched;
  }

  /**
   * Checks the lines that start from one byte on and before another.
   *
   * @param stand Where whoever compared all lines before stands; by default as the index says.
   * @throws {SqliteError} Why the index cannot be read, or the system's error why the file cannot; or that a line is too long.
   */
  async check(from: number, to: number, stand?: CheckStand): Promise<FoundRecords> {
    const start = stand?.at ?? await lineStart(this.#file, from, this.#mostSearched);
    const stop = await lineStart(this.#file, to, this.#mostSearched);
    const found = await this.#ask((index) => index.standAt(start));
    const before = stand ?? found;
    const rows = new IndexRows(this.#ask, found.next);
    const findings = new CheckFindings(this.#sha256);
    const unreadable = [0, 0, 0];
    let { next, highUs } = before;
    const passLost = async (offset: number, wanted: number): Promise<IndexRow | undefined> => {
      for (;; wanted = MOST_ROWS) {
        const row = rows.next ?? await rows.more(wanted);
        if (row === undefined || row.offset >= offset) return row;
        findings.tell(row.entryId, [
          `the index beside the file has a record at byte ${row.offset}, where none is any more`,
        ]);
        rows.pass();
        next = row.seq + 1;
      }
    };
    for await (const { lines } of scanLines(this.#file, start, stop)) {
      for (const [position, line] of lines.entries()) {
        if (!isRecord(line)) {
          [1, line.offset, line.length].forEach((value, at) => unreadable[at]! += value);
          continue;
        }
        const { entryId, instantUs } = line.content as RecordFacts;
        const lagUs = lagBehind(highUs, instantUs);
        highUs = instantUs + lagUs;
        let row = rows.next;
        if (row === undefined || row.offset < line.offset) {
          row = await passLost(line.offset, lines.length - position);
        }
        const indexed = row?.offset === line.offset ? row : undefined;
        if (indexed !== undefined) rows.pass();
        const isPlain = indexed !== undefined && isIndexed(line, next, lagUs, indexed);
        findings.tell(
          entryId,
          isPlain
            ? indexed.faults
            : faultsOf({ ...toIndexedLine(line), seq: next, lagUs }, indexed),
        );
        findings.take(line.bytes!);
        next = (indexed?.seq ?? next) + 1;
      }
    }
    await passLost(stop, 1);
    return { ...findings.between(before, { at: stop, next, highUs }), unreadable };
  }
}

/** What the index keeps of the records, in their order. */
class IndexRows {
  readonly #ask: AskIndex;
  readonly #turns = new Turns();
  #rows: readonly IndexRow[] = [];
  #at = 0;
  #from: number;

  /** @param from The first number. */
  constructor(ask: AskIndex, from: number) {
    this.#ask = ask;
    this.#from = from;
  }

  /** The next row, if it was read already. */
  get next(): IndexRow | undefined {
    return this.#rows[this.#at];
  }

  /** Goes behind it. */
  pass(): void {
    this.#at++;
  }

  /** Reads on, so many rows at most, and gives the next if there is one. */
  async more(count: number): Promise<IndexRow | undefined> {
    await this.#turns.give();
    const most = Math.min(count, MOST_ROWS);
    this.#rows = await this.#ask((index) => index.lines(this.#from, most));
    this.#at = 0;
    const last = this.#rows.at(-1);
    if (last !== undefined) this.#from = last.seq + 1;
    return this.next;
  }
}

function sameEvent(one: EntryEvent | undefined, other: EntryEvent | undefined): boolean {
  return one?.name === other?.name && one?.subject === other?.subject;
}

/** Whether the index says of a record's line what it is: as {@link faultsOf}, at a fraction of the time. */
function isIndexed(
  { offset, length, content }: ScannedLine,
  seq: number,
  lagUs: number,
  indexed: IndexRow,
): boolean {
  const { entryId, instantUs, user, model, canonical, event } = content as RecordFacts;
  return offset === indexed.offset && length === indexed.length && entryId === indexed.entryId &&
    instantUs === indexed.instantUs && user === indexed.user && model === indexed.model &&
    canonical === indexed.canonical && seq === indexed.seq && lagUs === indexed.lagUs &&
    sameEvent(event, indexed.event);
}

/** What the index says otherwise of a line. */
function faultsOf(
  expected: IndexedLine & Pick<IndexRow, "seq" | "lagUs">,
  indexed: IndexRow | undefined,
): readonly string[] {
  if (indexed === undefined) return ["the index beside the file lacks it"];
  const others = Object.entries(expected)
    .filter(([key, value]) => {
      const found = (indexed as unknown as Record<string, unknown>)[key];
      return key === "event" ? !sameEvent(expected.event, indexed.event) : found !== value;
    })
    .map(([key]) => `the index beside the file has another ${key}`);
  return [...others, ...indexed.faults];
}

import { type CanonicalLine, type RecordFacts, scanCanonical } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import type { CheckStand, Sha256 } from "../ports.ts";
import { Turns } from "../turns.ts";
import { CheckFindings } from "./check_findings.ts";
import { firstName, isAbout, isNamed } from "./joined_names.ts";
import { type JsonlIndex, SEEN_NAMES, type SeenRow } from "./jsonl_index.ts";
import { type IndexRow, toIndexedLine } from "./jsonl_lines.ts";
import {
  CHUNK_BYTES,
  contentOf,
  lineStart,
  nextOffset,
  type ReadFile,
  scanLines,
  type ScannedChunk,
  type ScannedLine,
} from "./line_scanner.ts";
import { lagBehind } from "./record_table.ts";
import type { FoundRecords } from "./tree_store.ts";

/** How many rows of the index are read at a time, at most. */
const MOST_ROWS = 1024;

/** Asks the index, which another process may be writing to. */
export type AskIndex = <T>(attempt: (index: JsonlIndex) => T) => Promise<T>;

/** Compares the lines of a file with what the index beside it says of them, and hashes those that are records. */
export class LineCheck {
  readonly #file: ReadFile;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  readonly #ask: AskIndex;
  readonly #sha256: Sha256;
  readonly #mostSearched: number | undefined;

  /**
   * @param file The log's file.
   * @param ask Asks the index.
   * @param sha256 The runtime's SHA-256.
   * @param mostSearched How far to look for the start of a line, bytes; by default, however far it is.
   */
  constructor(file: ReadFile, ask: AskIndex, sha256: Sha256, mostSearched?: number) {
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
    const { next: last } = await this.#ask((index) => index.standAt(stop));
    const rows = new IndexRows(this.#ask, found.next, last);
    const findings = new CheckFindings(this.#sha256);
    const unreadable = [0, 0, 0];
    let { next, highUs } = before;
    const passLost = async (offset: number): Promise<void> => {
      for (;;) {
        const row = rows.next ?? await rows.more();
        if (row === undefined || row.offset >= offset) return;
        findings.tell(firstName(row.names), [
          `the index beside the file has a record at byte ${row.offset}, where none is any more`,
        ]);
        rows.pass();
        next = row.seq + 1;
      }
    };
    for await (const chunk of scanLines(this.#file, start, stop, this.#buffer)) {
      for (let at = chunk.start; at < chunk.end;) {
        if (rows.next === undefined || rows.next.offset < at) await passLost(at);
        const row = rows.next?.offset === at ? rows.next : undefined;
        const { line, facts } = lineIn(chunk, at, row);
        at = nextOffset(line);
        if (typeof facts === "string") {
          [1, line.offset, line.length].forEach((value, sum) => unreadable[sum]! += value);
          continue;
        }
        const lagUs = lagBehind(highUs, facts.instantUs);
        highUs = facts.instantUs + lagUs;
        if (row === undefined || !isPlainly(row, line, facts, next, lagUs)) {
          const kept = isScanned(facts) ? facts.facts() : facts;
          const expected = { ...toIndexedLine(line, kept), seq: next, lagUs };
          findings.tell(kept.entryId, await this.#faultsOf(expected, row));
        }
        if (row !== undefined) rows.pass();
        findings.take(line.bytes!);
        next = (row?.seq ?? next) + 1;
      }
    }
    await passLost(stop);
    return { ...findings.between(before, { at: stop, next, highUs }), unreadable };
  }

  /** What the index says otherwise of a line. */
  async #faultsOf(
    expected: Omit<IndexRow, "faults">,
    row: SeenRow | undefined,
  ): Promise<readonly string[]> {
    if (row === undefined) return ["the index beside the file lacks it"];
    const indexed = await this.#ask((index) => index.look(row.seq));
    if (indexed === undefined) return ["the index beside the file lost it while it was looked at"];
    const others = Object.entries(expected)
      .filter(([key, value]) => {
        const found = (indexed as unknown as Record<string, unknown>)[key];
        return key === "event" ? !sameEvent(expected.event, indexed.event) : found !== value;
      })
      .map(([key]) => `the index beside the file has another ${key}`);
    return [...others, ...indexed.faults];
  }
}

/** The line at a place, and what it says: at once, if it is as long as the index says, and canonical. */
function lineIn(
  chunk: ScannedChunk,
  offset: number,
  row: SeenRow | undefined,
): { line: ScannedLine; facts: CanonicalLine | RecordFacts | string } {
  const indexed = row && chunk.lineOf(offset, row.length);
  const scanned = indexed?.bytes && scanCanonical(indexed.bytes);
  if (scanned !== undefined) return { line: indexed!, facts: scanned };
  const line = chunk.lineAt(offset);
  return { line, facts: contentOf(line) };
}

/** What the index keeps of the records, in their order. */
class IndexRows {
  readonly #ask: AskIndex;
  readonly #turns = new Turns();
  #rows: readonly SeenRow[] = [];
  #at = 0;
  #from: number;
  #left: number;
  #isAtEnd = false;

  /**
   * @param from The first number.
   * @param to The first that will not be needed, as far as is known.
   */
  constructor(ask: AskIndex, from: number, to: number) {
    this.#ask = ask;
    this.#from = from;
    this.#left = to - from;
  }

  /** The next row, if it was read already. */
  get next(): SeenRow | undefined {
    return this.#rows[this.#at];
  }

  /** Goes behind it. */
  pass(): void {
    this.#at++;
  }

  /** Reads on, and gives the next row if there is one. */
  async more(): Promise<SeenRow | undefined> {
    if (this.#isAtEnd) return undefined;
    await this.#turns.give();
    // Behind the last there is none, as a rule, and one tells. If there is, there may be many.
    const most = this.#left < 0 ? MOST_ROWS : Math.max(1, this.#left);
    const count = Math.min(most, MOST_ROWS);
    this.#rows = await this.#ask((index) => index.lines(this.#from, count));
    this.#at = 0;
    this.#left -= count;
    const last = this.#rows.at(-1);
    if (last !== undefined) this.#from = last.seq + 1;
    else this.#isAtEnd = true;
    return this.next;
  }
}

/** Whether the index plainly says of a record's line what it is. Where it does not, a closer look may. */
function isPlainly(
  row: SeenRow,
  { offset, length }: ScannedLine,
  facts: CanonicalLine | RecordFacts,
  seq: number,
  lagUs: number,
): boolean {
  const isCanonical = isScanned(facts) || facts.canonical;
  return row.sound === (isCanonical ? 2 : 1) && row.seq === seq && row.offset === offset &&
    row.length === length && row.instant_us === facts.instantUs && row.lag_us === lagUs &&
    isAbout(row.about, facts.event) &&
    (isScanned(facts) ? facts.reads(row.names, SEEN_NAMES) : isNamed(row.names, facts, SEEN_NAMES));
}

/** Whether a line was scanned, and not parsed. */
function isScanned(facts: CanonicalLine | RecordFacts): facts is CanonicalLine {
  return "reads" in facts;
}

function sameEvent(one: EntryEvent | undefined, other: EntryEvent | undefined): boolean {
  return one?.name === other?.name && one?.subject === other?.subject;
}

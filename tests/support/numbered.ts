/**
 * Entries all of whose fields follow from who wrote them and as the how manieth, so that whoever reads one knows what it
 * must be.
 *
 * @module
 */

import type { AuditEntry, NewEntry } from "@audit-log/llm";

/** Which entry it is. */
export interface EntryNumber {
  /** The process or thread that wrote it. */
  readonly writer: string;
  /** Which of those that record there at once. */
  readonly caller: number;
  /** How many the caller gave to the log before it. */
  readonly n: number;
  /** How many of its `recordAll()` stand before it; 0 for `record()`. */
  readonly at: number;
  /** How many its `recordAll()` has; 1 for `record()`. */
  readonly of: number;
}

/** The numbers of the entries of one `recordAll()`. */
export function groupNumbers(
  writer: string,
  caller: number,
  first: number,
  of: number,
): EntryNumber[] {
  return Array.from({ length: of }, (_, at) => ({ writer, caller, n: first + at, at, of }));
}

/** The number of an entry of `record()`. */
export function singleNumber(writer: string, caller: number, n: number): EntryNumber {
  return { writer, caller, n, at: 0, of: 1 };
}

/** The entry of a number. */
export function numberedEntry({ writer, caller, n, at, of }: EntryNumber): NewEntry {
  return {
    user: writer,
    model: `caller ${caller}`,
    inputText: `${writer}, ${caller}, ${n}`,
    outputText: text(caller * 7919 + n),
    costUsd: n % 3 === 0 ? null : n / 1000,
    latencyMs: n,
    metadata: { caller, n, at, of },
  };
}

/** The number that an entry says it has; whether it is that entry is another question. */
export function numberOf({ user, metadata }: AuditEntry): EntryNumber {
  const { caller, n, at, of } = metadata as unknown as Omit<EntryNumber, "writer">;
  return { writer: user, caller, n, at, of };
}

/** Whether an entry is whole the one of its number: each field, and nothing else in its metadata. */
export function isNumbered(entry: AuditEntry): boolean {
  const number = numberOf(entry);
  const { metadata, ...fields } = numberedEntry(number);
  return Object.entries(fields).every(([name, value]) =>
    entry[name as keyof typeof fields] === value
  ) && sorted(entry.metadata) === sorted(metadata!);
}

function sorted(metadata: object): string {
  return JSON.stringify(Object.entries(metadata).sort());
}

/** The number as a key. */
export function keyOf({ writer, caller, n }: Pick<EntryNumber, "writer" | "caller" | "n">): string {
  return `${writer}, ${caller}, ${n}`;
}

const PIECE = 'A model\'s answer.\n"Quoted" \\ and \u2028 not ASCII: é 日本語 💬 \u0000\t';

/** Mostly short, some of many kilobytes, so that a line takes more than one write now and then. */
function text(number: number): string {
  const length = number % 211 === 17 ? 200_000 : number % 23 === 5 ? 9_000 : number * 31 % 300;
  const start = number % PIECE.length;
  return PIECE.repeat(Math.ceil((start + length) / PIECE.length)).slice(start, start + length);
}

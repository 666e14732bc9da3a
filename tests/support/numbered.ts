/**
 * Entries all of whose fields follow from who wrote them and as the how manieth, so that whoever reads one knows what it
 * must be.
 *
 * @module
 */

import type { AuditCall, AuditEntry, NewAnnotation, NewCall, NewEntry } from "@audit-log/llm";

/** Who gave an entry to the log, and as the how manieth. */
export interface EntryKey {
  /** The process or thread that wrote it. */
  readonly writer: string;
  /** Which of those that record there at once. */
  readonly caller: number;
  /** How many the caller gave to the log before it. */
  readonly n: number;
}

/** Which entry it is. */
export interface EntryNumber extends EntryKey {
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

/** The call whose beginning has a number. */
export function numberedCall(number: EntryNumber): NewCall {
  const { user, model, inputText, metadata } = numberedEntry(number);
  return { user, model, inputText, metadata };
}

/**
 * Ends the call that began with one number by an entry with another, in the way that follows from it. Whoever resumes a call
 * is another writer than its user.
 */
export function endNumbered(
  call: AuditCall,
  begun: EntryKey,
  number: EntryNumber,
): Promise<AuditEntry> {
  const { outputText, costUsd, latencyMs, metadata } = numberedEntry(number);
  const { writer, caller, n } = begun;
  const known = {
    costUsd,
    latencyMs,
    metadata: { ...metadata, writer: number.writer, begun: { writer, caller, n } },
  };
  switch (OUTCOMES[number.n % OUTCOMES.length]!) {
    case "completed":
      return call.complete({ ...known, outputText });
    case "failed":
      return call.fail(new RangeError("cut off"), { ...known, partialOutput: outputText });
    case "aborted":
      return call.abort({ ...known, partialOutput: outputText });
  }
}

/** The annotation with a number, of the entry with another. */
export function numberedAnnotation(of: EntryKey, number: EntryNumber): NewAnnotation {
  const { user, metadata } = numberedEntry(number);
  const { writer, caller, n } = of;
  return {
    name: "seen",
    score: number.n,
    user,
    metadata: { ...metadata, about: { writer, caller, n } },
  };
}

/** The number that an entry says it has; whether it is that entry is another question. */
export function numberOf({ user, metadata }: AuditEntry): EntryNumber {
  const { writer = user, caller, n, at, of } = metadata as unknown as EntryNumber;
  return { writer, caller, n, at, of };
}

/** The beginning of the call that an entry ends, or the entry that it annotates. */
export function belongsTo({ metadata }: AuditEntry): EntryKey {
  return (metadata["begun"] ?? metadata["about"]) as unknown as EntryKey;
}

/** What an entry is about, as `audit.event` has it; `undefined` for those of `record()`. */
export function eventOf({ metadata }: AuditEntry): unknown {
  return metadata["audit.event"];
}

/**
 * Whether an entry is whole the one of its number: each field, and nothing else in its metadata. Which ids its metadata
 * refers to is another question.
 */
export function isNumbered(entry: AuditEntry): boolean {
  const { metadata, ...fields } = expected(entry);
  return Object.entries(fields).every(([name, value]) =>
    entry[name as keyof typeof fields] === value
  ) && sorted(entry.metadata) === sorted(metadata!);
}

function expected(entry: AuditEntry): NewEntry {
  const number = numberOf(entry);
  const own = numberedEntry(number);
  const event = eventOf(entry);
  if (event === undefined) return own;
  const { "audit.call": call, "audit.ref": ref, begun, about } = entry.metadata;
  const nothing = { outputText: "", costUsd: null, latencyMs: null };
  if (event === "call.begin") {
    const audit = { "audit.event": event, "audit.call": entry.entryId };
    return { ...own, ...nothing, metadata: { ...own.metadata, ...audit } };
  }
  if (event === "annotation") {
    const [name, score] = ["gen_ai.evaluation.name", "gen_ai.evaluation.score.value"];
    const audit = { "audit.event": event, "audit.ref": ref, [name]: "seen", [score]: number.n };
    const { model } = entry; // that of the entry that it annotates
    return {
      ...own,
      ...nothing,
      model,
      inputText: "",
      metadata: { ...own.metadata, about, ...audit },
    };
  }
  const { user, model, inputText } = numberedEntry({ ...number, ...belongsTo(entry) });
  const outcome = OUTCOMES[number.n % OUTCOMES.length]!;
  const failure = { "error.type": "RangeError", "error.message": "cut off" };
  return {
    ...own,
    user,
    model,
    inputText,
    metadata: {
      ...own.metadata,
      writer: number.writer,
      begun,
      "audit.event": "call.end",
      "audit.call": call,
      "audit.outcome": outcome,
      ...outcome === "failed" ? failure : {},
    },
  };
}

const OUTCOMES = ["completed", "failed", "aborted"] as const;

function sorted(metadata: object): string {
  return JSON.stringify(Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1));
}

/** The number as a key. */
export function keyOf({ writer, caller, n }: EntryKey): string {
  return `${writer}, ${caller}, ${n}`;
}

/** Whether a writer has told that it writes large batches: to SQLite by another thread, to JSONL two at once. */
export function saysAside(backend: "sqlite" | "jsonl", lines: readonly string[]): boolean {
  return lines.includes(backend === "sqlite" ? "aside" : "overlapping");
}

const PIECE = 'A model\'s answer.\n"Quoted" \\ and \u2028 not ASCII: é 日本語 💬 \u0000\t';

/** Mostly short, some of many kilobytes, so that a line takes more than one write now and then. */
function text(number: number): string {
  const length = number % 211 === 17 ? 200_000 : number % 23 === 5 ? 9_000 : number * 31 % 300;
  const start = number % PIECE.length;
  return PIECE.repeat(Math.ceil((start + length) / PIECE.length)).slice(start, start + length);
}

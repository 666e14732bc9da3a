/**
 * Interactions to record, and clocks to record them by.
 *
 * @module
 */

import type { AuditEntry, AuditLog, NewEntry } from "@audit-log/llm";

/** An interaction with the given fields; what is not given does not matter. */
export function interaction(fields: Partial<NewEntry> = {}): NewEntry {
  return { model: "m", inputText: "in", outputText: "out", ...fields };
}

/** So many interactions, told apart by their `inputText`: 0, 1, 2, ... */
export function interactions(count: number, fields: Partial<NewEntry> = {}): NewEntry[] {
  return Array.from({ length: count }, (_, n) => interaction({ ...fields, inputText: `${n}` }));
}

/** The texts of entries, to compare which they are and in which order. */
export function inputs(entries: readonly AuditEntry[]): string[] {
  return entries.map(({ inputText }) => inputText);
}

/** All lines of a log. */
export async function allLines(log: AuditLog): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of log.lines()) lines.push(line);
  return lines;
}

/** 2026-01-31T08:00:00.000Z. */
export const START_MS = Date.UTC(2026, 0, 31, 8);

/** A clock that goes on by a second each time it is asked. */
export function steadyClock(startMs: number = START_MS): () => number {
  let now = startMs - 1000;
  return () => now += 1000;
}

/** The fields of a line of the log, as they stand on disk. */
export interface Line {
  cost_usd: number | null;
  entry_id: string;
  input_text: string;
  latency_ms: number | null;
  metadata: Record<string, unknown>;
  model: string;
  output_text: string;
  timestamp: string;
  user: string;
}

/** A line that another program may have written, as Python writes it: with spaces, keys in its own order. */
export function foreignLine(fields: Partial<Line> = {}): string {
  const line: Line = {
    entry_id: "4c668d10691d428399c5793c059d174a",
    timestamp: "2026-11-22T13:48:15.782592+00:00",
    user: "alice",
    model: "m",
    input_text: "in",
    output_text: "out",
    cost_usd: null,
    latency_ms: null,
    metadata: {},
    ...fields,
  };
  const members = Object.entries(line).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `{${members.join(", ")}}`;
}

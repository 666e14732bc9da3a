/**
 * What the limits need to make records by the cheapest means.
 *
 * @module
 */
import { hash } from "node:crypto";
import { v7 } from "uuid";
import type { NewEntry } from "../../mod.ts";

/** What a record has beside what the application gave. */
export interface Stamp {
  entryId: string;
  timestamp: string;
  instantUs: number;
}

/** Ids and times, made beforehand: they are not what the limit is about. */
export function stamps(count: number): Stamp[] {
  const start = Date.now();
  return Array.from({ length: count }, (_, index) => {
    const msecs = start + Math.floor(index / 16);
    const timestamp = new Date(msecs).toISOString();
    return { entryId: v7({ msecs, seq: index }), timestamp, instantUs: msecs * 1000 };
  });
}

/** What a limit does with a line beside writing it. */
export type LineWork = (line: string) => unknown;

/** Nothing. */
export function nothing(): void {}

/** One SHA-256, as a signed log needs it of each record; in hexadecimal, which Node and Deno make soonest. */
export function hashed(line: string): string {
  return hash("sha256", line, "hex");
}

/** A record's line, by the runtime's own means. */
export function stringify(entry: NewEntry, { entryId, timestamp }: Stamp): string {
  return JSON.stringify({
    cost_usd: entry.costUsd,
    entry_id: entryId,
    input_text: entry.inputText,
    latency_ms: entry.latencyMs,
    metadata: entry.metadata,
    model: entry.model,
    output_text: entry.outputText,
    timestamp,
    user: entry.user,
  });
}

/**
 * What is recorded: all of it follows from the name of who records and a number, so that whoever reads an entry knows
 * what it must be.
 *
 * @module
 */

import type {
  AuditCall,
  AuditEntry,
  NewAnnotation,
  NewCall,
  NewEntry,
  NewGap,
} from "../../../mod.ts";
import { SECRET } from "./redactor.ts";

const MODELS = ["m", "gpt-4o", "模型"];
const PARTS = ["", "out", "\u2028\u2029", "\0", "\ud800", "💬 ".repeat(50), '"\\'.repeat(9)];
const OUTCOMES = ["completed", "failed", "aborted"] as const;

/** What a call asks, and of whom, that has no beginning in the log. */
export const ALONE = "alone";

/** Who records on what: handles are numbered so that the times of each can be told. */
export interface Recording {
  readonly lane: string;
  readonly handle: number;
  /** Whether the handle redacts. */
  readonly redacts: boolean;
}

/** Which model the entry of this number has. */
export function modelOf(number: number): string {
  return MODELS[number % MODELS.length]!;
}

/** How the call ends whose end has this number. */
export function outcomeOf(number: number): typeof OUTCOMES[number] {
  return OUTCOMES[number % OUTCOMES.length]!;
}

/** The answer in the entry of this number: short, odd, and now and then long, or secret. */
export function outputOf(lane: string, number: number): string {
  const part = PARTS[number % PARTS.length]!;
  const secret = number % 4 === 1 ? SECRET : "";
  const long = number % 97 === 41 ? "long ".repeat(20_000) : "";
  return `${lane} ${number} ${part}${secret}${long}`;
}

/** The entry of this number. */
export function entryOf({ lane, handle, redacts }: Recording, number: number): NewEntry {
  return {
    user: lane,
    model: modelOf(number),
    inputText: `${number}`,
    outputText: outputOf(lane, number),
    costUsd: number / 1000,
    metadata: { handle, number, redacts },
  };
}

/** The call whose beginning has this number. */
export function callOf(recording: Recording, number: number): NewCall {
  const { user, model, inputText, metadata } = entryOf(recording, number);
  return { user, model, inputText, metadata };
}

/** Ends a call by the entry of this number; its user may be another lane, which began it. */
export function end(call: AuditCall, recording: Recording, number: number): Promise<AuditEntry> {
  const { outputText, costUsd, metadata } = entryOf(recording, number);
  const told = { costUsd, latencyMs: number, metadata: { ...metadata, lane: recording.lane } };
  switch (outcomeOf(number)) {
    case "completed":
      return call.complete({ ...told, outputText });
    case "failed":
      return call.fail(new Error(SECRET), { ...told, partialOutput: outputText });
    case "aborted":
      return call.abort({ ...told, partialOutput: outputText });
  }
}

/** The annotation of this number. */
export function annotationOf(recording: Recording, number: number): NewAnnotation {
  const { user, metadata } = entryOf(recording, number);
  return { name: "soak", score: number, user, metadata };
}

/** The gap of this number. It is recorded whatever the redactor does: what it says itself tells which it is. */
export function gapOf(recording: Recording, number: number): NewGap {
  const { user, metadata } = entryOf(recording, number);
  return { lost: number + 1, calls: [recording.lane], user, metadata };
}

/** The same as a line that another program wrote: not canonical, and of some earlier time. */
export function foreignLine(lane: string, number: number, minutes: number): string {
  const time = new Date(Date.UTC(2026, 0, 1) + minutes * 60_000).toISOString();
  return JSON.stringify({
    entry_id: `${lane} ${number}`,
    timestamp: time.replace("Z", "+00:00"),
    user: lane,
    model: modelOf(number),
    input_text: `${number}`,
    output_text: outputOf(lane, number),
    cost_usd: null,
    latency_ms: null,
    metadata: {},
  });
}

/**
 * What is recorded: all of it follows from the name of who records and a number, so that whoever reads an entry knows
 * what it must be.
 *
 * @module
 */

import type { NewEntry } from "../../../mod.ts";

const MODELS = ["m", "gpt-4o", "模型"];
const PARTS = ["", "out", "\u2028\u2029", "\0", "\ud800", "💬 ".repeat(50), '"\\'.repeat(9)];

/** Which model the entry of this number has. */
export function modelOf(number: number): string {
  return MODELS[number % MODELS.length]!;
}

/** The answer in the entry of this number: short, odd, and now and then long. */
export function outputOf(lane: string, number: number): string {
  const part = PARTS[number % PARTS.length]!;
  const long = number % 97 === 41 ? "long ".repeat(20_000) : "";
  return `${lane} ${number} ${part}${long}`;
}

/** The entry of this number. Handles are numbered so that the times of each can be told. */
export function entryOf(lane: string, number: number, handle: number): NewEntry {
  return {
    user: lane,
    model: modelOf(number),
    inputText: `${number}`,
    outputText: outputOf(lane, number),
    costUsd: number / 1000,
    metadata: { handle },
  };
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

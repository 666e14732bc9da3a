/**
 * What of a chat completion is told by other names, or not recorded: all else that a provider has is kept as it is.
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import { type Loose, telling } from "../shared/loose.ts";

/** Of a message. */
export const CHAT_MESSAGE: readonly string[] = [
  "role",
  "content",
  "name",
  "tool_calls",
  "function_call",
  "tool_call_id",
  "refusal",
  "audio",
  "reasoning_content",
  "reasoning",
  "images",
  "parts", // the one name that is another's in what is recorded
];

/** Of a message that is an answer. */
export const ANSWER: readonly string[] = [...CHAT_MESSAGE, "finish_reason"];

/** Of a tool's call. */
export const CALL: readonly string[] = ["type", "index", "id", "function", "custom"];

/** Of a choice. */
export const CHOICE: readonly string[] = [
  "index",
  "message",
  "delta",
  "text",
  "finish_reason",
  "logprobs",
];

/** Of all of it. */
export const COMPLETION: readonly string[] = [
  "id",
  "object",
  "created",
  "model",
  "choices",
  "usage",
  "service_tier",
  "system_fingerprint",
  "error",
  "obfuscation", // noise that hides how long a chunk is
];

/** What an answer has beside what is told by other names, as metadata. */
export function toldBeside(body: Loose, known: readonly string[] = []): Record<string, JsonValue> {
  const others = Object.entries(telling(body, known));
  return Object.fromEntries(others.map(([name, value]) => [`openai.response.${name}`, value]));
}

/**
 * Adds what a stream brings of members that are not known: texts and lists in pieces, or the same text once more with each piece of
 * another.
 *
 * @param members What came before; changed.
 * @param more What comes.
 */
export function addMembers(
  members: Record<string, JsonValue>,
  more: Readonly<Record<string, JsonValue>>,
): void {
  for (const name in more) {
    members[name] = joined(Object.hasOwn(members, name) ? members[name]! : [], more[name]!);
  }
}

function joined(before: JsonValue, more: JsonValue): JsonValue {
  if (typeof more === "string" && typeof before === "string") {
    return before === more ? before : before + more;
  }
  if (Array.isArray(more) && Array.isArray(before)) {
    for (const value of more) addValue(before, value);
    return before;
  }
  if (!isObject(more) || !isObject(before)) return more;
  addMembers(before, more);
  return before;
}

/** How far back a value is looked for that a piece is of: a stream may bring any number. */
const MOST_OPEN = 100;

/** Pieces of one value have the same index and type. */
function addValue(list: JsonValue[], value: JsonValue): void {
  const { index, type } = isObject(value) ? value : {};
  const first = typeof index === "number" ? Math.max(0, list.length - MOST_OPEN) : list.length;
  for (let at = list.length - 1; at >= first; at--) {
    const known = list[at]!;
    if (isObject(known) && known["index"] === index && known["type"] === type) {
      list[at] = joined(known, value);
      return;
    }
  }
  list.push(value);
}

function isObject(value: JsonValue): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

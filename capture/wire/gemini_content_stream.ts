/**
 * Gemini's content by stream, after its API reference, "Method: models.streamGenerateContent"
 * (https://ai.google.dev/api/generate-content): each event is a response with some more of the parts.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../../mod.ts";
import { filledText, listOf, type Loose, looseOf, textOf, without } from "../shared/loose.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import type { WireResponse, WireStream } from "./wire_format.ts";

/** A candidate as a stream brings it. */
interface Streamed {
  finishReason?: string;
  /** What is told of it besides: grounding, citations, ratings. */
  beside: JsonObject;
  readonly parts: Loose[];
}

/** What chunks have beside candidates. */
const HEAD = ["responseId", "modelVersion", "promptFeedback", "modelStatus", "error"];

/** Puts together what a stream of content brings. */
export class ContentStream implements WireStream {
  readonly #responseOf: (body: Loose) => WireResponse;
  readonly #head: Record<string, unknown> = {};
  #usage: Record<string, JsonValue> = {};
  readonly #candidates = new Map<number, Streamed>();

  /** @param responseOf Reads a whole response. */
  constructor(responseOf: (body: Loose) => WireResponse) {
    this.#responseOf = responseOf;
  }

  get isComplete(): boolean {
    if (filledText(looseOf(this.#head["promptFeedback"])["blockReason"]) !== undefined) return true;
    const candidates = [...this.#candidates.values()];
    return candidates.length > 0 &&
      candidates.every(({ finishReason }) => finishReason !== undefined);
  }

  take(_name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    for (const key of HEAD) {
      // What says nothing does not undo what was said.
      if (data[key] !== undefined && data[key] !== null) this.#head[key] = data[key];
    }
    // Each chunk counts all that came so far.
    this.#usage = { ...this.#usage, ...without(looseOf(data["usageMetadata"]), []) };
    let isOutput = false;
    for (const { index, content, finishReason, ...beside } of listOf(data["candidates"])) {
      const candidate = this.#candidate(typeof index === "number" ? index : 0);
      if (typeof finishReason === "string") candidate.finishReason = finishReason;
      candidate.beside = joinedObject(candidate.beside, without(beside, []));
      for (const part of listOf(looseOf(content)["parts"])) {
        isOutput = addPart(candidate.parts, part) || isOutput;
      }
    }
    return { isOutput, isLast: this.#head["error"] !== undefined };
  }

  #candidate(index: number): Streamed {
    let candidate = this.#candidates.get(index);
    if (candidate === undefined) {
      this.#candidates.set(index, candidate = { beside: {}, parts: [] });
    }
    return candidate;
  }

  response(): WireResponse {
    const candidates = [...this.#candidates].sort(([a], [b]) => a - b).map(
      ([, { beside, finishReason, parts }]) => ({ ...beside, finishReason, content: { parts } }),
    );
    return this.#responseOf({ ...this.#head, usageMetadata: this.#usage, candidates });
  }
}

/** Adds a part, to the last one where it is the rest of that. @returns Whether it is some of the answer. */
function addPart(parts: Loose[], part: Loose): boolean {
  const last = parts.at(-1) ?? {};
  const { text, functionCall } = part;
  if (typeof text === "string") {
    const isRest = typeof last["text"] === "string" && last["thoughtSignature"] === undefined &&
      last["thought"] === part["thought"];
    if (isRest) parts[parts.length - 1] = { ...last, ...part, text: last["text"] + text };
    else parts.push(part);
    return text !== "";
  }
  const open = looseOf(last["functionCall"]);
  if (functionCall === undefined || open["willContinue"] !== true) parts.push(part);
  else {
    const call = looseOf(functionCall);
    const partialArgs = [...listOf(open["partialArgs"]), ...listOf(call["partialArgs"])];
    const both = { ...open, willContinue: false, ...call, partialArgs };
    parts[parts.length - 1] = { ...last, ...part, functionCall: both };
  }
  return true;
}

/** What was told before, and what is told now: lists grow, and what is told again is told once. */
function joined(before: JsonValue | undefined, more: JsonValue): JsonValue {
  if (Array.isArray(before) && Array.isArray(more)) {
    const known = new Set(before.map((item) => JSON.stringify(item)));
    return [...before, ...more.filter((item) => !known.has(JSON.stringify(item)))];
  }
  return isObject(before) && isObject(more) ? joinedObject(before, more) : more;
}

function joinedObject(before: JsonObject, more: JsonObject): JsonObject {
  const both: Record<string, JsonValue> = { ...before };
  for (const [name, value] of Object.entries(more)) {
    both[name] = joined(Object.hasOwn(both, name) ? both[name] : undefined, value);
  }
  return both;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The arguments of a call that came piece by piece, which Vertex AI has where it is asked to: by the JSON path of each, without the `$.`
 * that all begin with. Pieces of a text are put together.
 */
export function partialArguments(pieces: unknown): JsonObject {
  const values = new Map<string, JsonValue>();
  for (const { jsonPath, stringValue, numberValue, boolValue } of listOf(pieces)) {
    const path = (textOf(jsonPath) ?? "").replace(/^\$\.?/, "");
    const before = values.get(path);
    const value = typeof stringValue === "string"
      ? (textOf(before) ?? "") + stringValue
      : plainJson(numberValue ?? boolValue) ?? before ?? null;
    values.set(path, value);
  }
  return plainObject(Object.fromEntries(values));
}

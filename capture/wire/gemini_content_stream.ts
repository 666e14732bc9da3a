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

/** A part as a stream brings it. */
type StreamedPart = Record<string, unknown>;

/** A candidate as a stream brings it. */
interface Streamed {
  finishReason?: string;
  readonly parts: StreamedPart[];
  /** The part that is a call of which the rest is to come. */
  open?: StreamedPart | undefined;
  /** What each chunk tells of it besides: grounding, citations, ratings. */
  readonly beside: JsonObject[];
}

/** What of a candidate is told elsewhere, or too large to be told. */
export const TOLD_APART: readonly string[] = [
  "content",
  "finishReason",
  "index",
  "avgLogprobs",
  "logprobsResult",
];

/** What chunks have beside candidates. */
const HEAD = ["responseId", "modelVersion", "promptFeedback", "modelStatus", "error"];

/** Puts together what a stream of content brings. */
export class ContentStream implements WireStream {
  readonly #responseOf: (body: Loose) => WireResponse;
  readonly #head: Record<string, unknown> = {};
  readonly #usage: Record<string, JsonValue> = {};
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
    Object.assign(this.#usage, without(looseOf(data["usageMetadata"]), []));
    let isOutput = false;
    for (const told of listOf(data["candidates"])) {
      const { index, content, finishReason } = told;
      const candidate = this.#candidate(typeof index === "number" ? index : 0);
      if (typeof finishReason === "string") candidate.finishReason = finishReason;
      const beside = without(told, TOLD_APART);
      if (Object.keys(beside).length > 0) candidate.beside.push(beside);
      for (const part of listOf(looseOf(content)["parts"])) {
        isOutput = addPart(candidate, part) || isOutput;
      }
    }
    return { isOutput, isLast: this.#head["error"] !== undefined };
  }

  #candidate(index: number): Streamed {
    let candidate = this.#candidates.get(index);
    if (candidate === undefined) {
      this.#candidates.set(index, candidate = { parts: [], beside: [] });
    }
    return candidate;
  }

  response(): WireResponse {
    const candidates = [...this.#candidates].sort(([a], [b]) => a - b).map(
      ([, { beside, finishReason, parts }]) => ({
        ...joinedObjects(beside),
        finishReason,
        content: { parts },
      }),
    );
    return this.#responseOf({ ...this.#head, usageMetadata: this.#usage, candidates });
  }
}

/** Adds a part, to an earlier one where it is the rest of that. @returns Whether it is some of the answer. */
function addPart(candidate: Streamed, part: Loose): boolean {
  const { parts, open } = candidate;
  const { text, functionCall, ...others } = part;
  if (typeof text === "string") {
    const last = parts.at(-1) ?? {};
    const isRest = typeof last["text"] === "string" && last["thoughtSignature"] === undefined &&
      last["thought"] === part["thought"];
    if (isRest) Object.assign(last, without(others, []), { text: last["text"] + text });
    else parts.push({ ...part });
    return text !== "";
  }
  if (functionCall === undefined || functionCall === null) {
    parts.push({ ...part });
    return true;
  }
  const { partialArgs, ...call } = looseOf(functionCall);
  const isOpen = call["willContinue"] === true;
  if (open === undefined) {
    const added = isOpen ? { ...part, functionCall: { ...call, partialArgs } } : { ...part };
    if (isOpen) candidate.open = added;
    parts.push(added);
    return true;
  }
  const begun = open["functionCall"] as StreamedPart;
  const pieces: Loose[] = Array.isArray(begun["partialArgs"]) ? begun["partialArgs"] : [];
  for (const piece of listOf(partialArgs)) pieces.push(piece);
  Object.assign(begun, without(call, []), { partialArgs: pieces });
  Object.assign(open, without(others, []));
  if (!isOpen) candidate.open = undefined;
  return true;
}

/** What was told several times, as one: lists grow, and what is told again is told once. */
function joined(values: readonly JsonValue[]): JsonValue {
  if (values.every((value) => Array.isArray(value))) {
    return [...new Map(values.flat().map((item) => [JSON.stringify(item), item])).values()];
  }
  return values.every(isObject) ? joinedObjects(values) : values.at(-1)!;
}

function joinedObjects(objects: readonly JsonObject[]): JsonObject {
  const values = new Map<string, JsonValue[]>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      const known = values.get(name);
      if (known === undefined) values.set(name, [value]);
      else known.push(value);
    }
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, joined(all)]));
}

function isObject(value: JsonValue): value is JsonObject {
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

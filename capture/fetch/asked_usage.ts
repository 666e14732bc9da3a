/**
 * Asking for usage where a provider tells it of a stream only then, and keeping what it tells more from whoever did not ask.
 *
 * @module
 */
import type { JsonObject } from "../../mod.ts";
import { exactJson } from "../shared/exact_json.ts";
import { looseOf } from "../shared/loose.ts";
import type { Next, Pull } from "../shared/recorded_parts.ts";
import { SseReader } from "../shared/sse.ts";
import { type Bytes, GatheredBytes } from "./bytes.ts";

/** Headers that tell of a request's body. */
const ABOUT_BODY: readonly string[] = [
  "content-length",
  "content-md5",
  "content-digest",
  "digest",
  "signature",
  "x-amz-content-sha256",
];

/**
 * A request's body with usage asked for.
 *
 * @param body The body.
 * @param header Gives one of the request's headers.
 * @returns Nothing if it asks for no stream, says itself whether usage is wanted, or must stay as it is: it is no text, a header
 *   is about it, or it is signed.
 */
export function askingForUsage(
  body: unknown,
  header: (name: string) => string | null,
): string | undefined {
  if (typeof body !== "string" || ABOUT_BODY.some((name) => header(name) !== null)) {
    return undefined;
  }
  if (/^AWS4-/.test(header("authorization") ?? "")) return undefined;
  try {
    const { stream, stream_options: given } = looseOf(JSON.parse(body));
    const isKnown = (given ?? undefined) === undefined ||
      (typeof given === "object" && !Array.isArray(given));
    const isSaid = (looseOf(given)["include_usage"] ?? undefined) !== undefined;
    if (stream !== true || !isKnown || isSaid) return undefined;
    const { value, write } = exactJson(body);
    const all = value as JsonObject;
    const options = { ...looseOf(all["stream_options"]) as JsonObject, include_usage: true };
    return write({ ...all, stream_options: options });
  } catch {
    return undefined; // for the provider to refuse
  }
}

/**
 * Reads a stream of which usage was asked that its reader has not asked for: without it. All else is passed on as it comes, but that
 * an event that has begun waits for its end, without which nobody can read it.
 *
 * @param next Reads the stream. Pieces that are no bytes are passed on as they are.
 */
export function withoutUsage<Part>(next: Next<Part>): Pull<Part> {
  const events = new WithoutUsage();
  return async (give) => {
    const givenBytes = (bytes: Bytes): boolean => {
      // Asked for before: who is given them may take their buffer away, and they have no length then.
      const isAny = bytes.length > 0;
      if (isAny) give({ done: false, value: bytes as Part });
      return isAny;
    };
    const passed = (read: ReadableStreamReadResult<Part>): boolean => {
      if (!read.done && read.value instanceof Uint8Array) {
        return givenBytes(events.take(read.value as Bytes));
      }
      // The end is read again behind what was left.
      if (!read.done || !givenBytes(events.rest())) give(read);
      return true;
    };
    try {
      while (!await next(passed));
    } catch (error) {
      if (!givenBytes(events.rest())) throw error;
    }
  };
}

/** How much of an event is waited for, in bytes: what tells usage alone is shorter. */
const MOST = 16 * 1024;

const [LF, CR] = [0x0a, 0x0d];
/** What an event may begin with: an end of a line, a colon, `data`, `event`, `id`, `retry`. JSON or a page begins with none of these. */
const BEGINNINGS: readonly number[] = [LF, CR, ...new TextEncoder().encode(":deir")];
const NONE: Bytes = new Uint8Array(0);

/** What says that a stream's usage is still to come. A quote within a text would have a backslash before it. */
const NOT_YET = /(?<!\\)"usage"\s*:\s*null/g;
const MEMBER = /,\s*"usage"\s*:\s*null(?=\s*[,}])|(?<=\{)\s*"usage"\s*:\s*null\s*,/;

/** Takes server-sent events, and gives them without what tells of usage. */
class WithoutUsage {
  readonly #reader = new SseReader((_, data) => void (this.#data = data));
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #data = "";
  /** An event that has begun. */
  #begun = NONE;
  /** Whether it is passed on as it comes: it is longer than is waited for, or none. */
  #passes = false;

  take(piece: Bytes): Bytes {
    const bytes = this.#begun.length === 0 ? piece : joined([this.#begun, piece]);
    const given: Bytes[] = [];
    let from = 0;
    for (let end = endOfEvent(bytes, 0); end !== -1; end = endOfEvent(bytes, from)) {
      const event = bytes.subarray(from, end);
      const left = this.#passes ? event : this.#left(event);
      // As a rule, all of a piece stays as it is.
      const last = given.at(-1);
      if (left === event && last?.buffer === bytes.buffer) {
        given[given.length - 1] = bytes.subarray(last.byteOffset - bytes.byteOffset, end);
      } else given.push(left);
      this.#passes = false;
      from = end;
    }
    const rest = bytes.subarray(from);
    this.#passes ||= rest.length > MOST || (rest.length > 0 && !BEGINNINGS.includes(rest[0]!));
    let kept = this.#passes ? rest.length : 0;
    // The end of a line may be that of the event.
    while (kept > 0 && isEndOfLine(rest[kept - 1])) kept--;
    given.push(rest.subarray(0, kept));
    // A copy: who is given the piece may take its buffer away.
    this.#begun = new Uint8Array(rest.subarray(kept));
    return joined(given);
  }

  /** What is left of an event that never ended. */
  rest(): Bytes {
    const rest = this.#begun;
    this.#begun = NONE;
    return rest;
  }

  /** What is left of an event without usage. */
  #left(event: Bytes): Bytes {
    try {
      const text = this.#decoder.decode(event);
      if (!text.includes('"usage"')) return event;
      this.#data = "";
      this.#reader.read(event);
      const { choices, usage, error } = looseOf(JSON.parse(this.#data));
      // What went wrong is for the caller, whatever is told along with it.
      if (typeof usage !== "object" || (error ?? undefined) !== undefined) return event;
      if (usage !== null) return Array.isArray(choices) && choices.length === 0 ? NONE : event;
      return text.match(NOT_YET)?.length === 1
        ? new TextEncoder().encode(text.replace(MEMBER, "")) as Bytes
        : event;
    } catch {
      return event; // whoever reads it is to find out
    }
  }
}

function joined(pieces: readonly Bytes[]): Bytes {
  const filled = pieces.filter(({ length }) => length > 0);
  if (filled.length < 2) return filled[0] ?? NONE;
  const all = new GatheredBytes();
  for (const piece of filled) all.add(piece);
  return all.all;
}

/** The position behind the next line that is empty; -1 if there is none. */
function endOfEvent(bytes: Bytes, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (!isEndOfLine(bytes[at])) continue;
    const next = behindLine(bytes, at);
    if (isEndOfLine(bytes[next])) {
      // Where lines end with both, the LF of the last is part of the event, and still to come.
      const isCut = next === at + 2 && bytes[next] === CR && next + 1 === bytes.length;
      return isCut ? -1 : behindLine(bytes, next);
    }
    at = next - 1;
  }
  return -1;
}

function behindLine(bytes: Bytes, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

function isEndOfLine(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

import { jsonValue } from "../shared/exact_json.ts";
import { type Loose, looseOf } from "../shared/loose.ts";
import type { PartsReader, StreamedResponse } from "../shared/recorded_parts.ts";
import { SseReader } from "../shared/sse.ts";
import {
  errorIn,
  INCOMPLETE_STREAM,
  type WireError,
  type WireFormat,
  type WireResponse,
  type WireStream,
} from "../wire/wire_format.ts";
import { bytesOf, GatheredBytes } from "./bytes.ts";
import { WholeBody } from "./whole_body.ts";

/** How a request was answered, as far as it is known before the body. */
export interface AnswerHead {
  readonly format: WireFormat;
  readonly ok: boolean;
  readonly status: number | undefined;
  /** Whether a stream is to be expected: it was asked for, or the answer says that it is one. */
  readonly isStream: boolean;
  /** Whether it is to be one JSON value: its content type says so, and no stream is expected. */
  readonly isJson: boolean;
  /** Whether usage was asked of it that its reader has not asked for. */
  readonly hidesUsage: boolean;
}

/** An answer that is no JSON, and says that it is: a connection that was cut may look like its end. */
const MALFORMED_ANSWER: WireError = {
  name: "malformed_response",
  message: "The answer is no JSON, though its content type says so: it was cut, or is another's",
};

/** What a whole body says. One that is no JSON, or none that its path promises, is kept as the text that it is. */
export function answerIn(whole: WholeBody, head: AnswerHead): WireResponse {
  const { format, ok, status, isJson } = head;
  const { text } = whole;
  let isRead = false;
  try {
    const body = looseOf(whole.readJson());
    isRead = true;
    if (ok) return format.response(body);
    const error = errorIn(body, status);
    return { output: "", error: error.message === "" ? { ...error, message: text } : error };
  } catch {
    // What an error's body says is its message, and no output: messages are rid of what looks like a key.
    if (!ok) return { output: "", error: { ...errorIn({}, status), message: text } };
    const isMalformed = isJson && !isRead && text !== "";
    return isMalformed ? { output: text, error: MALFORMED_ANSWER } : { output: text };
  }
}

/** How much is kept of a body that has no events, in bytes: more than an entry may have. */
const MOST = 32 * 1024 * 1024;

/** What JSON of an object begins with. */
const BRACE = 0x7b;

/** How much of it is recorded where it is longer, and can only be recorded as it is, in characters. */
const MOST_AS_IT_IS = 1024 * 1024;

/**
 * Reads a body as it comes: server-sent events, whatever its content type says, and where there are none, one JSON value, one a
 * line, or a text.
 */
export class AnswerReader implements PartsReader<unknown> {
  readonly #head: AnswerHead;
  readonly #wire: WireStream;
  readonly #events = new SseReader((name, data) => this.#event(name, data));
  /** What the piece that is being read brought. */
  #taken = { isOutput: false, isLast: false };
  /** What came, as long as there is no event. */
  #others: GatheredBytes | undefined = new GatheredBytes();
  #isTruncated = false;
  #malformed = 0;
  /** Whether its last event came. What comes behind that in the same piece is not recorded, as it is not in a later one. */
  #isOver = false;
  #isUnreadable = false;

  /** @param head What is known of the answer. */
  constructor(head: AnswerHead) {
    this.#head = head;
    this.#wire = head.format.stream();
  }

  take(chunk: unknown): { isOutput: boolean; isLast: boolean } {
    this.#taken = { isOutput: false, isLast: false };
    if (this.#isUnreadable) return this.#taken;
    try {
      const bytes = bytesOf(chunk);
      this.#keep(bytes);
      if (bytes[0] === BRACE && this.#events.isAtLineStart) this.#toldBeside(bytes);
      this.#events.read(bytes);
    } catch {
      this.#isUnreadable = true; // no bytes, or a line that is longer than a text may be
    }
    return this.#taken;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#others === undefined) return;
    if (this.#others.length < MOST) this.#others.add(bytes);
    else this.#isTruncated = true;
  }

  /** Where a stream of Google's breaks off, it tells of the error by a piece that is no event. */
  #toldBeside(bytes: Uint8Array): void {
    if (this.#others !== undefined) return; // the whole body may be one
    const text = new TextDecoder().decode(bytes);
    if (typeof (jsonOf(text)?.["error"] ?? undefined) === "object") this.#event("error", text);
  }

  #event(name: string, data: string): void {
    if (this.#isOver) return;
    if (data.startsWith("[DONE]")) {
      this.#others = undefined;
      this.#taken.isLast = this.#isOver = true;
      return;
    }
    try {
      const { isOutput, isLast } = this.#wire.take(name, looseOf(jsonValue(data)));
      this.#others = undefined;
      this.#taken.isOutput ||= isOutput;
      this.#isOver = isLast;
      this.#taken.isLast ||= isLast;
    } catch {
      this.#malformed++; // the caller's to find out
    }
  }

  endedEarly(): unknown {
    const { isStream, ok } = this.#head;
    if (!ok || !isStream) return undefined;
    const { isComplete } = this.#others === undefined
      ? this.#wire
      : this.#withoutEvents(this.#others);
    return isComplete ? undefined : INCOMPLETE_STREAM;
  }

  /** What a body without events says, and whether that is all of a stream. */
  #withoutEvents(others: GatheredBytes): { response: WireResponse; isComplete: boolean } {
    const text = new TextDecoder().decode(others.all);
    const lines = this.#head.isStream && this.#head.ok
      ? text.split("\n").filter((line) => line.trim() !== "").map(jsonOf)
      : [];
    if (lines.length < 2 || lines[0] === undefined) {
      const known = this.#isTruncated ? text.slice(0, MOST_AS_IT_IS) : text;
      const head = this.#isTruncated ? { ...this.#head, isJson: false } : this.#head;
      return {
        response: answerIn(new WholeBody(known), head),
        isComplete: jsonOf(known) !== undefined,
      };
    }
    // A value a line, each as an event would have it.
    const wire = this.#head.format.stream();
    let hasLast = false;
    for (const line of lines) {
      try {
        if (line !== undefined) hasLast = wire.take("", line).isLast || hasLast;
      } catch {
        // As an event, it would be malformed.
      }
    }
    return { response: wire.response(), isComplete: hasLast || wire.isComplete };
  }

  response(): StreamedResponse {
    const response = this.#others === undefined
      ? this.#wire.response()
      : this.#withoutEvents(this.#others).response;
    const { tooLong } = this.#events;
    const isTruncated = this.#others !== undefined && this.#isTruncated;
    const noted = {
      ...(tooLong === 0 ? {} : { "stream.too_long_events": tooLong }),
      ...(isTruncated ? { "stream.truncated": true } : {}),
      ...(this.#malformed === 0 ? {} : { "stream.malformed_events": this.#malformed }),
      ...(this.#isUnreadable ? { "stream.unreadable": true } : {}),
    };
    return { ...response, metadata: { ...response.metadata, ...noted } };
  }
}

function jsonOf(text: string): Loose | undefined {
  try {
    const value = jsonValue(text);
    return typeof value === "object" && value !== null ? value as Loose : undefined;
  } catch {
    return undefined;
  }
}

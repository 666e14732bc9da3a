import type { CapturedResponse } from "../shared/captured_call.ts";
import { type Loose, looseOf } from "../shared/loose.ts";
import type { Input } from "../shared/messages.ts";

/** What a request's body says. */
export interface WireRequest {
  readonly model: string | undefined;
  readonly input: Input | string;
  /** Parameters by their names in the conventions. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Others by the provider's. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What came of a call, and the error that it ended with, if it did. */
export interface WireResponse extends CapturedResponse {
  /** As the provider tells it. */
  readonly error?: WireError | undefined;
}

/** An error as a provider tells it. */
export interface WireError {
  /** Its type, for `error.type`. */
  readonly name: string;
  readonly message: string;
  readonly status?: number | undefined;
}

/** Puts together what a stream brings. */
export interface WireStream {
  /**
   * Takes an event.
   *
   * @param name The event's type.
   * @param data Its JSON.
   * @returns Whether it brought some of the answer, and whether it is the last.
   */
  take(name: string, data: Loose): { readonly isOutput: boolean; readonly isLast: boolean };
  /** Whether the answer is complete, where a stream may end without an event that is the last. */
  readonly isComplete: boolean;
  /** What came so far. */
  response(): WireResponse;
}

/** How one endpoint of a provider is spoken to. */
export interface WireFormat {
  /** `gen_ai.operation.name`. */
  readonly operation: string;
  /**
   * Reads a request's body.
   *
   * @param body The body.
   * @param keepMedia Whether the bytes of media are kept.
   */
  request(body: Loose, keepMedia: boolean): Promise<WireRequest>;
  /** Reads the answer to a request that asked for no stream. */
  response(body: Loose): WireResponse;
  /** Reads a stream. */
  stream(): WireStream;
  /** Whether a stream tells usage only where `stream_options` ask for it. Default `false`. */
  readonly hasStreamOptions?: boolean;
}

/** A stream that ended before its answer was complete: a connection that was cut may look like an end. */
export const INCOMPLETE_STREAM: WireError = {
  name: "incomplete_stream",
  message: "The stream ended before the provider told that the answer is complete",
};

/** What Google calls an error beside the number that it has: `RESOURCE_EXHAUSTED`. */
const GOOGLE_STATUS = /^[A-Z][A-Z_]+$/;

/**
 * The error in the body of a response with an error's status, as OpenAI, Anthropic, Google and most others tell it. Of Google's, the one
 * of a stream is in a list.
 */
export function errorIn(body: Loose, status?: number): WireError {
  if (Array.isArray(body)) return errorIn(looseOf(body[0]), status);
  const error = body["error"] ?? body;
  const { type, code, message, status: known } = Object(error) as Loose;
  const called = typeof known === "string" && GOOGLE_STATUS.test(known) ? known : undefined;
  // An event that is called an error says by its code which.
  const names = type === "error" ? [code, type] : [type, code, called];
  const name = names.find((name) => typeof name === "string" && name !== "") as
    | string
    | undefined;
  const text = typeof error === "string" ? error : typeof message === "string" ? message : "";
  return { name: name ?? (status === undefined ? "error" : String(status)), message: text, status };
}

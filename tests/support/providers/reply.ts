/**
 * What a provider is to answer, whatever its wire format.
 *
 * @module
 */

/** Lets the next event of a stream through, each time that it is released. */
export class Gate {
  #releases = 0;
  #waiting: (() => void) | undefined;

  /** Lets one more event through. */
  release(): void {
    this.#releases++;
    this.#waiting?.();
  }

  /** Resolves when an event may go. */
  async passed(): Promise<void> {
    while (this.#releases === 0) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    this.#releases--;
  }
}

/** Holds an answer back, and tells when it is asked for. */
export class Door extends Gate {
  readonly #reached = Promise.withResolvers<void>();
  /** Resolves when the request has come in. */
  readonly reached: Promise<void> = this.#reached.promise;

  override passed(): Promise<void> {
    this.#reached.resolve();
    return super.passed();
  }
}

/** A tool call that the model makes. */
export interface ReplyToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, whole or in the pieces that a stream has it in. */
  readonly arguments: string | readonly string[];
}

/** Tokens, as each provider counts them in its own way. */
export interface ReplyUsage {
  /** All input tokens. */
  readonly input: number;
  /** All output tokens. */
  readonly output: number;
  /** Of the input, read from a cache. */
  readonly cached?: number;
  /** Of the input, written to a cache. */
  readonly cacheCreated?: number;
  /** Of the output, reasoning. */
  readonly reasoning?: number;
  /** Of the input, what the provider's own tools answered with. */
  readonly ofTools?: number;
  /** Whatever else Anthropic tells of it, as it is. */
  readonly others?: Readonly<Record<string, unknown>>;
}

/** What the provider is to answer. */
export interface Reply {
  /** The text, whole or in the pieces that a stream has it in. */
  readonly text?: string | readonly string[];
  readonly toolCalls?: readonly ReplyToolCall[];
  readonly refusal?: string;
  readonly reasoning?: string;
  /** Anthropic's blocks, Gemini's parts and steps that are nothing of the above, as they are; they come last. */
  readonly blocks?: readonly Readonly<Record<string, unknown>>[];
  /** Several choices; then what else is said of a message here is not looked at. */
  readonly choices?: readonly Reply[];
  /** `null`: the provider does not tell. */
  readonly usage?: ReplyUsage | null;
  readonly finishReason?: string;
  readonly model?: string;
  readonly id?: string;
  /** Items of a response of OpenAI's that are nothing of the above, as they are; they come last. */
  readonly items?: readonly (Readonly<Record<string, unknown>> & { id: string; type: string })[];
  /** What else a message of OpenAI's chat completions has, and what an answer of OpenAI's has beside its messages. */
  readonly message?: Readonly<Record<string, unknown>>;
  readonly beside?: Readonly<Record<string, unknown>>;
  /** The JSON that answers a request to an endpoint that is no model's. */
  readonly json?: unknown;
  /** One vector for each input. */
  readonly embeddings?: readonly (readonly number[])[];
  /** An error's status; `error` is its message. */
  readonly status?: number;
  readonly error?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is cut behind so many events. */
  readonly cutAfter?: number;
  /** The stream ends behind so many events, as a proxy ends it whose own connection was cut. */
  readonly endAfter?: number;
  /** The connection is cut behind so many bytes of an answer that is no stream. */
  readonly cutBytes?: number;
  /** Behind so many events comes one that is no JSON. */
  readonly malformedAfter?: number;
  /** Behind so many events comes one that tells of an error. */
  readonly streamErrorAfter?: number;
  /** Each event waits for it. */
  readonly gate?: Gate;
  /** The bytes of a stream are sent in pieces of this size, whatever they cut through. */
  readonly splitBytes?: number;
}

/** An event of a stream: its data, and its name where the format has names. */
export interface SseEvent {
  readonly name?: string;
  readonly data: unknown;
}

/** One endpoint of a provider. */
export interface Endpoint {
  /** What is asked, where the path says some of it. */
  asked?(path: string, body: Record<string, unknown>): Record<string, unknown>;
  /** The answer as one JSON value. */
  whole(reply: Reply, request: Record<string, unknown>): unknown;
  /** The answer as a stream. */
  events(reply: Reply, request: Record<string, unknown>): readonly SseEvent[];
  /** An error's body. */
  error(status: number, message: string): unknown;
  /** The event that tells of an error in mid-stream. */
  streamError(message: string): SseEvent;
  /** What ends a stream, as it is sent. */
  readonly end: string;
  /** The header that carries a request's id. */
  readonly requestIdHeader: string;
}

/** The pieces of a text. */
export function pieces(text: string | readonly string[]): readonly string[] {
  return typeof text === "string" ? [text] : text;
}

/** A text as a whole. */
export function whole(text: string | readonly string[] | undefined): string {
  return text === undefined ? "" : pieces(text).join("");
}

/** What is counted unless a reply says otherwise. */
export const USAGE: ReplyUsage = { input: 11, output: 7 };

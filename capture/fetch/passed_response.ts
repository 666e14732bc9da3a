import type { WholeBody } from "./whole_body.ts";

type Body = ReadableStream<Uint8Array<ArrayBuffer>> | null;

/** What a body says, where that was read already: whoever wants it need not read the stream again. */
export interface Known {
  /** Kept as long as nobody reads the stream, or leaves it: it may be long. */
  whole: WholeBody | undefined;
  /** Who stopped the request cannot have it. */
  readonly signal: AbortSignal | undefined;
}

/** The ways to read a body that are not gone where somebody has put others in their place, who wants to see what is read. */
const OF_RUNTIME = { text: Response.prototype.text, json: Response.prototype.json };
/** How many turns of promises it takes at least to read a body that is there already. */
const TURNS = 4;

/** A response with the body of another's, and all else the other's: what a response made anew would not have. */
class PassedResponse extends Response {
  readonly #original: Response;
  readonly #headers: Headers;
  readonly #known: Known | undefined;

  constructor(body: Body, original: Response, seen: Headers, known: Known | undefined) {
    const { status, statusText } = original;
    const canBeMade = status >= 200 && status <= 599;
    const headers = headersOfBody(original.url, seen);
    super(body, canBeMade ? { status, statusText, headers } : { statusText, headers });
    this.#original = original;
    this.#headers = seen;
    this.#known = known;
    if (canBeMade) return;
    // A server may send a status that no response can be made with.
    Object.defineProperty(this, "status", { value: status, configurable: true });
    Object.defineProperty(this, "ok", { value: false, configurable: true });
  }

  override get url(): string {
    return this.#original.url;
  }

  override get redirected(): boolean {
    return this.#original.redirected;
  }

  override get type(): ResponseType {
    return this.#original.type;
  }

  override get headers(): Headers {
    return this.#headers;
  }

  override async text(): Promise<string> {
    const whole = #known in this ? this.#readable("text") : undefined;
    if (whole === undefined) return await super.text();
    await this.#use();
    return whole.text;
  }

  override async json(): Promise<unknown> {
    const whole = #known in this ? this.#readable("json") : undefined;
    if (whole === undefined) return await super.json();
    let value: unknown;
    try {
      value = whole.takeJson();
    } catch {
      return await super.json(); // runtimes have errors of their own
    }
    await this.#use();
    return value;
  }

  /** What it says, as long as the stream of it could be read, and by that way. */
  #readable(way: keyof typeof OF_RUNTIME): WholeBody | undefined {
    const { whole, signal } = this.#known ?? {};
    if (whole === undefined || signal?.aborted === true) return undefined;
    const isReplaced = Response.prototype[way] !== OF_RUNTIME[way];
    return isReplaced || this.bodyUsed || this.body?.locked === true ? undefined : whole;
  }

  /** Has the body be used and locked, as by who reads it: within the time of that, the request may be stopped. */
  async #use(): Promise<void> {
    this.body?.getReader().cancel().catch(() => {});
    for (let turn = 0; turn < TURNS; turn++) await undefined;
    const { signal } = this.#known ?? {};
    if (signal?.aborted === true) throw signal.reason;
  }

  override async blob(): Promise<Blob> {
    const blob = await super.blob();
    const type = this.headers.get("content-type");
    // Bun's does not know it where the body is a stream.
    return blob.type !== "" || type === null ? blob : new Blob([blob], { type });
  }

  override clone(): Response {
    // Each of the two has what the other read, also when the request is stopped in between.
    if (this.#known !== undefined) this.#known.whole = undefined;
    const body = super.clone().body as Body;
    return withBody(this.#original, body, { headers: this.#headers });
  }
}

/**
 * The headers that a server sends which is given the response as its own answer: those of the original, whose body this runtime
 * may have decoded. Deno's server then leaves these two out, but of its own responses alone.
 */
function headersOfBody(url: string, headers: Headers): Headers {
  const isDecoded = url !== "" && /^(?:gzip|br)$/i.test(headers.get("content-encoding") ?? "");
  if (!isDecoded) return headers;
  const others = new Headers(headers);
  others.delete("content-encoding");
  others.delete("content-length");
  return others;
}

// Nothing of it is to be seen.
Object.defineProperty(PassedResponse.prototype, "constructor", {
  value: Response,
  configurable: true,
  writable: true,
});

/**
 * A response with another body, as the original in all else.
 *
 * @param original The response.
 * @param body Its body.
 * @param others Its headers, where they are others, and what the body says, where that is known.
 */
export function withBody(
  original: Response,
  body: Body,
  { headers = original.headers, known }: {
    readonly headers?: Headers | undefined;
    readonly known?: Known | undefined;
  } = {},
): Response {
  return new PassedResponse(body, original, headers, known);
}

/** The headers of a response whose body is of another length than they say. */
export function withoutLength({ headers }: Response): Headers {
  const others = new Headers(headers);
  others.delete("content-length");
  return others;
}

/** Whether something is a response of the runtime's own, of which another can be made that is as good. */
export function isPlainResponse(response: Response): boolean {
  if (typeof response !== "object" || response === null) return false;
  const prototype = Object.getPrototypeOf(response);
  return (prototype === Response.prototype || prototype === PassedResponse.prototype) &&
    (response.body === null || response.body instanceof ReadableStream);
}

/** Whether a response with this status may have a body at all. */
export function mayHaveBody(status: number): boolean {
  return status !== 101 && status !== 204 && status !== 205 && status !== 304;
}

type Body = ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null;

/** A response with the body of another's, and all else the other's: what a response made anew would not have. */
class PassedResponse extends Response {
  readonly #original: Response;

  constructor(body: Body, original: Response) {
    super(body, original);
    this.#original = original;
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
    return this.#original.headers;
  }

  override clone(): Response {
    return withBody(this.#original, super.clone().body as Body);
  }
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
 */
export function withBody(original: Response, body: Body): Response {
  const made = new PassedResponse(body, original);
  const prototype = Object.getPrototypeOf(original);
  if (prototype === Response.prototype || prototype === PassedResponse.prototype) return made;
  // Clients may have a class of their own.
  for (const name of ["url", "redirected", "type", "headers", "clone"] as const) {
    const value = name === "clone"
      ? () => withBody(original, made.clone().body as Body)
      : made[name];
    Object.defineProperty(made, name, { value, configurable: true, writable: true });
  }
  return Object.setPrototypeOf(made, prototype);
}

/** Whether a response with this status may have a body at all. */
export function mayHaveBody(status: number): boolean {
  return status !== 101 && status !== 204 && status !== 205 && status !== 304;
}

/** What a response made anew would not have. */
const KEPT = ["url", "redirected", "type", "headers"] as const;

/**
 * A response with another body, as the original in all else.
 *
 * @param original The response.
 * @param body Its body.
 */
export function withBody(
  original: Response,
  body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null,
): Response {
  const { status, statusText, headers } = original;
  const made = new Response(body, { status, statusText, headers });
  return likeOriginal(made, original);
}

function likeOriginal(made: Response, original: Response): Response {
  // Clients may have a class of their own.
  Object.setPrototypeOf(made, Object.getPrototypeOf(original));
  for (const name of KEPT) {
    Object.defineProperty(made, name, { value: original[name], configurable: true });
  }
  const { clone } = made;
  Object.defineProperty(made, "clone", {
    value: () => likeOriginal(clone.call(made), original),
    configurable: true,
    writable: true,
  });
  return made;
}

/** Whether a response with this status may have a body at all. */
export function mayHaveBody(status: number): boolean {
  return status !== 101 && status !== 204 && status !== 205 && status !== 304;
}

/** The header by which the SDKs of OpenAI and Anthropic, and others made alike, count their attempts. */
export const RETRY_COUNT = "x-stainless-retry-count";

/** What of a response is looked at. */
const LOOKED_AT = ["headers", "status", "ok", "text", "json", "arrayBuffer", "blob", "bytes"];

/**
 * Tells a client of an SDK that its request is not made. What a `fetch` rejects with, these clients take for a broken connection:
 * they try again, and throw an error of their own. What throws when it is looked at is no connection that broke: they do not try
 * again, and their caller gets the error itself.
 *
 * @param error Why.
 * @returns A response that throws it.
 */
export function refusal(error: unknown): Response {
  const response = new Response(null, { status: 400 });
  const get = (): never => {
    throw error;
  };
  for (const name of LOOKED_AT) Object.defineProperty(response, name, { get, configurable: true });
  return response;
}

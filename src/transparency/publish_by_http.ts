import { failing } from "./failure.ts";

/** How checkpoints are posted. */
export interface PublishByHttpOptions {
  /** Further headers, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long to wait for the answer, milliseconds, >= 1. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Publishes checkpoints by HTTP: each is the body of a POST, `text/plain` in UTF-8. Give what this returns as
 * `checkpoints.publish`. An answer other than 2xx is a failure, which is told and tried again.
 *
 * @param url Where to, on another machine.
 * @throws {AuditLogError} `INVALID_OPTION`, at once, for what is no HTTP address.
 *
 * @example
 * ```ts
 * import { AuditLog, generateSigningKey, publishByHttp } from "@audit-log/llm";
 *
 * const { signingKey } = await generateSigningKey("acme.example/chat");
 * const log = await AuditLog.open({
 *   signingKey,
 *   checkpoints: { publish: publishByHttp("https://witness.example/checkpoints") },
 * });
 * ```
 */
export function publishByHttp(
  url: string | URL,
  options: PublishByHttpOptions = {},
): (checkpoint: string) => Promise<void> {
  const { headers = {}, timeoutMs = 10_000 } = options;
  const fail = failing("INVALID_OPTION", "publish by HTTP");
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw fail("the address must begin with https:// or http://");
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw fail("timeoutMs must be an integer >= 1");
  }
  const { origin, pathname } = new URL(url);
  const place = `${origin}${pathname}`; // without what may be a secret: user, password, query
  return async (checkpoint) => {
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "text/plain; charset=utf-8", ...headers },
        body: checkpoint,
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new Error(`${place} cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${place} answered ${response.status}`);
  };
}

/** What is wrong, of what `fetch()` throws: Node says it in the cause alone. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message === undefined ? String(message) : `${message}, ${cause.message}`;
}

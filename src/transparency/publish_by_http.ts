import { AuditLogError } from "../errors.ts";
import { checkFields } from "../known_fields.ts";
import { withoutSecrets } from "../secrets.ts";
import { LONGEST_TIMER_MS } from "./schedule.ts";

/** How checkpoints are posted. */
export interface PublishByHttpOptions {
  /** Further headers, for example `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long to wait for the answer, milliseconds, an integer from 1 to 2,147,483,647. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Publishes checkpoints by HTTP: each is the body of a POST, `text/plain` in UTF-8. Give what this returns as
 * `checkpoints.publish`. An answer other than 2xx is a failure, which is told and tried again.
 *
 * @param url Where to, on another machine. No error repeats its query, which may have a secret in it.
 * @param options Headers, and how long to wait.
 * @throws {AuditLogError} `INVALID_OPTION`, at once, its `path` the option at fault, for what is no HTTP address, or one with a
 *   user and a password, which `fetch()` does not take.
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
  checkFields(options, ["headers", "timeoutMs"], "an option", refusal);
  const { headers = {}, timeoutMs = 10_000 } = options;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw refusal("url", "must begin with https:// or http://");
  }
  const { origin, pathname, username, password } = new URL(url);
  if (username !== "" || password !== "") {
    throw refusal("url", "must have no user and password; give them as the header authorization");
  }
  if (!areHeaders(headers)) throw refusal("headers", "must be an object of names and values");
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMER_MS) {
    throw refusal("timeoutMs", `must be an integer from 1 to ${LONGEST_TIMER_MS}`);
  }
  const place = `${origin}${pathname}`; // without what may be a secret
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

function refusal(path: string, state: string): AuditLogError {
  const message = `Cannot publish by HTTP: ${path === "" ? "the options" : path} ${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

/** Whether these can be sent. A runtime that refuses one repeats its value, which may be a secret. */
function areHeaders(headers: unknown): boolean {
  if (typeof headers !== "object" || headers === null) return false;
  try {
    return new Headers(headers as Record<string, string>) !== undefined;
  } catch {
    return false;
  }
}

/** What is wrong, of what `fetch()` throws: Node says it in the cause alone. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  // Deno repeats the whole address.
  return withoutSecrets(
    cause?.message === undefined ? `${message}` : `${message}, ${cause.message}`,
  );
}

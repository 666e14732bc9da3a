/**
 * A provider, a log, and a fetch that records in it.
 *
 * @module
 */

import { auditFetch, type AuditFetchOptions, type Fetch } from "@audit-log/llm/fetch";
import type { TestContext } from "node:test";
import { API_KEY, capturing } from "./captured.ts";

/** A provider, a log that is looked at when the test ends, and a fetch that records in it. */
export async function fetched(
  t: TestContext,
  options: AuditFetchOptions = {},
): Promise<Awaited<ReturnType<typeof capturing>> & { readonly fetch: Fetch }> {
  const captured = await capturing(t);
  return { ...captured, fetch: auditFetch(captured.log, { user: "alice", ...options }) };
}

/** What to post. */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify(body),
    ...init,
  };
}

/** A question for chat completions, and for Anthropic's messages. */
export const QUESTION = {
  model: "gpt-4o",
  messages: [{ role: "user", content: "What is the capital of France?" }],
};

/** A server's answer that a test makes itself, by the fetch beneath. */
export function answering(
  body: BodyInit | null,
  headers: Record<string, string> = { "content-type": "application/json" },
  status = 200,
): AuditFetchOptions["fetch"] {
  return () => Promise.resolve(new Response(body, { status, headers }));
}

/** Events as the bytes of a stream. */
export function eventBytes(...events: readonly (string | object)[]): Uint8Array<ArrayBuffer> {
  const text = events.map((event) => typeof event === "string" ? event : JSON.stringify(event))
    .map((data) => `data: ${data}\n\n`).join("");
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

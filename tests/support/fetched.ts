/**
 * A provider, a log, and a fetch that records in it.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type AuditEntry, AuditLog, type AuditLogError } from "@audit-log/llm";
import { auditFetch, type AuditFetchOptions } from "@audit-log/llm/fetch";
import type { TestContext } from "node:test";
import { ArrayStore } from "./array_store.ts";
import { type Provider, startProvider } from "./providers/server.ts";
import { atEnd } from "./temp.ts";

/** The key that requests have, which must not get into a log. */
export const KEY = "sk-test-0123456789abcdefghij";

/** A log whose entries can be refused. */
export class FailingLog extends ArrayStore {
  /** Why an entry is refused; nothing is as long as there is nothing here. */
  refusal: ((event: string) => AuditLogError | undefined) | undefined;

  override append(records: Parameters<ArrayStore["append"]>[0]): Promise<number> {
    for (const { event } of records) {
      const error = this.refusal?.(event?.name ?? "");
      if (error !== undefined) return Promise.reject(error);
    }
    return super.append(records);
  }
}

/** What a test has. */
export interface Fetched {
  readonly provider: Provider;
  readonly log: AuditLog;
  readonly store: FailingLog;
  readonly fetch: typeof globalThis.fetch;
}

/** Starts all of it; when the test ends, the log is verified, and searched for the key. */
export async function fetched(t: TestContext, options: AuditFetchOptions = {}): Promise<Fetched> {
  const provider = await startProvider(t);
  const store = new FailingLog();
  const log = await AuditLog.open({ backend: store });
  atEnd(t, async () => {
    store.refusal = undefined;
    for await (const line of log.lines()) assertEquals(line.includes(KEY), false, line);
    assertEquals((await log.verify()).faults, []);
    await log.close();
  });
  return { provider, store, log, fetch: auditFetch(log, { user: "alice", ...options }) };
}

/** What to post. */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify(body),
    ...init,
  };
}

/** A question for chat completions, and for Anthropic's messages. */
export const QUESTION = {
  model: "gpt-4o",
  messages: [{ role: "user", content: "What is the capital of France?" }],
};

/** The one interaction of a log. */
export async function onlyInteraction(log: AuditLog): Promise<AuditEntry> {
  const [entry, ...others] = await log.query();
  assertEquals(others.length, 0);
  assertStrictEquals(typeof entry, "object", "nothing was recorded");
  return entry!;
}

/** How calls ended, in the order in which they did. */
export async function outcomes(log: AuditLog): Promise<unknown[]> {
  return (await log.query()).map(({ metadata }) => metadata["audit.outcome"]);
}

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

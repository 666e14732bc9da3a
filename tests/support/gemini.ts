/**
 * Gemini's client, with a fetch that records.
 *
 * @module
 */

import { GoogleGenAI } from "@google/genai";
import { auditFetch, type AuditFetchOptions } from "@audit-log/llm/fetch";
import type { TestContext } from "node:test";
import { API_KEY, capturing } from "./captured.ts";

/** A model. */
export const MODEL = "gemini-2.5-flash";
/** Where Google's own API is. */
export const HOST = "https://generativelanguage.googleapis.com";
/** Where content is generated, whole and by stream. */
export const CONTENT = `${HOST}/v1beta/models/${MODEL}:generateContent`;
export const STREAM = `${HOST}/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`;
/** What is asked there. */
export const ASKED = { contents: [{ role: "user", parts: [{ text: "Hi" }] }] };

/** What a stream of events says that it is. */
export const EVENT_STREAM = { "content-type": "text/event-stream" };

/** Some of an answer: a part. */
export function chunk(part: object): object {
  return { candidates: [{ content: { parts: [part] } }] };
}

/** What ends an answer. */
export const FINISH = { candidates: [{ finishReason: "STOP" }] };

/** A client of a server on this machine, and where it records. */
export async function recording(
  t: TestContext,
  options: AuditFetchOptions = {},
): Promise<Awaited<ReturnType<typeof capturing>> & { readonly ai: GoogleGenAI }> {
  const captured = await capturing(t);
  const httpOptions = { baseUrl: captured.provider.url, fetch: auditFetch(captured.log, options) };
  return { ...captured, ai: new GoogleGenAI({ apiKey: API_KEY, httpOptions }) };
}

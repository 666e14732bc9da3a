/**
 * Recording the calls of OpenAI's client, the package `openai`.
 *
 * @module
 */
import type { AuditLog } from "../mod.ts";
import type { CaptureOptions } from "./shared/capture_options.ts";
import { auditedClient } from "./shared/stainless_client.ts";

export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";

/** Options of {@link auditOpenAI}. */
export interface AuditOpenAIOptions extends CaptureOptions {
  /**
   * `gen_ai.provider.name` of all calls. Default: what the host tells, `openai`, `azure.ai.openai`, `groq` and the like; `openai` for
   * one that is not known.
   */
  readonly provider?: string | undefined;
  /**
   * Whether streams of chat completions, and of completions, are asked for their usage where the request does not say itself whether
   * it wants it. What the provider tells more for that is recorded, and the caller sees nothing of it. Default `false`: some who speak
   * as OpenAI does refuse such a request.
   */
  readonly streamUsage?: boolean | undefined;
}

/**
 * A client of OpenAI's that records its calls: chat completions, responses, embeddings and completions, plain, streaming, and by
 * the helpers `stream()`, `parse()` and `runTools()`. It is of the same type and behaves as the one given, which stays as it is.
 *
 * Each request is recorded by itself, so that a retry shows as another, with its `attempt`. A stream is recorded when its
 * last event is read, when it fails, or when whoever reads it stops.
 *
 * @param client An `OpenAI`, an `AzureOpenAI`, or another of their subclasses.
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work.
 * @returns The client that records. What cannot be recorded is not asked, unless `onAuditFailure` says so: then its
 *   methods reject with the log's `AuditLogError`.
 * @throws {AuditLogError} `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { auditOpenAI } from "@audit-log/llm/openai";
 * import OpenAI from "openai";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const client = auditOpenAI(new OpenAI({ apiKey: "..." }), log, { user: "alice" });
 * export function ask(question: string) {
 *   return client.chat.completions.create({
 *     model: "gpt-4o",
 *     messages: [{ role: "user", content: question }],
 *   });
 * }
 * ```
 */
export function auditOpenAI<Client extends object>(
  client: Client,
  log: AuditLog,
  options: AuditOpenAIOptions = {},
): Client {
  return auditedClient(client, log, options, ["provider", "streamUsage"]);
}

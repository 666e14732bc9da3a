/**
 * Recording the calls of Anthropic's client, the package `@anthropic-ai/sdk`.
 *
 * @module
 */
import type { AuditLog } from "../mod.ts";
import type { CaptureOptions } from "./shared/capture_options.ts";
import { auditedClient } from "./shared/stainless_client.ts";

export type { CapturedCallInfo, CaptureFailure, CaptureOptions } from "./shared/capture_options.ts";

/** Options of {@link auditAnthropic}. */
export interface AuditAnthropicOptions extends CaptureOptions {
  /**
   * `gen_ai.provider.name` of all calls. Default: the platform that the client is for, `aws.bedrock` or `gcp.vertex_ai`, what the
   * host tells, or `anthropic`.
   */
  readonly provider?: string | undefined;
}

/**
 * A client of Anthropic's that records its calls: messages, plain, streaming, and by the helpers `stream()` and `parse()`, those of
 * `beta` too. It is of the same type and behaves as the one given, which stays as it is.
 *
 * Each request is recorded by itself, so that a retry shows as another, with its `attempt`. A stream is recorded when its
 * last event is read, when it fails, or when whoever reads it stops.
 *
 * @param client An `Anthropic`, or a client for another platform: `AnthropicBedrock`, `AnthropicVertex` and the like.
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work.
 * @returns The client that records. What cannot be recorded is not asked, unless `onAuditFailure` says so: then its
 *   methods reject with the log's `AuditLogError`.
 * @throws {AuditLogError} `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import Anthropic from "@anthropic-ai/sdk";
 * import { AuditLog } from "@audit-log/llm";
 * import { auditAnthropic } from "@audit-log/llm/anthropic";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const client = auditAnthropic(new Anthropic({ apiKey: "..." }), log, { user: "alice" });
 * export function ask(question: string) {
 *   return client.messages.create({
 *     model: "claude-sonnet-5",
 *     max_tokens: 1024,
 *     messages: [{ role: "user", content: question }],
 *   });
 * }
 * ```
 */
export function auditAnthropic<Client extends object>(
  client: Client,
  log: AuditLog,
  options: AuditAnthropicOptions = {},
): Client {
  return auditedClient(client, log, options, ["provider"]);
}

/**
 * A log whose disk is full at times, and what captures calls in it.
 *
 * @module
 */

import { AuditLog, type AuditLogError, type CommonOptions } from "@audit-log/llm";
import type { TestContext } from "node:test";
import { Capture } from "../../capture/shared/capture.ts";
import type { CapturedRequest } from "../../capture/shared/captured_call.ts";
import type { CaptureFailure, CaptureOptions } from "../../capture/shared/capture_options.ts";
import { textMessage } from "../../capture/shared/messages.ts";
import { FullStore } from "./captured.ts";
import { atEnd } from "./temp.ts";

/** A call. */
export const REQUEST: CapturedRequest = {
  provider: "openai",
  operation: "chat",
  model: "gpt-4o",
  input: { messages: [textMessage("user", "Hi")] },
  metadata: { "gen_ai.request.temperature": 0.5, "gen_ai.request.seed": undefined },
  parameters: { logprobs: true, nothing: undefined },
};
/** What comes of it. */
export const RESPONSE = {
  output: [textMessage("assistant", "Hello!")],
  id: "r-1",
  model: "gpt-4o-2024",
  finishReasons: ["stop"],
  usage: { inputTokens: 3, outputTokens: 2 },
};

/** A log, and what captures in it. */
export interface CaptureSetUp {
  readonly store: FullStore;
  readonly log: AuditLog;
  readonly capture: Capture;
  /** What `onError` was told. */
  readonly told: [code: unknown, failure: CaptureFailure][];
}

/** Opens a log, and captures; what `onError` is told is kept. */
export async function setUp(
  t: TestContext,
  options: CaptureOptions = {},
  open: CommonOptions = {},
): Promise<CaptureSetUp> {
  const store = new FullStore();
  const log = await AuditLog.open({ backend: store, ...open });
  atEnd(t, () => log.close());
  const told: CaptureSetUp["told"] = [];
  const capture = new Capture(log, {
    onError: (error, failure) => told.push([(error as AuditLogError).code ?? error, failure]),
    ...options,
  });
  return { store, log, told, capture };
}

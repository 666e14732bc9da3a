import { AuditLogError, type Cost } from "../../mod.ts";
import { hintFor } from "./known_names.ts";

/** What the functions among a wrapper's options are told of a call. */
export interface CapturedCallInfo {
  /** `openai`, `anthropic`, ... as `gen_ai.provider.name` of OpenTelemetry's GenAI conventions. */
  readonly provider: string | undefined;
  /** `chat`, `embeddings`, ... as `gen_ai.operation.name`. */
  readonly operation: string;
  /** The model that was asked for. */
  readonly model: string;
}

/** What `onError` is told beside the error. */
export interface CaptureFailure extends CapturedCallInfo {
  /** The call's id, where it has one. */
  readonly callId: string | undefined;
  /** Whether the call's first entry could not be written, its last, or an option failed. */
  readonly phase: "begin" | "end" | "option";
  /** Whether it is tried again. */
  readonly willRetry: boolean;
}

/** Options that all wrappers have. */
export interface CaptureOptions {
  /**
   * Who asks: a name, or a function of the call, which gives it at once: a promise is not admitted. Default: that of
   * `withAuditContext()`, or `"anonymous"`.
   */
  readonly user?: string | ((call: CapturedCallInfo) => string | undefined) | undefined;
  /**
   * Metadata of each entry, or a function of the call, which gives it at once: a promise is not admitted. It goes before that of
   * `withAuditContext()`.
   */
  readonly metadata?: object | ((call: CapturedCallInfo) => object | undefined) | undefined;
  /** Whether an entry is written before each call; see `AuditLog.begin()`. Default `true`. */
  readonly begin?: boolean | undefined;
  /**
   * What happens when the entry before the call cannot be written: `"refuse"` throws, and the call is not made; `"continue"` makes
   * it. So when `user` or `metadata` fail, or give what cannot be recorded, which is left out then: an `AuditLogError` with the
   * option as its `path`, and as its `cause` what the function threw. Default `"refuse"`. After the call, the answer is given in
   * any case.
   */
  readonly onAuditFailure?: "refuse" | "continue" | undefined;
  /**
   * Asked before each call of a model, before anything is recorded of it; a promise is waited for. What it throws, or rejects
   * with, refuses the call, whatever `onAuditFailure` is: nothing is sent, nothing recorded, and the caller gets that error. So
   * `CostTracker.check` has wrapped calls keep to budgets. Default: nothing is refused.
   */
  readonly check?: ((call: CapturedCallInfo) => void | Promise<void>) | undefined;
  /** Told of what could not be recorded, and again when it was tried again and is lost for good. What it throws, or rejects with, is ignored. Default: nobody is told. */
  readonly onError?: ((error: unknown, failure: CaptureFailure) => void) | undefined;
  /**
   * What a call costs, for `costUsd`; it is asked once for each call that ended, and tells it at once: a promise is not admitted.
   * When it fails, the cost is not known, and `onError` is told. Default: it is not known.
   */
  readonly cost?: Cost | undefined;
  /** Whether the bytes of images, audio and files within requests are recorded, and not their SHA-256 alone. Default `false`. */
  readonly inlineMedia?: boolean | undefined;
}

const OPTIONS: Readonly<Record<keyof CaptureOptions, readonly string[]>> = {
  user: ["string", "function"],
  metadata: ["object", "function"],
  begin: ["boolean"],
  onAuditFailure: ["string"],
  check: ["function"],
  onError: ["function"],
  cost: ["function"],
  inlineMedia: ["boolean"],
};

/**
 * Makes sure that a wrapper's options are some.
 *
 * @param options The options.
 * @param own The names of those that this wrapper has besides, and checks itself.
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 */
export function checkCaptureOptions(options: CaptureOptions, own: readonly string[] = []): void {
  if (typeof options !== "object" || options === null) throw invalidOption("", "must be an object");
  for (const [name, value] of Object.entries(options)) {
    if (own.includes(name)) continue;
    const types = OPTIONS[name as keyof CaptureOptions];
    if (types === undefined) {
      const hint = hintFor(name, [...Object.keys(OPTIONS), ...own]);
      throw invalidOption(name, `is not an option; ${hint}`);
    }
    if (value === undefined || (value !== null && types.includes(typeof value))) continue;
    throw invalidOption(name, `must be a ${types.join(" or a ")}`);
  }
  const { onAuditFailure = "refuse" } = options;
  if (onAuditFailure !== "refuse" && onAuditFailure !== "continue") {
    throw invalidOption("onAuditFailure", `must be "refuse" or "continue"`);
  }
}

/**
 * The error for an option that cannot be used.
 *
 * @param path The option, or `""` for all of them.
 * @param state What is wrong with it.
 */
export function invalidOption(path: string, state: string): AuditLogError {
  const message = `Cannot capture calls: ${path === "" ? "the options" : path} ${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

import { admitMetadata, type AuditEntry, type NewEntry } from "../entry.ts";
import { CALL_END, CALL_KEY, EVENT_KEY, OUTCOME_KEY } from "../entry_event.ts";
import { AuditLogError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { Draft } from "../recorder.ts";
import { retold } from "../refusal.ts";
import { errorMetadata } from "./error_metadata.ts";
import {
  type CallOutcome,
  type CallRemains,
  type CallResult,
  checkOutcome,
  type TextFormat,
  usageMetadata,
} from "./new_call.ts";

/** What is known of a call when it begins. */
export interface BegunCall {
  /** Its id. */
  readonly callId: string;
  /** The entry that says that it began, if one was written. */
  readonly entry: AuditEntry | undefined;
  /** What it asks. */
  readonly asked: Pick<NewEntry, "model" | "inputText" | "user"> & {
    readonly metadata: JsonObject;
  };
  /** How `inputText` is to be read. */
  readonly inputFormat: TextFormat | undefined;
  /** When it began, by a clock that only runs forwards, milliseconds; unknown for a call that is resumed. */
  readonly startedMs: number | undefined;
}

/** What a call asks of its log. */
export interface CallLog {
  /** Makes sure that entries can still be written, as far as that is known. @throws {AuditLogError} */
  check(): void;
  /** Writes an entry. */
  record(draft: Draft): Promise<AuditEntry>;
  /**
   * Writes the end of a call, or gives that which is in the log already: what was refused before is there by then, durably, or
   * never will be.
   */
  recordOnce(callId: string, draft: Draft): Promise<AuditEntry>;
}

/**
 * A call that began and has not ended, as {@link AuditLog.begin} returns it.
 *
 * It ends once, by `complete()`, `fail()` or `abort()`. They write the interaction: an entry with what was asked and what came of
 * it. If it cannot be written, the promise rejects, and you can try again. The end may be in the log already, because it was
 * written although it was refused, or, of a call that was resumed, because somebody else has ended it. It is then returned, and
 * not written again.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 *
 * const log = await AuditLog.open();
 * const call = await log.begin({ model: "gpt-4o", inputText: "Hi" });
 * const entry = await call.complete({ outputText: "Hello!" });
 * console.log(entry.metadata["audit.call"] === call.callId, entry.latencyMs); // true, milliseconds
 * await log.close();
 * ```
 */
export class AuditCall {
  /** The call's id: the id of the entry about its beginning, if one was written. Both entries have it as `audit.call`. */
  readonly callId: string;
  /** The entry that says that it began, if one was written. */
  readonly entry: AuditEntry | undefined;
  readonly #begun: BegunCall;
  readonly #log: CallLog;
  #state: "open" | "ending" | "ended" = "open";
  /** Whether there may be an end in the log: one that was refused may have been written all the same. */
  #mayHaveEnded: boolean;

  /**
   * Calls are made by {@link AuditLog.begin} and {@link AuditLog.unfinished}.
   *
   * @param begun The call.
   * @param log Where it is recorded.
   */
  constructor(begun: BegunCall, log: CallLog) {
    this.callId = begun.callId;
    this.entry = begun.entry;
    this.#begun = begun;
    this.#mayHaveEnded = begun.startedMs === undefined; // it is resumed, maybe by others, too
    this.#log = log;
  }

  /**
   * Records that the call was answered.
   *
   * @param result The response, and what is known of it. Without `latencyMs`, the time since the call began.
   * @returns The interaction, as it is in the log.
   * @throws {AuditLogError} `CALL_ENDED`, and as `AuditLog.record()`.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const call = await log.begin({ model: "gpt-4o", inputText: "Hi", user: "alice" });
   * await call.complete({ outputText: "Hello!", usage: { inputTokens: 8, outputTokens: 2 } });
   * await log.close();
   * ```
   */
  complete(result: CallResult): Promise<AuditEntry> {
    return this.#end("completed", result, "outputText", {});
  }

  /**
   * Records that the call failed: the provider refused it, or the network broke.
   *
   * @param error What was thrown. Its type goes into `error.type`; its message is kept without what looks like a secret.
   * @param remains What came before.
   * @returns The interaction, as it is in the log.
   * @throws {AuditLogError} As {@link AuditCall.complete}.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const call = await log.begin({ model: "gpt-4o", inputText: "Hi", user: "alice" });
   * try {
   *   throw new TypeError("fetch failed"); // the provider's client
   * } catch (error) {
   *   const entry = await call.fail(error, { partialOutput: "Hel" });
   *   console.log(entry.metadata["error.type"]); // TypeError
   * }
   * await log.close();
   * ```
   */
  fail(error: unknown, remains: CallRemains = {}): Promise<AuditEntry> {
    return this.#end("failed", remains, "partialOutput", errorMetadata(error));
  }

  /**
   * Records that the caller did not want the rest of the response.
   *
   * @param remains What came before.
   * @returns The interaction, as it is in the log.
   * @throws {AuditLogError} As {@link AuditCall.complete}.
   *
   * @example
   * ```ts
   * import { AuditLog } from "@audit-log/llm";
   *
   * const log = await AuditLog.open();
   * const call = await log.begin({ model: "gpt-4o", inputText: "Tell me a long story." });
   * const entry = await call.abort({ partialOutput: "Once upon a" });
   * console.log(entry.metadata["audit.outcome"]); // aborted
   * await log.close();
   * ```
   */
  abort(remains: CallRemains = {}): Promise<AuditEntry> {
    return this.#end("aborted", remains, "partialOutput", {});
  }

  async #end(
    outcome: "completed" | "failed" | "aborted",
    told: CallResult | CallRemains,
    output: "outputText" | "partialOutput",
    about: Record<string, JsonValue>,
  ): Promise<AuditEntry> {
    if (this.#state !== "open") {
      throw new AuditLogError(
        "CALL_ENDED",
        `Cannot end the call: it ${this.#state === "ended" ? "has ended" : "is about to end"}`,
      );
    }
    checkOutcome(told, output);
    this.#state = "ending";
    try {
      const audit = this.#audit(outcome, told);
      const draft = {
        entry: this.#interaction(told, outputIn(told, output)),
        metadata: {
          ...this.#begun.asked.metadata,
          ...(told.asked?.metadata === undefined ? {} : admitMetadata(told.asked.metadata)),
          ...usageMetadata(told.usage),
          ...about,
        },
        audit: () => audit,
        isComplete: true,
      };
      const entry = this.#mayHaveEnded
        ? await this.#log.recordOnce(this.callId, draft)
        : await this.#log.record(draft);
      this.#state = "ended";
      return entry;
    } catch (error) {
      this.#state = "open";
      this.#mayHaveEnded = true;
      throw retold(error, "end the call");
    }
  }

  #interaction(told: CallOutcome, outputText: string): NewEntry {
    const { asked: begun, startedMs } = this.#begun;
    const { asked = {}, costUsd } = told;
    const { model = begun.model, inputText = begun.inputText } = asked;
    const elapsed = startedMs === undefined ? undefined : performance.now() - startedMs;
    const latencyMs = told.latencyMs === undefined ? rounded(elapsed) : told.latencyMs;
    // An end that is looked for first is written later; it is what was given now.
    const metadata = this.#mayHaveEnded && told.metadata !== undefined
      ? admitMetadata(told.metadata)
      : told.metadata;
    return { model, inputText, user: begun.user, outputText, costUsd, latencyMs, metadata };
  }

  #audit(outcome: string, { asked, outputFormat }: CallOutcome): JsonObject {
    const { callId } = this.#begun;
    const inputFormat = asked?.inputText === undefined
      ? this.#begun.inputFormat
      : asked.inputFormat;
    return {
      [CALL_KEY]: callId,
      [EVENT_KEY]: CALL_END,
      ...(inputFormat === undefined ? {} : { "audit.input.format": inputFormat }),
      [OUTCOME_KEY]: outcome,
      ...(outputFormat === undefined ? {} : { "audit.output.format": outputFormat }),
    };
  }
}

/** The output; what is no text is refused as any other entry's. */
function outputIn(
  told: { readonly outputText?: string; readonly partialOutput?: string | undefined },
  output: "outputText" | "partialOutput",
): string {
  return output === "outputText" ? told.outputText! : told.partialOutput ?? "";
}

/** Whole microseconds: more digits would be noise. */
function rounded(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 1000) / 1000;
}

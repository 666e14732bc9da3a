import { v7 } from "uuid";
import { presentContext } from "../context.ts";
import { admitMetadata, type AuditEntry, checkEntry } from "../entry.ts";
import { CALL_BEGIN, CALL_KEY, EVENT_KEY } from "../entry_event.ts";
import type { JsonObject } from "../json.ts";
import { retold } from "../refusal.ts";
import { AuditCall, type BegunCall, type CallLog } from "./audit_call.ts";
import { type BeginOptions, checkCall, type NewCall, type TextFormat } from "./new_call.ts";

/** Begins calls, and finds those that never ended. */
export class Calls {
  readonly #log: CallLog;

  /** @param log Where they are recorded. */
  constructor(log: CallLog) {
    this.#log = log;
  }

  /** See {@link AuditLog.begin}. */
  async begin(call: NewCall, options: BeginOptions): Promise<AuditCall> {
    try {
      return await this.#begin(call, options);
    } catch (error) {
      throw retold(error, "begin the call");
    }
  }

  async #begin(call: NewCall, options: BeginOptions): Promise<AuditCall> {
    checkCall(call, options);
    const startedMs = performance.now();
    const { inputFormat } = call;
    const asked = askedBy(call);
    const { metadata, ...entry } = asked;
    if (options.begin === false) {
      // What would keep its end from being written is told before it is made.
      checkEntry({ ...entry, outputText: "" });
      this.#log.check();
      return this.#made({ callId: v7(), entry: undefined, asked, inputFormat, startedMs });
    }
    const format: JsonObject = inputFormat === undefined
      ? {}
      : { "audit.input.format": inputFormat };
    const begun = await this.#log.record({
      entry: { ...entry, outputText: "" },
      metadata,
      audit: (id): JsonObject => ({ [CALL_KEY]: id, [EVENT_KEY]: CALL_BEGIN, ...format }),
      isComplete: true,
    });
    return this.#made({ callId: begun.entryId, entry: begun, asked, inputFormat, startedMs });
  }

  /** A call that an earlier process may have begun, by the entry that says so. */
  resumed(entry: AuditEntry): AuditCall {
    const { model, inputText, user, metadata } = entry;
    const own = Object.entries(metadata).filter(([key]) => !key.startsWith("audit."));
    return this.#made({
      callId: entry.entryId,
      entry,
      asked: { model, inputText, user, metadata: Object.fromEntries(own) },
      inputFormat: metadata["audit.input.format"] as TextFormat | undefined,
      startedMs: undefined,
    });
  }

  #made(begun: BegunCall): AuditCall {
    return new AuditCall(begun, this.#log);
  }
}

/** What a call asks, copied before anything is awaited, and completed from the context that it is made in. */
function askedBy({ model, inputText, user, metadata = {} }: NewCall): BegunCall["asked"] {
  const context = presentContext();
  return {
    model,
    inputText,
    user: user ?? context?.user,
    metadata: { ...context?.metadata, ...admitMetadata(metadata) },
  };
}

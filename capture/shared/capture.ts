import { type AuditCall, type AuditLog, AuditLogError } from "../../mod.ts";
import { inPresentContext } from "../../adapters/async_storage.ts";
import { type Asked, askedBy, infoOf } from "./asked.ts";
import {
  type CapturedCallInfo,
  type CaptureFailure,
  type CaptureOptions,
  checkCaptureOptions,
} from "./capture_options.ts";
import { CapturedCall, type CapturedRequest, type OpenCall } from "./captured_call.ts";
import { copiedMetadata, joinedMetadata, optionAtFault, type Own, valueOf } from "./own.ts";
import { tellFreely } from "./promises.ts";
import { holdIfStopped } from "./stopped_call.ts";
import { Unrecorded } from "./unrecorded.ts";

/**
 * Records the calls that a wrapper sees: the one thing that all wrappers have in common. It keeps the policies: who asked,
 * what a call costs, what happens when the log does not work.
 */
export class Capture {
  /** The options. */
  readonly options: CaptureOptions;
  readonly #log: AuditLog;
  readonly #unrecorded: Unrecorded;

  /**
   * @param log Where to record.
   * @param options The wrapper's options.
   * @throws {AuditLogError} `INVALID_OPTION`.
   */
  constructor(log: AuditLog, options: CaptureOptions = {}) {
    checkCaptureOptions(options);
    if (!isLog(log)) {
      throw new AuditLogError(
        "INVALID_OPTION",
        "Cannot capture calls: log must be an AuditLog; await AuditLog.open()",
        { path: "log" },
      );
    }
    this.#log = log;
    this.options = options;
    this.#unrecorded = Unrecorded.of(log);
  }

  /**
   * Records that a call is about to be made. To be awaited before it is made.
   *
   * @param signal What may stop it.
   * @throws What refuses the call, which is not to be made: what the option `check` threw, or, where `onAuditFailure` is
   *   `"refuse"`, the `AuditLogError` by which it could not be recorded.
   */
  async begin(request: CapturedRequest, signal?: AbortSignal): Promise<CapturedCall> {
    const ending = holdIfStopped(this.#unrecorded, signal);
    try {
      return await this.#begin(request, ending);
    } catch (error) {
      ending();
      throw error;
    }
  }

  async #begin(request: CapturedRequest, ending: () => void): Promise<CapturedCall> {
    const { begin = true, onAuditFailure = "refuse", check } = this.options;
    const { isModel = true } = request;
    const info = infoOf(request);
    if (check !== undefined && isModel) await check(info);
    const own = this.#own(info);
    const atEnd = this.options.cost === undefined ? atOnce : bound();
    let asked: Asked | undefined;
    let call: OpenCall;
    try {
      const told = askedBy(request, info, this.keepMedia);
      asked = told instanceof Promise ? await told : told;
      call = await this.#begun(asked, own, info, begin);
      if (begin) this.#unrecorded.works();
    } catch (error) {
      if (onAuditFailure === "refuse") throw error;
      this.tell(error, { ...info, callId: undefined, phase: "begin", willRetry: false });
      // Its end may be recorded all the same.
      call = asked === undefined
        ? unrecordable(error)
        : await this.#begun(asked, own, info, false).catch(unrecordable);
    }
    const inputLength = asked?.inputText.length ?? 0;
    const begun = { info, isModel, own, call, inputLength, atEnd, ending };
    return new CapturedCall(this, this.#unrecorded, begun);
  }

  /** Whether the bytes of inline media are recorded. */
  get keepMedia(): boolean {
    return this.options.inlineMedia ?? false;
  }

  /** Tells `onError`. */
  tell(error: unknown, failure: CaptureFailure): void {
    tellFreely(() => this.options.onError?.(error, failure));
  }

  /** Who asks, and the application's metadata, as the options have it. */
  #own(info: CapturedCallInfo): Own {
    const { user, metadata } = this.options;
    return {
      user: this.#option("user", info, () => typeof user === "function" ? user(info) : user),
      metadata: copiedMetadata(this.#option(
        "metadata",
        info,
        () => typeof metadata === "function" ? metadata(info) : metadata,
      )),
    };
  }

  /** What an option gives; nothing if it fails and the call is to be made all the same. */
  #option<T>(name: keyof Own, info: CapturedCallInfo, value: () => T): T | undefined {
    try {
      return valueOf(name, value);
    } catch (error) {
      this.#tellOfOption(error, info);
      return undefined;
    }
  }

  /** Has the log begin a call, without what it does not admit of the options if the call is to be made all the same. */
  async #begun(
    asked: Asked,
    own: Own,
    info: CapturedCallInfo,
    begin: boolean,
  ): Promise<AuditCall> {
    for (;;) {
      try {
        const metadata = joinedMetadata(asked.metadata, own.metadata);
        return await this.#log.begin({ ...asked, user: own.user, metadata }, { begin });
      } catch (error) {
        const option = optionAtFault(error, own);
        if (option === undefined) throw error;
        this.#tellOfOption(error, info);
        own[option] = undefined;
      }
    }
  }

  /** Tells that an option failed. @throws It, if the call is not to be made without. */
  #tellOfOption(error: unknown, info: CapturedCallInfo): void {
    if (this.options.onAuditFailure !== "continue") throw error;
    this.tell(error, { ...info, callId: undefined, phase: "option", willRetry: false });
  }
}

/** Whether it is a log, of whatever copy of this package. */
function isLog(log: unknown): boolean {
  const { begin, beforeClose } = Object(log) as Partial<AuditLog>;
  return typeof begin === "function" && typeof beforeClose === "function";
}

/** Calls a function in the context that this was called in, where the runtime knows of contexts. */
function bound(): (run: () => void) => void {
  try {
    return inPresentContext(atOnce);
  } catch {
    return atOnce;
  }
}

/** One that is made all the same, although nothing of it can be recorded: its end is lost. */
function unrecordable(error: unknown): OpenCall {
  const lose = (): Promise<never> => Promise.reject(error);
  return { callId: crypto.randomUUID(), complete: lose, fail: lose, abort: lose };
}

function atOnce(run: () => void): void {
  run();
}

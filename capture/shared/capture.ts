import {
  type AuditCall,
  type AuditLog,
  AuditLogError,
  type JsonValue,
  type Usage,
} from "../../mod.ts";
import { inPresentContext } from "../../adapters/async_storage.ts";
import { type Asked, askedBy, infoOf } from "./asked.ts";
import {
  type CapturedCallInfo,
  type CaptureFailure,
  type CaptureOptions,
  checkCaptureOptions,
} from "./capture_options.ts";
import { usageOf } from "./loose.ts";
import type { Input, Message } from "./messages.ts";
import { copiedMetadata, joinedMetadata, optionAtFault, type Own } from "./own.ts";
import { ignoreRejection, isPromise } from "./promises.ts";
import { type Recordable, recordableAnswer } from "./recordable.ts";
import { type CallEnd, Unrecorded } from "./unrecorded.ts";

/** A call that is about to be made, as a wrapper sees it. */
export interface CapturedRequest extends CapturedCallInfo {
  /** Whether `model` is one, and not the name of the tool or the agent that is called in its place. Default `true`. */
  readonly isModel?: boolean | undefined;
  /** What the model is asked: messages, or a text as it stands. */
  readonly input: Input | string;
  /**
   * Parameters by their names in the conventions, `gen_ai.request.temperature`, and whatever else is known of the request;
   * `undefined` ones are left out.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Parameters that the conventions have no name for, by the provider's: they go into `request.parameters`. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/** What came of a call. */
export interface CapturedResponse {
  /** What the model answered: messages, one for each choice, or a text as it stands. */
  readonly output: readonly Message[] | string;
  /** The model that answered. */
  readonly model?: string | undefined;
  /** The response's id. */
  readonly id?: string | undefined;
  /** Why it stopped, one for each choice. */
  readonly finishReasons?: readonly string[] | undefined;
  /** How long it took, milliseconds, where it was not made while this looked on. Default: since it began. */
  readonly latencyMs?: number | undefined;
  /** Tokens, as far as the provider told. */
  readonly usage?: Usage | undefined;
  /** Whether it costs something of its own: what only leads to calls, which are recorded themselves, does not. Default: if a model is asked. */
  readonly isPriced?: boolean | undefined;
  /** Whatever else is known of it; `undefined` is left out. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What came of a call that did not come to its end. */
export type CapturedRemains = Partial<CapturedResponse>;

/** The time from asking to the first piece of a streamed answer. */
const FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";

/** How a call ended. */
type Ending =
  | { readonly as: "complete" }
  | { readonly as: "abort" }
  | { readonly as: "fail"; readonly error: unknown };

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
   * @throws What refuses the call, which is not to be made: what the option `check` threw, or, where `onAuditFailure` is
   *   `"refuse"`, the `AuditLogError` by which it could not be recorded.
   */
  async begin(request: CapturedRequest): Promise<CapturedCall> {
    const { begin = true, onAuditFailure = "refuse", check } = this.options;
    const { isModel = true } = request;
    const info = infoOf(request);
    if (check !== undefined && isModel) await check(info);
    const own = this.#own(info);
    const atEnd = this.options.cost === undefined ? atOnce : bound();
    let asked: Asked | undefined;
    let call: OpenCall;
    try {
      asked = await askedBy(request, info, this.keepMedia);
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
    const begun = { info, isModel, own, call, inputLength, atEnd };
    return new CapturedCall(this, this.#unrecorded, begun);
  }

  /** Whether the bytes of inline media are recorded. */
  get keepMedia(): boolean {
    return this.options.inlineMedia ?? false;
  }

  /** Tells `onError`. */
  tell(error: unknown, failure: CaptureFailure): void {
    try {
      ignoreRejection(this.options.onError?.(error, failure));
    } catch {
      // The caller's answer does not depend on it.
    }
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

/** What an option gives at once. @throws {AuditLogError} It failed, or has others wait. */
function valueOf<T>(option: "user" | "metadata" | "cost", value: () => T): T {
  let given: T;
  try {
    given = value();
  } catch (cause) {
    throw optionFailed(option, "the function threw an error", cause);
  }
  if (!isPromise(given)) return given;
  ignoreRejection(given);
  throw optionFailed(option, "a promise was given; nobody waits for one, give the value itself");
}

function optionFailed(path: string, state: string, cause?: unknown): AuditLogError {
  const message = `Cannot tell the ${path} of the call: ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path, cause });
}

/** A call that has begun and not ended. */
type OpenCall = Pick<AuditCall, "callId" | "complete" | "fail" | "abort">;

/** One that is made all the same, although nothing of it can be recorded: its end is lost. */
function unrecordable(error: unknown): OpenCall {
  const lose = (): Promise<never> => Promise.reject(error);
  return { callId: crypto.randomUUID(), complete: lose, fail: lose, abort: lose };
}

function atOnce(run: () => void): void {
  run();
}

/** What is known of a call when it has begun. */
interface Begun {
  readonly info: CapturedCallInfo;
  readonly isModel: boolean;
  readonly own: Own;
  readonly call: OpenCall;
  /** Of what was asked, in characters. */
  readonly inputLength: number;
  /** Calls a function in the context that the call was made in. */
  readonly atEnd: (run: () => void) => void;
}

/** A call that a wrapper sees. It ends once; what comes later is ignored. None of its methods throws, or rejects. */
export class CapturedCall {
  readonly #capture: Capture;
  readonly #unrecorded: Unrecorded;
  readonly #begun: Begun;
  readonly #startMs = performance.now();
  #info: CapturedCallInfo;
  #asked: Asked | undefined;
  #firstMs: number | undefined;
  #noted: Readonly<Record<string, JsonValue>> = {};
  #ended: Promise<void> | undefined;

  /** Calls are made by {@link Capture.begin}. */
  constructor(capture: Capture, unrecorded: Unrecorded, begun: Begun) {
    this.#capture = capture;
    this.#unrecorded = unrecorded;
    this.#begun = begun;
    this.#info = begun.info;
  }

  /** The call's id. */
  get callId(): string {
    return this.#begun.call.callId;
  }

  /** Keeps something that is known before the end, for the entry that tells of it. */
  note(metadata: Readonly<Record<string, JsonValue>>): void {
    this.#noted = { ...this.#noted, ...metadata };
  }

  /** To be called before the end, where only that tells what was asked. */
  async learn(request: CapturedRequest): Promise<void> {
    this.#info = infoOf(request);
    const asked = await askedBy(request, this.#info, this.#capture.keepMedia);
    const metadata = joinedMetadata(asked.metadata, this.#begun.own.metadata);
    this.#asked = { ...asked, metadata };
  }

  /** To be called when the first piece of a streamed answer comes. */
  firstOutput(): void {
    this.#firstMs ??= performance.now() - this.#startMs;
  }

  /** Records that the call was answered. Resolves when that is durable, or is to be tried again. */
  complete(response: CapturedResponse): Promise<void> {
    return this.#end({ as: "complete" }, response);
  }

  /** Records that it failed, and what came before. */
  fail(error: unknown, remains: CapturedRemains = {}): Promise<void> {
    return this.#end({ as: "fail", error }, remains);
  }

  /**
   * Records that whoever asked wanted no more.
   *
   * @param remains What came before.
   * @param reason Why, where it is told: a timeout is an error by its name.
   */
  abort(remains: CapturedRemains = {}, reason?: unknown): Promise<void> {
    const { name } = Object(reason) as { name?: unknown };
    if (typeof name === "string" && /^\w{1,64}$/.test(name)) this.note({ "error.type": name });
    return this.#end({ as: "abort" }, remains);
  }

  #end(ending: Ending, response: CapturedRemains): Promise<void> {
    return this.#ended ??= this.#write(ending, response);
  }

  async #write(ending: Ending, response: CapturedRemains): Promise<void> {
    const { callId } = this;
    const latencyMs = rounded(response.latencyMs ?? performance.now() - this.#startMs);
    let end: Pick<CallEnd, "length" | "write">;
    try {
      const told = recordableAnswer(
        { content: response.output ?? "", facts: response.metadata },
        this.#capture.keepMedia,
      );
      // What is ended before the log is closed is recorded: nothing is waited for that need not be.
      const answer = told instanceof Promise ? await told : told;
      end = this.#prepared(ending, { ...response, latencyMs }, answer);
    } catch (error) {
      // It is longer than a text may be. That is told and counted as any end that is not written.
      end = { length: 0, write: () => Promise.reject(error) };
    }
    await this.#unrecorded.write({
      callId,
      ...end,
      tell: (error, willRetry) =>
        this.#capture.tell(error, { ...this.#info, callId, phase: "end", willRetry }),
    });
  }

  #prepared(
    ending: Ending,
    response: CapturedRemains & { readonly latencyMs: number },
    { text, format, facts }: Recordable,
  ): Pick<CallEnd, "length" | "write"> {
    const { latencyMs } = response;
    const { call, inputLength } = this.#begun;
    const outcome = {
      ...(this.#asked === undefined ? {} : { asked: this.#asked }),
      latencyMs,
      usage: usageOf(response.usage ?? {}),
      costUsd: this.#costOf(response, latencyMs),
      outputFormat: format,
      metadata: this.#about(response, facts),
    };
    const remains = { ...outcome, partialOutput: text };
    return {
      length: (this.#asked?.inputText.length ?? inputLength) + text.length,
      write() {
        if (ending.as === "complete") return call.complete({ ...outcome, outputText: text });
        return ending.as === "fail" ? call.fail(ending.error, remains) : call.abort(remains);
      },
    };
  }

  #costOf(
    { usage = {}, model, isPriced = this.#begun.isModel }: CapturedRemains,
    latencyMs: number,
  ): number | null {
    const { cost } = this.#capture.options;
    const asked = [usageOf(usage) ?? {}, model ?? this.#info.model, this.#info.provider] as const;
    if (cost === undefined || !isPriced) return null;
    try {
      let costUsd: number | null = null;
      // In the context that the call was made in: whoever reads the end of a stream may be in another.
      this.#begun.atEnd(() => {
        costUsd = valueOf("cost", () => cost(...asked, latencyMs));
      });
      const known: unknown = costUsd;
      if (known === null || (typeof known === "number" && known >= 0 && known < Infinity)) {
        return known;
      }
      throw optionFailed("cost", "it must be an amount in US dollars, or null");
    } catch (error) {
      const { callId } = this;
      this.#capture.tell(error, { ...this.#info, callId, phase: "option", willRetry: false });
      return null;
    }
  }

  #about(
    response: CapturedRemains,
    facts: Recordable["facts"],
  ): Record<string, JsonValue> {
    const { model, id, finishReasons } = response;
    const about: Record<string, JsonValue> = {};
    if (id !== undefined) about["gen_ai.response.id"] = id;
    if (model !== undefined) about["gen_ai.response.model"] = model;
    if (finishReasons !== undefined && finishReasons.length > 0) {
      about["gen_ai.response.finish_reasons"] = [...finishReasons];
    }
    // The conventions have it in seconds.
    if (this.#firstMs !== undefined) about[FIRST_CHUNK] = Math.round(this.#firstMs * 1e3) / 1e6;
    return { ...about, ...this.#noted, ...facts };
  }
}

/** Whole microseconds: more digits would be noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

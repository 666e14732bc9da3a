import type { AuditCall, JsonValue, Usage } from "../../mod.ts";
import { type Asked, askedBy, infoOf } from "./asked.ts";
import type { Capture } from "./capture.ts";
import type { CapturedCallInfo } from "./capture_options.ts";
import { usageOf } from "./loose.ts";
import type { Input, Message } from "./messages.ts";
import { joinedMetadata, optionFailed, type Own, valueOf } from "./own.ts";
import { type Recordable, recordableAnswer } from "./recordable.ts";
import { concealed } from "./sent_secrets.ts";
import type { CallEnd, Unrecorded } from "./unrecorded.ts";

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

/** A call that has begun and not ended. */
export type OpenCall = Pick<AuditCall, "callId" | "complete" | "fail" | "abort">;

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
  /** Tells that the end is about to be recorded. */
  readonly ending: () => void;
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
  #secrets: readonly string[] = [];
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

  /** Has some texts left out of the message of the error that the call may end with: providers repeat the key that they do not know. */
  conceal(secrets: readonly string[]): void {
    this.#secrets = secrets;
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

  /** Has the log wait, when it is closed, for what will end the call; it must not reject. */
  hold(work: Promise<void>): Promise<void> {
    return this.#unrecorded.hold(work);
  }

  #end(ending: Ending, response: CapturedRemains): Promise<void> {
    if (this.#ended !== undefined) return this.#ended;
    this.#ended = this.hold(this.#write(ending, response));
    this.#begun.ending();
    return this.#ended;
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
    const secrets = this.#secrets;
    return {
      length: (this.#asked?.inputText.length ?? inputLength) + text.length,
      write() {
        if (ending.as === "complete") return call.complete({ ...outcome, outputText: text });
        const remains = { ...outcome, partialOutput: text };
        return ending.as === "fail"
          ? call.fail(concealed(ending.error, secrets), remains)
          : call.abort(remains);
      },
    };
  }

  #costOf(
    { usage = {}, model, isPriced = this.#begun.isModel }: CapturedRemains,
    latencyMs: number,
  ): number | null {
    const { cost } = this.#capture.options;
    const { provider } = this.#info;
    const asked = [
      usageOf(usage) ?? {},
      pricedModel(this.#info.model, model, provider),
      provider,
    ] as const;
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

/** The name that prices are for: Bedrock's tells where a model runs, and so what it costs; what answers has its bare name. */
function pricedModel(
  asked: string,
  answered: string | undefined,
  provider: string | undefined,
): string {
  const isBedrocks = provider === "aws.bedrock" && /(?:^|[./])anthropic\./.test(asked);
  return isBedrocks ? asked : answered ?? asked;
}

/** Whole microseconds: more digits would be noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

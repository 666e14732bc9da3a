import type { CapturedResponse } from "../shared/captured_call.ts";
import { listOf, type Loose, looseOf, textOf, usageOf } from "../shared/loose.ts";
import type { Message, Part } from "../shared/messages.ts";
import { plainObject } from "../shared/plain_json.ts";
import type { PartsReader } from "../shared/recorded_parts.ts";
import { answerParts } from "./prompt.ts";

/** What of an answer is told beside its content. */
export interface AnswerFacts {
  readonly finishReason?: unknown;
  readonly usage?: unknown;
  readonly response?: unknown;
  readonly warnings?: unknown;
  readonly providerMetadata?: unknown;
}

/** An answer, its parts in the normal form. */
export function responseOf(parts: readonly Part[], facts: AnswerFacts): CapturedResponse {
  const reason = reasonOf(facts.finishReason);
  const { inputTokens, outputTokens } = looseOf(facts.usage);
  const [input, output] = [looseOf(inputTokens), looseOf(outputTokens)];
  const { id, modelId } = looseOf(facts.response);
  const message: Message = {
    role: "assistant",
    parts,
    ...(reason === undefined ? {} : { finish_reason: reason }),
  };
  return {
    output: parts.length === 0 ? [] : [message],
    id: textOf(id),
    model: textOf(modelId),
    finishReasons: reason === undefined ? [] : [reason],
    usage: usageOf({
      inputTokens: input["total"],
      outputTokens: output["total"],
      cacheReadTokens: input["cacheRead"],
      cacheCreationTokens: input["cacheWrite"],
      reasoningTokens: output["reasoning"],
    }),
    metadata: {
      ...toldMetadata(facts),
      "ai_sdk.raw_finish_reason": rawReasonOf(facts.finishReason),
    },
  };
}

/** What providers tell beside an answer, or beside vectors. */
export function toldMetadata(
  { warnings, providerMetadata }: Pick<AnswerFacts, "warnings" | "providerMetadata">,
): Record<string, unknown> {
  const known = plainObject(looseOf(providerMetadata));
  return {
    warnings: listOf(warnings).length === 0 ? undefined : warnings,
    "ai_sdk.provider_metadata": Object.values(known).every(isEmpty) ? undefined : known,
  };
}

/** Providers that have nothing to tell say so by an object without members. */
function isEmpty(value: unknown): boolean {
  return Object.keys(looseOf(value)).length === 0;
}

function reasonOf(reason: unknown): string | undefined {
  return textOf(looseOf(reason)["unified"]) ?? textOf(reason);
}

/** The provider's own word, where it is another. */
function rawReasonOf(reason: unknown): string | undefined {
  const { unified, raw } = looseOf(reason);
  return raw === unified ? undefined : textOf(raw);
}

/** A part that is being put together. */
type Open = Record<string, unknown>;

/** Puts together what a stream of the AI SDK's parts brings. */
export class AnswerReader implements PartsReader<unknown> {
  /** Parts, in the order in which they began. */
  readonly #parts: Open[] = [];
  /** Those that more may come to, by their type and id: a text and a reasoning may have the same. */
  readonly #open = new Map<string, Open>();
  readonly #keepMedia: boolean;
  readonly #onError: (error: unknown) => void;
  #facts: AnswerFacts = {};
  #response: Loose = {};

  /**
   * @param keepMedia Whether the bytes of files are kept.
   * @param onError Told of an error as it is read.
   */
  constructor(keepMedia: boolean, onError: (error: unknown) => void) {
    this.#keepMedia = keepMedia;
    this.#onError = onError;
  }

  take(part: unknown): { isOutput: boolean; isLast?: boolean; error?: unknown } {
    const told = looseOf(part);
    const { type, id, delta, error } = told;
    switch (type) {
      case "text-start":
      case "reasoning-start":
      case "text-delta":
      case "reasoning-delta":
      case "text-end":
      case "reasoning-end":
        this.#say(type.startsWith("text") ? "text" : "reasoning", told);
        // Some providers begin with an empty one.
        return { isOutput: type.endsWith("delta") && delta !== "" };
      case "tool-input-start":
        this.#begin("tool-call", id, {
          type: "tool-call",
          toolCallId: id,
          toolName: told["toolName"],
          input: "",
        });
        return { isOutput: true };
      case "tool-input-delta": {
        const open = this.#open.get(`tool-call ${id}`);
        if (open !== undefined) open["input"] = `${open["input"]}${textOf(delta) ?? ""}`;
        break;
      }
      case "tool-call": // It tells again what its input came to.
      case "tool-result": // It may be told before it is whole.
        this.#set(type, told);
        return { isOutput: true };
      case "file":
      case "reasoning-file":
      case "source":
      case "tool-approval-request":
        this.#parts.push({ ...told });
        return { isOutput: true };
      case "custom":
        this.#parts.push({ ...told });
        break;
      case "stream-start":
        this.#facts = { ...this.#facts, warnings: told["warnings"] };
        break;
      case "response-metadata":
        this.#response = { ...this.#response, ...told };
        break;
      case "finish": {
        const { finishReason, usage, providerMetadata } = told;
        this.#facts = { ...this.#facts, finishReason, usage, providerMetadata };
        return { isOutput: false, isLast: true };
      }
      case "error":
        this.#onError(error);
        return { isOutput: false, error: error ?? new Error("the stream told of an error") };
    }
    return { isOutput: false };
  }

  #say(type: "text" | "reasoning", told: Loose): void {
    const { id, delta, citations, providerMetadata } = told;
    const isNew = told["type"] === `${type}-start` || !this.#open.has(`${type} ${id}`);
    const part = isNew
      ? this.#begin(type, id, { type, text: "" })
      : this.#open.get(`${type} ${id}`)!;
    part["text"] = `${part["text"]}${textOf(delta) ?? ""}`;
    if (citations !== undefined) part["citations"] = citations;
    if (providerMetadata !== undefined) part["providerMetadata"] = providerMetadata;
  }

  #begin(type: string, id: unknown, part: Open): Open {
    this.#open.set(`${type} ${id}`, part);
    this.#parts.push(part);
    return part;
  }

  #set(type: string, told: Loose): void {
    const { toolCallId } = told;
    const open = this.#open.get(`${type} ${toolCallId}`);
    if (open === undefined) {
      this.#begin(type, toolCallId, { ...told });
      return;
    }
    delete open["preliminary"];
    Object.assign(open, told);
  }

  async response(): Promise<CapturedResponse> {
    // An empty text was begun and not gone on with.
    const content = this.#parts.filter(({ type, text }) => type !== "text" || text !== "");
    const parts = await answerParts(content, this.#keepMedia);
    return responseOf(parts, { ...this.#facts, response: this.#response });
  }
}

import type { CapturedResponse } from "../shared/capture.ts";
import { listOf, type Loose, looseOf, textOf, usageOf } from "../shared/loose.ts";
import type { Message, Part } from "../shared/messages.ts";
import type { PartsReader } from "../shared/recorded_parts.ts";
import { answerParts } from "./prompt.ts";

/** What of an answer is told beside its content. */
export interface AnswerFacts {
  readonly finishReason: unknown;
  readonly usage: unknown;
  readonly response: unknown;
  readonly warnings: unknown;
}

/** An answer, its parts in the normal form. */
export function responseOf(parts: readonly Part[], facts: AnswerFacts): CapturedResponse {
  const reason = reasonOf(facts.finishReason);
  const { inputTokens, outputTokens } = looseOf(facts.usage);
  const [input, output] = [looseOf(inputTokens), looseOf(outputTokens)];
  const { id, modelId } = looseOf(facts.response);
  const warnings = listOf(facts.warnings);
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
    metadata: warnings.length === 0 ? {} : { warnings },
  };
}

function reasonOf(reason: unknown): string | undefined {
  return textOf(looseOf(reason)["unified"]) ?? textOf(reason);
}

/** Puts together what a stream of the AI SDK's parts brings. */
export class AnswerReader implements PartsReader<unknown> {
  /** Parts, in the order in which they began; texts and inputs by their ids. */
  readonly #parts: Record<string, unknown>[] = [];
  readonly #open = new Map<string, Record<string, unknown>>();
  readonly #keepMedia: boolean;
  #facts: { finishReason: unknown; usage: unknown; response: Loose; warnings: unknown } = {
    finishReason: undefined,
    usage: undefined,
    response: {},
    warnings: undefined,
  };

  /** @param keepMedia Whether the bytes of files are kept. */
  constructor(keepMedia: boolean) {
    this.#keepMedia = keepMedia;
  }

  take(part: unknown): { isOutput: boolean; isLast?: boolean; error?: unknown } {
    const told = looseOf(part);
    const { type, id, delta, error } = told;
    switch (type) {
      case "text-start":
      case "reasoning-start":
        this.#begin(`${id}`, { type: type === "text-start" ? "text" : "reasoning", text: "" });
        break;
      case "text-delta":
      case "reasoning-delta":
        this.#add(`${id}`, "text", delta, type === "text-delta" ? "text" : "reasoning");
        return { isOutput: true };
      case "tool-input-start": {
        const { toolName } = told;
        this.#begin(`${id}`, { type: "tool-call", toolCallId: id, toolName, input: "" });
        return { isOutput: true };
      }
      case "tool-input-delta":
        this.#add(`${id}`, "input", delta, "tool-call");
        break;
      case "tool-call": {
        // It tells again what its input came to.
        const { toolCallId } = told;
        const open = this.#open.get(`${toolCallId}`);
        if (open === undefined) this.#parts.push({ ...told });
        else Object.assign(open, told);
        return { isOutput: true };
      }
      case "tool-result":
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
        this.#facts.warnings = told["warnings"];
        break;
      case "response-metadata":
        this.#facts.response = { ...this.#facts.response, ...told };
        break;
      case "finish":
        this.#facts = {
          ...this.#facts,
          finishReason: told["finishReason"],
          usage: told["usage"],
        };
        return { isOutput: false, isLast: true };
      case "error":
        return { isOutput: false, error: error ?? new Error("the stream told of an error") };
    }
    return { isOutput: false };
  }

  #begin(id: string, part: Record<string, unknown>): void {
    this.#open.set(id, part);
    this.#parts.push(part);
  }

  #add(id: string, property: string, delta: unknown, type: string): void {
    if (!this.#open.has(id)) this.#begin(id, { type, [property]: "" });
    const part = this.#open.get(id)!;
    part[property] = (textOf(part[property]) ?? "") + (textOf(delta) ?? "");
  }

  async response(): Promise<CapturedResponse> {
    // An empty text was begun and not gone on with.
    const content = this.#parts.filter(({ type, text }) => type !== "text" || text !== "");
    return responseOf(await answerParts(content, this.#keepMedia), this.#facts);
  }
}

import type { CapturedRemains, CapturedResponse } from "../shared/captured_call.ts";
import { filledText, listOf, type Loose, looseOf, textOf } from "../shared/loose.ts";
import { type Message, textMessage } from "../shared/messages.ts";
import { messageOf, usageIn } from "./messages.ts";
import { AnswerInEvents } from "./stream_events.ts";

/** What a model answered, as LangChain's `LLMResult` has it. */
export async function answerOf(
  output: Loose,
  isCached: boolean,
  keepMedia: boolean,
): Promise<CapturedResponse> {
  const { generations, llmOutput } = output;
  const answers = listOf(Array.isArray(generations) ? generations.flat() : []);
  const answer = await generationsOf(answers, keepMedia);
  // An answer out of a cache cost nothing: LangChain counts its tokens as 0, or as they were.
  if (isCached) return { ...answer, isPriced: false, metadata: { "langchain.cached": true } };
  return { ...answer, usage: usageIn(looseOf(answers[0])["message"], llmOutput) };
}

/** What of an answer came before it broke off. */
export class PartialAnswer {
  readonly #choices = new Map<unknown, { text: string; readonly chunks: Loose[] }>();
  readonly #told = new AnswerInEvents();

  /**
   * Takes a piece.
   *
   * @param token Its text.
   * @param index Which of several answers it is of.
   * @param chunk The piece as LangChain has it, where it tells.
   */
  add(token: unknown, index: unknown, chunk: unknown): void {
    const { completion = 0 } = looseOf(index);
    let choice = this.#choices.get(completion);
    if (choice === undefined) this.#choices.set(completion, choice = { text: "", chunks: [] });
    if (typeof token === "string") choice.text += token;
    if (typeof chunk === "object" && chunk !== null) choice.chunks.push(looseOf(chunk));
  }

  /** Takes an event, where LangChain tells of the answer by events. */
  addEvent(event: Loose): void {
    this.#told.add(event);
  }

  /** What came so far; an error may have it, too. */
  async remains(error: unknown, keepMedia: boolean): Promise<CapturedRemains> {
    const generations = [...this.#choices.values()].map(({ text, chunks }) => {
      try {
        const joined = chunks.length === 0 ? undefined : chunks.reduce(concatenated);
        return joined === undefined ? { text } : joined;
      } catch {
        return { text };
      }
    });
    const told = this.#told.message();
    if (generations.length === 0 && told !== undefined) generations.push({ message: told });
    const { partialOutput } = looseOf(error);
    if (generations.length === 0 && typeof partialOutput === "object" && partialOutput !== null) {
      generations.push({ message: partialOutput });
    }
    if (generations.length === 0) return {};
    const answer = await generationsOf(listOf(generations), keepMedia);
    return { ...answer, usage: usageIn(looseOf(generations[0])["message"], undefined) };
  }
}

function concatenated(one: Loose, next: Loose): Loose {
  const { concat } = one;
  if (typeof concat !== "function") throw new TypeError("no chunk");
  return looseOf(concat.call(one, next));
}

async function generationsOf(
  generations: readonly Loose[],
  keepMedia: boolean,
): Promise<CapturedResponse> {
  const answers: Message[] = [];
  const reasons: string[] = [];
  for (const { text, message, generationInfo } of generations) {
    const answer = message === undefined || message === null
      ? textMessage("assistant", textOf(text) ?? "")
      : await messageOf(message, keepMedia);
    const reason = reasonIn(factsOf({ message, generationInfo }));
    if (reason !== undefined) reasons.push(reason);
    answers.push(reason === undefined ? answer : { ...answer, finish_reason: reason });
  }
  const message = looseOf(generations[0]?.["message"]);
  const facts = factsOf(generations[0] ?? {});
  return {
    output: answers,
    id: filledText(facts["id"]) ?? filledText(message["id"]),
    model: filledText(facts["model_name"]) ?? filledText(facts["model"]),
    finishReasons: reasons,
    metadata: {
      "openai.response.service_tier": filledText(facts["service_tier"]),
      "openai.response.system_fingerprint": filledText(facts["system_fingerprint"]),
    },
  };
}

/** What is told of an answer beside it: of one that was streamed, not with the message, or, by Anthropic's, among what it has besides. */
function factsOf({ message, generationInfo }: Loose): Loose {
  const { additional_kwargs, response_metadata } = looseOf(message);
  const { model, stop_reason } = looseOf(additional_kwargs);
  return { model, stop_reason, ...looseOf(generationInfo), ...looseOf(response_metadata) };
}

/** Why the model stopped, by whichever name the provider has for it. */
function reasonIn(facts: Loose): string | undefined {
  if (facts["object"] === "response") { // OpenAI's
    return filledText(looseOf(facts["incomplete_details"])["reason"]) ??
      filledText(facts["status"]);
  }
  for (
    const name of ["finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason"]
  ) {
    const reason = filledText(facts[name]);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

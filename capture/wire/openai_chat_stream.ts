/**
 * OpenAI's chat completions by stream, after its API reference, "Streaming"
 * (https://platform.openai.com/docs/api-reference/chat-streaming).
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import {
  filledText,
  listOf,
  type Loose,
  looseOf,
  telling,
  textOf,
  without,
} from "../shared/loose.ts";
import { addMembers, ANSWER, CALL, CHOICE, COMPLETION } from "./openai_chat_members.ts";
import type { WireResponse, WireStream } from "./wire_format.ts";

/** What some providers call the model's reasoning. */
export function reasoningIn({ reasoning_content, reasoning }: Loose): string | undefined {
  return filledText(reasoning_content) ?? filledText(reasoning);
}

/** What a part tells of the model's reasoning: a text, or parts that are texts. */
export function thoughtIn({ type, thinking }: Loose): string | undefined {
  if (type !== "thinking") return undefined;
  return textOf(thinking) ?? listOf(thinking).map(({ text }) => textOf(text) ?? "").join("");
}

/** What of a delta is put together by itself. */
const SAID: readonly string[] = [...ANSWER, "annotations"];

/** A choice as a stream brings it. */
interface Streamed {
  role?: string;
  content?: string | undefined;
  refusal?: string;
  reasoning?: string | undefined;
  finish?: string;
  transcript?: string | undefined;
  annotations?: Loose[];
  images?: Loose[];
  /** What the provider has besides, in the message and beside it. */
  readonly said: Record<string, JsonValue>;
  readonly beside: Record<string, JsonValue>;
  readonly calls: StreamedCall[];
  /** The last one at each place. */
  readonly open: Map<number, StreamedCall>;
}

/** A tool's call as a stream brings it. */
interface StreamedCall {
  readonly index: number;
  id?: string;
  name: string;
  arguments: string;
  /** What the provider has besides. */
  readonly others: Record<string, JsonValue>;
}

/** Puts together what a stream of chat completions brings. */
export class ChatStream implements WireStream {
  readonly #responseOf: (body: Loose, choices: readonly Loose[]) => WireResponse;
  readonly #choices = new Map<number, Streamed>();
  /** What chunks have beside their choices. */
  readonly #head: Record<string, unknown> = {};

  /** @param responseOf Reads a whole response, of which the choices are given beside. */
  constructor(responseOf: (body: Loose, choices: readonly Loose[]) => WireResponse) {
    this.#responseOf = responseOf;
  }

  get isComplete(): boolean {
    const choices = [...this.#choices.values()];
    return choices.length > 0 && choices.every(({ finish }) => finish !== undefined);
  }

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const { id, model, usage, service_tier, system_fingerprint, error, choices } = data;
    const head = this.#head;
    if (name === "error") head.error = data;
    // What says nothing does not undo what was said.
    head.id = id ?? head.id;
    head.model = model ?? head.model;
    head.usage = usage ?? head.usage;
    head.service_tier = service_tier ?? head.service_tier;
    head.system_fingerprint = system_fingerprint ?? head.system_fingerprint;
    head.error = error ?? head.error;
    Object.assign(head, telling(data, COMPLETION));
    let isOutput = false;
    for (const one of listOf(choices)) {
      const { index, delta, finish_reason } = one;
      const choice = this.#choice(typeof index === "number" ? index : 0);
      isOutput = this.#add(choice, looseOf(delta)) || isOutput;
      if (typeof finish_reason === "string") choice.finish = finish_reason;
      addMembers(choice.beside, telling(one, CHOICE));
    }
    // What others send as an error ends the stream.
    return { isOutput, isLast: head.error !== undefined };
  }

  #choice(index: number): Streamed {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { calls: [], open: new Map(), said: {}, beside: {} };
      this.#choices.set(index, choice);
    }
    return choice;
  }

  #add(choice: Streamed, delta: Loose): boolean {
    const { role, content, refusal, tool_calls, function_call, audio, annotations, images } = delta;
    if (typeof role === "string") choice.role = role;
    if (typeof refusal === "string") choice.refusal = (choice.refusal ?? "") + refusal;
    let reasoning = reasoningIn(delta);
    let said = textOf(content);
    for (const part of listOf(content)) {
      reasoning = joined(reasoning, thoughtIn(part));
      if (part["type"] === "text") said = joined(said, textOf(part["text"]));
    }
    const transcript = filledText(looseOf(audio)["transcript"]);
    choice.content = joined(choice.content, said);
    choice.reasoning = joined(choice.reasoning, reasoning);
    choice.transcript = joined(choice.transcript, transcript);
    for (const annotation of listOf(annotations)) (choice.annotations ??= []).push(annotation);
    for (const image of listOf(images)) (choice.images ??= []).push(image);
    addMembers(choice.said, telling(delta, SAID));
    const calls = typeof function_call === "object" && function_call !== null
      ? [...listOf(tool_calls), { index: 0, function: function_call }]
      : listOf(tool_calls);
    for (const one of calls) {
      const { index, id, function: called, custom } = one;
      const at = typeof index === "number" ? index : choice.calls.length;
      const { name, arguments: json, input } = looseOf(called ?? custom);
      let call = choice.open.get(at);
      // Some give all of several calls the same place: Gemini, and Ollama.
      const isNext = filledText(name) !== undefined && call?.id !== undefined && id !== call.id;
      if (call === undefined || (isNext && filledText(id) !== undefined)) {
        call = { index: at, name: "", arguments: "", others: {} };
        choice.calls.push(call);
        choice.open.set(at, call);
      }
      if (typeof id === "string") call.id = id;
      // It comes whole; some repeat it with each piece of the arguments.
      if (typeof name === "string" && name !== "") call.name = name;
      call.arguments += argumentsIn(json ?? input);
      Object.assign(call.others, without(one, CALL));
    }
    return filledText(said) !== undefined || filledText(refusal) !== undefined ||
      reasoning !== undefined || transcript !== undefined || calls.length > 0 ||
      listOf(images).length > 0;
  }

  response(): WireResponse {
    const choices = [...this.#choices].sort(([a], [b]) => a - b).map(([, choice]) => {
      const { role, content, refusal, reasoning, finish, transcript, calls } = choice;
      const { annotations, images, said, beside } = choice;
      const tool_calls = calls.toSorted((a, b) => a.index - b.index)
        .map(({ id, name, arguments: json, others }) => ({
          ...others,
          id,
          function: { name, arguments: json },
        }));
      return {
        ...beside,
        message: {
          ...said,
          role,
          content,
          refusal,
          reasoning,
          annotations,
          images,
          ...(transcript === undefined ? {} : { audio: { transcript } }),
          ...(tool_calls.length === 0 ? {} : { tool_calls }),
        },
        finish_reason: finish,
      };
    });
    return this.#responseOf(this.#head, choices);
  }
}

/** A piece of a call's arguments; some have them as a value, and not as its JSON. */
function argumentsIn(value: unknown): string {
  return textOf(value) ??
    (typeof value === "object" && value !== null ? JSON.stringify(value) : "");
}

function joined(before: string | undefined, more: string | undefined): string | undefined {
  return more === undefined ? before : (before ?? "") + more;
}

/**
 * Gemini's interactions by stream, after its guide "Streaming interactions"
 * (https://ai.google.dev/gemini-api/docs/interactions/streaming).
 *
 * @module
 */
import { listOf, type Loose, looseOf, parsedOr, textOf, without } from "../shared/loose.ts";
import type { WireResponse, WireStream } from "./wire_format.ts";

/** Puts together what a stream of an interaction brings. */
export class InteractionStream implements WireStream {
  readonly isComplete = false; // its last event says so
  readonly #responseOf: (body: Loose) => WireResponse;
  #interaction: Loose = {};
  readonly #steps = new Map<number, Loose>();
  /** The arguments of calls, as JSON that is still coming. */
  readonly #arguments = new Map<number, string>();

  /** @param responseOf Reads a whole interaction. */
  constructor(responseOf: (body: Loose) => WireResponse) {
    this.#responseOf = responseOf;
  }

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const { event_type: type = name, index = 0, interaction, status, usage, step, delta } = data;
    switch (type) {
      case "interaction.created":
        this.#add(looseOf(interaction));
        break;
      case "interaction.completed":
        this.#add(looseOf(interaction));
        return { isOutput: false, isLast: true };
      case "interaction.status_update":
        this.#add({ status, usage });
        break;
      case "step.start":
        this.#steps.set(Number(index), looseOf(step));
        break;
      case "step.delta":
        return { isOutput: this.#addDelta(Number(index), looseOf(delta)), isLast: false };
      case "error":
        this.#add({ error: data["error"] ?? data });
        return { isOutput: false, isLast: true };
    }
    return { isOutput: false, isLast: false };
  }

  /** What says nothing does not undo what was said. */
  #add(told: Loose): void {
    this.#interaction = { ...this.#interaction, ...without(told, []) };
  }

  /** @returns Whether it is some of the answer. */
  #addDelta(index: number, delta: Loose): boolean {
    const { type, arguments: json } = delta;
    if (type === "arguments_delta") {
      this.#arguments.set(index, (this.#arguments.get(index) ?? "") + (textOf(json) ?? ""));
    } else this.#steps.set(index, withDelta(this.#steps.get(index) ?? {}, delta));
    return type !== "thought_signature";
  }

  response(): WireResponse {
    const streamed = [...this.#steps].sort(([a], [b]) => a - b).map(([index, step]) => {
      const json = this.#arguments.get(index);
      return json === undefined ? step : { ...step, arguments: parsedOr(json) };
    });
    const { steps: whole } = this.#interaction;
    const steps = listOf(whole).length > 0 ? whole : streamed;
    return this.#responseOf({ ...this.#interaction, steps });
  }
}

/** A step with what a delta adds: to its contents, or to the step itself. */
function withDelta(step: Loose, delta: Loose): Loose {
  const { type, text, content, annotations, ...others } = delta;
  switch (type) {
    case "text":
      return { ...step, content: withContent(step["content"], { type, text }) };
    case "thought_summary":
      return { ...step, summary: withContent(step["summary"], looseOf(content)) };
    case "image":
    case "audio":
    case "video":
    case "document":
      return { ...step, content: withContent(step["content"], delta) };
    case "text_annotation_delta": {
      const contents = [...listOf(step["content"])];
      const last = contents.pop() ?? { type: "text" };
      const cited = [...listOf(last["annotations"]), ...listOf(annotations)];
      return { ...step, content: [...contents, { ...last, annotations: cited }] };
    }
    default: // a call, a result, a signature: members of the step
      return { ...step, ...others };
  }
}

/** Contents, which nobody else has, with some more of a text, or another one. */
function withContent(contents: unknown, more: Loose): unknown[] {
  const all: unknown[] = Array.isArray(contents) ? contents : [];
  const last = looseOf(all.at(-1));
  if (last["type"] === "text" && more["type"] === "text") {
    const text = (textOf(last["text"]) ?? "") + (textOf(more["text"]) ?? "");
    all[all.length - 1] = { ...last, text };
  } else all.push(more);
  return all;
}

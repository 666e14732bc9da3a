/**
 * Gemini's interactions by stream, after its guide "Streaming interactions"
 * (https://ai.google.dev/gemini-api/docs/interactions/streaming).
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import { listOf, type Loose, looseOf, parsedOr, textOf, without } from "../shared/loose.ts";
import type { WireResponse, WireStream } from "./wire_format.ts";

/** A step, or a content of one, as a stream brings it. */
type Step = Record<string, unknown>;

/** Puts together what a stream of an interaction brings. */
export class InteractionStream implements WireStream {
  readonly isComplete = false; // its last event says so
  readonly #responseOf: (body: Loose) => WireResponse;
  readonly #interaction: Record<string, JsonValue> = {};
  readonly #steps = new Map<number, Step>();
  /** The arguments of calls, as JSON that is still coming. */
  readonly #arguments = new Map<number, string>();

  /** @param responseOf Reads a whole interaction. */
  constructor(responseOf: (body: Loose) => WireResponse) {
    this.#responseOf = responseOf;
  }

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const { event_type: type = name, index = 0, interaction, status, usage, step, delta } = data;
    switch (type) {
      case "interaction.created": // with what was before, if with any steps
        this.#add(without(looseOf(interaction), ["steps"]));
        break;
      case "interaction.completed":
        this.#add(looseOf(interaction));
        return { isOutput: false, isLast: true };
      case "interaction.status_update":
        this.#add({ status, usage });
        break;
      case "step.start":
        this.#steps.set(Number(index), begun(looseOf(step)));
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
    Object.assign(this.#interaction, without(told, []));
  }

  /** @returns Whether it is some of the answer. */
  #addDelta(index: number, delta: Loose): boolean {
    let step = this.#steps.get(index);
    if (step === undefined) this.#steps.set(index, step = {});
    const { type, arguments: json } = delta;
    if (type === "arguments_delta") {
      this.#arguments.set(index, (this.#arguments.get(index) ?? "") + (textOf(json) ?? ""));
    } else addDelta(step, delta);
    return type !== "thought_signature";
  }

  response(): WireResponse {
    const streamed = [...this.#steps].sort(([a], [b]) => a - b).map(([index, step]) => {
      const json = this.#arguments.get(index);
      return json === undefined ? step : { ...step, arguments: parsedOr(json) };
    });
    const { steps: whole, status, ...others } = this.#interaction;
    const steps = listOf(whole).length > 0 ? whole : streamed;
    // That it was in progress is not why it stopped.
    const known = status === undefined || status === "in_progress" ? {} : { status };
    return this.#responseOf({ ...others, ...known, steps });
  }
}

/** A step as it begins, its contents objects of its own. */
function begun(step: Loose): Step {
  const { content, summary, ...others } = step;
  return {
    ...without(others, []),
    ...(content === undefined ? {} : { content: listOf(content).map((one) => ({ ...one })) }),
    ...(summary === undefined ? {} : { summary: listOf(summary).map((one) => ({ ...one })) }),
  };
}

/** Adds what a delta brings: to the contents of a step, or to the step itself. */
function addDelta(step: Step, delta: Loose): void {
  const { type, text, content, annotations, ...others } = delta;
  switch (type) {
    case "text":
      return addContent(listIn(step, "content"), { type, text });
    case "thought_summary":
      return addContent(listIn(step, "summary"), looseOf(content));
    case "image":
    case "audio":
    case "video":
    case "document":
      return addContent(listIn(step, "content"), delta);
    case "text_annotation_delta": {
      const contents = listIn(step, "content");
      if (contents.length === 0) contents.push({ type: "text" });
      const cited = listIn(contents.at(-1)!, "annotations");
      for (const annotation of listOf(annotations)) cited.push({ ...annotation });
      return;
    }
    default: // a call, a result, a signature: members of the step
      Object.assign(step, without(others, []));
  }
}

/** Adds a content, or some more of a text. */
function addContent(contents: Step[], more: Loose): void {
  const last = contents.at(-1);
  if (last?.["type"] === "text" && more["type"] === "text") {
    last["text"] = (textOf(last["text"]) ?? "") + (textOf(more["text"]) ?? "");
  } else contents.push({ ...more });
}

/** A list in an object, made where it is none. */
function listIn(object: Step, name: "content" | "summary" | "annotations"): Step[] {
  return (Array.isArray(object[name]) ? object[name] : object[name] = []) as Step[];
}

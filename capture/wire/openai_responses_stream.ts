/**
 * OpenAI's responses by stream, after its API reference, "Streaming events"
 * (https://platform.openai.com/docs/api-reference/responses-streaming).
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import { listOf, type Loose, looseOf, textOf } from "../shared/loose.ts";
import { plainJson, plainObject } from "../shared/plain_json.ts";
import type { WireResponse, WireStream } from "./wire_format.ts";

/** Where what an event brings belongs: into a property of an item, or of one of a list in it. */
interface Place {
  /** The list, and the field of the event that says which one of it. */
  readonly list?: "content" | "summary" | undefined;
  readonly at?: "content_index" | "summary_index" | undefined;
  readonly property: string;
}

const CONTENT = { list: "content", at: "content_index" } as const;
const SUMMARY = { list: "summary", at: "summary_index" } as const;

/** Which deltas add to what. */
const DELTAS: ReadonlyMap<string, Place> = new Map<string, Place>([
  ["response.output_text.delta", { ...CONTENT, property: "text" }],
  ["response.refusal.delta", { ...CONTENT, property: "refusal" }],
  ["response.reasoning_text.delta", { ...CONTENT, property: "text" }],
  ["response.reasoning_summary_text.delta", { ...SUMMARY, property: "text" }],
  ["response.function_call_arguments.delta", { property: "arguments" }],
  ["response.custom_tool_call_input.delta", { property: "input" }],
  ["response.mcp_call_arguments.delta", { property: "arguments" }],
  ["response.code_interpreter_call_code.delta", { property: "code" }],
]);

type Item = Record<string, JsonValue | JsonValue[]>;

/** Puts together what a stream of a response brings. */
export class ResponsesStream implements WireStream {
  readonly isComplete = false; // its last event says so
  readonly #responseOf: (body: Loose) => WireResponse;
  #response: Loose = {};
  readonly #items = new Map<number, Item>();
  #whole: Loose | undefined;

  /** @param responseOf Reads a whole response. */
  constructor(responseOf: (body: Loose) => WireResponse) {
    this.#responseOf = responseOf;
  }

  take(name: string, data: Loose): { isOutput: boolean; isLast: boolean } {
    const type = textOf(data["type"]) ?? name;
    const index = typeof data["output_index"] === "number" ? data["output_index"] : 0;
    switch (type) {
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        this.#whole = looseOf(data["response"]);
        return { isOutput: false, isLast: true };
      case "error":
        this.#response = { ...this.#response, error: data["error"] ?? data, status: "failed" };
        return { isOutput: false, isLast: true };
      case "response.output_item.added":
      case "response.output_item.done":
        this.#items.set(index, plainObject(looseOf(data["item"])) as Item);
        return { isOutput: false, isLast: false };
    }
    if (data["response"] !== undefined) this.#response = looseOf(data["response"]);
    const item = this.#items.get(index);
    const isOutput = item === undefined ? DELTAS.has(type) : addTo(item, type, data);
    return { isOutput, isLast: false };
  }

  response(): WireResponse {
    const output = [...this.#items].sort(([a], [b]) => a - b).map(([, item]) => item);
    if (this.#whole !== undefined) {
      // One that failed may have nothing in it of what came before.
      const isEmpty = listOf(this.#whole["output"]).length === 0;
      return this.#responseOf(isEmpty ? { ...this.#whole, output } : this.#whole);
    }
    // That it was in progress is not why it stopped.
    const { status, ...begun } = this.#response;
    return this.#responseOf({ ...begun, ...(status === "failed" ? { status } : {}), output });
  }
}

/** Adds what an event brings to its item. @returns Whether it is some of the answer. */
function addTo(item: Item, type: string, data: Loose): boolean {
  const { content_index, summary_index, command_index, delta } = data;
  switch (type) {
    case "response.content_part.added":
    case "response.content_part.done":
      setIn(listIn(item, "content"), content_index, data["part"]);
      return false;
    case "response.reasoning_summary_part.added":
    case "response.reasoning_summary_part.done":
      setIn(listIn(item, "summary"), summary_index, data["part"]);
      return false;
    case "response.output_text.annotation.added": {
      const part = partIn(item["content"], content_index);
      if (part !== undefined) {
        setIn(listIn(part, "annotations"), data["annotation_index"], data["annotation"]);
      }
      return false;
    }
    case "response.shell_call_command.added":
    case "response.shell_call_command.done":
      setIn(commandsIn(item), command_index, textOf(data["command"]) ?? "");
      return false;
    case "response.shell_call_command.delta": {
      const commands = commandsIn(item);
      const before = isPlace(command_index) ? textOf(commands[command_index]) ?? "" : "";
      setIn(commands, command_index, before + (textOf(delta) ?? ""));
      return true;
    }
    case "response.shell_call_output_content.delta": {
      const output = listIn(item, "output");
      if (command_index === output.length) output.push({});
      const part = partIn(output, command_index);
      if (part !== undefined) {
        for (const name of ["stdout", "stderr"]) append(part, name, looseOf(delta)[name]);
      }
      return true;
    }
  }
  const place = DELTAS.get(type);
  if (place === undefined || typeof delta !== "string") return false;
  const { list, at, property } = place;
  const part = list === undefined ? item : partIn(item[list], data[at!] ?? 0);
  if (part !== undefined) append(part, property, delta);
  return true;
}

function append(part: Item, property: string, more: unknown): void {
  if (typeof more === "string") part[property] = (textOf(part[property]) ?? "") + more;
}

/** What comes from outside may name any place: a name such as __proto__ would lead to what all objects share. */
function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** A list in an item, made where it is none. */
function listIn(item: Item, name: string): JsonValue[] {
  const known = item[name];
  return (Array.isArray(known) ? known : item[name] = []) as JsonValue[];
}

function partIn(list: unknown, at: unknown): Item | undefined {
  if (!Array.isArray(list) || !isPlace(at) || at >= list.length) return undefined;
  const part: unknown = list[at];
  return typeof part === "object" && part !== null ? part as Item : undefined;
}

/** Without holes. */
function setIn(list: JsonValue[], at: unknown, value: unknown): void {
  if (isPlace(at) && at <= list.length) list[at] = plainJson(value) ?? null;
}

/** The commands of a shell's call. */
function commandsIn(item: Item): JsonValue[] {
  const { action } = item;
  const known = typeof action === "object" && action !== null && !Array.isArray(action)
    ? action as Item
    : (item["action"] = {}) as Item;
  return listIn(known, "commands");
}

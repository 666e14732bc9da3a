/**
 * The form in which wrappers record what a model was asked and answered: the messages of OpenTelemetry's GenAI semantic
 * conventions (`gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`, `gen_ai.tool.definitions`), the
 * same for every provider. What the conventions have no name for is kept as the provider has it.
 *
 * @module
 */
import type { JsonValue, TextFormat } from "../../mod.ts";

/**
 * A part of a message: `text` and `reasoning` with `content`; `tool_call` with `id`, `name`, `arguments`; `tool_call_response` with `id`,
 * `response`; `blob` with `modality`, `mime_type`, and `sha256` and `size`, or `content`, base64; `uri` with `modality`, `uri`; `file` with
 * `modality`, `file_id`; `refusal` with `content`; others as the provider has them.
 */
export interface Part {
  readonly type: string;
  readonly [key: string]: JsonValue;
}

/** A message of a conversation. */
export interface Message {
  /** `system`, `user`, `assistant`, `tool`, or what the provider calls it. */
  readonly role: string;
  readonly parts: readonly Part[];
  /** Who of several with that role. */
  readonly name?: string;
  /** Why the model stopped, in an answer: `stop`, `length`, `tool_call`, `content_filter`, or as the provider says. */
  readonly finish_reason?: string;
}

/** All that a model was asked. */
export interface Input {
  /** Instructions that are no message. */
  readonly system?: readonly Part[] | undefined;
  readonly messages: readonly Message[];
  /** The tools that it was offered, as the provider has them. */
  readonly tools?: readonly JsonValue[] | undefined;
  /** Other content of the request, by the provider's names: a response format, a reference to an earlier response. */
  readonly others?: Readonly<Record<string, JsonValue>> | undefined;
}

/** A text as it is recorded, and how it is to be read. */
export interface Recorded {
  readonly text: string;
  readonly format: TextFormat;
}

/** A part that is a text. */
export function textPart(content: string): Part {
  return { type: "text", content };
}

/** A message that is one text. */
export function textMessage(role: string, content: string): Message {
  return { role, parts: [textPart(content)] };
}

/** Why the model stopped, of the answers that say so. */
export function finishReasonsOf(messages: readonly Message[]): string[] {
  const reasons: string[] = [];
  for (const { finish_reason: reason } of messages) if (reason !== undefined) reasons.push(reason);
  return reasons;
}

/** An input as it is recorded: plain text when it is one user message that is one text, JSON otherwise. */
export function recordedInput({ system = [], messages, tools = [], others = {} }: Input): Recorded {
  const [first] = messages;
  const isAlone = messages.length === 1 && system.length === 0 && tools.length === 0 &&
    Object.keys(others).length === 0;
  const text = isAlone && first!.role === "user" && first!.name === undefined
    ? onlyText(first!)
    : undefined;
  if (text !== undefined) return { text, format: "text" };
  const json = {
    ...(system.length === 0 ? {} : { system_instructions: system }),
    messages,
    ...(tools.length === 0 ? {} : { tool_definitions: tools }),
    ...others,
  };
  return { text: JSON.stringify(json), format: "json" };
}

/** An output as it is recorded: plain text when it is one message that is one text, JSON otherwise. */
export function recordedOutput(messages: readonly Message[]): Recorded {
  if (messages.length === 0) return { text: "", format: "text" };
  const text = messages.length === 1 ? onlyText(messages[0]!) : undefined;
  return text === undefined
    ? { text: JSON.stringify(messages), format: "json" }
    : { text, format: "text" };
}

/** What a message that is one text may have besides. */
const BESIDE: readonly string[] = ["role", "parts", "name", "finish_reason"];

function onlyText(message: Message): string | undefined {
  const { parts } = message;
  for (const key of Object.keys(message)) if (!BESIDE.includes(key)) return undefined;
  if (parts.length === 0) return "";
  const [part] = parts as [Part];
  const { type, content } = part;
  if (parts.length > 1 || type !== "text" || typeof content !== "string") return undefined;
  return Object.keys(part).length === 2 ? content : undefined;
}

/**
 * What of a call may be recorded. All that any wrapper sees passes here, so that none can forget: of inline media the hash and not the
 * bytes, unless asked, and of credentials nothing.
 *
 * @module
 */
import type { JsonValue } from "../../mod.ts";
import { withoutCredentials } from "./credentials.ts";
import { withoutInlineMedia } from "./inline_media.ts";
import {
  type Input,
  type Message,
  type Part,
  type Recorded,
  recordedInput,
  recordedOutput,
} from "./messages.ts";
import { plainObject } from "./plain_json.ts";

type Facts = Readonly<Record<string, unknown>>;

/** What is told of a request, or of what came of it. */
interface Told<Content> {
  readonly content: Content;
  readonly facts?: Facts | undefined;
  readonly parameters?: Facts | undefined;
}

/** What of it is recorded. */
export interface Recordable extends Recorded {
  readonly facts: Readonly<Record<string, JsonValue>>;
  readonly parameters: Readonly<Record<string, JsonValue>>;
}

/**
 * What of a request is recorded.
 *
 * @param keepMedia Whether the bytes of inline media are.
 */
export function recordableRequest(
  { content, facts, parameters }: Told<Input | string>,
  keepMedia: boolean,
): Recordable | Promise<Recordable> {
  const input = typeof content === "string" ? content : {
    ...content,
    messages: content.messages.map(withPlainTools),
    tools: withoutCredentials([...content.tools ?? []]),
  };
  return recordable({ content: input, facts, parameters }, keepMedia, recordedInput);
}

/** What of an answer is recorded, at once where there are no media in it. */
export function recordableAnswer(
  { content, facts }: Told<readonly Message[] | string>,
  keepMedia: boolean,
): Recordable | Promise<Recordable> {
  const output = typeof content === "string" ? content : content.map(withPlainTools);
  return recordable({ content: output, facts }, keepMedia, recordedOutput);
}

function recordable<Content>(
  { content, facts = {}, parameters = {} }: Told<Content | string>,
  keepMedia: boolean,
  written: (content: Content) => Recorded,
): Recordable | Promise<Recordable> {
  const told = {
    content: content as JsonValue,
    facts: withoutCredentials(plainObject(facts)),
    parameters: withoutCredentials(plainObject(parameters)),
  };
  const known = keepMedia ? told : withoutInlineMedia(told);
  const finished = ({ content: left, facts, parameters }: typeof told): Recordable => {
    if (typeof content !== "string") {
      const { text, format } = written(left as Content);
      return { text, format, facts, parameters };
    }
    // A text that was nothing but media is none any more.
    const text = typeof left === "string" ? left : JSON.stringify(left);
    return { text, format: "text", facts, parameters };
  };
  return known instanceof Promise ? known.then(finished) : finished(known);
}

/** Tools may be offered in the course of a conversation, too. */
function withPlainTools(message: Message): Message {
  if (message.parts.every(({ tools }) => tools === undefined)) return message;
  const parts = message.parts.map((part): Part =>
    part["tools"] === undefined ? part : { ...part, tools: withoutCredentials(part["tools"]) }
  );
  return { ...message, parts };
}

import { type Loose, looseOf, textOf, without } from "../../shared/loose.ts";
import { blobPart } from "../../shared/media.ts";
import { type Message, type Part, textMessage, textPart } from "../../shared/messages.ts";
import { plainObject } from "../../shared/plain_json.ts";
import { toolsOf } from "../../wire/request_parameters.ts";
import { chatContent } from "./chat_messages.ts";
import { knownFacts, parsedValue, type SpanForm, textIn } from "./form.ts";

const OPERATION_DETAILS = "gen_ai.client.inference.operation.details";
const INPUT = "gen_ai.input.messages";
const OUTPUT = "gen_ai.output.messages";
const SYSTEM = "gen_ai.system_instructions";
const TOOLS = "gen_ai.tool.definitions";
const QUERY = "gen_ai.retrieval.query.text";

/** Names that the conventions had before, or have for something else, by those that they have for it now. */
const RENAMED: Readonly<Record<string, string>> = {
  "gen_ai.provider.name": "gen_ai.system",
  "gen_ai.usage.input_tokens": "gen_ai.usage.prompt_tokens",
  "gen_ai.usage.output_tokens": "gen_ai.usage.completion_tokens",
  // The names that OpenLLMetry and Strands have.
  "gen_ai.usage.cache_read.input_tokens": "gen_ai.usage.cache_read_input_tokens",
  "gen_ai.usage.cache_creation.input_tokens": "gen_ai.usage.cache_creation_input_tokens",
  // The name of a metric, under which `@ai-sdk/otel` has it in its spans.
  "gen_ai.response.time_to_first_chunk": "gen_ai.client.operation.time_to_first_chunk",
};
const READ = [INPUT, OUTPUT, SYSTEM, TOOLS, QUERY, ...Object.values(RENAMED)];

/**
 * The GenAI semantic conventions as `@opentelemetry/semantic-conventions` 1.45.0 has them: content in attributes of the span, or of an
 * event with the operation's details; structured, or as JSON in a text.
 */
export const conventions: SpanForm = {
  operation: "gen_ai.operation.name",
  facts(attributes) {
    return knownFacts(
      Object.fromEntries(Object.entries(RENAMED).map(([name, old]) => [name, attributes[old]])),
    );
  },
  async content({ attributes, events }, keepMedia) {
    const details = events.filter(({ name }) => name === OPERATION_DETAILS)
      .map((event) => event.attributes);
    const all = Object.assign({}, ...details, attributes);
    const query = textOf(all[QUERY]);
    return {
      system: await partsIn(all[SYSTEM], keepMedia),
      messages: await messagesIn(all[INPUT], "user", keepMedia) ??
        (query === undefined ? undefined : [textMessage("user", query)]),
      output: await outputIn(
        attributes[OUTPUT] === undefined ? details.map((each) => each[OUTPUT]) : [all[OUTPUT]],
        keepMedia,
      ),
      tools: toolsOf(parsedValue(all[TOOLS])),
    };
  },
  isRead: (key) => READ.includes(key),
};

/** What was answered: of a stream, `@opentelemetry/instrumentation-openai` tells it item by item, by an event each. */
async function outputIn(
  told: readonly unknown[],
  keepMedia: boolean,
): Promise<Message[] | undefined> {
  const output: Message[] = [];
  for (const each of told) output.push(...await messagesIn(each, "assistant", keepMedia) ?? []);
  return output;
}

/** Messages; what is none, as a text that was cut is, is kept as the text that it is. */
async function messagesIn(
  value: unknown,
  role: string,
  keepMedia: boolean,
): Promise<Message[] | undefined> {
  if (value === undefined || value === null) return undefined;
  const told = parsedValue(value);
  if (typeof told !== "object") return [textMessage(role, textIn(value) ?? "")];
  const messages: Message[] = [];
  for (const message of Array.isArray(told) ? told : [told]) {
    messages.push(await messageIn(message, role, keepMedia));
  }
  return messages;
}

async function messageIn(message: unknown, role: string, keepMedia: boolean): Promise<Message> {
  if (typeof message === "string") return textMessage(role, message);
  const told = looseOf(message);
  const isMessage = ["role", "parts", "content"].some((key) => told[key] !== undefined);
  if (!isMessage) return textMessage(role, JSON.stringify(message));
  // Some put in what they sent to the provider, and most speak as OpenAI does.
  if (told["parts"] === undefined && told["content"] !== undefined) {
    return await chatMessage({ role, ...told }, keepMedia);
  }
  return {
    ...without(told, ["role", "parts"]),
    role: textOf(told["role"]) ?? role,
    parts: await partsIn(told["parts"], keepMedia) ?? [],
  };
}

/** A message in OpenAI's form. */
async function chatMessage(message: object, keepMedia: boolean): Promise<Message> {
  const { messages } = await chatContent({ messages: [looseOf(message)] }, keepMedia);
  return messages![0]!;
}

async function partsIn(value: unknown, keepMedia: boolean): Promise<Part[] | undefined> {
  if (value === undefined || value === null) return undefined;
  const told = parsedValue(value);
  if (typeof told !== "object") return [textPart(textIn(value) ?? "")];
  const parts: Part[] = [];
  for (const part of Array.isArray(told) ? told : [told]) parts.push(await partIn(part, keepMedia));
  return parts;
}

async function partIn(part: unknown, keepMedia: boolean): Promise<Part> {
  if (typeof part === "string") return textPart(part);
  const told = conventional(looseOf(part));
  const { type, content, mime_type } = told;
  if (type === "blob" && typeof content === "string") {
    const blob = await blobPart(content, textOf(mime_type), keepMedia);
    return { ...blob, ...without(told, ["type", "content", "mime_type"]) };
  }
  return { ...plainObject(told), type: textOf(type) ?? "unknown" };
}

/**
 * A part by the names that it has in the conventions: `@opentelemetry/instrumentation-openai` has those of OpenAI's responses in some,
 * where an item has an id besides that of its call.
 */
function conventional(part: Loose): Loose {
  const { type, text, call_id: id, arguments: json, ...others } = part;
  if (type === "reasoning" && part["content"] === undefined && text !== undefined) {
    return { ...without(part, ["text"]), content: text };
  }
  if (type !== "tool_call" && type !== "tool_call_response") return part;
  return {
    ...others,
    type,
    ...(id === undefined ? {} : { id }),
    ...(json === undefined ? {} : { arguments: parsedValue(json) }),
    ...(text === undefined ? {} : { text }),
  };
}

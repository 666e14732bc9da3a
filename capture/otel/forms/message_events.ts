import { listOf, type Loose, looseOf, textOf } from "../../shared/loose.ts";
import type { ToldEvent } from "../span.ts";
import { chatContent, chatContentOf, chatToolCalls } from "./chat_messages.ts";
import { parsedValue, type SpanForm } from "./form.ts";

/** The roles of the events that are messages. */
const ROLES: Readonly<Record<string, string>> = {
  "gen_ai.system.message": "system",
  "gen_ai.user.message": "user",
  "gen_ai.assistant.message": "assistant",
  "gen_ai.tool.message": "tool",
};
const CHOICE = "gen_ai.choice";
const PROMPT = "gen_ai.prompt";
const COMPLETION = "gen_ai.completion";

/**
 * What the conventions had before version 1.38: an event for each message, with its content in a log record's body
 * (`@opentelemetry/instrumentation-openai` 0.22), as JSON in the attribute `gen_ai.event.content` of a span's event (Azure's SDKs), or in
 * attributes. Before version 1.28, `gen_ai.prompt` and `gen_ai.completion` had all of them as JSON, as attributes of the span or of its
 * events `gen_ai.content.prompt` and `gen_ai.content.completion`.
 */
export const messageEvents: SpanForm = {
  facts: () => ({}),
  content({ attributes, events }, keepMedia) {
    const all: Loose = Object.assign({}, ...events.map((event) => event.attributes), attributes);
    const messages = events.filter(({ name }) => Object.hasOwn(ROLES, name)).map(messageOf);
    const choices = events.filter(({ name }) => name === CHOICE).map(choiceOf);
    return chatContent({
      messages: messages.length > 0 ? messages : whole(all[PROMPT], "user"),
      choices: choices.length > 0
        ? choices
        : whole(all[COMPLETION], "assistant").map((message) => ({ message })),
    }, keepMedia);
  },
  isRead: (key) => key === PROMPT || key === COMPLETION,
};

function messageOf(event: ToldEvent): Loose {
  const body = bodyOf(event);
  const { role = ROLES[event.name], id, tool_calls } = body;
  return {
    ...body,
    role,
    content: chatContentOf(body["content"]),
    ...(tool_calls === undefined ? {} : { tool_calls: chatToolCalls(parsedValue(tool_calls)) }),
    ...(role === "tool" && id !== undefined ? { tool_call_id: id } : {}),
  };
}

function choiceOf(event: ToldEvent): Loose {
  const body = bodyOf(event);
  // In attributes, the message is its content.
  const { message: told, ...flat } = body;
  const message = typeof told === "object" ? looseOf(told) : { content: told, ...flat };
  const { content, tool_calls } = message;
  return {
    finish_reason: textOf(body["finish_reason"]),
    message: {
      ...message,
      content: chatContentOf(content),
      ...(tool_calls === undefined ? {} : { tool_calls: chatToolCalls(parsedValue(tool_calls)) }),
    },
  };
}

function bodyOf({ attributes, body }: ToldEvent): Loose {
  const told = parsedValue(body ?? attributes["gen_ai.event.content"]);
  return typeof told === "object" && told !== null
    ? looseOf(told)
    : { ...attributes, ...(typeof told === "string" ? { content: told } : {}) };
}

/** All messages as JSON; a text that is none is one message. */
function whole(value: unknown, role: string): Loose[] {
  if (value === undefined) return [];
  const told = parsedValue(value);
  const messages = typeof told === "object" && told !== null
    ? listOf(Array.isArray(told) ? told : [told])
    : [];
  // What was asked may be JSON, too.
  const isMessages = messages.length > 0 &&
    messages.every(({ role, content }) => role !== undefined || content !== undefined);
  if (!isMessages) return [{ role, content: textOf(value) ?? JSON.stringify(told) }];
  return messages.map((message) => ({ role, ...message }));
}

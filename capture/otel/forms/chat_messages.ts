import { listOf, type Loose, looseOf, textOf } from "../../shared/loose.ts";
import type { Input, Message } from "../../shared/messages.ts";
import { openAIChat } from "../../wire/openai_chat.ts";
import { CHAT_MESSAGE } from "../../wire/openai_chat_members.ts";
import { parsedList, type SpanContent } from "./form.ts";

/** What was asked and answered, in the form of OpenAI's chat completions, which older instrumentations are made after. */
export interface Chat {
  readonly messages?: readonly Loose[];
  readonly tools?: readonly Loose[];
  readonly choices?: readonly Loose[];
}

/** Reads a conversation in OpenAI's form. */
export async function chatContent(
  { messages = [], tools = [], choices = [] }: Chat,
  keepMedia: boolean,
): Promise<SpanContent> {
  if (messages.length + tools.length + choices.length === 0) return {};
  const { input } = await openAIChat.request({ messages: messages.map(known), tools }, keepMedia);
  const output: Message[] = [];
  for (const choice of choices) output.push(await answerIn(choice, keepMedia));
  const asked = input as Input;
  return { messages: asked.messages, tools: asked.tools, output };
}

/** An answer. That of a model is a text there; instrumentations of others have parts. */
async function answerIn(choice: Loose, keepMedia: boolean): Promise<Message> {
  const message = { role: "assistant", ...looseOf(choice["message"]) };
  const reason = textOf(choice["finish_reason"]);
  if (!Array.isArray(looseOf(message)["content"])) {
    const { annotations } = looseOf(message);
    const said = { ...choice, message: { ...known(message), annotations } };
    return (openAIChat.response({ choices: [said] }).output as Message[])[0]!;
  }
  const { input } = await openAIChat.request({ messages: [known(message)] }, keepMedia);
  return {
    ...(input as Input).messages[0]!,
    ...(reason === undefined ? {} : { finish_reason: reason }),
  };
}

/** A message without what else an event or a span has beside it. */
function known(message: Loose): Loose {
  return Object.fromEntries(
    Object.entries(message).filter(([name]) => CHAT_MESSAGE.includes(name)),
  );
}

/** Content as it is, or its parts where they are JSON in a text. Bedrock's have no type. */
export function chatContentOf(content: unknown): unknown {
  const parts = parsedList(content)?.map((part) => {
    const { type, text } = looseOf(part);
    return type === undefined && typeof text === "string" ? { type: "text", text } : part;
  });
  // What a model says may be a list in JSON, too.
  const isParts = parts !== undefined && parts.length > 0 &&
    parts.every((part) => typeof looseOf(part)["type"] === "string");
  return isParts || typeof content !== "string" ? parts ?? content : content;
}

/** A tool call that has its name and arguments at hand, in OpenAI's form; one that is in that form already, as it is. */
export function chatToolCalls(calls: unknown): Loose[] {
  return listOf(calls).map((call) => {
    if (call["function"] !== undefined) return call;
    const { id, name, arguments: json } = looseOf(call);
    return { id, type: "function", function: { name, arguments: json } };
  });
}

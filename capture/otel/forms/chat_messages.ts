import { listOf, type Loose, looseOf } from "../../shared/loose.ts";
import type { Input } from "../../shared/messages.ts";
import { openAIChat } from "../../wire/openai_chat.ts";
import type { SpanContent } from "./form.ts";

/** What was asked and answered, put together in the form of OpenAI's chat completions, which older instrumentations are made after. */
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
  const { input } = await openAIChat.request({ messages, tools }, keepMedia);
  const { output } = openAIChat.response({ choices });
  const asked = input as Input;
  return {
    messages: asked.messages,
    tools: asked.tools,
    output: typeof output === "string" ? [] : output,
  };
}

/** A tool call that has its name and arguments at hand, in OpenAI's form; one that is in that form already, as it is. */
export function chatToolCalls(calls: unknown): Loose[] {
  return listOf(calls).map((call) => {
    if (call["function"] !== undefined) return call;
    const { id, name, arguments: json } = looseOf(call);
    return { id, type: "function", function: { name, arguments: json } };
  });
}

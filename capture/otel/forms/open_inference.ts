import { withoutCredentials } from "../../shared/credentials.ts";
import { listOf, type Loose, looseOf, textOf } from "../../shared/loose.ts";
import { requestParameters } from "../../wire/request_parameters.ts";
import { chatContent, chatToolCalls } from "./chat_messages.ts";
import { indexedList, knownFacts, parsedValue, type SpanForm } from "./form.ts";

const KIND = "openinference.span.kind";
const INPUT = "input.value";
const OUTPUT = "output.value";
/** Operations, by the kind of a span. Chains lead to others, and are none. */
const OPERATIONS: Readonly<Record<string, string>> = {
  LLM: "chat",
  EMBEDDING: "embeddings",
  TOOL: "execute_tool",
  AGENT: "invoke_agent",
  RETRIEVER: "retrieval",
  RERANKER: "rerank",
};
/** What the conventions have names for, by those. */
const NAMES: Readonly<Record<string, string>> = {
  "gen_ai.usage.input_tokens": "llm.token_count.prompt",
  "gen_ai.usage.output_tokens": "llm.token_count.completion",
  "gen_ai.usage.cache_read.input_tokens": "llm.token_count.prompt_details.cache_read",
  "gen_ai.usage.cache_creation.input_tokens": "llm.token_count.prompt_details.cache_write",
  "gen_ai.usage.reasoning.output_tokens": "llm.token_count.completion_details.reasoning",
  "gen_ai.conversation.id": "session.id",
  "gen_ai.tool.name": "tool.name",
  "gen_ai.tool.description": "tool.description",
  "gen_ai.agent.name": "agent.name",
};
const MODEL = "llm.model_name";
const PARAMETERS = "llm.invocation_parameters";
/** What of the parameters is told by others, or is what was asked. */
const NO_PARAMETERS = ["model", "messages", "input", "instructions", "prompt", "system", "tools"];
const READ = [
  KIND,
  MODEL,
  "llm.request.model_name",
  "llm.response.model_name",
  "embedding.model_name",
  INPUT,
  OUTPUT,
  "input.mime_type",
  "output.mime_type",
  "llm.provider",
  "llm.finish_reason",
  ...Object.values(NAMES),
];
const INDEXED =
  /^(?:llm\.(?:input_messages|output_messages|tools|prompts)|embedding\.embeddings)\./;

/**
 * OpenInference, of Arize, after `@arizeai/openinference-semantic-conventions` 2.12: an attribute for each piece of each message,
 * `llm.input_messages.0.message.role`.
 */
export const openInference: SpanForm = {
  operation: KIND,
  facts(attributes) {
    const operation = operationOf(attributes);
    if (operation === undefined) return {};
    const isTool = operation === "execute_tool";
    const reason = textOf(attributes["llm.finish_reason"]);
    const told = parametersIn(attributes);
    const { metadata, parameters } = requestParameters(told ?? {}, NO_PARAMETERS);
    // Of an answered call, it is the model that answered.
    const model = attributes[MODEL];
    const asked = attributes["llm.request.model_name"] ?? told?.["model"];
    return knownFacts({
      ...metadata,
      "request.parameters": Object.keys(parameters).length === 0 ? undefined : parameters,
      ...Object.fromEntries(
        Object.entries(NAMES).map(([name, theirs]) => [name, attributes[theirs]]),
      ),
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": attributes["llm.provider"] ?? attributes["llm.system"],
      "gen_ai.request.model": asked ?? model ?? attributes["embedding.model_name"],
      "gen_ai.response.model": attributes["llm.response.model_name"] ??
        (model === asked || asked === undefined ? undefined : model),
      "gen_ai.response.finish_reasons": reason === undefined ? undefined : [reason],
      "gen_ai.tool.call.arguments": isTool ? attributes[INPUT] : undefined,
      "gen_ai.tool.call.result": isTool ? attributes[OUTPUT] : undefined,
    });
  },
  content({ attributes }, keepMedia) {
    const operation = operationOf(attributes);
    if (operation === undefined || operation === "execute_tool") return {};
    const messages = messagesIn(attributes, "llm.input_messages");
    const answers = messagesIn(attributes, "llm.output_messages");
    const choices = isSome(answers) ? answers : whole(attributes[OUTPUT], "assistant");
    const reason = attributes["llm.finish_reason"];
    const texts = listOf(indexedList(attributes, "embedding.embeddings"))
      .map((each) => ({ role: "user", content: field(each, "embedding", "text") }));
    return chatContent({
      messages: [messages, texts, wholeInput(attributes)].find(isSome) ?? [],
      tools: listOf(indexedList(attributes, "llm.tools"))
        .map((each) => looseOf(parsedValue(field(each, "tool", "json_schema")))),
      choices: choices.map((message) => ({
        message,
        ...(choices.length === 1 ? { finish_reason: reason } : {}),
      })),
    }, keepMedia);
  },
  isRead: (key, attributes) =>
    (READ.includes(key) || INDEXED.test(key) ||
      (key === PARAMETERS && parametersIn(attributes) !== undefined)) &&
    operationOf(attributes) !== undefined,
};

function parametersIn(attributes: Loose): Loose | undefined {
  const told = parsedValue(attributes[PARAMETERS]);
  return typeof told === "object" && told !== null ? looseOf(told) : undefined;
}

function operationOf(attributes: Loose): string | undefined {
  const kind = textOf(attributes[KIND])?.toUpperCase();
  return kind !== undefined && Object.hasOwn(OPERATIONS, kind) ? OPERATIONS[kind] : undefined;
}

function isSome(list: readonly unknown[]): boolean {
  return list.length > 0;
}

function field(object: Loose, ...path: readonly string[]): unknown {
  return path.reduce((value: unknown, name) => looseOf(value)[name], object);
}

function whole(value: unknown, role: string): Loose[] {
  return typeof value === "string" ? [{ role, content: value }] : [];
}

/** What was asked as it is: it may be the whole request of a client, as JSON, with what the client sends besides. */
function wholeInput(attributes: Loose): Loose[] {
  const input = textOf(attributes[INPUT]);
  const isJson = input !== undefined && /^\s{0,8}[[{]/.test(input);
  return whole(isJson ? withoutCredentials(input) : input, "user");
}

function messagesIn(attributes: Loose, prefix: string): Loose[] {
  return listOf(indexedList(attributes, prefix)).map((each) => {
    const { contents, tool_calls, ...message } = looseOf(each["message"]);
    return {
      ...message,
      ...(contents === undefined ? {} : { content: listOf(contents).map(contentPart) }),
      ...(tool_calls === undefined ? {} : {
        tool_calls: chatToolCalls(listOf(tool_calls).map(({ tool_call }) => tool_call)),
      }),
    };
  });
}

function contentPart({ message_content }: Loose): Loose {
  const { type: told, text, image, ...others } = looseOf(message_content);
  // Of OpenAI's responses, it is their word.
  const type = told === "input_text" || told === "output_text" ? "text" : told;
  if (type === "image") {
    return { type: "image_url", image_url: { url: field(looseOf(image), "image", "url") } };
  }
  if (type === "reasoning") return { type: "thinking", thinking: text };
  return { ...others, type, ...(text === undefined ? {} : { text }) };
}

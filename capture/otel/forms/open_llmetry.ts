import { filledText, listOf, type Loose, looseOf, textOf } from "../../shared/loose.ts";
import { chatContent, chatContentOf, chatToolCalls } from "./chat_messages.ts";
import { indexedList, knownFacts, parsedValue, type SpanForm } from "./form.ts";

const TYPE = "llm.request.type";
const PROMPT = "gen_ai.prompt";
const COMPLETION = "gen_ai.completion";
const FUNCTIONS = "llm.request.functions";

/** Operations, by the type of a request. */
const OPERATIONS: Readonly<Record<string, string>> = {
  chat: "chat",
  completion: "text_completion",
  embedding: "embeddings",
  rerank: "rerank",
};
const PARAMETERS: Readonly<Record<string, string>> = {
  "gen_ai.request.frequency_penalty": "llm.frequency_penalty",
  "gen_ai.request.presence_penalty": "llm.presence_penalty",
  "gen_ai.request.stop_sequences": "llm.chat.stop_sequences",
  "gen_ai.request.top_k": "llm.top_k",
};
const READ = [TYPE, ...Object.values(PARAMETERS)];
const INDEXED = /^(?:gen_ai\.(?:prompt|completion)|llm\.request\.functions)\.\d+\./;

/**
 * Traceloop's OpenLLMetry before it had the conventions' messages, after `@traceloop/instrumentation-openai` 0.14 and `traceloop/openllmetry`'s
 * `chat_wrappers.py`: an attribute for each piece of each message, `gen_ai.prompt.0.role`, `gen_ai.completion.0.tool_calls.0.name`.
 */
export const openLlmetry: SpanForm = {
  operation: TYPE,
  facts(attributes) {
    const type = textOf(attributes[TYPE]);
    const stop = attributes["llm.chat.stop_sequences"];
    const reasons = indexedList(attributes, COMPLETION)
      .flatMap((choice) => filledText(looseOf(choice)["finish_reason"]) ?? []);
    return knownFacts({
      ...Object.fromEntries(
        Object.entries(PARAMETERS).map(([name, theirs]) => [name, attributes[theirs]]),
      ),
      "gen_ai.operation.name": type === undefined
        ? undefined
        : Object.hasOwn(OPERATIONS, type)
        ? OPERATIONS[type]
        : type,
      // They write it as its maker does: OpenAI.
      "gen_ai.provider.name": type === undefined
        ? undefined
        : textOf(attributes["gen_ai.system"])?.toLowerCase(),
      "gen_ai.request.stop_sequences": stop === undefined || Array.isArray(stop) ? stop : [stop],
      "gen_ai.response.finish_reasons": reasons.length === 0 ? undefined : reasons,
    });
  },
  content({ attributes }, keepMedia) {
    return chatContent({
      messages: listOf(indexedList(attributes, PROMPT)).map((message) => ({
        ...message,
        // A prompt that is no conversation has its text where others have "content".
        content: chatContentOf(message["content"] ?? message["user"]),
        ...callsIn(message),
      })),
      tools: listOf(indexedList(attributes, FUNCTIONS)).map(toolOf),
      choices: listOf(indexedList(attributes, COMPLETION)).map((choice) => ({
        finish_reason: choice["finish_reason"],
        message: {
          ...choice,
          content: chatContentOf(choice["content"]),
          ...callsIn(choice),
        },
      })),
    }, keepMedia);
  },
  isRead: (key) => READ.includes(key) || INDEXED.test(key),
};

function callsIn({ tool_calls }: Loose): Loose {
  return tool_calls === undefined ? {} : { tool_calls: chatToolCalls(tool_calls) };
}

/** A schema is an attribute of JSON, `arguments` in JavaScript and `parameters` in Python. */
function toolOf({ arguments: schema, parameters = schema, ...tool }: Loose): Loose {
  return {
    type: "function",
    function: {
      ...tool,
      ...(parameters === undefined ? {} : { parameters: parsedValue(parameters) }),
    },
  };
}

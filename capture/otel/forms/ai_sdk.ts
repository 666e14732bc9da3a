import { listOf, type Loose, textOf } from "../../shared/loose.ts";
import { type Message, textMessage } from "../../shared/messages.ts";
import { providerOf } from "../../ai_sdk/model_info.ts";
import { answerParts, messagesOf } from "../../ai_sdk/prompt.ts";
import { toolsOf } from "../../wire/request_parameters.ts";
import { knownFacts, parsedList, parsedValue, type SpanContent, type SpanForm } from "./form.ts";

const OPERATION = "ai.operationId";
/** Operations that ask a model, by what the SDK calls them; what is around them tells of the same calls. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "ai.generateText.doGenerate": "chat",
  "ai.streamText.doStream": "chat",
  "ai.generateObject.doGenerate": "chat",
  "ai.streamObject.doStream": "chat",
  "ai.embed.doEmbed": "embeddings",
  "ai.embedMany.doEmbed": "embeddings",
  "ai.toolCall": "execute_tool",
};
/** What the conventions have names for, by those. */
const NAMES: Readonly<Record<string, string>> = {
  "gen_ai.request.model": "ai.model.id",
  "gen_ai.response.id": "ai.response.id",
  "gen_ai.response.model": "ai.response.model",
  "gen_ai.usage.input_tokens": "ai.usage.inputTokens",
  "gen_ai.usage.output_tokens": "ai.usage.outputTokens",
  "gen_ai.usage.cache_read.input_tokens": "ai.usage.inputTokenDetails.cacheReadTokens",
  "gen_ai.usage.cache_creation.input_tokens": "ai.usage.inputTokenDetails.cacheWriteTokens",
  "gen_ai.usage.reasoning.output_tokens": "ai.usage.outputTokenDetails.reasoningTokens",
  "gen_ai.tool.name": "ai.toolCall.name",
  "gen_ai.tool.call.id": "ai.toolCall.id",
  "gen_ai.tool.call.arguments": "ai.toolCall.args",
  "gen_ai.tool.call.result": "ai.toolCall.result",
};
/** Of texts, and of objects: in milliseconds, where the conventions have seconds. */
const FIRST_CHUNK = ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"];
const FACTS = [
  ...Object.values(NAMES),
  ...FIRST_CHUNK,
  "ai.model.provider",
  "ai.response.finishReason",
  "ai.usage.cachedInputTokens",
  "ai.usage.reasoningTokens",
  "ai.usage.tokens",
];
const CONTENT = [
  "ai.prompt.messages",
  "ai.prompt.tools",
  "ai.response.text",
  "ai.response.object",
  "ai.response.reasoning",
  "ai.response.toolCalls",
  "ai.response.files",
  "ai.value",
  "ai.values",
  // Vectors are not kept.
  "ai.embedding",
  "ai.embeddings",
];

/**
 * The AI SDK's own names, after its telemetry before version 7, which has it as `LegacyOpenTelemetry` of `@ai-sdk/otel` 1. Vectors
 * and the input of embeddings have these names in its present telemetry, too.
 */
export const aiSdk: SpanForm = {
  operation: OPERATION,
  facts(attributes) {
    const operation = operationOf(attributes);
    if (operation === undefined) return {};
    const provider = textOf(attributes["ai.model.provider"]);
    const reason = textOf(attributes["ai.response.finishReason"]);
    const named = Object.entries(NAMES).map(([name, theirs]) => [name, attributes[theirs]]);
    return knownFacts({
      "gen_ai.usage.input_tokens": attributes["ai.usage.tokens"],
      "gen_ai.usage.cache_read.input_tokens": attributes["ai.usage.cachedInputTokens"],
      "gen_ai.usage.reasoning.output_tokens": attributes["ai.usage.reasoningTokens"],
      ...knownFacts(Object.fromEntries(named)),
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": provider === undefined
        ? undefined
        : providerOf({ provider, modelId: "" }),
      "gen_ai.response.finish_reasons": reason === undefined ? undefined : [reason],
      "gen_ai.response.time_to_first_chunk": FIRST_CHUNK.map((key) => secondsOf(attributes[key]))
        .find((seconds) => seconds !== undefined),
    });
  },
  async content({ attributes }, keepMedia) {
    return {
      messages: attributes["ai.prompt.messages"] === undefined
        ? embedded(attributes)
        : await messagesOf(parsedValue(attributes["ai.prompt.messages"]), keepMedia),
      tools: toolsOf(parsedList(attributes["ai.prompt.tools"])?.map(parsedValue), [
        "providerOptions",
      ]),
      output: await answered(attributes, keepMedia),
    } satisfies SpanContent;
  },
  isRead: (key, attributes) =>
    CONTENT.includes(key) || (FACTS.includes(key) && operationOf(attributes) !== undefined),
};

function operationOf(attributes: Loose): string | undefined {
  const operation = textOf(attributes[OPERATION]);
  return operation !== undefined && Object.hasOwn(OPERATIONS, operation)
    ? OPERATIONS[operation]
    : undefined;
}

function secondsOf(milliseconds: unknown): number | undefined {
  return typeof milliseconds === "number" ? Math.round(milliseconds * 1e3) / 1e6 : undefined;
}

/** What is embedded: texts, as JSON. */
function embedded(attributes: Loose): Message[] {
  const { "ai.value": one, "ai.values": many } = attributes;
  const values = one === undefined ? parsedList(many) ?? [] : [one];
  return values.map((value) => textMessage("user", String(parsedValue(value))));
}

async function answered(attributes: Loose, keepMedia: boolean): Promise<Message[]> {
  const text = textOf(attributes["ai.response.text"]) ?? textOf(attributes["ai.response.object"]);
  const reasoning = textOf(attributes["ai.response.reasoning"]);
  const calls = listOf(parsedValue(attributes["ai.response.toolCalls"]));
  const files = listOf(parsedValue(attributes["ai.response.files"]));
  const parts = await answerParts([
    ...(reasoning === undefined ? [] : [{ type: "reasoning", text: reasoning }]),
    ...(text === undefined || (text === "" && calls.length > 0) ? [] : [{ type: "text", text }]),
    ...calls.map(({ args, ...call }) => ({ input: args, ...call, type: "tool-call" })),
    ...files,
  ], keepMedia);
  const reason = textOf(attributes["ai.response.finishReason"]);
  if (parts.length === 0) return [];
  return [{
    role: "assistant",
    parts,
    ...(reason === undefined ? {} : { finish_reason: reason }),
  }];
}

/**
 * Gemini's embeddings, after its API reference, "Embeddings" (https://ai.google.dev/api/embeddings), and those of Vertex AI, after "Text
 * embeddings API" (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
 *
 * @module
 */
import { listOf, type Loose, looseOf, sumOfKnown, usageOf, without } from "../shared/loose.ts";
import type { Message } from "../shared/messages.ts";
import { camelCased, geminiMessage } from "./gemini_content.ts";
import { errorIn, type WireFormat, type WireResponse } from "./wire_format.ts";

/** What a request has of what is embedded. */
const CONTENT = ["model", "content"];

/** Embeddings: their vectors are not recorded, only how many there are and how long. */
export const geminiEmbeddings: WireFormat = {
  operation: "embeddings",
  async request(body, keepMedia) {
    const { requests, instances, ...others } = camelCased(body);
    const several = listOf(requests ?? instances).map(camelCased);
    const each = several.length === 0 ? [others] : several;
    const messages: Message[] = [];
    for (const { content } of each) messages.push(await geminiMessage(content, keepMedia));
    const [first = {}, ...more] = each.map((one) => without(one, CONTENT));
    const isSame = more.every((one) => JSON.stringify(one) === JSON.stringify(first));
    return {
      model: undefined, // its path names it
      input: { messages },
      metadata: {},
      parameters: {
        ...without(others, CONTENT),
        ...(isSame ? first : { requests: [first, ...more] }),
      },
    };
  },
  response: responseOf,
  stream: () => ({
    isComplete: false,
    take: () => ({ isOutput: false, isLast: false }),
    response: () => responseOf({}),
  }),
};

function responseOf(body: Loose): WireResponse {
  const { embedding, embeddings, predictions, usageMetadata, error } = body;
  const told = [
    ...(embedding === undefined ? [] : [looseOf(embedding)]),
    ...listOf(embeddings),
    ...listOf(predictions).map((prediction) => looseOf(prediction["embeddings"])),
  ];
  const [first] = told;
  const { promptTokenCount } = looseOf(usageMetadata);
  const counts = told.map(({ statistics }) => {
    const { tokenCount, token_count } = looseOf(statistics);
    return tokenCount ?? token_count;
  });
  return {
    output: "",
    usage: usageOf({ inputTokens: promptTokenCount ?? sumOfKnown(...counts) }),
    metadata: {
      "gen_ai.embeddings.dimension.count": Array.isArray(first?.["values"])
        ? first["values"].length
        : undefined,
      "embeddings.count": told.length,
    },
    ...(error === undefined || error === null ? {} : { error: errorIn(body) }),
  };
}

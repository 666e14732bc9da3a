/**
 * POST /v1/embeddings, written after OpenAI's API reference, "Embeddings"
 * (https://platform.openai.com/docs/api-reference/embeddings).
 *
 * @module
 */

import { openAIError } from "./openai_error.ts";
import { type Endpoint, USAGE } from "./reply.ts";

/** The embeddings. */
export const embeddings: Endpoint = {
  requestIdHeader: "x-request-id",
  end: "",
  error: openAIError,
  streamError: (message) => ({ data: openAIError(500, message) }),
  events: () => [],
  whole(reply, request) {
    const asked = request["input"];
    const count = Array.isArray(asked) && typeof asked[0] !== "number" ? asked.length : 1;
    const vectors = reply.embeddings ?? Array.from({ length: count }, (_, n) => [n, 0.5, -0.25]);
    const { input } = reply.usage ?? USAGE;
    return {
      object: "list",
      data: vectors.map((vector, index) => ({
        object: "embedding",
        index,
        embedding: request["encoding_format"] === "base64" ? base64Of(vector) : vector,
      })),
      model: reply.model ?? request["model"],
      ...(reply.usage === null ? {} : { usage: { prompt_tokens: input, total_tokens: input } }),
    };
  },
};

/** 32-bit floats, the lowest byte first. */
function base64Of(vector: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [index, value] of vector.entries()) bytes.setFloat32(4 * index, value, true);
  return btoa(String.fromCharCode(...new Uint8Array(bytes.buffer)));
}

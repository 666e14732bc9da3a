/**
 * POST /v1beta/models/MODEL:batchEmbedContents and :embedContent, after Google's API reference, "Embeddings"
 * (https://ai.google.dev/api/embeddings), and :predict of Vertex AI, after its "Text embeddings API"
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
 *
 * @module
 */

import { googleError } from "./gemini_content.ts";
import { type Endpoint, USAGE } from "./reply.ts";

/** The embeddings. */
export const geminiEmbeddings: Endpoint = {
  requestIdHeader: "server-timing", // there is no id in any of them
  end: "",
  error: googleError,
  streamError: (message) => ({ data: googleError(503, message) }),
  events: () => [],
  whole(reply, request) {
    const { requests, instances } = request as Record<string, unknown[] | undefined>;
    const count = (requests ?? instances ?? [request]).length;
    const vectors = reply.embeddings ?? Array.from({ length: count }, (_, n) => [n, 0.5, -0.25]);
    const { input } = reply.usage ?? USAGE;
    if (instances !== undefined) {
      const statistics = { truncated: false, token_count: input };
      return { predictions: vectors.map((values) => ({ embeddings: { values, statistics } })) };
    }
    const usageMetadata = { promptTokenCount: input, totalTokenCount: input };
    return {
      ...(requests === undefined
        ? { embedding: { values: vectors[0] } }
        : { embeddings: vectors.map((values) => ({ values })) }),
      ...(reply.usage === null ? {} : { usageMetadata }),
    };
  },
};

// What the conventions call the AI SDK's providers.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { providerOf } from "../../capture/ai_sdk/model_info.ts";

/** As the providers' packages have them: https://github.com/vercel/ai/tree/main/packages. */
const NAMES: Readonly<Record<string, string>> = {
  "openai.responses": "openai",
  "openai.chat": "openai",
  "anthropic.messages": "anthropic",
  "azure.responses": "azure.ai.openai",
  "azure-openai.chat": "azure.ai.openai",
  "amazon-bedrock": "aws.bedrock",
  "bedrock.anthropic.messages": "aws.bedrock",
  "bedrock-mantle.responses": "aws.bedrock",
  "google.generative-ai": "gcp.gemini",
  "google.vertex.chat": "gcp.vertex_ai",
  "googleVertex.anthropic.messages": "gcp.vertex_ai",
  "vertex.anthropic.messages": "gcp.vertex_ai",
  "vertex.maas": "gcp.vertex_ai",
  "mistral.chat": "mistral_ai",
  "groq.chat": "groq",
  "xai.responses": "x_ai",
  "cohere.chat": "cohere",
  "deepseek.chat": "deepseek",
  "perplexity": "perplexity",
  "gateway": "gateway",
  "openaikin.chat": "openaikin",
};

for (const [provider, name] of Object.entries(NAMES)) {
  test(`a model of ${provider} is one of ${name}`, () => {
    assertEquals(providerOf({ provider, modelId: "m" }), name);
  });
}

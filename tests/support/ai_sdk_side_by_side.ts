/**
 * What programs for the AI SDK import, made to ask the local server and, where there is a log, to record.
 *
 * @module
 */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { auditEmbeddingMiddleware, auditMiddleware } from "@audit-log/llm/ai-sdk";
import { createProviderRegistry, wrapEmbeddingModel, wrapLanguageModel } from "ai";
import type { ModelToWrap } from "./ai_sdk_models.ts";
import { API_KEY } from "./captured.ts";
import type { Provider } from "./providers/server.ts";
import type { Setting } from "./side_by_side.ts";
import { atEnd } from "./temp.ts";

type OpenAI = ReturnType<typeof createOpenAI>;
type Anthropic = ReturnType<typeof createAnthropic>;
/** A language model: the provider's, or what records its calls. */
type Model = ReturnType<typeof wrapLanguageModel>;

/** What the programs are given. */
export interface AiSdkParts {
  readonly provider: Provider;
  readonly openai: ((id: string) => Model) & { readonly tools: OpenAI["tools"] };
  readonly anthropic: (id: string) => Model;
}

/** Makes the providers, and the one that models named by a text are looked up in. */
export function aiSdkParts({ t, provider, url, log }: Setting): AiSdkParts {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const options = { apiKey: API_KEY, baseURL: `${url}/v1` };
  const openai: OpenAI = createOpenAI(options);
  const anthropic: Anthropic = createAnthropic(options);
  const modelOf = (model: ModelToWrap): Model =>
    log === undefined
      ? model as Model
      : wrapLanguageModel({ model, middleware: auditMiddleware(log) });
  const registry = createProviderRegistry({ openai, anthropic }, { separator: "/" });
  type Id = Parameters<typeof registry.languageModel>[0];
  globalThis.AI_SDK_DEFAULT_PROVIDER = {
    specificationVersion: "v4",
    imageModel: (id) => registry.imageModel(id as Id),
    languageModel: (id) => modelOf(registry.languageModel(id as Id) as ModelToWrap),
    embeddingModel(id) {
      const model = registry.embeddingModel(id as Id);
      if (log === undefined) return model;
      return wrapEmbeddingModel({ model, middleware: auditEmbeddingMiddleware(log) });
    },
  };
  atEnd(t, () => delete globalThis.AI_SDK_DEFAULT_PROVIDER);
  return {
    provider,
    openai: Object.assign((id: string) => modelOf(openai(id)), { tools: openai.tools }),
    anthropic: (id) => modelOf(anthropic(id)),
  };
}

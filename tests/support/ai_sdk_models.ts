/**
 * Models of the AI SDK whose calls are recorded: those of real providers, against a server on this machine, and one that answers
 * whatever a test says, for what the server cannot send.
 *
 * @module
 */

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import type { CaptureOptions } from "@audit-log/llm/fetch";
import { wrapLanguageModel } from "ai";
import type { TestContext } from "node:test";
import { API_KEY, capturing } from "./captured.ts";

/** A model as providers of today make them. */
export type ModelToWrap = Exclude<
  Parameters<typeof wrapLanguageModel>[0]["model"],
  { readonly specificationVersion: "v2" | "v3" }
>;
type Generated = Awaited<ReturnType<ModelToWrap["doGenerate"]>>;
type Streamed = Awaited<ReturnType<ModelToWrap["doStream"]>>["stream"];
/** A part of a stream, as providers make them. */
export type StreamPart = Streamed extends ReadableStream<infer Part> ? Part : never;

/** The end of each stream, and of each answer. */
export const FINISH = {
  finishReason: { unified: "stop", raw: "stop" },
  usage: {
    inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 2, text: 2, reasoning: undefined },
  },
} as const;

type OpenAI = ReturnType<typeof createOpenAI>;
type Anthropic = ReturnType<typeof createAnthropic>;
type Wrapped = ReturnType<typeof wrapLanguageModel>;

/** A provider, a log, and models. */
export interface Models extends Awaited<ReturnType<typeof capturing>> {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  /** Has the calls of a model recorded. */
  audited(model: ModelToWrap): Wrapped;
  /** Models whose calls are recorded. */
  readonly chat: Wrapped;
  readonly responses: Wrapped;
  readonly claude: Wrapped;
}

/** A provider, a log, and models that are recorded in it. */
export async function setUpModels(
  t: TestContext,
  options: CaptureOptions = {},
): Promise<Models> {
  // What providers warn of is no business of these tests, but what is recorded of it.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const captured = await capturing(t);
  const baseURL = `${captured.provider.url}/v1`;
  const openai = createOpenAI({ apiKey: API_KEY, baseURL });
  const anthropic = createAnthropic({ apiKey: API_KEY, baseURL });
  const middleware = auditMiddleware(captured.log, options);
  const audited = (model: ModelToWrap) => wrapLanguageModel({ model, middleware });
  return {
    ...captured,
    openai,
    anthropic,
    audited,
    chat: audited(openai.chat("gpt-4o")),
    responses: audited(openai.responses("gpt-5")),
    claude: audited(anthropic("claude-x")),
  };
}

/** A model that answers with this content, and streams these parts. */
export function sayingModel(
  { content = [], parts = [], ...others }: Partial<Generated> & { parts?: readonly StreamPart[] },
): ModelToWrap {
  return {
    specificationVersion: "v4",
    provider: "local.chat",
    modelId: "local-1",
    supportedUrls: { "*/*": [/./] },
    doGenerate: () => Promise.resolve({ content, ...FINISH, warnings: [], ...others }),
    doStream: () => {
      const stream = new ReadableStream<StreamPart>({
        start(controller) {
          for (const part of parts) controller.enqueue(part);
          controller.close();
        },
      });
      return Promise.resolve({ stream });
    },
  };
}

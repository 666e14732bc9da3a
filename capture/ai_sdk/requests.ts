import type { CapturedRequest } from "../shared/captured_call.ts";
import type { Loose } from "../shared/loose.ts";
import { textMessage } from "../shared/messages.ts";
import { CAMEL_CASE_NAMES, requestParameters, toolsOf } from "../wire/request_parameters.ts";
import { type AiSdkModel, providerOf } from "./model_info.ts";
import { messagesOf } from "./prompt.ts";

/** What is no parameter: content, credentials, and what concerns this process alone. */
const OTHERS = ["prompt", "tools", "headers", "abortSignal", "includeRawChunks", "values"];

/** What a language model is asked. */
export async function chatRequest(
  params: Loose,
  model: AiSdkModel,
  keepMedia: boolean,
): Promise<CapturedRequest> {
  return {
    ...aboutModel(model, "chat"),
    input: {
      messages: await messagesOf(params["prompt"], keepMedia),
      tools: toolsOf(params["tools"], ["providerOptions"]),
    },
    ...requestParameters(params, OTHERS, CAMEL_CASE_NAMES),
  };
}

/** What an embedding model is asked. */
export function embeddingRequest(params: Loose, model: AiSdkModel): CapturedRequest {
  const { values } = params;
  const texts = Array.isArray(values) ? values.map(String) : [];
  return {
    ...aboutModel(model, "embeddings"),
    input: { messages: texts.map((text) => textMessage("user", text)) },
    ...requestParameters(params, OTHERS, CAMEL_CASE_NAMES),
  };
}

function aboutModel(model: AiSdkModel, operation: string) {
  return { provider: providerOf(model), operation, model: model.modelId };
}

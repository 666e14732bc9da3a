import type { CapturedRequest } from "../shared/capture.ts";
import { withoutCredentials } from "../shared/credentials.ts";
import { listOf, type Loose, without } from "../shared/loose.ts";
import { textMessage } from "../shared/messages.ts";
import { plainObject } from "../shared/plain_json.ts";
import { type AiSdkModel, providerOf } from "./model_info.ts";
import { messagesOf } from "./prompt.ts";

/** Parameters that the conventions have names for. */
const PARAMETERS: Readonly<Record<string, string>> = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  maxOutputTokens: "max_tokens",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  stopSequences: "stop_sequences",
  seed: "seed",
};
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
      tools: listOf(params["tools"]).map(toolOf),
    },
    ...parametersOf(params),
  };
}

/** What an embedding model is asked. */
export function embeddingRequest(params: Loose, model: AiSdkModel): CapturedRequest {
  const { values } = params;
  const texts = Array.isArray(values) ? values.map(String) : [];
  return {
    ...aboutModel(model, "embeddings"),
    input: { messages: texts.map((text) => textMessage("user", text)) },
    ...parametersOf(params),
  };
}

function aboutModel(model: AiSdkModel, operation: string) {
  return { provider: providerOf(model), operation, model: model.modelId };
}

/** A tool, without what a provider's tool gets to servers with; a schema may well have a property of such a name. */
function toolOf(tool: Loose) {
  const { args, ...others } = without(tool, ["providerOptions"]);
  return args === undefined ? others : { ...others, args: withoutCredentials(args) };
}

function parametersOf(params: Loose) {
  const metadata: Record<string, unknown> = {};
  const parameters: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    if (OTHERS.includes(name) || value === undefined) continue;
    const known = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name]! : undefined;
    if (known !== undefined) metadata[`gen_ai.request.${known}`] = value;
    else if (name !== "providerOptions") parameters[name] = value;
    else parameters[name] = withoutCredentials(plainObject(Object(value)));
  }
  return { metadata, parameters };
}

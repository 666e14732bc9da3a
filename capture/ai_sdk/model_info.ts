/** A model, as far as middleware is told of it. */
export interface AiSdkModel {
  /** The provider, and which of its interfaces: `openai.chat`. */
  readonly provider: string;
  /** The model. */
  readonly modelId: string;
}

/** How the AI SDK's providers begin, and what the conventions call them; who runs a model goes before who made it. */
const PROVIDERS: readonly [prefix: string, provider: string][] = [
  ["azure", "azure.ai.openai"],
  ["azure-openai", "azure.ai.openai"],
  ["openai", "openai"],
  ["anthropic", "anthropic"],
  ["amazon-bedrock", "aws.bedrock"],
  ["bedrock", "aws.bedrock"],
  ["bedrock-mantle", "aws.bedrock"],
  ["google.vertex", "gcp.vertex_ai"],
  ["google-vertex", "gcp.vertex_ai"],
  ["googleVertex", "gcp.vertex_ai"],
  ["vertex", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"],
];

/**
 * `gen_ai.provider.name` of a model: `openai` for `openai.responses`. What is not known is named by its first part, as `groq`,
 * `cohere`, `deepseek` and `perplexity` are in the conventions, too.
 */
export function providerOf({ provider }: AiSdkModel): string {
  const name = String(provider);
  const known = PROVIDERS.find(([prefix]) => name === prefix || name.startsWith(`${prefix}.`));
  return known?.[1] ?? name.split(".")[0]!;
}

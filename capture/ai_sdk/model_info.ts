/** A model, as far as middleware is told of it. */
export interface AiSdkModel {
  /** The provider, and which of its interfaces: `openai.chat`. */
  readonly provider: string;
  /** The model. */
  readonly modelId: string;
}

/** How the AI SDK's providers begin, and what the conventions call them. */
const PROVIDERS: readonly [prefix: string, provider: string][] = [
  ["azure", "azure.ai.openai"],
  ["openai", "openai"],
  ["anthropic", "anthropic"],
  ["amazon-bedrock", "aws.bedrock"],
  ["google.vertex", "gcp.vertex_ai"],
  ["vertex", "gcp.vertex_ai"],
  ["google", "gcp.gemini"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"],
];

/** `gen_ai.provider.name` of a model: `openai` for `openai.responses`; what is not known, by its first part. */
export function providerOf({ provider }: AiSdkModel): string {
  const known = PROVIDERS.find(([prefix]) =>
    provider === prefix || provider.startsWith(`${prefix}.`)
  );
  return known?.[1] ?? provider.split(".")[0]!;
}

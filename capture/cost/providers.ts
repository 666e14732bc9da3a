/**
 * What `@pydantic/genai-prices` calls the providers and models of OpenTelemetry's conventions.
 *
 * @module
 */

/** By `gen_ai.provider.name`. Left to itself, the package takes Azure for OpenAI, and does not know xAI. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["anthropic", "anthropic"],
  ["aws.bedrock", "aws"],
  ["azure.ai.inference", "azure"],
  ["azure.ai.openai", "azure"],
  ["cohere", "cohere"],
  ["deepseek", "deepseek"],
  ["gcp.gemini", "google"],
  ["gcp.gen_ai", "google"],
  ["gcp.vertex_ai", "google"],
  ["groq", "groq"],
  ["mistral_ai", "mistral"],
  ["moonshot_ai", "moonshotai"],
  ["openai", "openai"],
  ["perplexity", "perplexity"],
  ["x_ai", "x-ai"],
]);

/** The package's name of a provider. A name of no convention is left to the package to recognise. */
export function providerNameFor(provider: string | undefined): string | undefined {
  if (provider === undefined) return undefined;
  const name = provider.trim().toLowerCase();
  if (name.startsWith("azure")) return "azure";
  return NAMES.get(name) ?? name;
}

/** The package's name of a model. Google's own interface has the names of resources: `models/gemini-2.5-pro`. */
export function modelNameFor(model: string, provider: string | undefined): string {
  return provider === "google" ? model.slice(model.lastIndexOf("/") + 1) : model;
}

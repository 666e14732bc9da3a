import type { JsonObject } from "../../mod.ts";
import { listOf, type Loose, without } from "../shared/loose.ts";

/** Parameters that the conventions have names for. */
const NAMES: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  max_tokens: "max_tokens",
  max_completion_tokens: "max_tokens",
  max_output_tokens: "max_tokens",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
  stop: "stop_sequences",
  stop_sequences: "stop_sequences",
  seed: "seed",
  n: "choice.count",
  encoding_format: "encoding_formats",
};
/** The same, as APIs in camel case have them. */
export const CAMEL_CASE_NAMES: Readonly<Record<string, string>> = {
  temperature: "temperature",
  topP: "top_p",
  topK: "top_k",
  maxOutputTokens: "max_tokens",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  stopSequences: "stop_sequences",
  seed: "seed",
};
/** Those whose value is a list there, and may be one text here. */
const LISTS: readonly string[] = ["stop_sequences", "encoding_formats"];

/**
 * The tools that a model was offered.
 *
 * @param tools The tools.
 * @param others What of a tool is left out besides.
 */
export function toolsOf(tools: unknown, others: readonly string[] = []): JsonObject[] {
  return listOf(tools).map((tool) => without(tool, others));
}

/**
 * The parameters of a request: by their names in the conventions, and the others by the provider's.
 *
 * @param body The request's body.
 * @param content What of it is no parameter.
 * @param names The conventions' names of parameters, by those in the body.
 */
export function requestParameters(
  body: Loose,
  content: readonly string[],
  names: Readonly<Record<string, string>> = NAMES,
): { metadata: Record<string, unknown>; parameters: Record<string, unknown> } {
  const metadata: Record<string, unknown> = {};
  const parameters: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(body)) {
    if (content.includes(key) || value === null || value === undefined) continue;
    const name = Object.hasOwn(names, key) ? names[key]! : undefined;
    if (name === undefined) parameters[key] = value;
    else if (LISTS.includes(name) && !Array.isArray(value)) {
      metadata[`gen_ai.request.${name}`] = [value];
    } else metadata[`gen_ai.request.${name}`] = value;
  }
  return { metadata, parameters };
}

import { countOf } from "./loose.ts";

/** What a provider told of the tokens of a call. */
export interface ToldTokens {
  readonly input: unknown;
  readonly output: unknown;
  readonly reasoning: unknown;
  readonly total: unknown;
  /** Which model answered. */
  readonly model: unknown;
}

/**
 * All output tokens, those of reasoning included. Two count these beside the output, in formats that have them within: xAI tells both, and
 * Gemini has them in the total alone. Nothing else that makes a total larger than its parts, such as tokens of a cache, is output.
 */
export function allOutputTokens(told: ToldTokens): unknown {
  const [input, output, total] = [told.input, told.output, told.total].map(countOf);
  if (input === undefined || output === undefined || total === undefined) return told.output;
  const beside = total - input - output;
  const isReasoning = countOf(told.reasoning) === beside ||
    told.reasoning === undefined && /(?:^|\/)gemini-/.test(String(told.model));
  return beside > 0 && isReasoning ? output + beside : output;
}

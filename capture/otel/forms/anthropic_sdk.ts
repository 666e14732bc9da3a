import { filledText } from "../../shared/loose.ts";
import { knownFacts, type SpanForm } from "./form.ts";

const STOP_REASON = "anthropic.message.stop_reason";
/** Its names by those of the conventions. */
const NAMES: Readonly<Record<string, string>> = {
  "gen_ai.usage.cache_creation.input_tokens": "gen_ai.usage.cache_write.input_tokens",
  "gen_ai.tool.call.result": "anthropic.tool_result.content",
};
const READ = [STOP_REASON, ...Object.values(NAMES)];

/** What `@anthropic-ai/sdk` 1 has names of its own for, in spans that are the conventions' in all else. */
export const anthropicSdk: SpanForm = {
  facts(attributes) {
    const reason = filledText(attributes[STOP_REASON]);
    const named = Object.entries(NAMES).map(([name, theirs]) => [name, attributes[theirs]]);
    return knownFacts({
      ...Object.fromEntries(named),
      "gen_ai.response.finish_reasons": reason === undefined ? undefined : [reason],
    });
  },
  content: () => ({}),
  isRead: (key) => READ.includes(key),
};

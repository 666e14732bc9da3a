/**
 * What programs for LangChain import, made to ask the local server and, where there is a log, to record.
 *
 * @module
 */

import { auditCallbacks } from "@audit-log/llm/langchain";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { API_KEY } from "./captured.ts";
import type { Provider } from "./providers/server.ts";
import { configured, type Setting } from "./side_by_side.ts";

/** What the programs are given. */
export interface LangChainParts {
  readonly provider: Provider;
  readonly ChatOpenAI: typeof ChatOpenAI;
  readonly OpenAIEmbeddings: typeof OpenAIEmbeddings;
  /** To be given to what is no model: tools, agents. */
  readonly callbacks: ReturnType<typeof auditCallbacks>[];
}

/** Makes the models. */
export function langChainParts({ provider, url, log }: Setting): LangChainParts {
  const callbacks = log === undefined ? [] : [auditCallbacks(log)];
  const options = { apiKey: API_KEY, configuration: { baseURL: `${url}/v1` }, callbacks };
  return {
    provider,
    ChatOpenAI: configured(ChatOpenAI, options),
    OpenAIEmbeddings: configured(OpenAIEmbeddings, options),
    callbacks,
  };
}

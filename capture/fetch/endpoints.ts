import type { JsonValue } from "../../mod.ts";
import { serverOf } from "../shared/transport.ts";
import { anthropicMessages } from "../wire/anthropic_messages.ts";
import { geminiContent, geminiContentStream } from "../wire/gemini_content.ts";
import { geminiEmbeddings } from "../wire/gemini_embeddings.ts";
import { geminiInteractions } from "../wire/gemini_interactions.ts";
import { openAIChat } from "../wire/openai_chat.ts";
import { openAIResponses } from "../wire/openai_responses.ts";
import { openAICompletions, openAIEmbeddings } from "../wire/openai_texts.ts";
import type { WireFormat } from "../wire/wire_format.ts";
import type { Target } from "./request_body.ts";

/** Where a request goes, and how that is spoken to. */
export interface Endpoint {
  readonly format: WireFormat;
  readonly provider: string;
  /** The model, where the path names it, as Azure's and Google's do. */
  readonly model: string | undefined;
  readonly url: URL;
  /** The same, as it is recorded. */
  readonly server: Readonly<Record<string, JsonValue>>;
}

const FORMATS: readonly [path: RegExp, format: WireFormat, provider: string][] = [
  [/\/chat\/completions\/?$/, openAIChat, "openai"],
  [/\/responses(?:\/compact)?\/?$/, openAIResponses, "openai"],
  [/\/embeddings\/?$/, openAIEmbeddings, "openai"],
  [/\/completions\/?$/, openAICompletions, "openai"],
  // Of threads and the like, messages are kept, and no model is asked.
  [
    /(?<!\/(?:threads|sessions|conversations)\/[^/]+)\/messages\/?$/,
    anthropicMessages,
    "anthropic",
  ],
  [/:generateContent$/, geminiContent, "gcp.gemini"],
  [/:streamGenerateContent$/, geminiContentStream, "gcp.gemini"],
  [/:(?:batchEmbedContents|embedContent)$/, geminiEmbeddings, "gcp.gemini"],
  // Much is predicted, by Vertex AI and by others: by Google's models, texts are embedded so, and pictures made.
  [
    /\/publishers\/google\/models\/(?!multimodal)[^/:]*embedding[^/:]*:predict$/,
    geminiEmbeddings,
    "gcp.vertex_ai",
  ],
  [
    /\/v\d\w*(?:\/projects\/[^/]+\/locations\/[^/]+)?\/interactions$/,
    geminiInteractions,
    "gcp.gemini",
  ],
];

/**
 * How paths name a model: Azure's by its deployment, Google's by a resource, which may be none of the models that all have. Other
 * providers' models, behind a gateway, may have slashes and colons in their names.
 */
const DEPLOYMENT = /\/deployments\/([^/]+)\//;
const RESOURCE = /\/(?:models\/(.+)|([^/]+\/[^/]+)):\w+$/;
/** What paths of Vertex AI have, whatever the host. */
const VERTEX_AI = /\/(?:projects\/[^/]+\/locations|publishers\/google)\//;

/** Many have interactions: these are Google's wherever they are asked for, by what is in the path or in the headers. */
const INTERACTIONS = /\/(?:v\d+(?:alpha|beta)\d*|locations\/[^/]+)\/interactions$/;
const GOOGLE_HEADERS: readonly string[] = ["x-goog-api-key", "x-goog-api-client"];

/** Whose hosts are whose, by the names of OpenTelemetry's GenAI conventions. */
const PROVIDERS: readonly [host: RegExp, provider: string][] = [
  [/(?:^|\.)openai\.azure\.com$|\.cognitiveservices\.azure\.com$/, "azure.ai.openai"],
  [/\.ai\.azure\.com$|\.models\.ai\.azure\.com$/, "azure.ai.inference"],
  [/(?:^|\.)openai\.com$/, "openai"],
  [/(?:^|\.)anthropic\.com$/, "anthropic"],
  [/(?:^|\.)groq\.com$/, "groq"],
  [/(?:^|\.)deepseek\.com$/, "deepseek"],
  [/(?:^|\.)mistral\.ai$/, "mistral_ai"],
  [/(?:^|\.)x\.ai$/, "x_ai"],
  [/(?:^|\.)perplexity\.ai$/, "perplexity"],
  [/(?:^|\.)cohere\.(?:ai|com)$/, "cohere"],
  [/^generativelanguage\.googleapis\.com$/, "gcp.gemini"],
  [/(?:^|-)aiplatform\.(?:[\w-]+\.rep\.)?googleapis\.com$/, "gcp.vertex_ai"],
  [/\.amazonaws\.com$/, "aws.bedrock"],
];

/**
 * What tells the endpoint that a request goes to, if it is one that is recorded.
 *
 * @param provider Whose it is, where that is said; otherwise the host tells, or the format.
 */
export function endpointsOf(
  provider: string | undefined,
): (target: Target) => Endpoint | undefined {
  // Most clients ask one alone.
  let last: { readonly url: string; readonly endpoint: Endpoint } | undefined;
  return (target) => {
    if (target.method === "POST" && target.url === last?.url) return last.endpoint;
    const endpoint = endpointOf(target, provider);
    // Whose interactions are, a header may tell.
    if (endpoint !== undefined && endpoint.format !== geminiInteractions) {
      last = { url: target.url, endpoint };
    }
    return endpoint;
  };
}

function endpointOf(target: Target, provider: string | undefined): Endpoint | undefined {
  const url = target.method.toUpperCase() === "POST" ? URL.parse(target.url) : null;
  if (url === null) return undefined;
  const { hostname, pathname } = url;
  const found = FORMATS.find(([path]) => path.test(pathname));
  if (found === undefined) return undefined;
  const [, format, usual] = found;
  const ofHost = PROVIDERS.find(([host]) => host.test(hostname))?.[1];
  const ofPath = usual === "gcp.gemini" && VERTEX_AI.test(pathname) ? "gcp.vertex_ai" : usual;
  const isKnown = format !== geminiInteractions || INTERACTIONS.test(pathname) ||
    (provider ?? ofHost)?.startsWith("gcp.") === true ||
    GOOGLE_HEADERS.some((name) => target.header(name) !== null);
  if (!isKnown) return undefined;
  const model = modelIn(pathname);
  return { format, provider: provider ?? ofHost ?? ofPath, model, url, server: serverOf(url) };
}

function modelIn(path: string): string | undefined {
  const [, deployment] = DEPLOYMENT.exec(path) ?? [];
  const [, model, resource] = RESOURCE.exec(path) ?? [];
  const name = deployment ?? model ?? resource;
  return name === undefined ? undefined : decoded(name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

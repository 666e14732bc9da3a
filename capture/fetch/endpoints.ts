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
import { RETRY_COUNT } from "./refusal.ts";
import type { Target } from "./request_body.ts";

/** Where a request goes, and how that is spoken to. */
export interface Endpoint {
  readonly format: WireFormat;
  readonly provider: string;
  /** The model, where the path names it, as Azure's and Google's do. */
  readonly model: string | undefined;
  /** Whether a request asks a model only if its body names one. */
  readonly needsModel: boolean;
  readonly url: URL;
  /** The same, as it is recorded. */
  readonly server: Readonly<Record<string, JsonValue>>;
}

/**
 * By what a request shows that it asks a model, where others have such paths, too: people are sent messages, and forms get responses.
 */
interface Signs {
  /** Whose it is: what the host tells, or the option. */
  readonly provider: RegExp;
  /** What nobody else has in the path; a model's name is one besides. */
  readonly path?: RegExp;
  /** What their clients send. */
  readonly headers: readonly string[];
  /** Whether the name of a model in the body is one. */
  readonly model: boolean;
}

const OPENAI: Signs = { provider: /./, headers: ["x-stainless-lang", RETRY_COUNT], model: true };
const ANTHROPIC: Signs = { provider: /./, headers: ["anthropic-version"], model: true };
const GOOGLE: Signs = {
  provider: /^gcp\./,
  path: /\/(?:v\d+(?:alpha|beta)\d*|locations\/[^/]+)\/interactions$/,
  headers: ["x-goog-api-key", "x-goog-api-client"],
  model: false,
};

const FORMATS: readonly [path: RegExp, format: WireFormat, provider: string, signs?: Signs][] = [
  [/\/chat\/completions\/?$/, openAIChat, "openai"],
  [/\/responses(?:\/compact)?\/?$/, openAIResponses, "openai", OPENAI],
  [/\/embeddings\/?$/, openAIEmbeddings, "openai"],
  [/\/completions\/?$/, openAICompletions, "openai"],
  // Of threads and the like, messages are kept, and no model is asked.
  [
    /(?<!\/(?:threads|sessions|conversations)\/[^/]+)\/messages\/?$/,
    anthropicMessages,
    "anthropic",
    ANTHROPIC,
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
    GOOGLE,
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
  [/(?:^|\.)bedrock[\w-]*\.(?:[\w-]+\.)+(?:amazonaws\.com|api\.aws)$/, "aws.bedrock"],
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
  let last: { url: string; base: unknown; found: Found | undefined } | undefined;
  return (target) => {
    if (target.method.toUpperCase() !== "POST") return undefined;
    const { url } = target;
    const base = baseHere();
    if (url !== last?.url || base !== last.base) {
      last = { url, base, found: foundAt(URL.parse(url) ?? URL.parse(url, base), provider) };
    }
    const { endpoint, signs } = last.found ?? {};
    // What the address does not tell, each request must.
    if (signs === undefined || signs.headers.some((name) => target.header(name) !== null)) {
      return endpoint;
    }
    return signs.model ? { ...endpoint!, needsModel: true } : undefined;
  };
}

/** What an address tells. */
interface Found {
  readonly endpoint: Endpoint;
  /** By what else a request must show that it asks a model, if it must. */
  readonly signs: Signs | undefined;
}

/** What a `fetch` takes an address for that is none by itself, where the runtime has something: browsers have, and Deno may. */
function baseHere(): string | undefined {
  const { document, location } = globalThis as {
    document?: { readonly baseURI?: string };
    location?: { readonly href?: string };
  };
  return document?.baseURI ?? location?.href;
}

function foundAt(url: URL | null, provider: string | undefined): Found | undefined {
  if (url === null) return undefined;
  const { hostname, pathname } = url;
  const found = FORMATS.find(([path]) => path.test(pathname));
  if (found === undefined) return undefined;
  const [, format, usual, signs] = found;
  const known = provider ?? PROVIDERS.find(([host]) => host.test(hostname))?.[1];
  const ofPath = usual === "gcp.gemini" && VERTEX_AI.test(pathname) ? "gcp.vertex_ai" : usual;
  const model = modelIn(pathname);
  const isSure = signs === undefined || model !== undefined ||
    signs.path?.test(pathname) === true || (known !== undefined && signs.provider.test(known));
  return {
    endpoint: {
      format,
      provider: known ?? ofPath,
      model,
      needsModel: false,
      url,
      server: serverOf(url),
    },
    signs: isSure ? undefined : signs,
  };
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

// What is wrapped has the types that it had; what wraps is of the types that SDKs ask for. Checked by `deno task check`.

import type { Anthropic, ClientOptions as AnthropicOptions } from "@anthropic-ai/sdk";
import type { CallbackHandlerMethods } from "@langchain/core/callbacks/base";
import type { Callbacks } from "@langchain/core/callbacks/manager";
import type { Logger } from "@opentelemetry/api-logs";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";
import { assertEquals, assertInstanceOf } from "@std/assert";
import type {
  EmbeddingModelMiddleware,
  LanguageModelMiddleware,
  wrapEmbeddingModel,
  wrapLanguageModel,
} from "ai";
import OpenAI, { type AzureOpenAI, type ClientOptions } from "openai";
import type { Stream } from "openai/streaming";
import type { AuditLog } from "@audit-log/llm";
import type { auditEmbeddingMiddleware, auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import type { auditFetch, Fetch } from "@audit-log/llm/fetch";
import type { auditCallbacks } from "@audit-log/llm/langchain";
import { auditOpenAI } from "@audit-log/llm/openai";
import type { AuditSpanProcessor, OtelLogger } from "@audit-log/llm/otel";
import { test } from "node:test";
import { API_KEY, capturing, outcomes } from "../support/captured.ts";

/** `true` where two types are the very same, not only assignable. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends (<T>() => T extends Other ? 1 : 2)
  ? true
  : false;
/** `true` where one can stand for the other. */
type Fits<One, Other> = [One] extends [Other] ? true : false;

/** Fails to compile where something is not `true`. */
type Checked<_Checks extends readonly true[]> = true;

/** A client with methods of its own. */
class MyClient extends OpenAI {
  ask(content: string) {
    const messages = [{ role: "user" as const, content }];
    return this.chat.completions.create({ model: "gpt-4o", messages });
  }
}

// Never called: only its types are of interest.
function wrapAll(
  log: AuditLog,
  clients: { openai: OpenAI; azure: AzureOpenAI; mine: MyClient; anthropic: Anthropic },
) {
  const openai = auditOpenAI(clients.openai, log);
  const messages = [{ role: "user" as const, content: "Hi" }];
  const asked = { model: "gpt-4o", messages };
  return {
    openai,
    azure: auditOpenAI(clients.azure, log, { user: "alice" }),
    mine: auditOpenAI(clients.mine, log),
    anthropic: auditAnthropic(clients.anthropic, log),
    completion: () => openai.chat.completions.create(asked),
    stream: () => openai.chat.completions.create({ ...asked, stream: true }),
    raw: () => openai.responses.create({ model: "gpt-4o", input: "Hi" }).withResponse(),
  };
}
type Wrapped = ReturnType<typeof wrapAll>;
type Of<Name extends "completion" | "stream" | "raw"> = Awaited<ReturnType<Wrapped[Name]>>;

export type Clients = Checked<[
  Same<Wrapped["openai"], OpenAI>,
  Same<Wrapped["azure"], AzureOpenAI>,
  Same<Wrapped["mine"], MyClient>,
  Same<Wrapped["anthropic"], Anthropic>,
  Fits<Of<"completion">, OpenAI.ChatCompletion>,
  Same<Of<"stream">["tee"], Stream<OpenAI.ChatCompletionChunk>["tee"]>,
  Fits<Of<"raw">["data"], OpenAI.Responses.Response>,
  Fits<Of<"raw">["response"], Response>,
]>;

type GivenMiddleware = Parameters<typeof wrapLanguageModel>[0]["middleware"];
type GivenEmbedding = Parameters<typeof wrapEmbeddingModel>[0]["middleware"];

export type Middlewares = Checked<[
  Fits<ReturnType<typeof auditMiddleware>, LanguageModelMiddleware>,
  Fits<ReturnType<typeof auditMiddleware>, GivenMiddleware>,
  Fits<ReturnType<typeof auditEmbeddingMiddleware>, EmbeddingModelMiddleware>,
  Fits<ReturnType<typeof auditEmbeddingMiddleware>, GivenEmbedding>,
]>;

type Audited = ReturnType<typeof auditFetch>;

export type Fetches = Checked<[
  Same<Audited, Fetch>,
  // It can take the place of the global one, which can be what it is made of.
  Fits<Audited, typeof globalThis.fetch>,
  Fits<typeof globalThis.fetch, Fetch>,
  Fits<Audited, NonNullable<ClientOptions["fetch"]>>,
  Fits<Audited, NonNullable<AnthropicOptions["fetch"]>>,
]>;

export type Others = Checked<[
  Fits<ReturnType<typeof auditCallbacks>, CallbackHandlerMethods>,
  Fits<ReturnType<typeof auditCallbacks>[], Callbacks>,
  Fits<AuditSpanProcessor, SpanProcessor>,
  Fits<Logger, OtelLogger>,
]>;

test("a client's own methods are those of the wrapped one, and what they ask is recorded", async (t) => {
  const { provider, log } = await capturing(t);
  const client = new MyClient({ apiKey: API_KEY, baseURL: `${provider.url}/v1` });
  const wrapped = auditOpenAI(client, log);
  assertInstanceOf(wrapped, MyClient);
  assertEquals((await wrapped.ask("Hi")).choices[0]!.message.content, "Hello!");
  assertEquals(await outcomes(log), [["completed", "Hello!"]]);
});

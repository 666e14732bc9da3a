import type { AuditLog } from "../../mod.ts";
import {
  Capture,
  type CapturedCall,
  type CapturedRequest,
  type CapturedResponse,
} from "../shared/capture.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { filledText, listOf, type Loose, looseOf, textOf } from "../shared/loose.ts";
import { type Input, type Message, textMessage } from "../shared/messages.ts";
import { recordError } from "../shared/recorded_parts.ts";
import { requestParameters, toolsOf } from "../wire/request_parameters.ts";
import { messageOf, toolText, usageIn } from "./messages.ts";

/** What LangChain tells of a run beside what it is about. */
interface Run {
  readonly runId: string;
  readonly parentRunId: string | undefined;
  readonly tags: unknown;
  readonly metadata: unknown;
  readonly runName: string | undefined;
}

/** LangChain's names of providers, and those of the conventions. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: "azure.ai.openai",
  amazon_bedrock: "aws.bedrock",
  bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  mistral: "mistral_ai",
  mistralai: "mistral_ai",
  xai: "x_ai",
};
/** What of a model's parameters is none, or is told otherwise. */
const CONTENT = ["model", "model_name", "tools", "functions", "_type", "stream", "stream_options"];

/**
 * A callback handler that records the calls of LangChain's models and tools. It is given as one of `callbacks`, to a model, a
 * chain or a call; {@link auditCallbacks} makes it.
 */
export class AuditCallbackHandler {
  /** The handler's name. */
  readonly name = "audit_log";
  /** LangChain waits for it: what is recorded is recorded before the run goes on. */
  readonly awaitHandlers = true;
  /** Whether what it throws ends the run: in strict mode, what cannot be recorded is not asked. */
  readonly raiseError: boolean;
  readonly #capture: Capture;
  readonly #calls = new Map<string, CapturedCall>();

  /**
   * Handlers are made by {@link auditCallbacks}.
   *
   * @param capture Records the calls.
   */
  constructor(capture: Capture) {
    this.#capture = capture;
    this.raiseError = capture.options.onAuditFailure !== "continue";
  }

  /** A chat model is about to be asked. */
  async handleChatModelStart(
    llm: object,
    messages: readonly (readonly object[])[],
    runId: string,
    parentRunId?: string,
    extraParams?: object,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
  ): Promise<void> {
    const { inlineMedia: keepMedia = false } = this.#capture.options;
    const asked: Message[] = [];
    for (const message of messages.flat()) asked.push(await messageOf(message, keepMedia));
    const run = { runId, parentRunId, tags, metadata, runName };
    await this.#begin(run, modelRequest("chat", llm, { messages: asked }, extraParams, run));
  }

  /** A model that completes texts is about to be asked. */
  async handleLLMStart(
    llm: object,
    prompts: readonly string[],
    runId: string,
    parentRunId?: string,
    extraParams?: object,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
  ): Promise<void> {
    const messages = prompts.map((prompt) => textMessage("user", prompt));
    const run = { runId, parentRunId, tags, metadata, runName };
    await this.#begin(run, modelRequest("text_completion", llm, { messages }, extraParams, run));
  }

  /** A piece of a streamed answer came. */
  handleLLMNewToken(_token: string, _index: object, runId: string): void {
    this.#calls.get(runId)?.firstOutput();
  }

  /** A model answered. */
  async handleLLMEnd(output: object, runId: string): Promise<void> {
    const call = this.#ended(runId);
    if (call === undefined) return;
    const { inlineMedia: keepMedia = false } = this.#capture.options;
    await call.complete(await answerOf(looseOf(output), keepMedia));
  }

  /** A model failed, or was told to stop. */
  async handleLLMError(error: unknown, runId: string): Promise<void> {
    const call = this.#ended(runId);
    if (call !== undefined) await recordError(call, error);
  }

  /** A tool is about to run. */
  async handleToolStart(
    tool: object,
    input: string,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
    toolCallId?: string,
  ): Promise<void> {
    const run = { runId, parentRunId, tags, metadata, runName };
    const name = filledText(runName) ?? nameOf(tool) ?? "tool";
    await this.#begin(run, {
      provider: undefined,
      operation: "execute_tool",
      // A tool's entry is found by the tool's name.
      model: name,
      input: toolText(input),
      metadata: {
        ...runMetadata(run),
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": toolCallId,
      },
    });
  }

  /** A tool gave its result. */
  async handleToolEnd(output: unknown, runId: string): Promise<void> {
    await this.#ended(runId)?.complete({ output: toolText(output) });
  }

  /** A tool failed. */
  async handleToolError(error: unknown, runId: string): Promise<void> {
    const call = this.#ended(runId);
    if (call !== undefined) await recordError(call, error);
  }

  async #begin({ runId }: Run, request: CapturedRequest): Promise<void> {
    this.#calls.set(runId, await this.#capture.begin(request));
  }

  #ended(runId: string): CapturedCall | undefined {
    const call = this.#calls.get(runId);
    this.#calls.delete(runId);
    return call;
  }
}

/**
 * A callback handler that records the calls of LangChain's models (chat models and those that complete texts) and of its tools,
 * with the ids of runs and of their parents, so that what belongs to a chain is found together.
 *
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work. With `onAuditFailure: "refuse"`, the default,
 *   LangChain throws the log's error, and the model is not asked.
 * @throws {AuditLogError} `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { auditCallbacks } from "@audit-log/llm/langchain";
 * import { ChatOpenAI } from "@langchain/openai";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const model = new ChatOpenAI({
 *   model: "gpt-4o",
 *   apiKey: "...",
 *   callbacks: [auditCallbacks(log, { user: "alice" })],
 * });
 * export function ask(question: string) {
 *   return model.invoke(question);
 * }
 * ```
 */
export function auditCallbacks(
  log: AuditLog,
  options: CaptureOptions = {},
): AuditCallbackHandler {
  return new AuditCallbackHandler(new Capture(log, options));
}

function modelRequest(
  operation: string,
  llm: object,
  asked: Input,
  extraParams: object | undefined,
  run: Run,
): CapturedRequest {
  const given = looseOf(looseOf(extraParams)["invocation_params"]);
  const { ls_provider, ls_model_name } = looseOf(run.metadata);
  const provider = textOf(ls_provider);
  const model = filledText(given["model"]) ?? filledText(given["model_name"]) ??
    filledText(ls_model_name) ?? nameOf(llm) ?? "";
  const { metadata, parameters } = requestParameters(given, CONTENT);
  return {
    provider: provider === undefined ? undefined : PROVIDERS[provider] ?? provider,
    operation,
    model,
    input: { ...asked, tools: [...toolsOf(given["tools"]), ...toolsOf(given["functions"])] },
    metadata: { ...metadata, ...runMetadata(run) },
    parameters,
  };
}

function runMetadata({ runId, parentRunId, tags, metadata, runName }: Run): Loose {
  // What LangChain itself puts there is told otherwise.
  const own = Object.entries(looseOf(metadata)).filter(([key]) =>
    !/^(?:ls_|__|versions$)/.test(key)
  );
  return {
    "langchain.run_id": runId,
    "langchain.parent_run_id": parentRunId,
    "langchain.run_name": filledText(runName),
    "langchain.tags": Array.isArray(tags) && tags.length > 0 ? tags : undefined,
    "langchain.metadata": own.length === 0 ? undefined : Object.fromEntries(own),
  };
}

/** The class that something serialised is of. */
function nameOf(serialized: object): string | undefined {
  const { name, id } = looseOf(serialized);
  return filledText(name) ?? (Array.isArray(id) ? filledText(id.at(-1)) : undefined);
}

async function answerOf(output: Loose, keepMedia: boolean): Promise<CapturedResponse> {
  const generations = Array.isArray(output["generations"]) ? output["generations"].flat() : [];
  const answers: Message[] = [];
  const reasons: string[] = [];
  for (const { text, message, generationInfo } of listOf(generations)) {
    const answer = message === undefined || message === null
      ? textMessage("assistant", textOf(text) ?? "")
      : await messageOf(message, keepMedia);
    const facts = { ...looseOf(generationInfo), ...looseOf(looseOf(message)["response_metadata"]) };
    const reason = textOf(facts["finish_reason"]) ?? textOf(facts["stop_reason"]);
    if (reason !== undefined) reasons.push(reason);
    answers.push(reason === undefined ? answer : { ...answer, finish_reason: reason });
  }
  const message = looseOf(listOf(generations)[0]?.["message"]);
  const facts = looseOf(message["response_metadata"]);
  return {
    output: answers,
    id: textOf(facts["id"]) ?? filledText(message["id"]),
    model: filledText(facts["model_name"]) ?? filledText(facts["model"]),
    finishReasons: reasons,
    usage: usageIn(message, output["llmOutput"]),
  };
}

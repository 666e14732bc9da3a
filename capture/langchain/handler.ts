import type { AuditLog } from "../../mod.ts";
import { Capture } from "../shared/capture.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { looseOf } from "../shared/loose.ts";
import { type Message, textMessage } from "../shared/messages.ts";
import { answerOf } from "./answers.ts";
import { messageOf, toolText } from "./messages.ts";
import { modelRequest, type Run, toolRequest } from "./requests.ts";
import { Runs } from "./runs.ts";

/**
 * A callback handler that records the calls of LangChain's models and tools, as one of `callbacks` of a model, a chain or a
 * call; {@link auditCallbacks} makes it. All of it are properties of its own, so that `BaseCallbackHandler.fromMethods()` takes it, too.
 */
export interface AuditCallbackHandler {
  /** The handler's name. */
  readonly name: string;
  /** `true`: LangChain waits for it, so that what is recorded is recorded before the run goes on. */
  readonly awaitHandlers: boolean;
  /** Whether what it throws ends the run: in strict mode, what cannot be recorded is not asked; nor is what `check` refuses. */
  readonly raiseError: boolean;
  /** `false`: models are recorded. */
  readonly ignoreLLM: boolean;
  /** `false`: chains are followed, so that what belongs together is found together. */
  readonly ignoreChain: boolean;
  /** `false`: tools are recorded. */
  readonly ignoreAgent: boolean;
  /** `true`: retrievers are not recorded. */
  readonly ignoreRetriever: boolean;
  /** `true`: custom events are not recorded. */
  readonly ignoreCustomEvent: boolean;
  /** The handler itself: whoever has a copy records to the same log. */
  copy(): AuditCallbackHandler;
  /** A chat model is about to be asked. */
  handleChatModelStart(
    llm: object,
    messages: readonly (readonly object[])[],
    runId: string,
    parentRunId?: string,
    extraParams?: object,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
  ): Promise<void>;
  /** A model that completes texts is about to be asked. */
  handleLLMStart(
    llm: object,
    prompts: readonly string[],
    runId: string,
    parentRunId?: string,
    extraParams?: object,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
  ): Promise<void>;
  /** A piece of a streamed answer came. */
  handleLLMNewToken(
    token: string,
    index: object,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    fields?: object,
  ): void;
  /** An event of a streamed answer came, where another handler asked for events. */
  handleChatModelStreamEvent(event: object, runId: string): void;
  /** A model answered. */
  handleLLMEnd(
    output: object,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    extraParams?: object,
  ): Promise<void>;
  /** A model failed, or was told to stop. */
  handleLLMError(error: unknown, runId: string): Promise<void>;
  /** A chain begins. */
  handleChainStart(
    chain: object,
    inputs: object,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    metadata?: object,
  ): void;
  /** A chain has ended. */
  handleChainEnd(outputs: object, runId: string): void;
  /** A chain failed. */
  handleChainError(error: unknown, runId: string): void;
  /** A tool is about to run. */
  handleToolStart(
    tool: object,
    input: string,
    runId: string,
    parentRunId?: string,
    tags?: readonly string[],
    metadata?: object,
    runName?: string,
    toolCallId?: string,
  ): Promise<void>;
  /** A tool gave a piece of its result. */
  handleToolEvent(chunk: unknown, runId: string): void;
  /** A tool gave its result. */
  handleToolEnd(output: unknown, runId: string): Promise<void>;
  /** A tool failed. */
  handleToolError(error: unknown, runId: string): Promise<void>;
}

/**
 * A callback handler that records the calls of LangChain's models (chat models and those that complete texts) and of its tools,
 * with the ids of runs, of those around them, and of the outermost, so that what belongs to a chain is found together.
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
  const capture = new Capture(log, options);
  const { inlineMedia: keepMedia = false, onAuditFailure = "refuse", check } = capture.options;
  const runs = new Runs(capture);
  const entered = (
    runId: string,
    parentRunId: string | undefined,
    tags: unknown,
    metadata: unknown,
    runName: string | undefined,
  ): Run => {
    const around = runs.enter(runId, parentRunId, tags, metadata);
    return { runId, parentRunId, ...around, tags, metadata, runName };
  };
  const handler: AuditCallbackHandler = Object.assign(
    new AuditHandler(),
    {
      name: "audit_log",
      awaitHandlers: true,
      raiseError: onAuditFailure === "refuse" || check !== undefined,
      ignoreLLM: false,
      ignoreChain: false,
      ignoreAgent: false,
      ignoreRetriever: true,
      ignoreCustomEvent: true,
      copy: () => handler,
      handleChatModelStart: (llm, messages, runId, parentRunId, extra, tags, metadata, runName) =>
        runs.begin(runId, "chat", async () => {
          const run = entered(runId, parentRunId, tags, metadata, runName);
          const asked: Message[] = [];
          for (const message of messages.flat()) asked.push(await messageOf(message, keepMedia));
          return modelRequest("chat", llm, { messages: asked }, extra, run);
        }, signalIn(extra)),
      handleLLMStart: (llm, prompts, runId, parentRunId, extra, tags, metadata, runName) =>
        runs.begin(runId, "text_completion", () => {
          const run = entered(runId, parentRunId, tags, metadata, runName);
          const messages = prompts.map((prompt) => textMessage("user", prompt));
          return modelRequest("text_completion", llm, { messages }, extra, run);
        }, signalIn(extra)),
      handleLLMNewToken: (token, index, runId, _parentRunId, _tags, fields) =>
        runs.piece(runId, token, index, looseOf(fields)["chunk"]),
      handleChatModelStreamEvent: (event, runId) => runs.event(runId, looseOf(event)),
      handleLLMEnd: (output, runId, _parentRunId, _tags, extra) =>
        runs.complete(
          runId,
          () => answerOf(looseOf(output), looseOf(extra)["cached"] === true, keepMedia),
        ),
      handleLLMError: (error, runId) => runs.fail(runId, error),
      handleChainStart: (chain, _inputs, runId, parentRunId, tags, metadata) =>
        void runs.enter(runId, parentRunId, tags, metadata, chain),
      handleChainEnd: (_outputs, runId) => runs.leave(runId),
      handleChainError: (_error, runId) => runs.leave(runId),
      handleToolStart: (tool, input, runId, parentRunId, tags, metadata, runName, toolCallId) =>
        runs.begin(runId, "execute_tool", () => {
          const run = entered(runId, parentRunId, tags, metadata, runName);
          return toolRequest(tool, input, toolCallId, run);
        }),
      handleToolEvent: (chunk, runId) => runs.piece(runId, toolText(chunk)),
      handleToolEnd: (output, runId) => runs.complete(runId, () => ({ output: toolText(output) })),
      handleToolError: (error, runId) => runs.fail(runId, error),
    } satisfies AuditCallbackHandler,
  );
  return handler;
}

/** LangChain says the name of the class when a handler throws. */
class AuditHandler {}

/** What may stop a call. */
function signalIn(extraParams: unknown): AbortSignal | undefined {
  const { signal } = looseOf(looseOf(extraParams)["options"]);
  return signal instanceof AbortSignal ? signal : undefined;
}

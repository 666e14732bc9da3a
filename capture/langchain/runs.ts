import type { Capture } from "../shared/capture.ts";
import type {
  CapturedCall,
  CapturedRemains,
  CapturedRequest,
  CapturedResponse,
} from "../shared/captured_call.ts";
import { type Loose, looseOf } from "../shared/loose.ts";
import { isAbort } from "../shared/recorded_parts.ts";
import { PartialAnswer } from "./answers.ts";

/** A call that LangChain makes. */
interface OpenCall {
  readonly call: CapturedCall;
  readonly partial: PartialAnswer;
  readonly request: CapturedRequest;
  readonly signal: AbortSignal | undefined;
  readonly startMs: number;
  /** When the last piece of it came. */
  lastMs: number;
}

/** What is known of a run, and of those around it. */
interface Around {
  /** The outermost one; itself where there is none. */
  readonly rootRunId: string;
  /** Which attempt of `withRetry()` it is, or is within, as far as is told. */
  readonly attempt: number | undefined;
  /** Whether what it leads to are attempts. */
  readonly isRetry: boolean;
}

/** The tag that `withRetry()` gives to the runs of its later attempts, and not to those within. */
const ATTEMPT = /^retry:attempt:(\d{1,6})$/;

/** The runs that are under way, as LangChain tells of them by their ids. */
export class Runs {
  readonly #capture: Capture;
  readonly #calls = new Map<string, OpenCall>();
  readonly #around = new Map<string, Around>();

  /** @param capture Records the calls. */
  constructor(capture: Capture) {
    this.#capture = capture;
  }

  get #keepMedia(): boolean {
    return this.#capture.options.inlineMedia ?? false;
  }

  /**
   * Takes note of a run; gives what is known of those around it.
   *
   * @param kept What LangChain keeps for it.
   * @param chain What is run, where that is no model and no tool.
   */
  enter(
    runId: string,
    parentRunId: string | undefined,
    tags: unknown,
    kept: unknown,
    chain?: unknown,
  ): Around {
    const parent = parentRunId === undefined ? undefined : this.#around.get(parentRunId);
    const around = {
      rootRunId: parent?.rootRunId ?? parentRunId ?? runId,
      // The first has no tag, and none has one where `withRetry()` itself has no handlers: it is known only by the run around it.
      attempt: attemptIn(tags) ?? (parent?.isRetry === true ? 1 : parent?.attempt),
      isRetry: isRetry(chain),
    };
    this.#around.set(runId, around);
    if (typeof kept === "object" && kept !== null) abandoned.register(kept, { runs: this, runId });
    return around;
  }

  /** A run has ended. */
  leave(runId: string): void {
    this.#around.delete(runId);
  }

  /**
   * Records that a call is about to be made.
   *
   * @param operation What is done, as `gen_ai.operation.name`.
   * @param describe Says what is asked.
   * @param signal What may stop it.
   */
  async begin(
    runId: string,
    operation: string,
    describe: () => CapturedRequest | Promise<CapturedRequest>,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      const request = await this.#readable(operation, describe);
      const call = await this.#capture.begin(request, signal);
      const startMs = performance.now();
      const partial = new PartialAnswer();
      this.#calls.set(runId, { call, partial, request, signal, startMs, lastMs: startMs });
    } catch (error) {
      this.leave(runId);
      throw error;
    }
  }

  /** What is asked; that it cannot be read, where the call is to be made all the same. */
  async #readable(
    operation: string,
    describe: () => CapturedRequest | Promise<CapturedRequest>,
  ): Promise<CapturedRequest> {
    try {
      return await describe();
    } catch (error) {
      if (this.#capture.options.onAuditFailure !== "continue") throw error;
      this.#tell(error, undefined, "begin");
      const isModel = operation !== "execute_tool";
      const metadata = { "request.unreadable": true };
      return { provider: undefined, operation, isModel, model: "", input: "", metadata };
    }
  }

  /** A piece of a streamed answer came. */
  piece(runId: string, token: unknown, index?: unknown, chunk?: unknown): void {
    const open = this.#calls.get(runId);
    if (open === undefined) return;
    open.call.firstOutput();
    open.lastMs = performance.now();
    open.partial.add(token, index, chunk);
  }

  /** An event of a streamed answer came. */
  event(runId: string, event: Loose): void {
    const open = this.#calls.get(runId);
    if (open === undefined) return;
    if (event["event"] === "content-block-delta") open.call.firstOutput();
    open.lastMs = performance.now();
    open.partial.addEvent(event);
  }

  /** A call was answered. Never rejects: the answer is the caller's. */
  async complete(
    runId: string,
    answer: () => CapturedResponse | Promise<CapturedResponse>,
  ): Promise<void> {
    const open = this.#take(runId);
    if (open === undefined) return;
    try {
      await open.call.complete(await answer());
    } catch (error) {
      this.#tell(error, open, "end");
      await open.call.complete({ output: "" });
    }
  }

  /** A call failed, or was stopped. Never rejects: the error is the caller's. */
  async fail(runId: string, error: unknown): Promise<void> {
    const open = this.#take(runId);
    if (open === undefined) return;
    const remains = await this.#remainsOf(open, error);
    const isStopped = isAbort(error) || isModelAbort(error) || isInterrupt(error) ||
      open.signal?.aborted === true;
    if (isStopped) {
      await open.call.abort(remains, error);
    } else await open.call.fail(error, remains);
  }

  /** Records that nobody can end a run any more, if it has not ended. */
  async abandon(runId: string): Promise<void> {
    const open = this.#take(runId);
    if (open === undefined) return;
    const remains = await this.#remainsOf(open, undefined);
    await open.call.abort({ ...remains, latencyMs: open.lastMs - open.startMs });
  }

  #take(runId: string): OpenCall | undefined {
    this.leave(runId);
    const open = this.#calls.get(runId);
    this.#calls.delete(runId);
    return open;
  }

  async #remainsOf(open: OpenCall, error: unknown): Promise<CapturedRemains> {
    try {
      return await open.partial.remains(error, this.#keepMedia);
    } catch (failure) {
      this.#tell(failure, open, "end");
      return {};
    }
  }

  #tell(error: unknown, open: OpenCall | undefined, phase: "begin" | "end"): void {
    const { provider, operation = "", model = "" } = open?.request ?? {};
    const callId = open?.call.callId;
    this.#capture.tell(error, { provider, operation, model, callId, phase, willRetry: false });
  }
}

/**
 * LangChain tells nobody when a stream is left before its end. But what it keeps for a run (its metadata, the very object
 * that the handlers are given) becomes garbage then, and nobody can end the run any more. Not part of `Runs`: a handler that is made
 * for a call becomes garbage along with it, and whom such a registry is to tell nobody would.
 */
const abandoned = new FinalizationRegistry<{ readonly runs: Runs; readonly runId: string }>(
  ({ runs, runId }) => void runs.abandon(runId),
);

/** Whether a chain is what `withRetry()` makes. */
function isRetry(chain: unknown): boolean {
  const { id } = looseOf(chain);
  return Array.isArray(id) && id.at(-1) === "RunnableRetry";
}

function attemptIn(tags: unknown): number | undefined {
  const numbers = (Array.isArray(tags) ? tags : []).map((tag) => ATTEMPT.exec(String(tag))?.[1]);
  const number = numbers.find((number) => number !== undefined);
  return number === undefined ? undefined : Number(number);
}

/** LangChain's own error for what its caller stopped. */
function isModelAbort(error: unknown): boolean {
  return looseOf(error)["name"] === "ModelAbortError";
}

/** What LangGraph throws through a tool to stop it, and not because it failed: until a person has answered, or to go on elsewhere. */
function isInterrupt(error: unknown): boolean {
  return looseOf(error)["is_bubble_up"] === true;
}

import { type AuditLog, AuditLogError } from "../../mod.ts";
import { Capture } from "../shared/capture.ts";
import type { CapturedCall } from "../shared/captured_call.ts";
import type { CapturedCallInfo, CaptureOptions } from "../shared/capture_options.ts";
import { LoggedEvents, type OtelLogRecordProcessor } from "./logged_events.ts";
import type { OtelSpan } from "./span.ts";
import { SpanCall } from "./span_call.ts";

/** Options of {@link AuditSpanProcessor}: those of all wrappers, but that nothing can be refused. */
export type SpanProcessorOptions = Omit<CaptureOptions, "onAuditFailure" | "check">;

/** Of nothing that is known. */
const NO_CALL: CapturedCallInfo = { provider: undefined, operation: "", model: "" };

/**
 * A span processor that records the spans of other instrumentations: those of OpenTelemetry's GenAI semantic conventions, of what
 * OpenLLMetry, OpenInference and the AI SDK had before or beside them. What they do not tell (many leave out the texts unless they are asked
 * for them) cannot be recorded.
 *
 * A call's beginning is written when its span has started, with what is said of it in the same turn, and the interaction when it ends, with
 * all that it says. A span processor is not waited for: the call goes on while its beginning is written, so a process that dies within that
 * moment leaves no trace of it, and none is refused. Spans that a sampler drops are not seen; those that it has recorded and not
 * sampled are.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { AuditSpanProcessor } from "@audit-log/llm/otel";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const processor = new AuditSpanProcessor(log, { user: "alice" });
 * // new TracerProvider({ spanProcessors: [processor] })
 * // new LoggerProvider({ processors: [processor.logRecords] }), for instrumentations that put content into log records
 * await processor.shutdown(); // waits until all spans are recorded
 * await log.close();
 * ```
 */
export class AuditSpanProcessor {
  readonly #capture: Capture;
  /** For calls of which only the end tells that they are some. */
  readonly #atEnd: Capture;
  /** Spans that have started in this turn. */
  readonly #started = new Set<OtelSpan>();
  readonly #begun = new WeakMap<OtelSpan, Promise<CapturedCall>>();
  readonly #logged = new LoggedEvents();
  readonly #pending = new Set<Promise<void>>();
  #reading: Promise<void> = Promise.resolve();
  #isShutDown = false;

  /**
   * Makes a processor, to be given to a provider of tracers.
   *
   * @param log Where to record.
   * @param options Who asks, what it costs, whom to tell of what could not be recorded.
   * @throws {AuditLogError} `INVALID_OPTION`.
   */
  constructor(log: AuditLog, options: SpanProcessorOptions = {}) {
    const { onAuditFailure = "continue", check } = Object(options) as CaptureOptions;
    if (onAuditFailure !== "continue") {
      throw new AuditLogError(
        "INVALID_OPTION",
        `Cannot capture calls: onAuditFailure must be "continue", for the call of a span does not wait`,
        { path: "onAuditFailure" },
      );
    }
    if (check !== undefined) {
      throw new AuditLogError(
        "INVALID_OPTION",
        "Cannot capture calls: check can refuse nothing here, for the call of a span does not wait",
        { path: "check" },
      );
    }
    this.#capture = new Capture(log, { ...options, onAuditFailure });
    this.#atEnd = new Capture(log, { ...options, onAuditFailure, begin: false });
  }

  /**
   * What is to be given to a provider of loggers, as well, where an instrumentation emits what was asked and answered as log
   * records within its spans: they are recorded with the span's call.
   */
  get logRecords(): OtelLogRecordProcessor {
    return this.#logged;
  }

  /** A span starts. What it is of, and what is asked, many instrumentations say only thereafter, in the same turn. */
  onStart(span: OtelSpan): void {
    if (this.#isShutDown) return;
    this.#logged.collect(span);
    this.#started.add(span);
    void Promise.resolve().then(() => this.#hasStarted(span));
  }

  /** A span has ended. */
  onEnd(span: OtelSpan): void {
    if (this.#isShutDown) return;
    this.#hasStarted(span);
    const call = this.#callOf(span);
    this.#logged.release(span);
    if (call === undefined) return;
    const begun = this.#begun.get(span);
    this.#begun.delete(span);
    this.#wait(this.#record(call, begun).catch((error) => this.#tell(error, call.info)));
  }

  /** Resolves when all that has begun or ended is recorded, or is to be tried again. */
  async forceFlush(): Promise<void> {
    await Promise.resolve(); // what has started in this turn has been looked at then
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Records what has begun or ended until now, and nothing more. The log stays open. */
  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await this.forceFlush();
  }

  /** Looks at a span for the first time, in the context in which it has started. */
  #hasStarted(span: OtelSpan): void {
    if (!this.#started.delete(span)) return;
    const call = this.#callOf(span);
    if (call === undefined) return; // its end may tell
    this.#logged.keep(span);
    const begun = this.#begin(this.#capture, call);
    this.#begun.set(span, begun);
    this.#wait(begun.then(() => {}, () => {})); // what goes wrong is told when the span ends
  }

  /** The call that a span is of, by what it says now. Nothing is thrown at whoever is traced. */
  #callOf(span: OtelSpan): SpanCall | undefined {
    try {
      return SpanCall.of(span, this.#logged.of(span), this.#capture.options.inlineMedia === true);
    } catch (error) {
      this.#tell(error, NO_CALL);
      return undefined;
    }
  }

  async #record(call: SpanCall, begun: Promise<CapturedCall> | undefined): Promise<void> {
    const told = this.#inTurn(async () => ({
      request: await call.request(),
      response: await call.response(),
    }));
    const [captured, { request, response }] = await Promise.all([
      begun ?? this.#begin(this.#atEnd, call),
      told,
    ]);
    if (begun !== undefined) await captured.learn(request);
    const ending = call.ending();
    if (ending.as === "complete") await captured.complete(response);
    else if (ending.as === "abort") await captured.abort(response, ending.reason);
    else await captured.fail(ending.error, response);
  }

  #begin(capture: Capture, call: SpanCall): Promise<CapturedCall> {
    return this.#inTurn(() => call.request()).then((request) => capture.begin(request));
  }

  /** Spans are read one after the other, so that the log has them in the order in which they were told of. */
  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#reading.then(read);
    this.#reading = turn.then(() => {}, () => {});
    return turn;
  }

  #tell(error: unknown, info: CapturedCallInfo): void {
    this.#capture.tell(error, { ...info, callId: undefined, phase: "end", willRetry: false });
  }

  #wait(pending: Promise<void>): void {
    this.#pending.add(pending);
    void pending.finally(() => this.#pending.delete(pending));
  }
}

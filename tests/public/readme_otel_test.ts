// The examples of the READMEs of `@opentelemetry/api` 1, `sdk-trace` 3, `sdk-logs` 3 and `api-logs`, by the headings that they stand
// under: spans with AuditSpanProcessor beside the other processors, and logs that entries are exported to. Context managers and
// propagators are of packages of their own.

import { logs, SeverityNumber, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import { logs as logsOfApiLogs } from "@opentelemetry/api-logs";
import {
  createLoggerConfigurator,
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  createAlwaysRecordSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { AuditSpanProcessor, exportEntries } from "@audit-log/llm/otel";
import { test, type TestContext } from "node:test";
import { observed } from "../support/observed.ts";
import { type Example, type Recorded, type Setting, sideBySide } from "../support/side_by_side.ts";
import { atEnd } from "../support/temp.ts";

function parts({ t, log }: Setting) {
  const exporter = new InMemorySpanExporter();
  const audited = log === undefined ? [] : [new AuditSpanProcessor(log)];
  // A second one that is registered is refused.
  trace.disable();
  atEnd(t, () => trace.disable());
  return {
    exporter,
    TracerProvider: new Proxy(TracerProvider, {
      construct: (target, [{ spanProcessors = [], ...config } = {}]: ConstructorParameters<
        typeof TracerProvider
      >) => new target({ ...config, spanProcessors: [...audited, ...spanProcessors] }),
    }),
  };
}

type Parts = ReturnType<typeof parts>;
type Examples = Record<string, Example<Parts>>;

/** What an exporter is told of spans; ids and times are of each run. */
const exported = ({ exporter }: Parts): unknown =>
  exporter.getFinishedSpans().map((span: ReadableSpan) => [
    Object.keys(span),
    span.constructor.name,
    span.name,
    span.kind,
    span.attributes,
    span.events.map(({ name, attributes }) => [name, attributes]),
    span.links,
    span.status,
    span.ended,
    span.parentSpanContext !== undefined,
    span.spanContext().traceFlags,
    span.resource.attributes,
    span.instrumentationScope,
    span.droppedAttributesCount,
  ]);

/** What an instrumentation of a model's client says of a call. */
const CHAT = {
  attributes: {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
    "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Hello!"}]}]',
  },
};
const HELLO: Recorded = ["completed", "Hi", "Hello!"];

const api: Examples = {
  "Trace Your Application": {
    records: [HELLO, ["failed", "Hi", "Hello!"]],
    run: async (given) => {
      // Create and register an SDK
      const provider = new given.TracerProvider({
        spanProcessors: [new SimpleSpanProcessor({ exporter: given.exporter })],
      });
      trace.setGlobalTracerProvider(provider);

      // Acquire a tracer from the global tracer provider which will be used to trace the application
      const name = "my-application-name";
      const version = "0.1.0";
      const tracer = trace.getTracer(name, version);

      // Trace your application by creating spans
      const spans: Span[] = [
        tracer.startSpan("do operation"),
        tracer.startSpan("chat gpt-4o", CHAT),
        tracer.startSpan("chat gpt-4o", CHAT),
      ];
      spans[2]!.recordException(new RangeError("too long"));
      spans[2]!.setStatus({ code: SpanStatusCode.ERROR, message: "too long" });
      const recording = spans.map((span) => span.isRecording());
      for (const span of spans) span.end();
      await provider.forceFlush();
      const seen = exported(given);
      await provider.shutdown();
      return [seen, recording, spans.map((span) => span.isRecording())];
    },
  },
};

const usage: Examples = {
  "Usage": {
    records: [],
    run: async (given) => {
      const provider = new given.TracerProvider({
        spanProcessors: [new SimpleSpanProcessor({ exporter: given.exporter })],
      });
      trace.setGlobalTracerProvider(provider);

      // Now retrieve a tracer, and create a span with it.
      const tracer = trace.getTracer("default");
      const span = tracer.startSpan("a-span-name");

      // Set a span attribute
      span.setAttribute("key", "value");

      // We must end the spans so they become available for exporting.
      span.end();
      await provider.forceFlush();
      return exported(given);
    },
  },
};

/** A call, and what is around it, with a sampler. */
function sampled(sampler: Sampler, records: readonly Recorded[]): Example<Parts> {
  return {
    records,
    run: async (given) => {
      const provider = new given.TracerProvider({
        sampler,
        spanProcessors: [new SimpleSpanProcessor({ exporter: given.exporter })],
      });
      const tracer = provider.getTracer("default");
      const span = tracer.startSpan("chat gpt-4o", CHAT);
      const recording = span.isRecording();
      span.end();
      await provider.forceFlush();
      return [exported(given), recording];
    },
  };
}

const samplers: Examples = {
  "Built-in Samplers, AlwaysOn Sampler": sampled(new AlwaysOnSampler(), [HELLO]),
  "Built-in Samplers, AlwaysOff Sampler": sampled(new AlwaysOffSampler(), []),
  "Built-in Samplers, TraceIdRatioBased Sampler, of all": sampled(
    new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(1) }),
    [HELLO],
  ),
  "Built-in Samplers, ParentBased Sampler, of none": sampled(
    new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) }),
    [],
  ),
  // What such a sampler drops is not exported, and recorded all the same.
  "Built-in Samplers, AlwaysRecord Sampler": sampled(
    createAlwaysRecordSampler(new TraceIdRatioBasedSampler(0)),
    [HELLO],
  ),
};

sideBySide("README of @opentelemetry/api", parts, api);
for (const examples of [usage, samplers]) {
  sideBySide("README of @opentelemetry/sdk-trace", parts, examples);
}

/** A log with a call that was answered, and one that failed. */
async function twoCalls(t: TestContext): Promise<AuditLog> {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  await (await log.begin({ model: "gpt-4o", inputText: "Hi" })).complete({ outputText: "Hello!" });
  await (await log.begin({ model: "gpt-4o", inputText: "Hi" })).fail(new RangeError("too long"));
  return log;
}

const OWN = {
  severityNumber: SeverityNumber.INFO,
  severityText: "INFO",
  body: "this is a log record body",
  attributes: { "log.type": "LogRecord" },
};

for (
  const [readme, registry] of [["sdk-logs: Usage", logs], ["api-logs: API Methods", logsOfApiLogs]]
    .map((pair) => pair as [string, typeof logs])
) {
  test(`README of @opentelemetry/${readme}, entries are exported beside an application's own`, async (t) => {
    const log = await twoCalls(t);
    atEnd(t, () => registry.disable());
    const told = async (withEntries: boolean) => {
      const exporter = new InMemoryLogRecordExporter();
      const loggerProvider = new LoggerProvider({
        processors: [new SimpleLogRecordProcessor({ exporter })],
      });
      registry.disable();
      registry.setGlobalLoggerProvider(loggerProvider);
      const logger = registry.getLogger("default");
      logger.emit(OWN);
      if (withEntries) assertEquals((await exportEntries(log, logger)).count, 2);
      logger.emit({ ...OWN, body: "another" });
      return exporter.getFinishedLogRecords().map(({ eventName, body, attributes, ...others }) => ({
        eventName,
        ...(eventName === undefined
          ? {
            seen: observed([body, attributes, others.severityText, others.instrumentationScope]),
          }
          : {}),
      }));
    };
    const plain = await told(false);
    const event = { eventName: "gen_ai.client.inference.operation.details" };
    assertEquals(plain.length, 2);
    assertEquals(await told(true), [plain[0]!, event, event, plain[1]!]);
  });
}

test("README of @opentelemetry/sdk-logs: Logger Configuration holds for entries, too", async (t) => {
  const log = await twoCalls(t);
  const exporter = new InMemoryLogRecordExporter();
  const loggerProvider = new LoggerProvider({
    loggerConfigurator: createLoggerConfigurator([
      { pattern: "critical-service", config: { minimumSeverity: SeverityNumber.FATAL } },
      { pattern: "debug-*", config: { minimumSeverity: SeverityNumber.DEBUG } },
      {
        pattern: "*", // Match all loggers
        config: {
          minimumSeverity: SeverityNumber.WARN, // Only WARN, ERROR, and FATAL logs
        },
      },
    ]),
    processors: [new SimpleLogRecordProcessor({ exporter })],
  });
  for (const name of ["critical-service", "debug-api", "my-service"]) {
    await exportEntries(log, loggerProvider.getLogger(name));
  }
  assertEquals(
    exporter.getFinishedLogRecords().map(({ instrumentationScope, severityText }) => [
      instrumentationScope.name,
      severityText,
    ]),
    [["debug-api", "INFO"], ["debug-api", "ERROR"], ["my-service", "ERROR"]],
  );
});

// Spans of OpenTelemetry as entries, with the real SDK.

import {
  type AttributeValue,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  createAlwaysRecordSampler,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AuditLog, type AuditLogError, withAuditContext } from "@audit-log/llm";
import { AuditSpanProcessor } from "@audit-log/llm/otel";
import { test } from "node:test";
import { about, API_KEY, only } from "../support/captured.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { tracing } from "../support/otel_tracing.ts";
import { checkRefusal } from "../support/refused.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd } from "../support/temp.ts";

test("a span of the conventions is recorded as the call that it is of", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const asked = [{ role: "user", parts: [{ type: "text", content: "Hi" }] }];
  const answered = [{
    role: "assistant",
    parts: [{ type: "text", content: "Hello!" }],
    finish_reason: "stop",
  }];
  const span = tracer.startSpan("chat gpt-4o", {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.request.temperature": 0.5,
      "gen_ai.input.messages": JSON.stringify(asked),
      "server.address": "api.example",
      "http.request.header.authorization": [`Bearer ${API_KEY}`],
      "url.full": `https://api.example/?key=${API_KEY}`,
    },
  });
  span.setAttributes({
    "gen_ai.output.messages": JSON.stringify(answered),
    "gen_ai.response.id": "r-1",
    "gen_ai.response.model": "gpt-4o-2026",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 2,
  });
  span.end();
  tracer.startSpan("a query of a database").end();
  await processor.forceFlush();
  const entry = await only(log);
  assertEquals([entry.user, entry.model, entry.inputText, entry.outputText], [
    "alice",
    "gpt-4o",
    "Hi",
    "Hello!",
  ]);
  assert(entry.latencyMs! >= 0);
  assertEquals(entry.metadata["audit.input.format"], "text");
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.model": "gpt-4o",
    "request.temperature": 0.5,
    "response.finish_reasons": ["stop"],
    "response.id": "r-1",
    "response.model": "gpt-4o-2026",
    "usage.input_tokens": 3,
    "usage.output_tokens": 2,
  });
  const { traceId, spanId } = span.spanContext();
  assertEquals([entry.metadata["otel.trace_id"], entry.metadata["otel.span_id"]], [
    traceId,
    spanId,
  ]);
  assertEquals(entry.metadata["server.address"], "api.example");
});

test("content in an event of the span, a tool's span, an error and absent content are recorded", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const chat = { attributes: { "gen_ai.operation.name": "chat", "gen_ai.system": "anthropic" } };
  const first = tracer.startSpan("chat claude", chat);
  first.addEvent("gen_ai.client.inference.operation.details", {
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
    "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
  });
  first.end();
  const tool = tracer.startSpan("execute_tool double", {
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "double",
      "gen_ai.tool.call.arguments": '{"n":4}',
      "gen_ai.tool.call.result": "8",
    },
  });
  tool.end();
  const failing = tracer.startSpan("chat", chat);
  failing.recordException(new RangeError("too far"));
  failing.setStatus({ code: SpanStatusCode.ERROR });
  failing.setAttribute("error.type", "RangeError");
  failing.end();
  await processor.shutdown();
  tracer.startSpan("late", chat).end();
  const entries = await log.query();
  assertEquals(entries.length, 3);
  assertEquals(JSON.parse(entries[0]!.inputText), {
    system_instructions: [{ type: "text", content: "Be brief." }],
    messages: [{ role: "user", parts: [{ type: "text", content: "Hi" }] }],
  });
  assertEquals(entries[0]!.metadata["gen_ai.provider.name"], "anthropic");
  assertEquals([entries[1]!.model, entries[1]!.inputText, entries[1]!.outputText], [
    "double",
    '{"n":4}',
    "8",
  ]);
  const { metadata } = entries[2]!;
  assertEquals(
    [metadata["audit.outcome"], metadata["error.type"], metadata["error.message"]],
    ["failed", "RangeError", "too far"],
  );
});

test("a span that cannot be recorded is told, and nothing is thrown", async (t) => {
  const { log, store, told, processor, tracer } = await tracing(t);
  store.full = true;
  tracer.startSpan("chat", { attributes: { "gen_ai.operation.name": "chat" } }).end();
  await processor.forceFlush();
  assertEquals([told, log.size], [["begin chat", "end chat"], 0]);
  store.full = false;
});

const CHAT = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" };

test("a call's beginning is in the log while its span lasts, and its end has all that is told then", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const span = withAuditContext(
    { metadata: { session: "s" } },
    () => tracer.startSpan("chat gpt-4o", { attributes: CHAT }),
  );
  await processor.forceFlush();
  const [open, ...others] = await log.unfinished();
  assertEquals(others, []);
  assertEquals([open!.entry!.user, open!.entry!.model, open!.entry!.metadata["session"]], [
    "alice",
    "gpt-4o",
    "s",
  ]);
  assertEquals(await log.query(), []);
  span.setAttributes({
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.request.seed": 7,
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
    "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"A"}]}]',
  });
  span.end();
  await processor.forceFlush();
  const entry = await only(log);
  assertEquals([entry.model, entry.inputText, entry.outputText], ["gpt-4o-mini", "Hi", "A"]);
  assertEquals(
    ["audit.call", "session", "gen_ai.request.model", "gen_ai.request.seed"].map((key) =>
      entry.metadata[key]
    ),
    [open!.callId, "s", "gpt-4o-mini", 7],
  );
  assertEquals(await log.unfinished(), []);
  assertEquals(await log.count({ events: "all" }), 2);
});

test("what is said of a span in the turn in which it starts is in its call's beginning, and asked by whoever started it", async (t) => {
  const { log, processor, tracer, logger } = await tracing(t, { user: undefined });
  const start = (user: string) =>
    withAuditContext({ user }, () => {
      const span = tracer.startSpan(user);
      span.setAttributes(CHAT);
      logger.emit({
        context: trace.setSpan(ROOT_CONTEXT, span),
        eventName: "gen_ai.user.message",
        body: { content: `I am ${user}.` },
      });
      return span;
    });
  const spans = [start("alice"), start("bob")];
  tracer.startSpan("a query of a database");
  await processor.forceFlush();
  assertEquals((await log.unfinished()).map(({ entry }) => [entry!.user, entry!.inputText]), [
    ["alice", "I am alice."],
    ["bob", "I am bob."],
  ]);
  const last = start("carol");
  const done = processor.shutdown();
  start("dave");
  for (const span of [...spans, last]) span.end();
  await done;
  assertEquals((await log.unfinished()).map(({ entry }) => entry!.user), ["alice", "bob", "carol"]);
});

testUnless(
  noCollector,
  "nothing is kept of what was said in a span that nobody ends",
  async (t) => {
    const { log, processor, tracer, logger } = await tracing(t);
    let isGone = false;
    const registry = new FinalizationRegistry(() => isGone = true);
    const leave = (): void => {
      const span = tracer.startSpan("chat", { attributes: CHAT });
      const body = { content: "Hi" };
      const context = trace.setSpan(ROOT_CONTEXT, span);
      logger.emit({ context, eventName: "gen_ai.user.message", body });
      registry.register(body, undefined);
    };
    leave();
    await processor.forceFlush();
    assertEquals((await log.unfinished())[0]!.entry!.inputText, "Hi");
    await collectUntil(() => Promise.resolve(isGone));
  },
);

test("shutdown waits for beginnings, too, and nothing is recorded behind it", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const span = tracer.startSpan("chat", { attributes: CHAT });
  await processor.shutdown();
  assertEquals((await log.unfinished()).length, 1);
  span.end();
  await processor.forceFlush();
  assertEquals((await log.unfinished()).length, 1);
});

test("with begin: false, and where only the end tells what a span is of, a call is one entry", async (t) => {
  for (const options of [{ begin: false }, {}]) {
    const { log, processor, tracer } = await tracing(t, options);
    const span = withAuditContext(
      { metadata: { session: "s" } },
      () => tracer.startSpan("chat", options.begin === false ? { attributes: CHAT } : {}),
    );
    await processor.forceFlush();
    assertEquals(log.size, 0);
    span.setAttributes(CHAT);
    span.end();
    await processor.forceFlush();
    assertEquals((await only(log)).metadata["session"], options.begin === false ? "s" : undefined);
    assertEquals(log.size, 1);
  }
});

test("spans that are recorded and not sampled are in the log, and those that are dropped are not", async (t) => {
  const decided = { decision: SamplingDecision.NOT_RECORD };
  const sampler = { shouldSample: () => decided };
  const { log, processor, tracer } = await tracing(t, { sampler });
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  assertEquals(log.size, 0);
  decided.decision = SamplingDecision.RECORD;
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  assertEquals((await only(log)).metadata["otel.trace_flags"], 0);
  decided.decision = SamplingDecision.RECORD_AND_SAMPLED;
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  assertEquals((await log.query()).map(({ metadata }) => metadata["otel.trace_flags"]), [0, 1]);
  const all = await tracing(t, { sampler: createAlwaysRecordSampler(new AlwaysOffSampler()) });
  all.tracer.startSpan("chat", { attributes: CHAT }).end();
  await all.processor.forceFlush();
  assertEquals((await only(all.log)).metadata["otel.trace_flags"], 0);
});

test("agents, tools and embeddings are entries, and only what asks a model is asked for its cost", async (t) => {
  const asked: unknown[] = [];
  const { log, processor, tracer } = await tracing(t, {
    cost: (usage, model) => {
      asked.push([model, usage.inputTokens]);
      return 0.5;
    },
  });
  const usage = { "gen_ai.usage.input_tokens": 3 };
  const spans: [name: string, kind: SpanKind, attributes: Record<string, AttributeValue>][] = [
    ["invoke_agent helper", SpanKind.INTERNAL, { ...usage, "gen_ai.agent.name": "helper" }],
    ["invoke_agent remote", SpanKind.CLIENT, { ...usage, "gen_ai.agent.name": "remote" }],
    ["execute_tool double", SpanKind.INTERNAL, { "gen_ai.tool.name": "double" }],
    ["embeddings e-3", SpanKind.CLIENT, { ...usage, "gen_ai.request.model": "e-3" }],
    ["chat", SpanKind.INTERNAL, usage],
    ["retrieval docs", SpanKind.INTERNAL, { "gen_ai.retrieval.query.text": "Where?" }],
  ];
  for (const [name, kind, attributes] of spans) {
    const operation = { "gen_ai.operation.name": name.split(" ")[0]! };
    tracer.startSpan(name, { kind, attributes: { ...operation, ...attributes } }).end();
  }
  await processor.forceFlush();
  const entries = await log.query();
  assertEquals(
    entries.map(({ model, costUsd, metadata }): unknown[] => [
      metadata["gen_ai.operation.name"],
      model,
      metadata["gen_ai.request.model"],
      costUsd,
    ]),
    [
      ["invoke_agent", "helper", undefined, null],
      ["invoke_agent", "remote", undefined, 0.5],
      ["execute_tool", "double", undefined, null],
      ["embeddings", "e-3", "e-3", 0.5],
      ["chat", "chat", undefined, 0.5],
      ["retrieval", "retrieval docs", undefined, null],
    ],
  );
  assertEquals(asked, [["remote", 3], ["e-3", 3], ["chat", 3]]);
  assertEquals(entries.at(-1)!.inputText, "Where?");
});

test("spans that end out of order are recorded as they end, and know the span around them", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const chat = (name: string) => ({ attributes: { ...CHAT, "gen_ai.conversation.id": name } });
  const outer = tracer.startSpan("chat", chat("outer"));
  const inner = tracer.startSpan("chat", chat("inner"), trace.setSpan(ROOT_CONTEXT, outer));
  await processor.forceFlush();
  outer.end();
  inner.end();
  await processor.forceFlush();
  const entries = await log.query();
  assertEquals(entries.map(({ metadata }) => metadata["gen_ai.conversation.id"]), [
    "outer",
    "inner",
  ]);
  const [one, other] = entries.map(({ metadata }) => metadata);
  assertEquals([one!["otel.parent_span_id"], other!["otel.parent_span_id"]], [
    undefined,
    one!["otel.span_id"],
  ]);
  assertEquals(one!["otel.trace_id"], other!["otel.trace_id"]);
  const begun = (await log.query({ events: "all" })).slice(0, 2);
  assertEquals(entries.map(({ metadata }) => metadata["audit.call"]), begun.map((e) => e.entryId));
});

test("several processors of one provider do not disturb one another", async (t) => {
  const one = await tracing(t);
  const other = await tracing(t);
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [one.processor, other.processor, new SimpleSpanProcessor({ exporter })],
  });
  provider.getTracer("test").startSpan("chat", { attributes: CHAT }).end();
  await provider.forceFlush();
  assertEquals([one.log.size, other.log.size, exporter.getFinishedSpans().length], [2, 2, 1]);
  const [entry] = exporter.getFinishedSpans();
  assertEquals((await only(one.log)).metadata["otel.span_id"], entry!.spanContext().spanId);
  await provider.shutdown();
});

test("a log that fails costs no entry: the end is tried without a beginning, and again later", async (t) => {
  const { log, store, told, processor, tracer } = await tracing(t);
  store.full = true;
  const span = tracer.startSpan("chat", { attributes: CHAT });
  await processor.forceFlush();
  store.full = false;
  span.end();
  await processor.forceFlush();
  assertEquals([told, log.size], [["begin chat"], 1]);
  const late = tracer.startSpan("chat late", { attributes: CHAT });
  await processor.forceFlush();
  store.full = true;
  late.end();
  await processor.forceFlush();
  assertEquals([told, log.size], [["begin chat", "end chat"], 2]);
  store.full = false;
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  while (await log.count() < 3) await new Promise((resolve) => setImmediate(resolve));
  assertEquals(await log.unfinished(), []);
});

test("a call is recorded without what an option gives that the log does not admit", async (t) => {
  const { log, told, processor, tracer } = await tracing(t, { metadata: () => ({ wrong: NaN }) });
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  assertEquals(told, ["option chat"]);
  assertEquals((await only(log)).metadata["wrong"], undefined);
  assertEquals(await log.unfinished(), []);
});

test("a call that is too large for the log is told, and counted among the lost", async (t) => {
  const log = await AuditLog.open({ maxRecordBytes: 2000 });
  atEnd(t, () => log.close());
  const told: string[] = [];
  const processor = new AuditSpanProcessor(log, {
    onError: (error) => told.push((error as AuditLogError).code),
  });
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer("test");
  const span = tracer.startSpan("chat", { attributes: CHAT });
  await processor.forceFlush();
  span.setAttribute("gen_ai.input.messages", "a".repeat(3000));
  span.end();
  await processor.forceFlush();
  tracer.startSpan("chat", { attributes: CHAT }).end();
  await processor.forceFlush();
  assertEquals(told, ["ENTRY_TOO_LARGE"]);
  while (log.size < 4) await new Promise((resolve) => setImmediate(resolve));
  const gaps = (await log.query({ events: "all" })).flatMap(({ metadata }) =>
    metadata["audit.gap"] ?? []
  );
  const [lost] = await log.unfinished();
  assertEquals(gaps, [{ calls: [lost!.callId], lost: 1, reasons: { ENTRY_TOO_LARGE: 1 } }]);
});

test("attributes with names of the log's own are kept under others", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const span = tracer.startSpan("chat", {
    attributes: { ...CHAT, "audit.event": "gap", "otel.trace_id": "none", "my.key": 1 },
  });
  span.setAttribute("audit.call", "c");
  span.end();
  await processor.forceFlush();
  const { metadata } = await only(log);
  assertEquals(metadata["otel.trace_id"], span.spanContext().traceId);
  assertEquals(metadata["my.key"], 1);
  assertEquals(about(await only(log), "span."), {
    "audit.call": "c",
    "audit.event": "gap",
    "otel.trace_id": "none",
  });
});

test("errors and aborts are told by a status, an attribute or an exception", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const exception = (name: string) => Object.assign(new Error("it broke"), { name });
  const spans: ((span: Span) => unknown)[] = [
    (span) => span.setStatus({ code: SpanStatusCode.ERROR, message: `key ${API_KEY} is wrong` }),
    (span) => span.setAttribute("error.type", "429"),
    (span) => {
      span.recordException(exception("QuotaError"));
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
    (span) => span.recordException(exception("Handled")),
    (span) => {
      span.recordException(exception("APIUserAbortError"));
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
  ];
  for (const tell of spans) {
    const span = tracer.startSpan("chat", { attributes: CHAT });
    tell(span);
    span.end();
  }
  await processor.forceFlush();
  assertEquals(
    (await log.query()).map(({ metadata }): unknown[] => [
      metadata["audit.outcome"],
      metadata["error.type"],
      metadata["error.message"],
    ]),
    [
      ["failed", "_OTHER", "key [secret] is wrong"],
      ["failed", "429", undefined],
      ["failed", "QuotaError", "it broke"],
      ["completed", undefined, undefined],
      ["aborted", "APIUserAbortError", undefined],
    ],
  );
});

test("how long a call took is what its span says", async (t) => {
  const { log, processor, tracer } = await tracing(t);
  const at = Date.UTC(2026, 0, 1);
  tracer.startSpan("chat", { attributes: CHAT, startTime: new Date(at) }).end(new Date(at + 1500));
  await processor.forceFlush();
  assertEquals((await only(log)).latencyMs, 1500);
});

test("a span's call cannot be refused, and options are checked", async (t) => {
  const { log } = await tracing(t);
  const make = (options: object) => () => new AuditSpanProcessor(log, options as never);
  for (
    const [path, options] of [
      ["onAuditFailure", { onAuditFailure: "refuse" }],
      ["check", { check: () => {} }],
      ["begin", { begin: 1 }],
      ["usr", { usr: "x" }],
    ] as const
  ) {
    checkRefusal(assertThrows(make(options)), "INVALID_OPTION", path);
  }
  make({ onAuditFailure: "continue" })();
});

// Entries as OpenTelemetry's log records, with the real SDK.

import {
  type Context,
  context,
  type ContextManager,
  createContextKey,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import {
  ATTR_GEN_AI_EVALUATION_EXPLANATION,
  ATTR_GEN_AI_EVALUATION_NAME,
  ATTR_GEN_AI_EVALUATION_SCORE_LABEL,
  ATTR_GEN_AI_EVALUATION_SCORE_VALUE,
  EVENT_GEN_AI_EVALUATION_RESULT,
} from "@opentelemetry/semantic-conventions/incubating";
import { assert, assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import { exportEntries } from "@audit-log/llm/otel";
import { AsyncLocalStorage } from "node:async_hooks";
import { test, type TestContext } from "node:test";
import { about, capturing } from "../support/captured.ts";
import { interaction } from "../support/interaction.ts";
import { atEnd } from "../support/temp.ts";

function logger(t: TestContext) {
  const exporter = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
  atEnd(t, () => provider.shutdown());
  return {
    logger: provider.getLogger("audit-log"),
    exported: () => exporter.getFinishedLogRecords(),
  };
}

async function sample(t: TestContext): Promise<AuditLog> {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const call = await log.begin({
    model: "gpt-4o",
    inputText: "Hi",
    user: "alice",
    inputFormat: "text",
  });
  const { entryId } = await call.complete({
    outputText: JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "A" }] }]),
    outputFormat: "json",
    usage: { inputTokens: 3 },
    costUsd: 0.5,
    metadata: { "gen_ai.response.id": "r-1", "gen_ai.provider.name": "openai" },
  });
  await (await log.begin({ model: "gpt-4o", inputText: "Hi" })).fail(new TypeError("broken"));
  await log.annotate(entryId, { name: "relevance", score: 0.5, user: "judge" });
  await log.record(interaction());
  return log;
}

test("entries become events of the conventions, without texts unless they are asked for", async (t) => {
  const log = await sample(t);
  const { logger: target, exported } = logger(t);
  const { count, last } = await exportEntries(log, target);
  assertEquals(count, 4);
  assertEquals(last, (await log.query({ order: "desc", limit: 1 }))[0]!.entryId);
  const records = exported();
  assertEquals(records.map(({ eventName, severityText }) => [eventName, severityText]), [
    ["gen_ai.client.inference.operation.details", "INFO"],
    ["gen_ai.client.inference.operation.details", "ERROR"],
    ["gen_ai.evaluation.result", "INFO"],
    ["gen_ai.client.inference.operation.details", "INFO"],
  ]);
  const [entry] = await log.query();
  const [first, failed, evaluation] = records.map(({ attributes }) => attributes);
  assertEquals(first!["audit.entry_id"], entry!.entryId);
  assertEquals(
    ["gen_ai.request.model", "gen_ai.usage.input_tokens", "user.id", "audit.cost_usd"].map((key) =>
      first![key]
    ),
    ["gpt-4o", 3, "alice", 0.5],
  );
  assertEquals(
    ["gen_ai.evaluation.name", "gen_ai.evaluation.score.value", "gen_ai.response.id", "user.id"]
      .map((key) => evaluation![key]),
    ["relevance", 0.5, "r-1", "judge"],
  );
  assertEquals(failed!["error.type"], "TypeError");
  assert(!JSON.stringify(records.map(({ attributes }) => attributes)).includes("messages"));
  const [seconds, nanoseconds] = records[0]!.hrTime;
  assertEquals(seconds * 1000 + Math.round(nanoseconds / 1e6), Date.parse(entry!.timestamp));
});

test("texts are exported as messages, and an export goes on where the last one ended", async (t) => {
  const log = await sample(t);
  const { logger: target, exported } = logger(t);
  const { last } = await exportEntries(log, target, {
    content: true,
    limit: 1,
    annotations: false,
  });
  assertEquals(exported().length, 1);
  const { attributes } = exported()[0]!;
  assertEquals(attributes["gen_ai.input.messages"], [
    { role: "user", parts: [{ type: "text", content: "Hi" }] },
  ]);
  assertEquals(attributes["gen_ai.output.messages"], [
    { role: "assistant", parts: [{ type: "text", content: "A" }] },
  ]);
  assertEquals((await exportEntries(log, target, { after: last })).count, 3);
  // What is said later of what was exported before is exported, too.
  const [old] = await log.query();
  const { last: before } = await exportEntries(log, target);
  await log.annotate(old!.entryId, { name: "late" });
  assertEquals((await exportEntries(log, target, { after: before })).count, 1);
  assertEquals(exported().at(-1)!.attributes["gen_ai.evaluation.name"], "late");
  const end = await exportEntries(log, target, { after: last, user: "nobody" });
  assertEquals(end, { count: 0, last });
  const { logger: whole, exported: all } = logger(t);
  await exportEntries(log, whole, { events: "all" });
  assertEquals(all().length, log.size);
});

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

/** Metadata of an entry of that span. */
const OF_SPAN = { "otel.trace_id": SPAN.traceId, "otel.span_id": SPAN.spanId };

test("log records are of the span that their entries are of, whatever span they are exported in", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const metadata = { ...OF_SPAN, "otel.trace_flags": 1, "gen_ai.response.id": "r-1" };
  const { entryId } = await log.record(interaction({ metadata }));
  await log.annotate(entryId, { name: "relevance", score: 1 });
  const other = await log.record(interaction({ metadata: { "otel.trace_id": "none" } }));
  await log.annotate(other.entryId, {
    name: "relevance",
    metadata: { ...OF_SPAN, "otel.span_id": "a".repeat(16) },
  });
  await log.record(interaction({ metadata: { ...OF_SPAN, "otel.span_id": "0".repeat(16) } }));
  const { logger: target, exported } = logger(t);
  const around = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: "1".repeat(32),
    spanId: "1".repeat(16),
    traceFlags: 1,
  });
  inContexts(t);
  await context.with(around, () => exportEntries(log, target));
  assertEquals(
    exported().map(({ eventName, spanContext }): unknown[] => [
      eventName!.split(".").at(-1),
      spanContext?.traceId,
      spanContext?.spanId,
      spanContext?.traceFlags,
    ]),
    [
      ["details", SPAN.traceId, SPAN.spanId, 1],
      ["result", SPAN.traceId, SPAN.spanId, 1],
      ["details", undefined, undefined, undefined],
      ["result", SPAN.traceId, "a".repeat(16), 0],
      ["details", undefined, undefined, undefined],
    ],
  );
  const [first] = exported();
  assertEquals(Object.keys(first!.attributes).filter((key) => key.startsWith("otel.")), []);
});

test("the context of a log record can be added to, as OpenTelemetry's can", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  await log.record(interaction({ metadata: OF_SPAN }));
  const contexts: Context[] = [];
  await exportEntries(log, { emit: ({ context }) => void contexts.push(context) });
  const [found] = contexts;
  const key = createContextKey("mine");
  const more = found!.setValue(key, 1);
  assertEquals([found!.getValue(key), more.getValue(key)], [undefined, 1]);
  assertEquals(trace.getSpanContext(more)?.traceId, SPAN.traceId);
  assertEquals(trace.getSpan(more)?.isRecording(), false);
  assertEquals(trace.getSpan(trace.deleteSpan(more)), undefined);
  assertEquals(more.deleteValue(key).getValue(key), undefined);
});

test("calls of wrapped clients are of the span that they are made in", async (t) => {
  const { provider, log } = await capturing(t);
  const client = auditFetch(log);
  const ask = () =>
    client(`${provider.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hi" }] }),
    }).then((response) => response.text());
  inContexts(t);
  await context.with(trace.setSpanContext(ROOT_CONTEXT, { ...SPAN, traceFlags: 1 }), ask);
  await ask();
  const entries = await log.query({ events: "all" });
  assertEquals(entries.map((entry) => about(entry, "otel.")), [
    { trace_flags: 1, trace_id: SPAN.traceId, span_id: SPAN.spanId },
    { trace_flags: 1, trace_id: SPAN.traceId, span_id: SPAN.spanId },
    {},
    {},
  ]);
});

test("content is exported in the conventions' form, with tools as they have them", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const about = { description: "Doubles." };
  const schema = { type: "object" };
  const ours = { name: "double", ...about, parameters: schema };
  const tools = [
    { type: "function", function: ours },
    { name: "double", ...about, input_schema: schema },
    { type: "function", name: "double", ...about, inputSchema: schema },
    { type: "web_search" },
  ];
  const asked = { messages: [], tool_definitions: tools };
  await (await log.begin({
    model: "gpt-4o",
    inputText: JSON.stringify(asked),
    inputFormat: "json",
    metadata: { "gen_ai.operation.name": "chat" },
  })).complete({
    outputText: "A",
    metadata: { "gen_ai.response.finish_reasons": ["stop"] },
  });
  await log.record(interaction({
    model: "double",
    inputText: '{"n":4}',
    outputText: "eight",
    metadata: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "double" },
  }));
  const { logger: target, exported } = logger(t);
  await exportEntries(log, target, { content: true });
  const [chat, tool] = exported().map(({ attributes }) => attributes);
  const known = { type: "function", ...ours };
  assertEquals(chat!["gen_ai.tool.definitions"], [known, known, known, { type: "web_search" }]);
  assertEquals(chat!["gen_ai.output.messages"], [
    { role: "assistant", parts: [{ type: "text", content: "A" }], finish_reason: "stop" },
  ]);
  assertEquals(
    [
      "gen_ai.tool.call.arguments",
      "gen_ai.tool.call.result",
      "gen_ai.request.model",
      "gen_ai.input.messages",
    ].map((key) => tool![key]),
    [{ n: 4 }, "eight", undefined, undefined],
  );
});

test("an annotation is the conventions' evaluation, and names no model for the judge's", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const { entryId } = await log.record(interaction());
  const said = { name: "relevance", score: 0.5, label: "fair", explanation: "It is on topic." };
  const { entryId: id } = await log.annotate(entryId, { ...said, user: "judge" });
  const { logger: target, exported } = logger(t);
  for (const content of [false, true]) {
    await exportEntries(log, target, { content });
    const { eventName, attributes } = exported().at(-1)!;
    assertEquals(eventName, EVENT_GEN_AI_EVALUATION_RESULT);
    assertEquals(attributes, {
      [ATTR_GEN_AI_EVALUATION_NAME]: "relevance",
      [ATTR_GEN_AI_EVALUATION_SCORE_VALUE]: 0.5,
      [ATTR_GEN_AI_EVALUATION_SCORE_LABEL]: "fair",
      // Judges quote what was said.
      ...(content ? { [ATTR_GEN_AI_EVALUATION_EXPLANATION]: "It is on topic." } : {}),
      "audit.entry_id": id,
      "audit.event": "annotation",
      "audit.ref": entryId,
      "user.id": "judge",
    });
  }
});

/** Has OpenTelemetry's contexts follow calls, for the time of a test. */
function inContexts(t: TestContext): void {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context, fn, self, ...args) => storage.run(context, () => fn.apply(self as never, args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  assert(context.setGlobalContextManager(manager));
  atEnd(t, () => context.disable());
}

// Entries as OpenTelemetry's log records, and its spans as entries: with the real SDKs.

import { SpanStatusCode } from "@opentelemetry/api";
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { assert, assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { AuditSpanProcessor, exportEntries } from "@audit-log/llm/otel";
import { test, type TestContext } from "node:test";
import { about, API_KEY, capturing, only } from "../support/captured.ts";
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

async function tracing(t: TestContext) {
  const { log, store } = await capturing(t);
  const told: string[] = [];
  const processor = new AuditSpanProcessor(log, {
    user: "alice",
    onError: (_, { phase }) => told.push(phase),
  });
  const provider = new TracerProvider({ spanProcessors: [processor] });
  atEnd(t, () => provider.shutdown());
  return { log, store, told, processor, tracer: provider.getTracer("test") };
}

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
  assertEquals([told, log.size], [["end"], 0]);
  store.full = false;
});

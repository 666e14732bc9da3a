// The forms in which instrumentations tell of calls: each as the one named makes it, recorded in the same way.

import { type Attributes, context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { LogRecord } from "@opentelemetry/api-logs";
import { assertEquals } from "@std/assert";
import { test, type TestContext } from "node:test";
import type { AuditEntry } from "@audit-log/llm";
import { about, only } from "../support/captured.ts";
import { ASKED, tracing } from "../support/otel_tracing.ts";

interface Fixture {
  name?: string;
  /** At the span's start. */
  start: Attributes;
  /** Log records, in the span. */
  logs?: LogRecord[];
  /** Events of the span. */
  events?: [name: string, attributes: Attributes][];
  /** At its end. */
  end?: Attributes;
  inlineMedia?: boolean;
}

/** The entry that a span becomes. */
async function recorded(t: TestContext, fixture: Fixture): Promise<AuditEntry> {
  const { name = "chat gpt-4o", start, logs = [], events = [], end = {}, inlineMedia } = fixture;
  const { log, processor, tracer, logger } = await tracing(t, { inlineMedia });
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: start });
  for (const record of logs) {
    logger.emit({ context: trace.setSpan(ROOT_CONTEXT, span), ...record });
  }
  for (const [event, attributes] of events) span.addEvent(event, attributes);
  span.setAttributes(end);
  span.end();
  await processor.forceFlush();
  return await only(log);
}

const TOOL = {
  type: "function",
  function: { name: "double", description: "Doubles.", parameters: { type: "object" } },
};
const ANSWERED = [{
  role: "assistant",
  parts: [{ type: "tool_call", id: "c2", name: "double", arguments: { n: 8 } }],
  finish_reason: "tool_calls",
}];

test("the conventions' content is read from a log record that has it structured", async (t) => {
  const entry = await recorded(t, {
    start: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" },
    logs: [{
      eventName: "gen_ai.client.inference.operation.details",
      attributes: {
        "gen_ai.system_instructions": [{ type: "text", content: "Be brief." }],
        "gen_ai.input.messages": ASKED.slice(1),
        "gen_ai.output.messages": ANSWERED,
        "gen_ai.tool.definitions": [TOOL],
      } as never,
    }],
  });
  assertEquals(entry.metadata["audit.input.format"], "json");
  assertEquals(JSON.parse(entry.inputText), {
    system_instructions: ASKED[0]!.parts,
    messages: ASKED.slice(1),
    tool_definitions: [TOOL],
  });
  assertEquals(JSON.parse(entry.outputText), ANSWERED);
});

test("what is said in log records is recorded of a span that tells late what it is", async (t) => {
  const { log, processor, tracer, logger } = await tracing(t);
  const span = tracer.startSpan("chat");
  await processor.forceFlush(); // it was looked at, and said nothing
  const body = { content: "Hi" };
  logger.emit({
    context: trace.setSpan(ROOT_CONTEXT, span),
    eventName: "gen_ai.user.message",
    body,
  });
  span.setAttribute("gen_ai.operation.name", "chat");
  span.end();
  await processor.forceFlush();
  assertEquals((await only(log)).inputText, "Hi");
});

test("cached tokens are read in the names of OpenLLMetry and Strands", async (t) => {
  const { metadata } = await recorded(t, {
    start: {
      "gen_ai.operation.name": "chat",
      "gen_ai.usage.prompt_tokens": 8200,
      "gen_ai.usage.cache_read_input_tokens": 8000,
      "gen_ai.usage.cache_creation_input_tokens": 100,
    },
  });
  assertEquals(
    ["usage.cache_read.input_tokens", "usage.cache_creation.input_tokens"].map((name) =>
      metadata[`gen_ai.${name}`]
    ),
    [8000, 100],
  );
});

test("log records of other spans, without a span, and of other things are not the call's", async (t) => {
  const body = { content: "Hi" };
  const eventName = "gen_ai.user.message";
  const entry = await recorded(t, {
    start: { "gen_ai.operation.name": "chat" },
    logs: [
      { eventName, body, context: ROOT_CONTEXT },
      {
        eventName,
        body,
        context: trace.setSpanContext(context.active(), {
          traceId: "1".repeat(32),
          spanId: "1".repeat(16),
          traceFlags: 1,
        }),
      },
      { eventName: "other", body },
      { body },
    ],
  });
  assertEquals(entry.inputText, '{"messages":[]}');
});

// As OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT leaves it.
test("content that was cut, and is no JSON any more, is kept as the text that it is", async (t) => {
  const cut = '[{"role":"user","parts":[{"type":"text","con';
  const entry = await recorded(t, {
    start: { "gen_ai.operation.name": "chat", "gen_ai.input.messages": cut },
    end: { "gen_ai.output.messages": cut },
  });
  assertEquals([entry.inputText, entry.outputText], [cut, cut]);
});

test("messages in OpenAI's form are read where the conventions have their own", async (t) => {
  const entry = await recorded(t, {
    start: {
      "gen_ai.operation.name": "chat",
      "gen_ai.input.messages": '[{"role":"user","content":"Hi"}]',
      "gen_ai.output.messages": '[{"content":"Hello!"}]',
    },
  });
  assertEquals([entry.inputText, entry.outputText], ["Hi", "Hello!"]);
});

test("the bytes of media are recorded only where they are asked for", async (t) => {
  const blob = { type: "blob", modality: "image", mime_type: "image/png", content: "AAEC" };
  const known = {
    type: "blob",
    modality: "image",
    mime_type: "image/png",
    sha256: "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc",
    size: 3,
  };
  const start = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [blob] }]),
  };
  const partOf = ({ inputText }: AuditEntry) => JSON.parse(inputText).messages[0].parts[0];
  assertEquals(partOf(await recorded(t, { start })), known);
  assertEquals(partOf(await recorded(t, { start, inlineMedia: true })), {
    ...known,
    content: "AAEC",
  });
});

// @opentelemetry/instrumentation-openai 0.22.0, instrumentation.js
test("messages in log records are recorded: @opentelemetry/instrumentation-openai", async (t) => {
  const call = (id: string, n: number) => ({
    id,
    type: "function",
    function: { name: "double", arguments: `{"n":${n}}` },
  });
  const emitted = (name: string, body: LogRecord["body"]): LogRecord => ({
    attributes: { "event.name": name, "gen_ai.system": "openai" },
    body,
  });
  const entry = await recorded(t, {
    start: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.system": "openai",
      "gen_ai.request.max_tokens": 9,
      "server.address": "api.openai.com",
      "server.port": 443,
    },
    logs: [
      emitted("gen_ai.system.message", { content: "Be brief." }),
      emitted("gen_ai.user.message", { content: "Twice four?" }),
      emitted("gen_ai.assistant.message", { tool_calls: [call("c1", 4)] }),
      emitted("gen_ai.tool.message", { id: "c1", content: "8" }),
      emitted("gen_ai.choice", {
        finish_reason: "tool_calls",
        index: 0,
        message: { tool_calls: [call("c2", 8)] },
      }),
    ],
    end: {
      "gen_ai.response.finish_reasons": ["tool_calls"],
      "gen_ai.response.id": "r-1",
      "gen_ai.response.model": "gpt-4o-2026",
      "gen_ai.usage.input_tokens": 3,
      "gen_ai.usage.output_tokens": 2,
    },
  });
  assertEquals(JSON.parse(entry.inputText), { messages: ASKED });
  assertEquals(JSON.parse(entry.outputText), ANSWERED);
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.max_tokens": 9,
    "request.model": "gpt-4o",
    "response.finish_reasons": ["tool_calls"],
    "response.id": "r-1",
    "response.model": "gpt-4o-2026",
    "usage.input_tokens": 3,
    "usage.output_tokens": 2,
  });
});

// azure-sdk-for-python, sdk/ai/azure-ai-inference, azure/ai/inference/tracing.py
test("messages in a span's events are recorded: Azure's SDKs", async (t) => {
  const content = (body: object) => ({
    "gen_ai.system": "az.ai.inference",
    "gen_ai.event.content": JSON.stringify(body),
  });
  const entry = await recorded(t, {
    start: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.system": "az.ai.inference",
    },
    events: [
      ["gen_ai.user.message", content({ role: "user", content: "Hi" })],
      [
        "gen_ai.choice",
        content({ message: { content: "Hello!" }, finish_reason: "stop", index: 0 }),
      ],
    ],
  });
  assertEquals([entry.inputText, entry.outputText], ["Hi", "Hello!"]);
});

// strands-agents, telemetry/tracer.py: the message flat among the event's attributes
test("messages in the attributes of a span's events are recorded", async (t) => {
  const entry = await recorded(t, {
    start: { "gen_ai.operation.name": "chat" },
    events: [
      ["gen_ai.user.message", { content: '[{"text": "Hi"}]' }],
      ["gen_ai.choice", { message: '[{"text": "Hello!"}]', finish_reason: "end_turn" }],
    ],
  });
  assertEquals([entry.inputText, entry.outputText], ["Hi", "Hello!"]);
});

// The conventions' version 1.27, docs/gen-ai/gen-ai-spans.md
test("prompt and completion as JSON in a span's events are recorded", async (t) => {
  const entry = await recorded(t, {
    start: { "gen_ai.operation.name": "chat", "gen_ai.prompt.name": "greeting" },
    events: [
      ["gen_ai.content.prompt", { "gen_ai.prompt": '[{"role":"user","content":"Hi"}]' }],
      ["gen_ai.content.completion", {
        "gen_ai.completion": '[{"role":"assistant","content":"Hello!"}]',
      }],
    ],
  });
  assertEquals([entry.inputText, entry.outputText], ["Hi", "Hello!"]);
  assertEquals(entry.metadata["gen_ai.prompt.name"], "greeting");
});

/** As `@traceloop/instrumentation-openai` 0.14.0 names them, index.mjs. */
const LLMETRY = {
  start: {
    "gen_ai.system": "OpenAI",
    "llm.request.type": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.max_tokens": 9,
    "llm.frequency_penalty": 0.5,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": JSON.stringify([{ type: "text", text: "Twice four?" }]),
    "llm.request.functions.0.name": "double",
    "llm.request.functions.0.description": "Doubles.",
    "llm.request.functions.0.arguments": '{"type":"object"}',
  },
  end: {
    "gen_ai.response.model": "gpt-4o-2026",
    "llm.usage.total_tokens": 5,
    "gen_ai.usage.completion_tokens": 2,
    "gen_ai.usage.prompt_tokens": 3,
    "gen_ai.completion.0.finish_reason": "stop",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "8",
  },
};

test("indexed attributes are recorded: OpenLLMetry in JavaScript", async (t) => {
  const entry = await recorded(t, { name: "openai.chat", ...LLMETRY });
  assertEquals(JSON.parse(entry.inputText), {
    messages: ASKED.slice(0, 2),
    tool_definitions: [TOOL],
  });
  assertEquals(entry.outputText, "8");
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.frequency_penalty": 0.5,
    "request.max_tokens": 9,
    "request.model": "gpt-4o",
    "response.finish_reasons": ["stop"],
    "response.model": "gpt-4o-2026",
    "usage.input_tokens": 3,
    "usage.output_tokens": 2,
  });
  assertEquals(about(entry, "llm."), { "usage.total_tokens": 5 });
});

// traceloop/openllmetry, opentelemetry/instrumentation/openai/shared/chat_wrappers.py, and completion_wrappers.py
test("indexed attributes of tool calls are recorded: OpenLLMetry in Python", async (t) => {
  const entry = await recorded(t, {
    name: "openai.chat",
    start: {
      ...LLMETRY.start,
      "gen_ai.prompt.2.role": "assistant",
      "gen_ai.prompt.2.tool_calls.0.id": "c1",
      "gen_ai.prompt.2.tool_calls.0.name": "double",
      "gen_ai.prompt.2.tool_calls.0.arguments": '{"n":4}',
      "gen_ai.prompt.3.role": "tool",
      "gen_ai.prompt.3.content": "8",
      "gen_ai.prompt.3.tool_call_id": "c1",
      // Ten and more messages are in the order of their numbers.
      "gen_ai.prompt.10.role": "user",
      "gen_ai.prompt.10.content": "Last?",
    },
    end: {
      "gen_ai.completion.0.finish_reason": "tool_calls",
      "gen_ai.completion.0.role": "assistant",
      "gen_ai.completion.0.tool_calls.0.id": "c2",
      "gen_ai.completion.0.tool_calls.0.name": "double",
      "gen_ai.completion.0.tool_calls.0.arguments": '{"n":8}',
    },
  });
  assertEquals(JSON.parse(entry.inputText).messages, [
    ...ASKED,
    { role: "user", parts: [{ type: "text", content: "Last?" }] },
  ]);
  assertEquals(JSON.parse(entry.outputText), ANSWERED);
  const completion = await recorded(t, {
    name: "openai.completion",
    start: {
      "gen_ai.system": "OpenAI",
      "llm.request.type": "completion",
      "gen_ai.prompt.0.user": "Hi", // as it is written there
    },
    end: { "gen_ai.completion.0.content": "Hello!" },
  });
  assertEquals(completion.metadata["gen_ai.operation.name"], "text_completion");
  assertEquals([completion.inputText, completion.outputText], ["Hi", "Hello!"]);
});

// @arizeai/openinference-instrumentation-openai 4.2.7, instrumentation.js and the attributes it makes
test("indexed attributes are recorded: OpenInference", async (t) => {
  const message = (n: number, attributes: Attributes, prefix = "llm.input_messages") =>
    Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [`${prefix}.${n}.message.${key}`, value]),
    );
  const entry = await recorded(t, {
    name: "OpenAI Chat Completions",
    start: {
      "openinference.span.kind": "LLM",
      "llm.model_name": "gpt-4o",
      "llm.provider": "openai",
      "llm.system": "openai",
      "llm.invocation_parameters": '{"model":"gpt-4o","temperature":0.5}',
      "input.value": '{"model":"gpt-4o","messages":[]}',
      "input.mime_type": "application/json",
      ...message(0, { role: "system", content: "Be brief." }),
      ...message(1, {
        role: "user",
        "contents.0.message_content.type": "text",
        "contents.0.message_content.text": "Twice four?",
        "contents.1.message_content.type": "image",
        "contents.1.message_content.image.image.url": "https://example.com/4.png",
      }),
      ...message(2, {
        role: "assistant",
        "tool_calls.0.tool_call.id": "c1",
        "tool_calls.0.tool_call.function.name": "double",
        "tool_calls.0.tool_call.function.arguments": '{"n":4}',
      }),
      ...message(3, { role: "tool", content: "8", tool_call_id: "c1" }),
      "llm.tools.0.tool.json_schema": JSON.stringify(TOOL),
    },
    end: {
      "llm.token_count.prompt": 3,
      "llm.token_count.completion": 2,
      "llm.token_count.total": 5,
      "llm.token_count.prompt_details.cache_read": 1,
      "output.value": "{}",
      "output.mime_type": "application/json",
      ...message(0, { role: "assistant", content: "16" }, "llm.output_messages"),
    },
  });
  const [system, user, ...others] = ASKED;
  const image = { type: "uri", modality: "image", uri: "https://example.com/4.png" };
  assertEquals(JSON.parse(entry.inputText), {
    messages: [system, { ...user, parts: [...user!.parts, image] }, ...others],
    tool_definitions: [TOOL],
  });
  assertEquals(entry.outputText, "16");
  assertEquals(about(entry, "gen_ai."), {
    "operation.name": "chat",
    "provider.name": "openai",
    "request.model": "gpt-4o",
    "request.temperature": 0.5,
    "usage.cache_read.input_tokens": 1,
    "usage.input_tokens": 3,
    "usage.output_tokens": 2,
  });
  assertEquals(about(entry, "input."), {});
  const tool = await recorded(t, {
    name: "double",
    start: {
      "openinference.span.kind": "TOOL",
      "tool.name": "double",
      "input.value": '{"n":4}',
      "output.value": "8",
    },
  });
  assertEquals([tool.model, tool.inputText, tool.outputText], ["double", '{"n":4}', "8"]);
  assertEquals(tool.metadata["gen_ai.operation.name"], "execute_tool");
});

test("attributes that only look like those of a form are kept as they are", async (t) => {
  const entry = await recorded(t, {
    start: {
      "gen_ai.operation.name": "chat",
      "input.value": "of the application",
      "session.id": "s",
      "gen_ai.prompt.0.__proto__.polluted": "yes",
    },
  });
  assertEquals([entry.metadata["input.value"], entry.metadata["session.id"]], [
    "of the application",
    "s",
  ]);
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
});

test("the time to the first chunk is told in seconds, under the conventions' name alone", async (t) => {
  const told: [form: string, start: Attributes, end: Attributes][] = [
    ["the conventions", OPERATION, { "gen_ai.response.time_to_first_chunk": 0.25 }],
    ["@ai-sdk/otel", OPERATION, { "gen_ai.client.operation.time_to_first_chunk": 0.25 }],
    ["the AI SDK, of texts", { "ai.operationId": "ai.streamText.doStream" }, {
      "ai.response.msToFirstChunk": 250,
    }],
    ["the AI SDK, of objects", { "ai.operationId": "ai.streamObject.doStream" }, {
      "ai.stream.msToFirstChunk": 250,
    }],
  ];
  for (const [form, start, end] of told) {
    const { metadata } = await recorded(t, { start, end });
    const times = Object.entries(metadata).filter(([key]) => /first_?chunk/i.test(key));
    assertEquals(times, [["gen_ai.response.time_to_first_chunk", 0.25]], form);
  }
});

const OPERATION = { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" };

test("a text that happens to be JSON is kept as the text that it is", async (t) => {
  for (const text of ['["Paris","London"]', "[1,2,3]", "[]", '{"question":"x"}']) {
    const indexed = await recorded(t, {
      start: {
        ...OPERATION,
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": text,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": text,
      },
    });
    assertEquals([indexed.inputText, indexed.outputText], [text, text]);
    const whole = await recorded(t, { start: { ...OPERATION, "gen_ai.prompt": text } });
    assertEquals(whole.inputText, text);
  }
  const told = '{"question":"x"}';
  const entry = await recorded(t, { start: { ...OPERATION, "gen_ai.input.messages": told } });
  assertEquals(entry.inputText, told);
});

// Spans of other packages' instrumentations as entries: the real packages on the real SDK.

import { OpenAIInstrumentation as OpenInference } from "@arizeai/openinference-instrumentation-openai";
import { metrics } from "@opentelemetry/api";
import { OpenAIInstrumentation as OpenTelemetry } from "@opentelemetry/instrumentation-openai";
import { OpenAIInstrumentation as OpenLLMetry } from "@traceloop/instrumentation-openai";
import { assert, assertEquals } from "@std/assert";
import type { AuditEntry } from "@audit-log/llm";
import OpenAI from "openai";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, only } from "../support/captured.ts";
import { Gate, type Reply } from "../support/providers/server.ts";
import { ASKED, type Tracing, tracing } from "../support/otel_tracing.ts";
import { atEnd } from "../support/temp.ts";

interface Instrumentation {
  readonly name: string;
  /** Has the classes of `openai` tell of their calls; `content: false` leaves the package's own default. */
  readonly start: (tracing: Tracing, content: boolean) => void;
  /** Has what `start` changed beyond the classes changed back. */
  readonly stop?: () => void;
  /** Whether it tells which tools were offered. */
  readonly tools: boolean;
  /** Whether it tells the usage of streams. */
  readonly streamUsage: boolean;
  /** Its word for a call that ended with tool calls. */
  readonly toolCalls: string;
  /** Whether it ends the span of a call that failed. */
  readonly endsFailed: boolean;
}

let openInference: OpenInference | undefined;

const INSTRUMENTATIONS: readonly Instrumentation[] = [
  {
    name: "@opentelemetry/instrumentation-openai",
    start({ tracers, loggers }, content) {
      const made = new OpenTelemetry(content ? { captureMessageContent: true } : {});
      made.setTracerProvider(tracers);
      made.setLoggerProvider(loggers as never);
      made.setMeterProvider(metrics.getMeterProvider());
      // It has no other way of instrumenting what was imported already, and says that it is for `openai` until 6.
      const { init } = made as unknown as { init(): { patch(module: unknown): unknown }[] };
      for (const { patch } of init.call(made)) patch({ OpenAI });
    },
    tools: false,
    streamUsage: true,
    toolCalls: "tool_calls",
    endsFailed: true,
  },
  {
    name: "@traceloop/instrumentation-openai",
    start({ tracers }, content) {
      const made = new OpenLLMetry(content ? {} : { traceContent: false });
      made.setTracerProvider(tracers);
      made.manuallyInstrument(OpenAI as never);
    },
    tools: true,
    streamUsage: false,
    toolCalls: "tool_call",
    endsFailed: false,
  },
  {
    name: "@arizeai/openinference-instrumentation-openai",
    start({ tracers }, content) {
      openInference = new OpenInference({
        tracerProvider: tracers,
        ...(content ? {} : { traceConfig: { hideInputs: true, hideOutputs: true } }),
      });
      openInference.manuallyInstrument({ OpenAI } as never);
    },
    stop: () => openInference?.disable(),
    tools: true,
    streamUsage: false,
    toolCalls: "tool_calls",
    endsFailed: false,
  },
];

/** What instrumentations change. */
const CHANGED = [OpenAI.Chat.Completions, OpenAI.Completions, OpenAI.Embeddings, OpenAI.Responses];

async function setUp(
  t: TestContext,
  { start, stop }: Instrumentation,
  content = true,
): Promise<Tracing & { client: OpenAI }> {
  const traced = await tracing(t);
  // Tests of other files may be made in this process.
  const own = CHANGED.map(({ prototype }) => [prototype, prototype.create] as const);
  atEnd(t, () => {
    stop?.();
    for (const [prototype, create] of own) Object.assign(prototype, { create });
  });
  start(traced, content);
  const baseURL = `${traced.provider.url}/v1`;
  return { ...traced, client: new OpenAI({ apiKey: API_KEY, baseURL, maxRetries: 0 }) };
}

type Messages = OpenAI.Chat.ChatCompletionMessageParam[];

const MESSAGES: Messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Twice four?" },
  {
    role: "assistant",
    tool_calls: [{
      id: "c1",
      type: "function",
      function: { name: "double", arguments: '{"n":4}' },
    }],
  },
  { role: "tool", tool_call_id: "c1", content: "8" },
];
const QUESTION = MESSAGES.slice(1, 2);
const TOOL: OpenAI.Chat.ChatCompletionFunctionTool = {
  type: "function",
  function: { name: "double", description: "Doubles.", parameters: { type: "object" } },
};
const called = (n: number) => ({
  type: "tool_call",
  id: "c2",
  name: "double",
  arguments: { n },
});
const outcome = ({ metadata }: AuditEntry) => metadata["audit.outcome"];

/** What of the usage that {@link Tracing} serves is told. */
const USAGE = { "usage.input_tokens": 20, "usage.output_tokens": 9 };
const usage = { input: 20, output: 9, cached: 8, reasoning: 4 };

for (const instrumentation of INSTRUMENTATIONS) {
  const { name, tools, streamUsage, toolCalls, endsFailed } = instrumentation;

  test(`${name}: a chat completion is recorded, with all that was asked`, async (t) => {
    const { provider, log, processor, client } = await setUp(t, instrumentation);
    provider.reply({ text: "8", usage });
    await client.chat.completions.create({
      model: "gpt-4o",
      messages: MESSAGES,
      tools: [TOOL],
      temperature: 0.5,
      max_tokens: 9,
    });
    await processor.forceFlush();
    const [begun, ended] = await log.query({ events: "all" });
    assertEquals(JSON.parse(ended!.inputText), {
      messages: ASKED,
      ...(tools ? { tool_definitions: [TOOL] } : {}),
    });
    // Instrumentations tell it when the span has started, by log records or by attributes.
    assertEquals([begun!.metadata["audit.event"], begun!.inputText, begun!.model], [
      "call.begin",
      ended!.inputText,
      "gpt-4o",
    ]);
    assertEquals([ended!.outputText, ended!.model, outcome(ended!)], ["8", "gpt-4o", "completed"]);
    assertEquals(ended!.metadata["audit.input.format"], "json");
    assert(ended!.latencyMs! > 0);
    const { "response.id": _, "usage.total_tokens": __, ...facts } = about(ended!, "gen_ai.");
    assertEquals(facts, {
      "operation.name": "chat",
      "provider.name": "openai",
      "request.max_tokens": 9,
      "request.model": "gpt-4o",
      "request.temperature": 0.5,
      "response.finish_reasons": ["stop"],
      "response.model": "gpt-4o-2026-01-01",
      ...USAGE,
      ...(name.startsWith("@arizeai/")
        ? { "usage.cache_read.input_tokens": 8, "usage.reasoning.output_tokens": 4 }
        : {}),
    });
  });

  test(`${name}: a streamed chat completion is recorded`, async (t) => {
    const { provider, log, processor, client } = await setUp(t, instrumentation);
    provider.reply({ text: ["Hel", "lo!"], usage });
    await all(
      await client.chat.completions.create({
        model: "gpt-4o",
        messages: QUESTION,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    const entry = await recorded(log, processor);
    assertEquals([entry.inputText, entry.outputText, entry.model], [
      "Twice four?",
      "Hello!",
      "gpt-4o",
    ]);
    const facts = about(entry, "gen_ai.");
    assertEquals(facts["response.finish_reasons"], ["stop"]);
    assertEquals(facts["usage.input_tokens"], streamUsage ? 20 : undefined);
  });

  test(`${name}: tool calls are recorded, whole and in the pieces of a stream`, async (t) => {
    const { provider, log, processor, client } = await setUp(t, instrumentation);
    const asked = { model: "gpt-4o", messages: QUESTION, tools: [TOOL] };
    provider.reply(
      { toolCalls: [{ id: "c2", name: "double", arguments: '{"n":8}' }] },
      {
        text: ["One ", "moment."],
        toolCalls: [{ id: "c2", name: "double", arguments: ['{"n"', ":9}"] }],
      },
    );
    await client.chat.completions.create(asked);
    await all(await client.chat.completions.create({ ...asked, stream: true }));
    const [whole, streamed] = await entries(log, processor, 2);
    assertEquals(JSON.parse(whole!.outputText), [
      { role: "assistant", parts: [called(8)], finish_reason: toolCalls },
    ]);
    assertEquals(JSON.parse(streamed!.outputText), [{
      role: "assistant",
      parts: [{ type: "text", content: "One moment." }, called(9)],
      finish_reason: toolCalls,
    }]);
  });

  test(
    `${name}: a call that fails is recorded as ${
      endsFailed ? "failed" : "begun, for its span is not ended"
    }`,
    async (t) => {
      const { provider, log, processor, client } = await setUp(t, instrumentation);
      provider.reply({ status: 400, error: "Bad." });
      const error = await client.chat.completions.create({ model: "gpt-4o", messages: QUESTION })
        .then(() => undefined, (error: unknown) => error);
      assert(error instanceof OpenAI.BadRequestError);
      await processor.forceFlush();
      if (endsFailed) {
        const entry = await only(log);
        assertEquals([outcome(entry), entry.inputText, entry.outputText], [
          "failed",
          "Twice four?",
          "",
        ]);
        assertEquals(about(entry, "error."), { type: "BadRequestError", message: "400 Bad." });
      } else {
        const open = (await log.unfinished()).map(({ entry }) => [entry!.model, entry!.inputText]);
        assertEquals(open, [["gpt-4o", "Twice four?"]]);
      }
    },
  );

  test(`${name}: without content, a call is recorded without its texts`, async (t) => {
    const { provider, log, processor, client } = await setUp(t, instrumentation, false);
    provider.reply({ text: "8", usage });
    await client.chat.completions.create({ model: "gpt-4o", messages: QUESTION });
    const entry = await recorded(log, processor);
    // Arize's word for what it hides.
    assertEquals(entry.outputText, name.startsWith("@arizeai/") ? "__REDACTED__" : "");
    assert(!entry.inputText.includes("four"), entry.inputText);
    const { "usage.input_tokens": input, "usage.output_tokens": output } = about(entry, "gen_ai.");
    assertEquals([entry.model, input, output], ["gpt-4o", 20, 9]);
  });
}

for (const instrumentation of INSTRUMENTATIONS) {
  // OpenLLMetry puts the whole input into one text, and tells of a response's text alone; of its stream, of nothing.
  if (instrumentation.name.startsWith("@traceloop/")) continue;
  test(`${instrumentation.name}: OpenAI's responses are recorded, whole and streamed`, async (t) => {
    const { provider, log, processor, client } = await setUp(t, instrumentation);
    const reply = {
      reasoning: "Hm.",
      text: "So:",
      toolCalls: [{ id: "c2", name: "double", arguments: '{"n":8}' }],
    };
    provider.reply(reply, reply);
    const asked: OpenAI.Responses.ResponseCreateParamsNonStreaming = {
      model: "gpt-4o",
      input: [
        { role: "user", content: "Twice four?" },
        { type: "function_call", call_id: "c1", name: "double", arguments: '{"n":4}' },
        { type: "function_call_output", call_id: "c1", output: "8" },
      ],
    };
    await client.responses.create(asked);
    await all(await client.responses.create({ ...asked, stream: true }));
    const parts = [
      { type: "reasoning", content: "Hm." },
      { type: "text", content: "So:" },
      called(8),
    ];
    for (const entry of await entries(log, processor, 2)) {
      const { messages } = JSON.parse(entry.inputText) as { messages: { parts: unknown[] }[] };
      assertEquals(messages.map(({ parts }) => parts), ASKED.slice(1).map(({ parts }) => parts));
      const output = JSON.parse(entry.outputText) as { parts: unknown[] }[];
      assertEquals(output.flatMap(({ parts }) => parts), parts);
      const { "request.model": model, "response.model": answered, ...facts } = about(
        entry,
        "gen_ai.",
      );
      assertEquals([entry.model, model, answered], ["gpt-4o", "gpt-4o", "gpt-4o-2026-01-01"]);
      assertEquals([facts["usage.input_tokens"], facts["usage.output_tokens"]], [11, 7]);
    }
  });
}

/** The one entry, once its span has ended: some instrumentations read a stream on their own. */
async function recorded(
  log: Tracing["log"],
  processor: Tracing["processor"],
): Promise<AuditEntry> {
  return (await entries(log, processor, 1))[0]!;
}

async function entries(
  log: Tracing["log"],
  processor: Tracing["processor"],
  count: number,
): Promise<AuditEntry[]> {
  for (;;) {
    await processor.forceFlush();
    const found = await log.query();
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve));
  }
}

const [ofOpenTelemetry] = INSTRUMENTATIONS as [Instrumentation];

/** A streamed chat completion whose server waits with each event until the one before it was read. */
async function readInStep({ provider, client }: Tracing & { client: OpenAI }, reply: Reply) {
  const gate = new Gate();
  provider.reply({ text: ["Hel", "lo!"], ...reply, gate });
  const asked = { model: "gpt-4o", messages: QUESTION, stream: true as const };
  const texts: unknown[] = [];
  const read = async () => {
    gate.release();
    for await (const { choices } of await client.chat.completions.create(asked)) {
      texts.push(choices[0]?.delta.content ?? "");
      gate.release();
    }
  };
  const error = await read().then(() => undefined, (error: unknown) => error);
  return { text: texts.join(""), error };
}

for (
  const [how, reply] of [
    ["whose connection is cut", { cutAfter: 2 }],
    ["that tells of an error", { streamErrorAfter: 2, error: "Out of order." }],
    ["with a chunk that is no JSON", { malformedAfter: 2 }],
  ] as const
) {
  // It does not end the span of a stream that breaks.
  test(`${ofOpenTelemetry.name}: a stream ${how} is the reader's to see, and recorded as begun`, async (t) => {
    const traced = await setUp(t, ofOpenTelemetry);
    const { log, processor, told } = traced;
    const { text, error } = await readInStep(traced, reply);
    assertEquals([text, error instanceof Error], ["Hel", true]);
    await processor.forceFlush();
    assertEquals(await log.query(), []);
    const open = (await log.unfinished()).map(({ entry }) => [entry!.model, entry!.inputText]);
    assertEquals([open, told], [[["gpt-4o", "Twice four?"]], []]);
  });
}

test(`${ofOpenTelemetry.name}: a slow stream is recorded as a whole, without the usage that it does not tell`, async (t) => {
  const traced = await setUp(t, ofOpenTelemetry);
  assertEquals(await readInStep(traced, {}), { text: "Hello!", error: undefined });
  const entry = await recorded(traced.log, traced.processor);
  assertEquals([outcome(entry), entry.inputText, entry.outputText], [
    "completed",
    "Twice four?",
    "Hello!",
  ]);
  assertEquals([about(entry, "gen_ai.usage."), entry.costUsd], [{}, null]);
});

test(`${ofOpenTelemetry.name}: an answer without usage is recorded without, one with zeros with these`, async (t) => {
  const { provider, log, processor, client } = await setUp(t, ofOpenTelemetry);
  provider.reply({ text: "8", usage: null }, { text: "8", usage: { input: 20, output: 0 } });
  const asked = { model: "gpt-4o", messages: QUESTION };
  for (let n = 0; n < 2; n++) await client.chat.completions.create(asked);
  const told = await entries(log, processor, 2);
  assertEquals(told.map((entry) => [outcome(entry), about(entry, "gen_ai.usage.")]), [
    ["completed", {}],
    ["completed", { input_tokens: 20, output_tokens: 0 }],
  ]);
});

test(`${ofOpenTelemetry.name}: an answer after a 429 is one call, for the client's attempts are one span`, async (t) => {
  const { provider, log, processor, client } = await setUp(t, ofOpenTelemetry);
  provider.reply({ status: 429, headers: { "retry-after-ms": "1" } }, { text: "8" });
  const retrying = client.withOptions({ maxRetries: 1 });
  await retrying.chat.completions.create({ model: "gpt-4o", messages: QUESTION });
  const entry = await recorded(log, processor);
  assertEquals([outcome(entry), entry.outputText, provider.requests.length], ["completed", "8", 2]);
  assertEquals(entry.metadata["attempt"], undefined);
  assertEquals([await log.count(), await log.unfinished()], [1, []]);
});

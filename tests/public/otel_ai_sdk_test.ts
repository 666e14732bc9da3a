// Spans of the AI SDK's own telemetry, of today and of before, as entries: the real SDK and its real instrumentation.

import { LegacyOpenTelemetry, OpenTelemetry } from "@ai-sdk/otel";
import { createOpenAI } from "@ai-sdk/openai";
import { assert, assertEquals } from "@std/assert";
import type { AuditEntry } from "@audit-log/llm";
import { embedMany, generateText, stepCountIs, streamText, type Telemetry, tool } from "ai";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { about, API_KEY } from "../support/captured.ts";
import { type Tracing, tracing } from "../support/otel_tracing.ts";
import { Gate } from "../support/providers/reply.ts";

const INSTRUMENTATIONS: [name: string, make: (tracer: Tracing["tracer"]) => Telemetry][] = [
  ["OpenTelemetry", (tracer) => new OpenTelemetry({ tracer })],
  ["LegacyOpenTelemetry", (tracer) => new LegacyOpenTelemetry({ tracer })],
];

async function setUp(t: TestContext, make: (typeof INSTRUMENTATIONS)[number][1]) {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const traced = await tracing(t);
  const baseURL = `${traced.provider.url}/v1`;
  const openai = createOpenAI({ apiKey: API_KEY, baseURL });
  return { ...traced, openai, telemetry: { integrations: [make(traced.tracer)] } };
}

for (const [name, make] of INSTRUMENTATIONS) {
  test(`${name}: generateText with a tool is recorded, each step and the tool`, async (t) => {
    const { provider, log, processor, openai, telemetry } = await setUp(t, make);
    provider.reply(
      { toolCalls: [{ id: "c1", name: "double", arguments: '{"n":4}' }] },
      { text: "8", usage: { input: 20, output: 9, cached: 8, reasoning: 4 } },
    );
    const double = tool({
      description: "Doubles.",
      inputSchema: z.object({ n: z.number() }),
      execute: ({ n }) => 2 * n,
    });
    await generateText({
      model: openai.chat("gpt-4o"),
      system: "Be brief.",
      prompt: "Twice four?",
      temperature: 0.5,
      tools: { double },
      stopWhen: stepCountIs(3),
      telemetry,
    });
    await processor.forceFlush();
    const entries = await log.query();
    const of = (operation: string) =>
      entries.filter(({ metadata }) => metadata["gen_ai.operation.name"] === operation);
    const [first, second, ...none] = of("chat");
    assertEquals(none, []);
    const asked = JSON.parse(second!.inputText);
    const system = [{ type: "text", content: "Be brief." }];
    // The conventions have instructions apart, the SDK's own form as a message.
    if (asked.system_instructions === undefined) {
      assertEquals(asked.messages.shift(), { role: "system", parts: system });
    } else assertEquals(asked.system_instructions, system);
    const call = { type: "tool_call", id: "c1", name: "double", arguments: { n: 4 } };
    const [question, called, answer] = asked.messages;
    assertEquals(question, {
      role: "user",
      parts: [{ type: "text", content: "Twice four?" }],
    });
    assertEquals(called, { role: "assistant", parts: [call] });
    assertEquals([answer.role, answer.parts[0].id, answer.parts[0].response], ["tool", "c1", 8]);
    assertEquals(asked.tool_definitions[0].name, "double");
    assertEquals(second!.metadata["audit.input.format"], "json");
    for (const chat of [first!, second!]) assert(chat.latencyMs! > 0);
    assertEquals(JSON.parse(first!.outputText)[0].parts, [call]);
    assertEquals(second!.outputText, "8");
    assertEquals(second!.model, "gpt-4o");
    const facts = about(second!, "gen_ai.");
    assertEquals(
      [
        "provider.name",
        "request.temperature",
        "response.finish_reasons",
        "response.id",
        "response.model",
        "usage.input_tokens",
        "usage.output_tokens",
        "usage.cache_read.input_tokens",
      ].map((key) => facts[key]),
      ["openai", 0.5, ["stop"], "chatcmpl-local-1", "gpt-4o-2026-01-01", 20, 9, 8],
    );
    const [run, ...others] = of("execute_tool");
    assertEquals(others, []);
    assertEquals([run!.model, JSON.parse(run!.inputText), run!.outputText], [
      "double",
      { n: 4 },
      "8",
    ]);
    assertEquals(await log.unfinished(), []);
    assert(!JSON.stringify(entries).includes(API_KEY));
  });

  test(`${name}: a stream is recorded when it has ended, its beginning before`, async (t) => {
    const { provider, log, processor, openai, telemetry } = await setUp(t, make);
    const gate = new Gate();
    provider.reply({ text: ["Hello", "!"], usage: { input: 3, output: 2 }, gate });
    // Up to the first piece of the text.
    for (let n = 0; n < 2; n++) gate.release();
    const { textStream } = streamText({ model: openai.chat("gpt-4o"), prompt: "Hi", telemetry });
    const begun: string[][] = [];
    for await (const _ of textStream) {
      await processor.forceFlush();
      begun.push((await log.unfinished()).map(({ entry }) => entry!.inputText));
      for (let n = 0; n < 9; n++) gate.release();
    }
    assert(begun[0]!.includes("Hi"), String(begun));
    await processor.forceFlush();
    const chats = await log.query({ metadata: { "gen_ai.operation.name": "chat" } });
    assertEquals(chats.map(({ inputText, outputText }) => [inputText, outputText]), [
      ["Hi", "Hello!"],
    ]);
    const [{ metadata, latencyMs }] = chats as [AuditEntry];
    assertEquals(metadata["audit.input.format"], "text");
    assert(latencyMs! > 0);
    const times = Object.entries(metadata).filter(([key]) => /first_?chunk/i.test(key));
    assertEquals(times.map(([key, value]) => [key, typeof value]), [
      ["gen_ai.response.time_to_first_chunk", "number"],
    ]);
    assertEquals(await log.unfinished(), []);
  });

  test(`${name}: an error of the provider is recorded`, async (t) => {
    const { provider, log, processor, openai, telemetry } = await setUp(t, make);
    provider.reply({ status: 400, error: `Bad key ${API_KEY} here.` });
    const model = openai.chat("gpt-4o");
    await generateText({ model, prompt: "Hi", maxRetries: 0, telemetry }).catch(() => {});
    await processor.forceFlush();
    const [chat] = await log.query({ metadata: { "gen_ai.operation.name": "chat" } });
    assertEquals([chat!.inputText, chat!.metadata["audit.outcome"]], ["Hi", "failed"]);
    assertEquals(chat!.metadata["error.message"], "Bad key [secret] here.");
  });

  test(`${name}: embeddings are recorded without their vectors`, async (t) => {
    const { log, processor, openai, telemetry } = await setUp(t, make);
    const model = openai.embedding("text-embedding-3-small");
    await embedMany({ model, values: ["one", "two"], telemetry });
    await processor.forceFlush();
    const entries = await log.query();
    assert(entries.length > 0);
    for (const { metadata } of entries) {
      assertEquals(metadata["gen_ai.operation.name"], "embeddings");
      assertEquals(Object.keys(metadata).filter((key) => /embedding$|embeddings$/.test(key)), []);
    }
    assertEquals(
      entries.find(({ metadata }) => "gen_ai.usage.input_tokens" in metadata)!.model,
      "text-embedding-3-small",
    );
  });
}

// What is recorded of the content of calls of the AI SDK's models.

import { openai as toolsOf } from "@ai-sdk/openai";
import { assert, assertEquals } from "@std/assert";
import {
  generateObject,
  generateText,
  jsonSchema,
  Output,
  streamObject,
  streamText,
  tool,
} from "ai";
import { test } from "node:test";
import { z } from "zod";
import { FINISH, sayingModel, setUpModels, type StreamPart } from "../support/ai_sdk_models.ts";
import { all, API_KEY, only } from "../support/captured.ts";

const prompt = "Hi";
const PNG = "iVBORw0KGgo=";
const picture = {
  type: "blob",
  modality: "image",
  mime_type: "image/png",
  sha256: "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
  size: 8,
};

test("reasoning is recorded, plain and streamed, with what the provider signs it by", async (t) => {
  const { provider, log, responses, claude } = await setUpModels(t);
  for (const model of [responses, claude]) {
    const reply = { reasoning: "Easy.", text: "Yes." };
    provider.reply(reply, reply);
    await generateText({ model, prompt });
    await all(streamText({ model, prompt }).textStream);
  }
  for (const [n, { outputText }] of (await log.query()).entries()) {
    const [reasoning, text, ...others] = JSON.parse(outputText)[0].parts;
    assertEquals([reasoning.type, reasoning.content, text, others], [
      "reasoning",
      "Easy.",
      { type: "text", content: "Yes." },
      [],
    ]);
    const { openai, anthropic } = reasoning.provider_metadata;
    assert(typeof (n < 2 ? openai.itemId : anthropic.signature) === "string", outputText);
  }
});

test("a refusal is a text, as the AI SDK has it, and its reason to stop tells of it", async (t) => {
  const { provider, log, chat, responses } = await setUpModels(t);
  provider.reply({ refusal: "No." }, { refusal: "No." });
  assertEquals((await generateText({ model: chat, prompt })).finishReason, "content-filter");
  await generateText({ model: responses, prompt });
  for (const { outputText, metadata } of await log.query()) {
    assertEquals(outputText, "No.");
    assertEquals(metadata["gen_ai.response.finish_reasons"], ["content-filter"]);
  }
});

test("tool calls in pieces are recorded whole, and several side by side", async (t) => {
  const { provider, log, chat, responses, claude } = await setUpModels(t);
  const tools = {
    double: tool({ inputSchema: z.object({ n: z.number() }) }),
    now: tool({ inputSchema: z.object({}) }),
  };
  for (const model of [chat, responses, claude]) {
    provider.reply({
      toolCalls: [
        { id: "c1", name: "double", arguments: ['{"n', '":', "4}"] },
        { id: "c2", name: "now", arguments: "{}" },
      ],
    });
    await all(streamText({ model, prompt, tools }).stream);
  }
  for (const { outputText } of await log.query()) {
    assertEquals(
      JSON.parse(outputText)[0].parts.map(({ type, id, name, arguments: given }: {
        type: string;
        id: string;
        name: string;
        arguments: unknown;
      }) => [type, id, name, given]),
      [["tool_call", "c1", "double", { n: 4 }], ["tool_call", "c2", "now", {}]],
    );
  }
});

test("objects are recorded as what came, with the schema that was asked for", async (t) => {
  const { provider, log, chat, responses } = await setUpModels(t);
  const schema = jsonSchema<{ password: string }>({
    type: "object",
    properties: { password: { type: "string" } },
  });
  const reply = { text: '{"password":"x"}' };
  provider.reply(reply, reply, reply);
  assertEquals((await generateObject({ model: chat, prompt, schema })).object.password, "x");
  const streamed = streamObject({ model: responses, prompt, schema });
  assertEquals((await all(streamed.partialObjectStream)).at(-1), { password: "x" });
  const { partialOutputStream } = streamText({
    model: chat,
    prompt,
    output: Output.object({ schema }),
  });
  assertEquals((await all(partialOutputStream)).at(-1), { password: "x" });
  for (const { outputText, metadata } of await log.query()) {
    assertEquals(outputText, '{"password":"x"}');
    const { responseFormat } = metadata["request.parameters"] as {
      responseFormat: { schema: { properties: unknown } };
    };
    assertEquals(responseFormat.schema.properties, { password: { type: "string" } });
  }
});

test("what tools on other machines are reached with is not recorded", async (t) => {
  const { log, responses, claude } = await setUpModels(t);
  await generateText({
    model: responses,
    prompt,
    tools: {
      mcp: toolsOf.tools.mcp({
        serverLabel: "docs",
        serverUrl: "https://docs.example/mcp",
        authorization: API_KEY,
        headers: { "x-key": API_KEY },
      }),
      login: tool({ inputSchema: z.object({ password: z.string() }) }),
    },
  });
  await generateText({
    model: claude,
    prompt,
    providerOptions: {
      anthropic: {
        mcpServers: [{
          type: "url",
          name: "docs",
          url: "https://docs.example/mcp",
          authorizationToken: API_KEY,
        }],
      },
    },
  });
  const [first, second] = await log.query();
  const [mcp, login] = JSON.parse(first!.inputText).tool_definitions;
  assertEquals(mcp.args, { serverLabel: "docs", serverUrl: "https://docs.example/mcp" });
  assertEquals(login.inputSchema.properties, { password: { type: "string" } });
  const { providerOptions } = second!.metadata["request.parameters"] as {
    providerOptions: unknown;
  };
  assertEquals(providerOptions, {
    anthropic: {
      mcpServers: [{ type: "url", name: "docs", url: "https://docs.example/mcp" }],
    },
  });
});

test("files, sources and results of a provider's tools are recorded, bytes by their hash", async (t) => {
  const { log, audited } = await setUpModels(t);
  const base64 = "QUJD".repeat(300);
  const file = { type: "file", mediaType: "image/png", data: { type: "data", data: PNG } } as const;
  const source = {
    type: "source",
    sourceType: "url",
    id: "s1",
    url: "https://example.org/",
  } as const;
  const call = {
    type: "tool-call",
    toolCallId: "t1",
    toolName: "draw",
    input: "{}",
    providerExecuted: true,
  } as const;
  const result = {
    type: "tool-result",
    toolCallId: "t1",
    toolName: "draw",
    result: { result: base64 },
  } as const;
  const finish = { type: "finish", ...FINISH } as const;
  const parts: StreamPart[] = [
    { type: "stream-start", warnings: [{ type: "other", message: "Slow." }] },
    { type: "text-start", id: "0" },
    { type: "reasoning-start", id: "0" },
    { type: "text-delta", id: "0", delta: "Look" },
    { type: "reasoning-delta", id: "0", delta: "Draw" },
    { type: "text-delta", id: "0", delta: "!" },
    { type: "reasoning-end", id: "0" },
    { type: "text-end", id: "0" },
    call,
    { ...result, result: { result: "QUJD" }, preliminary: true },
    result,
    file,
    source,
    { ...finish, providerMetadata: { local: { tier: "default" } } },
  ];
  const model = audited(sayingModel({
    content: [
      { type: "text", text: "Look!" },
      { type: "reasoning", text: "Draw" },
      call,
      result,
      file,
      source,
    ],
    warnings: [{ type: "other", message: "Slow." }],
    providerMetadata: { local: { tier: "default" } },
  }));
  const streaming = audited(sayingModel({ parts }));
  const asked = [{ role: "user" as const, content: [{ type: "text" as const, text: prompt }] }];
  await model.doGenerate({ prompt: asked });
  await all((await streaming.doStream({ prompt: asked })).stream);
  const entries = await log.query();
  assertEquals(entries.length, 2);
  for (const { outputText, metadata } of entries) {
    assertEquals(JSON.parse(outputText), [{
      role: "assistant",
      parts: [
        { type: "text", content: "Look!" },
        { type: "reasoning", content: "Draw" },
        { type: "tool_call", id: "t1", name: "draw", arguments: {}, providerExecuted: true },
        {
          type: "tool_call_response",
          id: "t1",
          name: "draw",
          response: {
            result: {
              type: "blob",
              modality: "image",
              sha256: "b2be4eac31457a3890f9ae10ce95a19f3f4180478af34b5878f5c2ead9b00eb9",
              size: 900,
            },
          },
        },
        picture,
        source,
      ],
      finish_reason: "stop",
    }]);
    assertEquals(metadata["warnings"], [{ type: "other", message: "Slow." }]);
    assertEquals(metadata["ai_sdk.provider_metadata"], { local: { tier: "default" } });
    assertEquals(metadata["gen_ai.provider.name"], "local");
  }
});

test("the bytes of files are recorded where they are asked for", async (t) => {
  const { log, audited } = await setUpModels(t, { inlineMedia: true });
  const file = { type: "file", mediaType: "image/png", data: { type: "data", data: PNG } } as const;
  await generateText({
    model: audited(sayingModel({ content: [file] })),
    messages: [{ role: "user", content: [{ type: "file", data: PNG, mediaType: "image/png" }] }],
  });
  const { inputText, outputText } = await only(log);
  const kept = { ...picture, content: PNG };
  assertEquals(JSON.parse(inputText).messages[0].parts, [kept]);
  assertEquals(JSON.parse(outputText)[0].parts, [kept]);
});

test("results of tools with pictures, URLs, errors and refused approvals are in the next step's input", async (t) => {
  const { log, audited } = await setUpModels(t);
  const say = (type: string, value: unknown) => ({ type, value }) as never;
  const outputs = [
    say("content", [
      { type: "text", text: "Here:" },
      { type: "file", mediaType: "image/png", data: { type: "data", data: PNG } },
    ]),
    say("json", { picture: `data:image/png;base64,${PNG}` }),
    say("error-text", "It broke."),
    { type: "execution-denied", reason: "No." } as const,
  ];
  await audited(sayingModel({ content: [{ type: "text", text: "Done." }] })).doGenerate({
    prompt: [
      {
        role: "user",
        content: [{
          type: "file",
          mediaType: "image/*",
          data: { type: "url", url: new URL("https://example.org/a.png") },
        }],
      },
      {
        role: "tool",
        content: outputs.map((output, n) => ({
          type: "tool-result",
          toolCallId: `t${n}`,
          toolName: "look",
          output,
        })),
      },
    ],
  });
  const [user, results] = JSON.parse((await only(log)).inputText).messages;
  assertEquals(user.parts[0].uri, "https://example.org/a.png");
  assertEquals(results.parts.map(({ response }: { response: unknown }) => response), [
    [{ type: "text", content: "Here:" }, picture],
    { picture },
    { type: "error-text", value: "It broke." },
    { type: "execution-denied", reason: "No." },
  ]);
});

test("citations are kept beside the text, plain and streamed", async (t) => {
  const { log, audited } = await setUpModels(t);
  const citations = [{ type: "url", url: "https://example.org/" }] as never;
  await generateText({
    model: audited(sayingModel({ content: [{ type: "text", text: "So.", citations }] })),
    prompt,
  });
  const parts: StreamPart[] = [
    { type: "text-start", id: "0" },
    { type: "text-delta", id: "0", delta: "So." },
    { type: "text-end", id: "0", citations },
    { type: "finish", ...FINISH },
  ];
  await all(streamText({ model: audited(sayingModel({ parts })), prompt }).textStream);
  for (const { outputText } of await log.query()) {
    assertEquals(JSON.parse(outputText)[0].parts, [{ citations, type: "text", content: "So." }]);
  }
});

test("a reason to stop that only the provider has a word for is kept in both", async (t) => {
  const { log, audited } = await setUpModels(t);
  const finishReason = { unified: "other", raw: "pause_turn" } as const;
  await audited(sayingModel({ content: [{ type: "text", text: "So." }], finishReason })).doGenerate(
    {
      prompt: [],
    },
  );
  const { metadata } = await only(log);
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["other"]);
  assertEquals(metadata["ai_sdk.raw_finish_reason"], "pause_turn");
});

test("usage that is not told is absent, and what is cached is part of the input", async (t) => {
  const { provider, log, chat, claude } = await setUpModels(t);
  provider.reply(
    { text: "Yes.", usage: null },
    { text: "Yes.", usage: { input: 20, output: 9, cached: 8, cacheCreated: 2 } },
  );
  await all(streamText({ model: chat, prompt }).textStream);
  await all(streamText({ model: claude, prompt }).textStream);
  const [first, second] = await log.query();
  assert(!Object.keys(first!.metadata).some((key) => key.startsWith("gen_ai.usage.")));
  assertEquals([
    second!.metadata["gen_ai.usage.input_tokens"],
    second!.metadata["gen_ai.usage.cache_read.input_tokens"],
    second!.metadata["gen_ai.usage.cache_creation.input_tokens"],
  ], [20, 8, 2]);
});

// Of media that are part of what is asked or answered, the hash is recorded and not the bytes, wherever they stand.

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AuditLog } from "@audit-log/llm";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { only } from "../support/captured.ts";
import { answering, post } from "../support/fetched.ts";
import { tracing } from "../support/otel_tracing.ts";

const PICTURE = new TextEncoder().encode("a picture, or what stands for one ".repeat(40));
const BASE64 = Buffer.from(PICTURE).toString("base64");
const URL_OF_IT = `data:image/png;base64,${BASE64}`;
const SHA256 = createHash("sha256").update(PICTURE).digest("hex");
const HOST = "https://llm.example/v1";

/** Makes sure that the picture is told of, and that nothing of it is left. */
async function assertHashed(log: AuditLog): Promise<void> {
  const entries = JSON.stringify(await log.query({ events: "all" }));
  assert(!entries.includes(BASE64.slice(8, 40)), entries.slice(0, 3000));
  assert(!entries.includes(String([...PICTURE.subarray(0, 8)])), entries.slice(0, 3000));
  const { inputText, outputText, metadata } = await only(log);
  const told = inputText + outputText + JSON.stringify(metadata);
  assert(told.includes(SHA256), told);
  assert(told.includes(String(PICTURE.length)), told);
}

const requests: [what: string, path: string, body: object][] = [
  ["a tool's answer that is JSON", "chat/completions", {
    messages: [{
      role: "tool",
      tool_call_id: "c",
      content: JSON.stringify({ kept: 1, image: { mimeType: "image/png", data: BASE64 } }),
    }],
  }],
  ["a tool's answer that is a text", "chat/completions", {
    messages: [{ role: "tool", tool_call_id: "c", content: `Here: ![](${URL_OF_IT}) you are.` }],
  }],
  ["a tool's answer that is a URL", "responses", {
    input: [{ type: "function_call_output", call_id: "c", output: URL_OF_IT }],
  }],
  ["a picture that a model made", "responses", {
    input: [{ type: "image_generation_call", id: "i", result: BASE64 }],
  }],
  ["what a code interpreter made", "responses", {
    input: [{
      type: "code_interpreter_call",
      id: "i",
      outputs: [{ type: "image", url: URL_OF_IT }],
    }],
  }],
  ["a prompt's variables", "responses", {
    prompt: { id: "p", variables: { v: { type: "input_image", image_url: URL_OF_IT } } },
  }],
  ["a document within a tool's answer", "messages", {
    messages: [{
      role: "user",
      content: [{
        type: "tool_result",
        tool_use_id: "c",
        content: [{ type: "document", source: base64Source("application/pdf") }],
      }],
    }],
  }],
  ["a block that is not known", "messages", {
    messages: [{ role: "user", content: [{ type: "frame", source: base64Source("image/png") }] }],
  }],
  ["a search result within a block", "messages", {
    messages: [{
      role: "user",
      content: [{ type: "search_result", content: [{ source: base64Source("image/png") }] }],
    }],
  }],
  ["a document's content", "messages", {
    messages: [{
      role: "user",
      content: [{
        type: "document",
        source: {
          type: "content",
          content: [{ type: "image", source: base64Source("image/png") }],
        },
      }],
    }],
  }],
  ["what is embedded", "embeddings", {
    input: [{ content: [{ type: "image_base64", image_base64: URL_OF_IT }] }, "Hi"],
  }],
  ["what is embedded in another form", "embeddings", { input: [{ image: BASE64 }] }],
  ["a text to be embedded that is a picture", "embeddings", { input: URL_OF_IT }],
  ["what is embedded as messages", "embeddings", {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: URL_OF_IT } }] }],
  }],
  ["what Gemini's tool answered with", "models/g:generateContent", {
    contents: [{
      parts: [{
        functionResponse: { name: "look", response: { image: URL_OF_IT } },
      }, {
        functionResponse: {
          name: "look",
          response: {},
          parts: [{ inlineData: { mimeType: "image/png", data: BASE64 } }],
        },
      }],
    }],
  }],
  ["what Gemini embeds", "models/g:batchEmbedContents", {
    requests: [{ content: { parts: [{ inline_data: { mime_type: "image/png", data: BASE64 } }] } }],
  }],
  ["what Gemini is shown", "v1beta/interactions", {
    input: [{ type: "image", mime_type: "image/png", data: BASE64 }],
  }],
  ["a picture that Gemini made earlier", "v1beta/interactions", {
    input: [{ type: "model_output", content: [{ type: "image", data: BASE64 }] }],
  }],
  ["what Gemini's tool answered with, as a step", "v1beta/interactions", {
    input: [{ type: "function_result", call_id: "c", result: [{ type: "image", data: BASE64 }] }],
  }],
  ["a parameter", "chat/completions", { messages: [], mask: { b64_json: BASE64 } }],
];

function base64Source(media_type: string): object {
  return { type: "base64", media_type, data: BASE64 };
}

for (const [what, path, body] of requests) {
  test(`${what} is recorded by its hash, asked of ${path}`, async () => {
    const log = await AuditLog.open();
    const fetch = auditFetch(log, { fetch: answering("{}") });
    await fetch(`${HOST}/${path}`, post({ model: "m", ...body }));
    await assertHashed(log);
    await log.close();
  });
}

const answers: [what: string, path: string, answer: object][] = [
  ["what a code interpreter made", "responses", {
    output: [{ type: "code_interpreter_call", outputs: [{ type: "image", url: URL_OF_IT }] }],
  }],
  ["a picture", "responses", { output: [{ type: "image_generation_call", result: BASE64 }] }],
  ["a picture as some have it", "chat/completions", {
    choices: [{
      message: {
        role: "assistant",
        content: "There.",
        images: [{ type: "image_url", image_url: { url: URL_OF_IT } }],
      },
    }],
  }],
  ["a part that is a picture", "chat/completions", {
    choices: [{ message: { content: [{ type: "image_url", image_url: { url: URL_OF_IT } }] } }],
  }],
  ["speech", "chat/completions", {
    choices: [{ message: { content: null, audio: { id: "a", transcript: "Hi", data: BASE64 } } }],
  }],
  ["a picture of Gemini's", "models/g:generateContent", {
    candidates: [{
      content: { parts: [{ inlineData: { mimeType: "image/png", data: BASE64 } }] },
      finishReason: "STOP",
    }],
  }],
  ["a picture of Gemini's, as a step", "v1beta/interactions", {
    steps: [{ type: "model_output", content: [{ type: "image", data: BASE64 }] }],
  }],
  ["a picture as some models have it", "v1beta/interactions", {
    outputs: [{ type: "image", mime_type: "image/png", data: BASE64 }],
  }],
  ["what a provider's tool answered with", "messages", {
    content: [{
      type: "mcp_tool_result",
      content: [{ type: "image", source: base64Source("image/png") }],
    }],
  }],
];
for (const [what, path, answer] of answers) {
  test(`${what} is recorded by its hash, answered by ${path}`, async () => {
    const log = await AuditLog.open();
    const fetch = auditFetch(log, { fetch: answering(JSON.stringify(answer)) });
    await (await fetch(`${HOST}/${path}`, post({ model: "m" }))).text();
    await assertHashed(log);
    await log.close();
  });
}

test("a picture in an answer that was cut is recorded by its hash", async () => {
  const picture = { inlineData: { mimeType: "image/png", data: BASE64 } };
  const answer = JSON.stringify([{ candidates: [{ content: { parts: [picture] } }] }]);
  const url = JSON.stringify([{ url: URL_OF_IT }, "more"]);
  for (
    const cut of [answer.slice(0, -1), answer.replaceAll("/", "\\/").slice(0, -1), url.slice(0, -3)]
  ) {
    const log = await AuditLog.open();
    const fetch = auditFetch(log, { fetch: answering(cut) });
    await (await fetch(`${HOST}/models/g:generateContent`, post({ contents: [] }))).text();
    await assertHashed(log);
    const { outputText } = await only(log);
    assert(outputText.startsWith(cut.slice(0, 8)), outputText);
    assert(outputText.endsWith(cut.slice(-2)), outputText);
    await log.close();
  }
});

test("of a picture that was cut itself, nothing is left", async () => {
  const log = await AuditLog.open();
  const cut = `[{"data":"${BASE64.slice(0, 1001)}`;
  const fetch = auditFetch(log, { fetch: answering(cut) });
  await (await fetch(`${HOST}/models/g:generateContent`, post({ contents: [] }))).text();
  const { outputText } = await only(log);
  assert(/^\[\{"data":"data:;sha256=\w{64};size=\d+,$/.test(outputText), outputText);
  await log.close();
});

test("a picture in a stream is recorded by its hash", async () => {
  const log = await AuditLog.open();
  const images = [{ type: "image_url", image_url: { url: URL_OF_IT } }];
  const events = [{ choices: [{ delta: { content: "There.", images }, finish_reason: "stop" }] }];
  const body = `${
    events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")
  }data: [DONE]\n\n`;
  const fetch = auditFetch(log, {
    fetch: answering(body, { "content-type": "text/event-stream" }),
  });
  await (await fetch(`${HOST}/chat/completions`, post({ model: "m", stream: true }))).text();
  await assertHashed(log);
  await log.close();
});

const blocks: [what: string, block: Record<string, unknown>][] = [
  ["Google's inline data", { type: "media", inlineData: { mimeType: "image/png", data: BASE64 } }],
  ["Google's inline data in snake case", { inline_data: { mime_type: "image/png", data: BASE64 } }],
  ["bytes", { type: "image", image: PICTURE, mimeType: "image/png" }],
  ["Bedrock's bytes", { image: { format: "png", source: { bytes: PICTURE } } }],
  ["a buffer in JSON", { image: { type: "Buffer", data: [...PICTURE] } }],
];
for (const [what, block] of blocks) {
  test(`${what} is recorded by its hash of LangChain`, async () => {
    const log = await AuditLog.open();
    const handler = auditCallbacks(log);
    const message = new HumanMessage({ content: [block] as never });
    await handler.handleChatModelStart({}, [[message]], "r1");
    await handler.handleLLMEnd({ generations: [] }, "r1");
    await assertHashed(log);
    await log.close();
  });

  test(`${what} is recorded by its hash of a tool of LangChain's`, async () => {
    const log = await AuditLog.open();
    const handler = auditCallbacks(log);
    await handler.handleToolStart({ name: "camera" }, "{}", "r1");
    await handler.handleToolEnd(
      new ToolMessage({ content: [block] as never, tool_call_id: "c" }),
      "r1",
    );
    await assertHashed(log);
    await log.close();
  });

  test(`${what} is recorded by its hash of the AI SDK, asked and answered`, async () => {
    for (const isAnswer of [false, true]) {
      const log = await AuditLog.open();
      const part = { type: "tool-result", toolCallId: "c", toolName: "t" };
      const output = { type: "json", value: block };
      const asked = { role: "tool", content: [{ ...part, output }] };
      await auditMiddleware(log).wrapGenerate({
        model: { provider: "p", modelId: "m" },
        params: { prompt: isAnswer ? [] : [asked] },
        doGenerate: () =>
          Promise.resolve({ content: isAnswer ? [{ ...part, result: block }] : [] }),
      });
      await assertHashed(log);
      await log.close();
    }
  });
}

test("bytes are recorded by their hash of the AI SDK, in whatever part they are", async () => {
  for (const type of ["file", "image", "sketch"]) {
    const log = await AuditLog.open();
    const content = [{ type, data: PICTURE, image: PICTURE, mediaType: "image/png" }];
    await auditMiddleware(log).wrapGenerate({
      model: { provider: "p", modelId: "m" },
      params: { prompt: [{ role: "user", content }] },
      doGenerate: () => Promise.resolve({ content: [] }),
    });
    await assertHashed(log);
    assert((await only(log)).inputText.includes('"mime_type":"image/png"'));
    await log.close();
  }
});

const attributes: [what: string, part: object][] = [
  ["Google's inline data", { inline_data: { mime_type: "image/png", data: BASE64 } }],
  ["a blob within a tool's answer", {
    type: "tool_call_response",
    id: "c",
    response: [{ type: "blob", mime_type: "image/png", content: BASE64 }],
  }],
];
for (const [what, part] of attributes) {
  test(`${what} is recorded by its hash of a span`, async (t) => {
    const { log, processor, tracer } = await tracing(t);
    const messages = [{ role: "user", parts: [part] }];
    tracer.startSpan("chat m", {
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": JSON.stringify(messages),
        "custom.input": JSON.stringify(messages),
      },
    }).end();
    await processor.forceFlush();
    await assertHashed(log);
  });
}

test("data of a format that is no audio is recorded as it is", async () => {
  const log = await AuditLog.open();
  const content = JSON.stringify({ format: "hex", data: "0123456789abcdef".repeat(8) });
  const messages = [{ role: "tool", tool_call_id: "c", content }];
  const fetch = auditFetch(log, { fetch: answering("{}") });
  await fetch(`${HOST}/chat/completions`, post({ model: "m", messages }));
  const [{ parts }] = JSON.parse((await only(log)).inputText).messages;
  assertEquals(parts[0].response, content);
  await log.close();
});

test("what people and models said is recorded as it is, a data: URL too", async () => {
  const log = await AuditLog.open();
  const call = {
    id: "c",
    function: { name: "show", arguments: JSON.stringify({ url: URL_OF_IT }) },
  };
  const answer = { choices: [{ message: { content: URL_OF_IT, tool_calls: [call] } }] };
  const fetch = auditFetch(log, { fetch: answering(JSON.stringify(answer)) });
  const messages = [{ role: "user", content: `What is ${URL_OF_IT}?` }];
  await (await fetch(`${HOST}/chat/completions`, post({ model: "m", messages }))).text();
  const { inputText, outputText } = await only(log);
  assertEquals(inputText, messages[0]!.content);
  assertEquals(outputText.split(BASE64).length, 3);
  await log.close();
});

const TEXTS = [
  'data: {"a":1,"b":2}',
  'data:{"a":1,"b":2}',
  "data:three,four",
  '{"data":"QUJD","type":"text","mimeType":"text/plain"}',
  '{"type":"document","content":"plain words"}',
  `{"signature":"${BASE64}"}`,
  `{"type":"redacted_thinking","data":"${BASE64}"}`,
];
for (const text of TEXTS) {
  test(`what only looks like media is recorded as it is: ${text.slice(0, 40)}`, async () => {
    const log = await AuditLog.open();
    const fetch = auditFetch(log, { fetch: answering("{}") });
    const messages = [{ role: "tool", tool_call_id: "c", content: text }];
    await fetch(`${HOST}/chat/completions`, post({ model: "m", messages }));
    const { messages: [{ parts: [part] }] } = JSON.parse((await only(log)).inputText);
    assertEquals(part.response, text);
    await log.close();
  });
}

test("a picture within a text keeps its place, and its media type", async () => {
  const log = await AuditLog.open();
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const messages = [{ role: "tool", tool_call_id: "c", content: `a ![](${URL_OF_IT}) b` }];
  await fetch(`${HOST}/chat/completions`, post({ model: "m", messages }));
  const { messages: [{ parts: [part] }] } = JSON.parse((await only(log)).inputText);
  const url = `data:image/png;sha256=${SHA256};size=${PICTURE.length},`;
  assertEquals(part.response, `a ![](${url}) b`);
  await log.close();
});

test("numbers beside a picture in a tool's JSON are kept as they are written", async () => {
  const log = await AuditLog.open();
  const fetch = auditFetch(log, { fetch: answering("{}") });
  const numbers = '"id":12345678901234567890,"price":1.50,"all":[1e400,-0.0,"1.50"]';
  const content = `{${numbers},"picture":"${URL_OF_IT}"}`;
  const messages = [{ role: "tool", tool_call_id: "c", content }];
  await fetch(`${HOST}/chat/completions`, post({ model: "m", messages }));
  const { messages: [{ parts: [part] }] } = JSON.parse((await only(log)).inputText);
  assert(part.response.startsWith(`{${numbers},"picture":{"type":"blob"`), part.response);
  await log.close();
});

test("the bytes are recorded where they are asked for", async () => {
  const log = await AuditLog.open();
  const handler = auditCallbacks(log, { inlineMedia: true });
  for (const [index, [, block]] of blocks.slice(0, 4).entries()) {
    const message = new HumanMessage({ content: [block] as never });
    await handler.handleChatModelStart({}, [[message]], `r${index}`);
    await handler.handleLLMEnd({ generations: [] }, `r${index}`);
  }
  for (const { inputText } of await log.query()) assert(inputText.includes(BASE64), inputText);
  await log.close();
});

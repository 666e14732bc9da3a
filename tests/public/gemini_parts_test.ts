// What is recorded of what Gemini is asked and answers with, part by part.

import { FinishReason, FunctionCallingConfigMode } from "@google/genai";
import { assert, assertEquals } from "@std/assert";
import { auditFetch } from "@audit-log/llm/fetch";
import { test } from "node:test";
import { about, all, only } from "../support/captured.ts";
import { answering, eventBytes, fetched, post } from "../support/fetched.ts";
import {
  ASKED,
  chunk,
  CONTENT,
  EVENT_STREAM,
  FINISH,
  HOST,
  MODEL,
  recording,
  STREAM,
} from "../support/gemini.ts";

test("all of a conversation is recorded: instructions, turns, media by their hashes, tools, parameters", async (t) => {
  const { log, ai } = await recording(t);
  await ai.models.generateContent({
    model: MODEL,
    contents: [
      {
        role: "user",
        parts: [
          { text: "What is it?" },
          { inlineData: { mimeType: "image/png", data: "AAEC", displayName: "a.png" } },
          { fileData: { mimeType: "video/mp4", fileUri: "gs://bucket/a.mp4" } },
        ],
      },
      {
        role: "model",
        parts: [
          { text: "I wonder.", thought: true },
          {
            functionCall: { id: "c1", name: "look", args: { at: 1 } },
            thoughtSignature: "c2lnbmF0dXJl",
          },
          { executableCode: { language: "PYTHON" as never, code: "print(1)" } },
          { codeExecutionResult: { outcome: "OUTCOME_OK" as never, output: "1\n" } },
        ],
      },
      {
        role: "user",
        parts: [{ functionResponse: { id: "c1", name: "look", response: { output: "a cat" } } }],
      },
    ],
    config: {
      systemInstruction: "Be brief.",
      tools: [{ functionDeclarations: [{ name: "look" }] }, { codeExecution: {} }],
      toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } },
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      stopSequences: ["END"],
      candidateCount: 2,
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseMimeType: "text/plain",
      thinkingConfig: { includeThoughts: true },
      cachedContent: "cachedContents/c",
    },
  });
  const entry = await only(log);
  assertEquals(entry.model, MODEL);
  const sha256 = "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc";
  assertEquals(entry.metadata["audit.input.format"], "json");
  assertEquals(JSON.parse(entry.inputText), {
    system_instructions: [{ type: "text", content: "Be brief." }],
    messages: [
      {
        role: "user",
        parts: [
          { type: "text", content: "What is it?" },
          {
            displayName: "a.png",
            type: "blob",
            modality: "image",
            mime_type: "image/png",
            sha256,
            size: 3,
          },
          { type: "uri", modality: "video", mime_type: "video/mp4", uri: "gs://bucket/a.mp4" },
        ],
      },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "I wonder." },
          {
            type: "tool_call",
            id: "c1",
            name: "look",
            arguments: { at: 1 },
            thoughtSignature: "c2lnbmF0dXJl",
          },
          { type: "executableCode", language: "PYTHON", code: "print(1)" },
          { type: "codeExecutionResult", outcome: "OUTCOME_OK", output: "1\n" },
        ],
      },
      {
        role: "tool",
        parts: [{
          type: "tool_call_response",
          id: "c1",
          name: "look",
          response: { output: "a cat" },
        }],
      },
    ],
    tool_definitions: [{ functionDeclarations: [{ name: "look" }] }, { codeExecution: {} }],
  });
  assertEquals(about(entry, "gen_ai.request."), {
    "choice.count": 2,
    frequency_penalty: 0.2,
    max_tokens: 100,
    model: MODEL,
    presence_penalty: 0.1,
    seed: 7,
    stop_sequences: ["END"],
    temperature: 0.5,
    top_k: 40,
    top_p: 0.9,
  });
  assertEquals(entry.metadata["request.parameters"], {
    cachedContent: "cachedContents/c",
    generationConfig: {
      responseMimeType: "text/plain",
      thinkingConfig: { includeThoughts: true },
    },
    toolConfig: { functionCallingConfig: { mode: "ANY" } },
  });
});

test("a request may have names with underscores, and one where there is a list", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const body = {
    system_instruction: { parts: { text: "Be brief." } },
    contents: {
      parts: [{ text: "Look." }, { inline_data: { mime_type: "image/png", data: "AAEC" } }],
    },
    generation_config: { max_output_tokens: 9, response_mime_type: "text/plain" },
    tools: { function_declarations: [{ name: "look" }] },
  };
  await fetch(CONTENT, post(body));
  const { inputText, metadata } = await only(log);
  const { system_instructions, messages, tool_definitions } = JSON.parse(inputText);
  assertEquals(system_instructions, [{ type: "text", content: "Be brief." }]);
  assertEquals(messages.length, 1);
  assertEquals(messages[0].role, "user");
  const [text, { type, mime_type, size }] = messages[0].parts;
  assertEquals([text.content, type, mime_type, size], ["Look.", "blob", "image/png", 3]);
  assertEquals(tool_definitions, [{ function_declarations: [{ name: "look" }] }]);
  assertEquals(metadata["gen_ai.request.max_tokens"], 9);
  assertEquals(metadata["request.parameters"], {
    generationConfig: { responseMimeType: "text/plain" },
  });
});

test("what is null in a request or an answer is as what is not there", async (t) => {
  const none = { functionCall: null, functionResponse: null, inlineData: null, fileData: null };
  const parts = [
    { ...none, thought: null, text: "Hi" },
    { ...none, text: null, executableCode: { code: "x" } },
    { ...none, text: null, inlineData: { mimeType: "image/png", data: "AAEC" } },
  ];
  const body = { contents: [{ role: "user", parts }], systemInstruction: null, tools: null };
  const candidates = [{ content: { parts }, finishReason: null }];
  const { log, fetch } = await fetched(t, {
    fetch: answering(JSON.stringify({ candidates, promptFeedback: null, usageMetadata: null })),
  });
  await fetch(CONTENT, post(body));
  const { inputText, outputText } = await only(log);
  const { messages, ...others } = JSON.parse(inputText);
  assertEquals(others, {});
  for (const { parts: [text, code, picture] } of [messages[0], JSON.parse(outputText)[0]]) {
    assertEquals(text, { type: "text", content: "Hi" });
    assertEquals(code, { type: "executableCode", code: "x" });
    assertEquals([picture.type, picture.size], ["blob", 3]);
  }
});

test("each of several candidates is a message, of streams too", async (t) => {
  const { provider, log, ai } = await recording(t);
  const choices = [{ text: ["One", "."] }, { text: ["Two", "."], finishReason: "MAX_TOKENS" }];
  const request = { model: MODEL, contents: "Hi", config: { candidateCount: 2 } };
  provider.reply({ choices }, { choices });
  await ai.models.generateContent(request);
  await all(await ai.models.generateContentStream(request));
  for (const { outputText, metadata } of await log.query()) {
    assertEquals(JSON.parse(outputText), [
      { role: "assistant", parts: [{ type: "text", content: "One." }], finish_reason: "STOP" },
      {
        role: "assistant",
        parts: [{ type: "text", content: "Two." }],
        finish_reason: "MAX_TOKENS",
      },
    ]);
    assertEquals(metadata["gen_ai.response.finish_reasons"], ["STOP", "MAX_TOKENS"]);
  }
});

test("a prompt that is blocked is a refusal, with what is told of it", async (t) => {
  const { provider, log, ai } = await recording(t);
  provider.reply({ refusal: "" }, { refusal: "Not that." });
  await ai.models.generateContent({ model: MODEL, contents: "Hi" });
  await all(await ai.models.generateContentStream({ model: MODEL, contents: "Hi" }));
  const entries = await log.query();
  const reason = "PROHIBITED_CONTENT";
  for (const [index, content] of [reason, "Not that."].entries()) {
    const { outputText, metadata } = entries[index]!;
    assertEquals(JSON.parse(outputText), [{
      role: "assistant",
      parts: [{ type: "refusal", content }],
      finish_reason: reason,
    }]);
    assertEquals(metadata["audit.outcome"], "completed");
    assertEquals(metadata["gen_ai.response.finish_reasons"], [reason]);
    assertEquals(Object(metadata["gemini.response.prompt_feedback"]).blockReason, reason);
  }
});

test("an answer that is held back for its content is empty, with its reason and its ratings", async (t) => {
  const safetyRatings = [{ category: "HARM_CATEGORY_HARASSMENT", probability: "HIGH" }];
  const candidate = { finishReason: FinishReason.SAFETY, safetyRatings, index: 0 };
  const { log, fetch } = await fetched(t, {
    fetch: answering(JSON.stringify({ candidates: [candidate] })),
  });
  await fetch(CONTENT, post(ASKED));
  const { outputText, metadata } = await only(log);
  assertEquals(outputText, "");
  assertEquals(metadata["audit.outcome"], "completed");
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["SAFETY"]);
  assertEquals(metadata["gemini.response.candidates"], [{ safetyRatings }]);
});

test("code that the model ran, its result and pictures that it made are recorded, of streams too", async (t) => {
  const data = Buffer.from("a picture".repeat(50)).toString("base64");
  const parts = [
    { text: "Let me count.", thought: true },
    { executableCode: { id: "x", language: "PYTHON", code: "print(2)" } },
    { codeExecutionResult: { id: "x", outcome: "OUTCOME_OK", output: "2\n" } },
    { text: "Two." },
    { inlineData: { mimeType: "image/png", data } },
  ];
  const whole = { candidates: [{ content: { parts }, finishReason: "STOP" }] };
  const { log } = await fetched(t);
  const bodies = [
    answering(JSON.stringify(whole)),
    answering(eventBytes(...parts.map(chunk), FINISH), EVENT_STREAM),
  ];
  for (const fetch of bodies) await (await auditFetch(log, { fetch })(STREAM, post(ASKED))).text();
  const entries = await log.query();
  assertEquals(entries[1]!.outputText, entries[0]!.outputText);
  assert(!entries[0]!.outputText.includes(data.slice(0, 30)));
  const [{ parts: recorded }] = JSON.parse(entries[0]!.outputText);
  const { sha256, ...picture } = recorded.pop();
  assertEquals(picture, { type: "blob", modality: "image", mime_type: "image/png", size: 450 });
  assertEquals(sha256.length, 64);
  assertEquals(recorded, [
    { type: "reasoning", content: "Let me count." },
    { type: "executableCode", id: "x", language: "PYTHON", code: "print(2)" },
    { type: "codeExecutionResult", id: "x", outcome: "OUTCOME_OK", output: "2\n" },
    { type: "text", content: "Two." },
  ]);
});

test("a picture of which no more is told than that it is one is recorded as one", async (t) => {
  const data = Buffer.from("a picture").toString("base64");
  const steps = [{ type: "model_output", content: [{ type: "image", data }] }];
  const { log, fetch } = await fetched(t, { fetch: answering(JSON.stringify({ steps })) });
  await fetch(`${HOST}/v1beta/interactions`, post({ model: MODEL, input: "Hi" }));
  const [{ parts: [{ sha256, ...picture }] }] = JSON.parse((await only(log)).outputText);
  assertEquals([picture, sha256.length], [{ type: "blob", modality: "image", size: 9 }, 64]);
});

test("a content of an interaction that is of no type is recorded as the others are", async (t) => {
  const text = { type: "text", text: "Hi" };
  const { log, fetch } = await fetched(t, { fetch: answering("{}") });
  const input = [{ type: { toString: 1 }, text: "odd" }, text];
  await fetch(`${HOST}/v1beta/interactions`, post({ model: MODEL, input }));
  const { model, inputText } = await only(log);
  assertEquals(model, MODEL);
  assertEquals(JSON.parse(inputText).messages[0].parts[1], { type: "text", content: "Hi" });
});

test("a part that is not known is recorded as it is", async (t) => {
  const parts = [{ toolCall: { toolType: "FILE_SEARCH" } }, { later: "more" }, { lots: [1, 2] }];
  const { log, fetch } = await fetched(t, {
    fetch: answering(JSON.stringify({ candidates: [{ content: { parts } }] })),
  });
  await fetch(CONTENT, post(ASKED));
  assertEquals(JSON.parse((await only(log)).outputText)[0].parts, [
    { type: "toolCall", toolType: "FILE_SEARCH" },
    { type: "later", later: "more" },
    { type: "lots", lots: [1, 2] },
  ]);
});

/**
 * Records what models of the AI SDK are asked and answer, each step with tools by itself, in a JSONL log.
 *
 * ```sh
 * npm install ai @ai-sdk/openai zod
 * OPENAI_API_KEY=... node ai_sdk.mts audit.jsonl
 * ```
 *
 * @module
 */

import { openai } from "@ai-sdk/openai";
import { AuditLog } from "@audit-log/llm";
import { auditMiddleware } from "@audit-log/llm/ai-sdk";
import { generateText, stepCountIs, tool, wrapLanguageModel } from "ai";
import process from "node:process";
import { z } from "zod";

const log = await AuditLog.open({ backend: "jsonl", path: process.argv[2] ?? "audit.jsonl" });
const model = wrapLanguageModel({
  model: openai("gpt-4o"),
  middleware: auditMiddleware(log, { user: "alice" }),
});

const { text } = await generateText({
  model,
  prompt: "How warm is it in Oslo?",
  tools: {
    weather: tool({
      description: "The weather of a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: ({ city }) => `${city}: 12 degrees`,
    }),
  },
  stopWhen: stepCountIs(5),
});
console.log(text);

for (const { inputText, outputText, metadata } of await log.query()) {
  console.log(inputText, outputText, metadata["gen_ai.usage.output_tokens"]);
}
await log.close();

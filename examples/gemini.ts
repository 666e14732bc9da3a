/**
 * Records what Google's client asks Gemini and is answered, in a SQLite log, and what it cost.
 *
 * ```sh
 * npm install @audit-log/llm @google/genai @pydantic/genai-prices
 * GEMINI_API_KEY=... node gemini.ts audit.db
 * ```
 *
 * @module
 */

import { GoogleGenAI } from "@google/genai";
import { AuditLog } from "@audit-log/llm";
import { genaiPrices } from "@audit-log/llm/cost";
import { auditFetch } from "@audit-log/llm/fetch";
import process from "node:process";

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });
const ai = new GoogleGenAI({
  apiKey: process.env["GEMINI_API_KEY"]!,
  httpOptions: { fetch: auditFetch(log, { user: "alice", cost: genaiPrices() }) },
});

const stream = await ai.models.generateContentStream({
  model: "gemini-2.5-flash",
  contents: "What is the capital of France?",
  config: { systemInstruction: "Answer in one sentence." },
});
for await (const { text } of stream) process.stdout.write(text ?? "");
console.log();

const interaction = await ai.interactions.create({
  model: "gemini-2.5-flash",
  input: "And of Norway?",
});
console.log(interaction.output_text);

for (const { user, model, outputText, costUsd, metadata } of await log.query()) {
  console.log(user, model, JSON.stringify(outputText), costUsd, metadata);
}
await log.close();

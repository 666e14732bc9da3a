/**
 * Records what Anthropic's client asks and is answered, in a SQLite log, and what it cost.
 *
 * ```sh
 * npm install @anthropic-ai/sdk @pydantic/genai-prices
 * ANTHROPIC_API_KEY=... node anthropic.mts audit.db
 * ```
 *
 * @module
 */

import Anthropic from "@anthropic-ai/sdk";
import { AuditLog } from "@audit-log/llm";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { genaiPrices } from "@audit-log/llm/cost";
import process from "node:process";

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });
const client = auditAnthropic(new Anthropic(), log, { user: "alice", cost: genaiPrices() });

const stream = client.messages.stream({
  model: "claude-sonnet-5",
  max_tokens: 256,
  system: "Answer in one sentence.",
  messages: [{ role: "user", content: "What is the capital of France?" }],
});
stream.on("text", (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();

for (const { user, model, outputText, costUsd, metadata } of await log.query()) {
  console.log(user, model, JSON.stringify(outputText), costUsd, metadata);
}
await log.close();

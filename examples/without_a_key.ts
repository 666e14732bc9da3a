/**
 * Tries a wrapper without an API key: the client's `fetch` answers by itself, as OpenAI would, and refuses once.
 * Tests of an application can do the same.
 *
 * ```sh
 * npm install openai
 * node without_a_key.mts audit.db
 * npx audit-log query --log audit.db --full
 * ```
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { auditOpenAI } from "@audit-log/llm/openai";
import process from "node:process";
import OpenAI from "openai";

const answers = [
  Response.json({
    id: "chatcmpl-1",
    model: "gpt-4o-2024-08-06",
    choices: [{ message: { role: "assistant", content: "Paris." }, finish_reason: "stop" }],
    usage: { prompt_tokens: 14, completion_tokens: 2 },
  }),
  Response.json({ error: { type: "rate_limit_error", message: "Slow down." } }, { status: 429 }),
];
const fetch = () => Promise.resolve(answers.shift()!);

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });
const client = auditOpenAI(new OpenAI({ apiKey: "none", maxRetries: 0, fetch }), log, {
  user: "alice",
});

for (const content of ["What is the capital of France?", "And of Spain?"]) {
  try {
    const { choices } = await client.chat.completions.create({
      model: "gpt-4o",
      messages: [{ role: "user", content }],
    });
    console.log(choices[0]!.message.content);
  } catch (error) {
    console.log(String(error)); // the second: it is recorded, too
  }
}
await log.close();

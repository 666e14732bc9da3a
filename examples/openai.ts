/**
 * Records what OpenAI's client asks and is answered, in a SQLite log.
 *
 * ```sh
 * npm install openai
 * OPENAI_API_KEY=... node openai.mts audit.db
 * ```
 *
 * @module
 */

import { AuditLog, withAuditContext } from "@audit-log/llm";
import { auditOpenAI } from "@audit-log/llm/openai";
import process from "node:process";
import OpenAI from "openai";

const log = await AuditLog.open({ backend: "sqlite", path: process.argv[2] ?? "audit.db" });
const client = auditOpenAI(new OpenAI(), log);

await withAuditContext({ user: "alice", metadata: { session: "trip-42" } }, async () => {
  const response = await client.responses.create({
    model: "gpt-4o",
    instructions: "Answer in one sentence.",
    input: "What is the capital of France?",
  });
  console.log(response.output_text);

  const stream = await client.chat.completions.create({
    model: "gpt-4o",
    messages: [{ role: "user", content: "Count to three." }],
    stream: true,
    stream_options: { include_usage: true }, // otherwise no usage is told, and none recorded
  });
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  console.log();
});

for (const { user, inputText, outputText, metadata } of await log.query()) {
  console.log(user, JSON.stringify(inputText), JSON.stringify(outputText), metadata);
}
await log.close();

/**
 * Records the calls of any client that takes a `fetch`: here, none at all.
 *
 * ```sh
 * OPENAI_API_KEY=... node fetch.mts audit.jsonl
 * ```
 *
 * @module
 */

import { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import process from "node:process";

const log = await AuditLog.open({ backend: "jsonl", path: process.argv[2] ?? "audit.jsonl" });
const fetch = auditFetch(log, { user: "alice" });

const base = process.env["OPENAI_BASE_URL"] ?? "https://api.openai.com/v1";
const response = await fetch(`${base}/chat/completions`, {
  method: "POST",
  headers: {
    authorization: `Bearer ${process.env["OPENAI_API_KEY"]}`,
    "content-type": "application/json",
  },
  body: JSON.stringify({
    model: "gpt-4o",
    messages: [{ role: "user", content: "What is the capital of France?" }],
  }),
});
console.log((await response.json()).choices[0].message.content);

for (const { inputText, outputText } of await log.query()) console.log(inputText, outputText);
await log.close();
